//! Withdrawals by patients' keys. They go first, whatever members have sent, in turn between hospitals.

use super::{OVERHEAD_BYTES, queue::Held};
use countersign_ledger::State;
use countersign_messages::{MemberId, Payload, Transaction};
use std::{collections::BTreeMap, time::Duration};

/// Withdrawals at one hospital that are held. A hospital could enrol keys of its own and fill its share; nobody else's is touched by that.
pub const PATIENTS_OF_A_HOSPITAL_MAX: usize = 256;

/// By hospital, as they came: a hospital that enrols keys of its own with small numbers does not go before a patient.
#[derive(Debug, Default)]
pub(super) struct Patients(BTreeMap<MemberId, Vec<Held>>);

/// The hospital a patient's key withdraws from, if the transaction does that.
pub(super) fn hospital(transaction: &Transaction) -> Option<MemberId> {
    if let Payload::WithdrawByKey(withdraw) = &transaction.payload { Some(withdraw.hospital) } else { None }
}

impl Patients {
    /// Takes a transaction in; false: there is no room at this hospital.
    pub(super) fn put(&mut self, hospital: MemberId, transaction: Transaction, encoded: usize, now: Duration) -> bool {
        let held = self.0.entry(hospital).or_default();
        if held.len() >= PATIENTS_OF_A_HOSPITAL_MAX {
            return false;
        }
        held.push(Held { transaction, bytes: encoded + OVERHEAD_BYTES, since: now });
        true
    }

    pub(super) fn get(&self, hospital: &MemberId, key: &MemberId) -> Option<&Transaction> {
        self.0.get(hospital)?.iter().map(|held| &held.transaction).find(|held| held.signer == *key)
    }

    /// Forgets what can stand in no block any more: the slot has left.
    pub(super) fn committed(&mut self, state: &State) {
        self.retain(|held| state.may_send(&held.transaction));
    }

    /// Drops what has been held for longer, and gives the keys.
    pub(super) fn expire(&mut self, now: Duration, longest: Duration) -> Vec<MemberId> {
        let mut dropped = Vec::new();
        self.retain(|held| {
            let keep = now.saturating_sub(held.since) <= longest;
            if !keep {
                dropped.push(held.transaction.signer);
            }
            keep
        });
        dropped
    }

    fn retain(&mut self, mut keep: impl FnMut(&Held) -> bool) {
        self.0.retain(|_, held| {
            held.retain(&mut keep);
            !held.is_empty()
        });
    }

    /// At most so many, of at most so many encoded bytes: the first of each hospital, then the second of each, and so on.
    pub(super) fn candidates(&self, count_max: usize, bytes_max: usize) -> (Vec<Transaction>, usize) {
        let mut queues: Vec<_> = self.0.values().map(|held| held.iter()).collect();
        let (mut chosen, mut bytes) = (Vec::new(), 0_usize);
        while !queues.is_empty() && chosen.len() < count_max {
            queues.retain_mut(|queue| {
                let Some(held) = queue.next() else { return false };
                let size = held.bytes - OVERHEAD_BYTES;
                if chosen.len() < count_max && bytes + size <= bytes_max {
                    bytes += size;
                    chosen.push(held.transaction.clone());
                }
                true
            });
        }
        (chosen, bytes)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.0.values().flatten().map(|held| &held.transaction)
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.values().flatten().map(|held| held.bytes).sum()
    }
}
