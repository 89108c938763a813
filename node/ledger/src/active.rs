//! Active bits: which slots of a hospital are in force at a height.
//!
//! A slot is in force from the start (an empty slot too) and out of force for ever from the height of its withdrawal. The state keeps
//! the withdrawals with their heights, so the bits of every past height can be told.

use crate::identity::MemberId;
use crate::{
    section::Section,
    time::Height,
    transaction::{TransactionId, WithdrawnBy},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::segment::SLOTS;
use std::fmt;

/// One bit a slot of a segment.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotBitmap(Box<[u64; SLOTS / 64]>);

impl SlotBitmap {
    /// Every slot in force.
    pub fn full() -> Self {
        Self(Box::new([u64::MAX; SLOTS / 64]))
    }

    /// True if a slot (offset in its segment) is in force; false beyond the segment.
    pub fn get(&self, offset: usize) -> bool {
        self.0.get(offset / 64).is_some_and(|word| word >> (offset % 64) & 1 == 1)
    }

    pub(crate) fn clear(&mut self, offset: usize) {
        if let Some(word) = self.0.get_mut(offset / 64) {
            *word &= !(1 << (offset % 64));
        }
    }

    /// Number of slots in force.
    pub fn count(&self) -> usize {
        self.0.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The words: slot m is bit `m % 64` of word `m / 64`.
    pub fn words(&self) -> &[u64; SLOTS / 64] {
        &self.0
    }

    /// Little-endian bytes: slot m is bit `m % 8` of byte `m / 8`.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|w| w.to_le_bytes()).collect()
    }
}

impl fmt::Debug for SlotBitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {SLOTS} in force", self.count())
    }
}

/// When and on whose wish a slot left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WithdrawalRecord {
    /// From this height on the slot is out of force.
    pub height: Height,
    /// On whose wish.
    pub by: WithdrawnBy,
    /// The transaction that withdrew it.
    pub transaction: TransactionId,
}

/// Slots that left, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Leavers {
    /// By wish of the patient.
    pub patient: u32,
    /// By the hospital.
    pub hospital: u32,
}

impl Leavers {
    pub(crate) fn count(&mut self, by: WithdrawnBy) {
        let counter = match by {
            WithdrawnBy::Patient => &mut self.patient,
            WithdrawnBy::Hospital => &mut self.hospital,
        };
        *counter = counter.saturating_add(1);
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        self.patient.saturating_add(self.hospital)
    }
}

/// All withdrawals of all hospitals, by slot.
pub(crate) type Withdrawals = Section<(MemberId, u32), WithdrawalRecord>;

/// The bits of one segment as of a height (withdrawals in that block included).
pub(crate) fn bitmap(withdrawals: &Withdrawals, hospital: MemberId, segment: u32, height: Height) -> SlotBitmap {
    let first = segment.saturating_mul(SLOTS as u32);
    let last = first.saturating_add(SLOTS as u32 - 1);
    let mut bits = SlotBitmap::full();
    for ((_, slot), record) in withdrawals.range((hospital, first)..=(hospital, last)) {
        if record.height <= height {
            bits.clear((slot - first) as usize);
        }
    }
    bits
}

/// Slots that left after a height.
pub(crate) fn leavers_after(withdrawals: &Withdrawals, hospital: MemberId, height: Height) -> Leavers {
    let mut leavers = Leavers::default();
    for (_, record) in withdrawals.range((hospital, 0)..=(hospital, u32::MAX)) {
        if record.height > height {
            leavers.count(record.by);
        }
    }
    leavers
}
