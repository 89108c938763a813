//! Driving the journal of withdrawals: sign, submit, confirm.

use super::{Site, on_ledger::OnLedger};
use crate::{failure::Failure, network::Network};
use anyhow::anyhow;
use countersign_hospital::{
    Height as KeptHeight,
    journal::{WithdrawalId, WithdrawalStep},
    ledger_view::LedgerView,
    slots::{PatientId, SlotIndex},
};
use countersign_ledger::{Payload, Transaction, Verdict, Wire, Withdraw, WithdrawnBy};
use std::collections::BTreeSet;

impl Site {
    /// Takes patients out of force: in this hospital's own file, and then on the ledger. Killed in between, the next run of anything goes on with it.
    ///
    /// # Errors
    /// A patient has no slot, or the ledger cannot be reached; what was begun goes on at the next run.
    pub async fn withdraw(&self, network: &mut Network, patients: &[PatientId]) -> Result<(), Failure> {
        self.keeping.withdraw(patients).await?;
        self.drive(network, &|_| {}).await
    }

    pub(super) async fn withdrawal_step(&self, network: &mut Network, step: WithdrawalStep) -> Result<(), Failure> {
        match step {
            WithdrawalStep::Sign { withdrawal, slots } => {
                let slots = slots.iter().map(|slot| slot.0).collect();
                let payload = Payload::Withdraw(Withdraw { slots, by: WithdrawnBy::Patient });
                let transaction = network.sign(&self.member, payload);
                Ok(self.keeping.store_withdrawal(withdrawal, &transaction.encode()).await?)
            }
            WithdrawalStep::Submit { withdrawal, .. } => Ok(self.keeping.withdrawal_submitted(withdrawal).await?),
            WithdrawalStep::Await { withdrawal, bytes } => self.confirm_withdrawal(network, withdrawal, &bytes).await,
        }
    }

    async fn confirm_withdrawal(&self, network: &mut Network, withdrawal: WithdrawalId, bytes: &[u8]) -> Result<(), Failure> {
        let transaction = Transaction::decode(bytes).map_err(|e| anyhow!(e))?;
        let Payload::Withdraw(withdraw) = &transaction.payload else {
            return Err(anyhow!("a stored withdrawal is none; restore the hospital's file from its backup").into());
        };
        let slots: Vec<SlotIndex> = withdraw.slots.iter().map(|slot| SlotIndex(*slot)).collect();
        let outcome = match network.known(&transaction.id()).await? {
            Some(known) => Ok(known),
            None => network.submit(transaction).await,
        };
        match outcome {
            Ok((height, result)) if matches!(result.verdict, Verdict::Accepted(_)) => {
                Ok(self.keeping.withdrawal_confirmed(withdrawal, KeptHeight(height.0)).await?)
            }
            // signed with a sequence number that something else took, or slots of it are out of force already: the rest is signed anew
            Ok(_) | Err(Failure::Refused(_) | Failure::Overtaken(_)) => {
                network.refresh().await?;
                let (state, hospital) = (network.state(), self.member.id());
                let gone: BTreeSet<SlotIndex> = OnLedger { state, hospital }.withdrawn().into_iter().collect();
                let bound = state.register_slots(&hospital);
                let left: Vec<SlotIndex> = slots.into_iter().filter(|slot| slot.0 < bound && !gone.contains(slot)).collect();
                Ok(self.keeping.withdrawal_refused(withdrawal, &left).await?)
            }
            // it may still come: another run looks
            Err(failure) => Err(failure),
        }
    }
}
