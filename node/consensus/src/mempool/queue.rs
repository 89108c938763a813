//! One member's transactions, by sequence number.

use countersign_messages::Transaction;
use std::{collections::BTreeMap, time::Duration};

/// A transaction that is held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) transaction: Transaction,
    /// Encoded bytes and overhead.
    pub(crate) bytes: usize,
    /// When it came.
    pub(crate) since: Duration,
}

/// A member's transactions. Each sequence number is held once, within a window from the next one, so there are never more than the window.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    held: BTreeMap<u64, Held>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn put(&mut self, held: Held) {
        self.bytes += held.bytes;
        if let Some(before) = self.held.insert(held.transaction.sequence, held) {
            self.bytes -= before.bytes;
        }
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<&Transaction> {
        self.held.get(&sequence).map(|h| &h.transaction)
    }

    /// Encoded size of a held transaction, without overhead.
    pub(crate) fn encoded(&self, sequence: u64) -> Option<usize> {
        self.held.get(&sequence).map(|h| h.bytes - super::OVERHEAD_BYTES)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.held.values().map(|h| &h.transaction)
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Numbers from `next` up to but without `sequence` that are not held. Costs a step a held transaction.
    pub(crate) fn missing_before(&self, next: u64, sequence: u64) -> u64 {
        sequence.saturating_sub(next).saturating_sub(self.held.range(next..sequence).count() as u64)
    }

    /// The first number from `next` on that is not held.
    pub(crate) fn ready_until(&self, next: u64) -> u64 {
        let run = self.held.range(next..).zip(next..).take_while(|((held, _), wanted)| *held == wanted).count();
        next.saturating_add(run as u64)
    }

    pub(crate) fn drop_used(&mut self, next: u64) {
        self.held = self.held.split_off(&next);
        self.bytes = self.held.values().map(|h| h.bytes).sum();
    }

    /// Keeps what a test passes.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Transaction) -> bool) {
        self.held.retain(|_, h| keep(&h.transaction));
        self.bytes = self.held.values().map(|h| h.bytes).sum();
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.bytes = 0;
    }

    /// Drops what is older than so long and gives its numbers.
    pub(crate) fn expire(&mut self, now: Duration, held: Duration) -> Vec<u64> {
        let old: Vec<u64> = self.held.iter().filter(|(_, h)| now.saturating_sub(h.since) > held).map(|(s, _)| *s).collect();
        for sequence in &old {
            if let Some(gone) = self.held.remove(sequence) {
                self.bytes -= gone.bytes;
            }
        }
        old
    }
}
