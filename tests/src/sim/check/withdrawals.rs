//! No lost withdrawal.
//!
//! Failures, looked at whenever a node commits:
//! - a slot whose withdrawal stands in a block as accepted is in force in the active bitmap of a node at that height or a later one;
//! - a version of a segment of before an accepted erasure is in force in a node's later state, or a study in date is answered from it.
//!
//! Failures, looked at when a seed has ended:
//! - an accepted answer names a height before a withdrawal at its hospital that was accepted before it. (That it counts exactly those in force at the height it names
//!   is in its proof, which `validity` has checked again.)
//!
//! That an honest withdrawal is committed in the end is in `liveness`.

use super::{Failure, history::Executed};
use countersign_circuits::segment::{SLOTS, SegmentId};
use countersign_ledger::{AnswerRecord, Effect, SegmentKey, State, TableKey, TransactionResult};
use countersign_messages::{Block, Height, MemberId, Payload, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// Withdrawals that stand in blocks.
#[derive(Debug, Default)]
pub(super) struct Known {
    slots: BTreeMap<(MemberId, u32), Height>,
    /// Segments of which slots were erased, last at.
    erased: BTreeMap<(MemberId, u32), Height>,
    pub(super) results: Vec<TransactionResult>,
}

/// Hospital and slots of an accepted withdrawal.
fn withdrawn<'a>(transaction: &'a Transaction, result: &TransactionResult) -> Option<(MemberId, &'a [u32])> {
    match (&transaction.payload, result.effect()) {
        (Payload::Withdraw(withdraw), Some(Effect::Withdrawn(_))) => Some((transaction.signer, &withdraw.slots)),
        (Payload::WithdrawByKey(withdraw), Some(Effect::Withdrawn(_))) => Some((withdraw.hospital, std::slice::from_ref(&withdraw.slot))),
        _ => None,
    }
}

impl Known {
    pub(super) fn learn(&mut self, block: &Block, results: &[TransactionResult]) {
        for (transaction, result) in block.transactions.iter().zip(results) {
            let (hospital, slots) = withdrawn(transaction, result).unwrap_or((transaction.signer, &[]));
            self.slots.extend(slots.iter().map(|slot| ((hospital, *slot), block.header.height)));
            if let Some(Effect::Erased { index, .. }) = result.effect() {
                self.erased.insert((transaction.signer, *index), block.header.height);
            }
            self.results.push(result.clone());
        }
    }

    /// Looks at the bitmaps of a node's last height.
    pub(super) fn check(&self, state: &State) -> Result<(), Failure> {
        let height = state.tip().height;
        for ((hospital, index), since) in self.erased.iter().filter(|(_, since)| **since <= height) {
            let (must, _) = state.versions_to_erase(hospital, *index);
            for (table, version) in must {
                let key = SegmentKey { table: TableKey { hospital: *hospital, table }, id: SegmentId { index: *index, version } };
                if state.segment(&key).is_none_or(|record| record.height < *since) {
                    return Err(Failure::NotErased { hospital: *hospital, index: *index, height });
                }
            }
        }
        let segments: BTreeSet<(MemberId, u32)> = self.slots.keys().map(|(hospital, slot)| (*hospital, slot / SLOTS as u32)).collect();
        for (hospital, segment) in segments {
            let bits = state.active_bitmap(hospital, segment, height);
            let first = segment * SLOTS as u32;
            for ((_, slot), since) in self.slots.range((hospital, first)..(hospital, first + SLOTS as u32)) {
                if *since <= height && bits.get((slot - first) as usize) {
                    return Err(Failure::LostWithdrawal { hospital, slot: *slot, height });
                }
            }
        }
        Ok(())
    }
}

pub(super) fn check_answers(executed: &Executed) -> Result<(), Failure> {
    let mut left: Vec<(MemberId, Height, u32)> = Vec::new();
    for (block, results) in executed {
        for (transaction, result) in block.transactions.iter().zip(results) {
            if let Some((hospital, slots)) = withdrawn(transaction, result) {
                left.push((hospital, block.header.height, u32::try_from(slots.len()).unwrap()));
            }
            if let Some(Effect::Answered(record)) = result.effect() {
                check_left(&left, record)?;
            }
        }
    }
    Ok(())
}

fn check_left(left: &[(MemberId, Height, u32)], record: &AnswerRecord) -> Result<(), Failure> {
    let missed = left.iter().filter(|(h, at, _)| *h == record.hospital && *at > record.named).map(|(_, _, slots)| slots).sum();
    if missed == 0 { Ok(()) } else { Err(Failure::CountsWhoLeft { hospital: record.hospital, query: record.query, missed }) }
}
