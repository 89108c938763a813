//! Driving the journal of withdrawals: sign, submit, confirm.

use super::{Hospital, HospitalError, on_ledger::OnLedger};
use crate::{
    journal::{Heard, WithdrawalId, WithdrawalStep},
    ledger_view::LedgerView,
    slots::{SlotIndex, SlotState},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ingest::PatientId;
use countersign_ledger::{Use, Verdict};
use countersign_member::{Connection, LedgerError};
use countersign_messages::{Cause, Height, Payload, Transaction, Wire, Withdraw};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Somebody who left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The slot that stood for the person.
    pub slot: SlotIndex,
    /// The block from which on no answer counts it; `None`: the slot was on no ledger yet.
    pub left: Option<Height>,
    /// Answers of before that could count the person. They stay.
    pub uses: Vec<Use>,
}

impl Hospital {
    /// Takes patients out of force who said so: in this hospital's own file, and then on the ledger. Who had left before, in whatever way, is out for good now: no note of before counts. Killed in between, the next run of anything goes on with it.
    /// `received` is the day on which the hospital heard of it; `None`: today.
    ///
    /// # Errors
    /// A patient has and had no row here ([`HospitalError::NoRow`]; nobody is withdrawn then), or the ledger cannot be reached; what was begun goes on at the next run.
    #[boxed]
    pub async fn withdraw(
        &self,
        connection: &mut Connection,
        patients: &[PatientId],
        received: Option<Day>,
    ) -> Result<Vec<Departure>, HospitalError> {
        connection.refresh().await?;
        // one that was interrupted goes on, and then says that these have left
        self.finish_withdrawals(connection).await?;
        let holders = self.store.holders().await?;
        let places: HashMap<&PatientId, SlotIndex> = holders.iter().map(|(patient, assignment)| (patient, assignment.slot)).collect();
        let (mut slots, mut left) = (BTreeMap::new(), BTreeMap::new());
        for (at, patient) in patients.iter().enumerate() {
            if let Some(slot) = places.get(patient) {
                slots.insert(*slot, patient.clone());
                continue;
            }
            // out already, and perhaps not for good: a note may still come, or lie here
            let last = self.last_slot(connection, patient).await?.ok_or(HospitalError::NoRow { at: at + 1, of: patients.len() })?;
            left.insert(last, patient.clone());
        }
        let once = |people: &BTreeMap<SlotIndex, PatientId>| people.values().cloned().collect::<Vec<_>>();
        let received = received.unwrap_or_else(|| connection.state().tip().time.day());
        self.store.hold_back(&once(&left)).await?;
        // where nobody has a slot in use, an anchor that was planned goes on
        if !slots.is_empty() {
            self.store.withdraw(&once(&slots), Heard { cause: Cause::Word, received: Some(received) }).await?;
            self.drive(connection, &|_| {}).await?;
        }
        connection.refresh().await?;
        slots.extend(left);
        let (state, hospital) = (connection.state(), self.member.id());
        let departure = |slot: &SlotIndex| {
            let left = state.withdrawal(hospital, slot.0).map(|record| record.height);
            Departure { slot: *slot, left, uses: state.uses(&hospital, slot.0) }
        };
        Ok(slots.keys().map(departure).collect())
    }

    /// The slot that stood for a patient last: in use, or left last. `None`: there was none.
    pub(super) async fn last_slot(&self, connection: &Connection, patient: &PatientId) -> Result<Option<SlotIndex>, HospitalError> {
        let (state, me) = (connection.state(), self.member.id());
        let left_at = |slot: &SlotIndex| state.withdrawal(me, slot.0).map(|left| left.height);
        let slots = self.store.slots_of(patient).await?;
        let in_use = slots.iter().find(|(_, state)| *state == SlotState::InUse);
        Ok(in_use.or(slots.iter().max_by_key(|(slot, _)| left_at(slot))).map(|(slot, _)| *slot))
    }

    pub(super) async fn withdrawal_step(&self, connection: &mut Connection, step: WithdrawalStep) -> Result<(), HospitalError> {
        match step {
            WithdrawalStep::Sign { withdrawal, slots, heard: Heard { cause, received } } => {
                let slots = slots.iter().map(|slot| slot.0).collect();
                // the ledger takes no day that is not there yet, wherever this machine's clock stands
                let today = connection.state().tip().time.day();
                let payload = Payload::Withdraw(Withdraw { slots, cause, received: received.map_or(today, |day| day.min(today)) });
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
