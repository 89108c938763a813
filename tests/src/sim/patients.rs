//! Patients: a hospital enrols keys, and some of those who have one leave by it, sending again until the slot is out of force.

use super::{
    harness::{self, Net, Who, id},
    weather::Ms,
};
use countersign_ledger::State;
use countersign_messages::{Payload, Transaction, TransactionId};
use rand::{Rng, rngs::StdRng};
use std::{collections::BTreeMap, sync::Arc};

/// Keys there are: one byte each (`harness::patient`).
const KEYS: u8 = 56;
/// Sent again after so long.
const RESEND_MS: Ms = 1_000;

#[derive(Debug, Default)]
pub(super) struct Patients {
    /// Whose key, at which hospital, for which slot. What is proposed may never come into a block.
    keys: Vec<(Who, u32)>,
    /// Who is leaving, and when it was last sent.
    leaving: BTreeMap<u8, (Arc<Transaction>, Ms)>,
}

impl Patients {
    /// A hospital enrols one more key, for a slot in force without one.
    pub(super) fn enrol(&mut self, net: &Net, hospital: Who, state: &State, dice: &mut StdRng) -> Option<Payload> {
        let number = u8::try_from(self.keys.len()).ok().filter(|number| *number < KEYS)?;
        let slot = dice.gen_range(0..state.register_slots(&id(hospital)).max(1));
        let known = self.keys.contains(&(hospital, slot)) || state.withdrawal(id(hospital), slot).is_some();
        if known {
            return None;
        }
        self.keys.push((hospital, slot));
        Some(harness::enrol(net.state.network(), hospital, &[(slot, number)]))
    }

    /// Somebody whose key is enrolled leaves. What is signed, if the slot is still in force where it is looked at.
    pub(super) fn leave(&mut self, net: &Net, state: &State, now: Ms, dice: &mut StdRng) -> Option<Arc<Transaction>> {
        let number = u8::try_from(dice.gen_range(0..self.keys.len().max(1))).ok()?;
        let (hospital, slot) = *self.keys.get(usize::from(number))?;
        let enrolled = state.patient_key(&id(hospital), slot)?.key.signer() == id_of(number);
        if !enrolled || self.leaving.contains_key(&number) || state.withdrawal(id(hospital), slot).is_some() {
            return None;
        }
        let transaction = Arc::new(harness::leave(net.state.network(), number, hospital, slot));
        self.leaving.insert(number, (transaction.clone(), now));
        Some(transaction)
    }

    /// What is not seen in a block for too long. Whose slot has left, by whosever hand, is done; the transactions that are given up for that.
    pub(super) fn resend(&mut self, state: &State, now: Ms) -> (Vec<Arc<Transaction>>, Vec<TransactionId>) {
        let (keys, mut given_up) = (&self.keys, Vec::new());
        self.leaving.retain(|number, (transaction, _)| {
            let (hospital, slot) = keys[usize::from(*number)];
            let left = state.withdrawal(id(hospital), slot);
            if left.is_some_and(|record| record.by != countersign_ledger::WithdrawnBy::Key) {
                given_up.push(transaction.id());
            }
            left.is_none()
        });
        let late = self.leaving.values_mut().filter(|(_, sent)| now >= sent + RESEND_MS);
        let sends = late.map(|(transaction, sent)| {
            *sent = now;
            transaction.clone()
        });
        (sends.collect(), given_up)
    }

    pub(super) fn is_done(&self) -> bool {
        self.leaving.is_empty()
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = String> + '_ {
        self.leaving.keys().map(|number| format!("patient {number} withdraw-by-key"))
    }
}

fn id_of(number: u8) -> countersign_messages::MemberId {
    countersign_messages::MemberId::from(&harness::patient(number).verifying_key())
}
