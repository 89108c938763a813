//! Which transactions to propose: patients' withdrawals first, then in turn between members, in sequence within one.

use super::{Mempool, queue::Queue};
use countersign_ledger::State;
use countersign_messages::{MemberId, Transaction};
use std::collections::BTreeMap;

/// A member's place in one selection.
struct Cursor<'a> {
    signer: MemberId,
    queue: &'a Queue,
    sequence: u64,
}

impl Mempool {
    /// Candidates for a block on top of a state: at most so many, of at most so many encoded bytes in all.
    ///
    /// Each turn takes one transaction of every member that has one whose turn it is by sequence. A member whose next transaction does not fit the
    /// bytes left has no more in this block, as its later ones must wait for it. The first turn begins with the member after the one the last
    /// selection began with: of n members with something to propose, each comes first once in n selections, and then its transaction fits whatever
    /// the others sent. Costs a step a transaction taken and one a member.
    pub fn candidates(&mut self, state: &State, bytes_max: usize, count_max: usize) -> Vec<Transaction> {
        let mut cursors = cursors(&self.queues, state, self.first);
        // half of the places stay for everybody else
        let (mut chosen, mut bytes) = self.patients.candidates(count_max.div_ceil(2), bytes_max);
        self.first = cursors.first().map(|cursor| cursor.signer).or(self.first);
        while !cursors.is_empty() && chosen.len() < count_max {
            cursors.retain_mut(|cursor| {
                let found = cursor.queue.get(cursor.sequence).zip(cursor.queue.encoded(cursor.sequence));
                let Some((transaction, size)) = found.filter(|(_, size)| bytes.saturating_add(*size) <= bytes_max) else {
                    return false;
                };
                if chosen.len() < count_max {
                    bytes += size;
                    chosen.push(transaction.clone());
                    cursor.sequence = cursor.sequence.saturating_add(1);
                }
                true
            });
        }
        chosen
    }
}

/// Members with something to propose, from the one whose turn it is.
fn cursors<'a>(queues: &'a BTreeMap<MemberId, Queue>, state: &State, last_first: Option<MemberId>) -> Vec<Cursor<'a>> {
    let cursor = |(signer, queue): (&MemberId, &'a Queue)| Cursor { signer: *signer, queue, sequence: state.next_sequence(signer) };
    let mut all: Vec<_> = queues.iter().filter(|(signer, _)| state.member(signer).is_some()).map(cursor).collect();
    all.retain(|cursor| cursor.queue.get(cursor.sequence).is_some());
    let turn = last_first.map_or(0, |first| all.partition_point(|cursor| cursor.signer <= first));
    if turn < all.len() {
        all.rotate_left(turn);
    }
    all
}
