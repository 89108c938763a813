//! Driving the journal of withdrawals: sign, submit, confirm.

use super::{Hospital, HospitalError, on_ledger::OnLedger};
use crate::{
    journal::{WithdrawalId, WithdrawalStep},
    ledger_view::LedgerView,
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_ingest::PatientId;
use countersign_ledger::Verdict;
use countersign_member::{Connection, LedgerError};
use countersign_messages::{Payload, Transaction, Wire, Withdraw, WithdrawnBy};
use std::collections::BTreeSet;

impl Hospital {
    /// Takes patients out of force: in this hospital's own file, and then on the ledger. Killed in between, the next run of anything goes on with it.
    ///
    /// # Errors
    /// A patient has no slot, or the ledger cannot be reached; what was begun goes on at the next run.
    #[boxed]
    pub async fn withdraw(&self, connection: &mut Connection, patients: &[PatientId]) -> Result<(), HospitalError> {
        self.store.withdraw(patients).await?;
        self.drive(connection, &|_| {}).await
    }

    pub(super) async fn withdrawal_step(&self, connection: &mut Connection, step: WithdrawalStep) -> Result<(), HospitalError> {
        match step {
            WithdrawalStep::Sign { withdrawal, slots } => {
                let slots = slots.iter().map(|slot| slot.0).collect();
                let payload = Payload::Withdraw(Withdraw { slots, by: WithdrawnBy::Patient });
                let transaction = connection.sign(&self.member, payload);
                Ok(self.store.store_withdrawal(withdrawal, &transaction.encode()).await?)
            }
            WithdrawalStep::Submit { withdrawal, .. } => Ok(self.store.withdrawal_submitted(withdrawal).await?),
            WithdrawalStep::Await { withdrawal, bytes } => self.confirm_withdrawal(connection, withdrawal, &bytes).await,
        }
    }

    async fn confirm_withdrawal(&self, connection: &mut Connection, withdrawal: WithdrawalId, bytes: &[u8]) -> Result<(), HospitalError> {
        let transaction = Transaction::decode(bytes).map_err(|_| HospitalError::Damaged("a stored transaction"))?;
        let Payload::Withdraw(withdraw) = &transaction.payload else {
            return Err(HospitalError::Damaged("a stored withdrawal"));
        };
        let slots: Vec<SlotIndex> = withdraw.slots.iter().map(|slot| SlotIndex(*slot)).collect();
        let outcome = match connection.known(&transaction.id()).await? {
            Some(known) => Ok(known),
            None => connection.submit(transaction).await,
        };
        match outcome {
            Ok((height, result)) if matches!(result.verdict, Verdict::Accepted(_)) => {
                Ok(self.store.withdrawal_confirmed(withdrawal, height).await?)
            }
            // signed with a sequence number that something else took, or slots of it are out of force already: the rest is signed anew
            Ok(_) | Err(LedgerError::Refused(_) | LedgerError::Overtaken(_)) => {
                connection.refresh().await?;
                let (state, hospital) = (connection.state(), self.member.id());
                let gone: BTreeSet<SlotIndex> = OnLedger { state, hospital }.withdrawn().into_iter().collect();
                let bound = state.register_slots(&hospital);
                let left: Vec<SlotIndex> = slots.into_iter().filter(|slot| slot.0 < bound && !gone.contains(slot)).collect();
                Ok(self.store.withdrawal_refused(withdrawal, &left).await?)
            }
            // it may still come: another run looks
            Err(failure) => Err(failure.into()),
        }
    }
}
