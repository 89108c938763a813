//! Active bits: which slots of a hospital are in force at a height.
//!
//! A slot is in force from the start (an empty slot too) and out of force for ever from the height of its withdrawal. The state keeps
//! the withdrawals with their heights, so the bits of every past height can be told.

use crate::section::Section;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, segment::SLOTS};
use countersign_messages::MemberId;
use countersign_messages::{Cause, Height, TransactionId};
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

/// By whose hand a slot left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum WithdrawnBy {
    /// The patient's own key. Nobody else could have done it.
    Key,
    /// The hospital, on the patient's word.
    Word,
    /// The hospital, by what it reads.
    Source,
}

impl From<Cause> for WithdrawnBy {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Word => Self::Word,
            Cause::Source => Self::Source,
        }
    }
}

/// When and by whose hand a slot left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalRecord {
    /// From this height on the slot is out of force.
    pub height: Height,
    /// By whose hand.
    pub by: WithdrawnBy,
}

/// Slots that left, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Leavers {
    /// By the patient's own key.
    pub key: u32,
    /// By the hospital, on the patient's word.
    pub word: u32,
    /// By the hospital, by what it reads.
    pub source: u32,
}

impl Leavers {
    pub(crate) fn count(&mut self, by: WithdrawnBy, slots: u32) {
        let counter = match by {
            WithdrawnBy::Key => &mut self.key,
            WithdrawnBy::Word => &mut self.word,
            WithdrawnBy::Source => &mut self.source,
        };
        *counter = counter.saturating_add(slots);
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        self.key.saturating_add(self.by_hospital())
    }

    /// Those whom the hospital took out, for whatever reason.
    pub fn by_hospital(&self) -> u32 {
        self.word.saturating_add(self.source)
    }
}

/// Slots of one word.
const WORD: u32 = u64::BITS;

/// Slots of one word that left at one height by one hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Left {
    height: Height,
    by: WithdrawnBy,
    slots: u64,
}

/// All withdrawals of all hospitals. Slots that leave together stand together, a word of 64 at a time: withdrawing millions of slots costs some bytes a slot at
/// most, and nothing that grows with them in later blocks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Withdrawals {
    words: Section<(MemberId, u32), Vec<Left>>,
    /// The transactions that withdrew something, by height.
    transactions: Section<(MemberId, Height), Vec<TransactionId>>,
}

impl Withdrawals {
    /// When and why a slot left, if it did.
    pub(crate) fn get(&self, hospital: MemberId, slot: u32) -> Option<WithdrawalRecord> {
        let word = self.words.get(&(hospital, slot / WORD))?;
        let left = word.iter().find(|left| left.slots >> (slot % WORD) & 1 == 1)?;
        Some(WithdrawalRecord { height: left.height, by: left.by })
    }

    /// Takes slots out of force; none of them may be out already.
    pub(crate) fn insert(&mut self, hospital: MemberId, slots: &[u32], record: WithdrawalRecord, transaction: TransactionId) {
        for word in slots.chunk_by(|a, b| a / WORD == b / WORD) {
            let Some(first) = word.first() else { continue };
            let key = (hospital, first / WORD);
            let bits = word.iter().fold(0, |bits, slot| bits | 1 << (slot % WORD));
            let mut left = self.words.get(&key).map(|word| word.as_ref().clone()).unwrap_or_default();
            match left.iter_mut().find(|left| left.height == record.height && left.by == record.by) {
                Some(same) => same.slots |= bits,
                None => left.push(Left { height: record.height, by: record.by, slots: bits }),
            }
            self.words.insert(key, left);
        }
        let key = (hospital, record.height);
        let mut made = self.transactions.get(&key).map(|made| made.as_ref().clone()).unwrap_or_default();
        made.push(transaction);
        self.transactions.insert(key, made);
    }

    fn words_of(&self, hospital: MemberId) -> impl Iterator<Item = (u32, &Left)> {
        let words = self.words.range((hospital, 0)..=(hospital, u32::MAX));
        words.flat_map(|((_, word), left)| left.iter().map(move |left| (word * WORD, left)))
    }

    /// All withdrawals of a hospital, by slot within each word.
    pub(crate) fn of(&self, hospital: MemberId) -> impl Iterator<Item = (u32, WithdrawalRecord)> {
        self.words_of(hospital).flat_map(|(first, left)| {
            let record = WithdrawalRecord { height: left.height, by: left.by };
            (0..WORD).filter(|bit| left.slots >> bit & 1 == 1).map(move |bit| (first + bit, record))
        })
    }

    /// The bits of one segment as of a height (withdrawals in that block included).
    pub(crate) fn bitmap(&self, hospital: MemberId, segment: u32, height: Height) -> SlotBitmap {
        let first = segment.saturating_mul(SLOTS as u32 / WORD);
        let last = first.saturating_add(SLOTS as u32 / WORD - 1);
        let mut bits = SlotBitmap::full();
        for ((_, word), left) in self.words.range((hospital, first)..=(hospital, last)) {
            let gone = left.iter().filter(|left| left.height <= height).fold(0, |gone, left| gone | left.slots);
            if let Some(word) = bits.0.get_mut((word - first) as usize) {
                *word &= !gone;
            }
        }
        bits
    }

    /// Slots that left after a height, and the last height one left at.
    pub(crate) fn after(&self, hospital: MemberId, height: Height) -> (Leavers, Option<Height>) {
        let (mut leavers, mut latest) = (Leavers::default(), None);
        for (_, left) in self.words_of(hospital).filter(|(_, left)| left.height > height) {
            leavers.count(left.by, left.slots.count_ones());
            latest = latest.max(Some(left.height));
        }
        (leavers, latest)
    }

    /// Slots that had left at a height.
    pub(crate) fn until(&self, hospital: MemberId, height: Height) -> Leavers {
        let mut leavers = Leavers::default();
        self.words_of(hospital)
            .filter(|(_, left)| left.height <= height)
            .for_each(|(_, left)| leavers.count(left.by, left.slots.count_ones()));
        leavers
    }

    /// The transactions that withdrew slots of a hospital until a height.
    pub(crate) fn transactions(&self, hospital: MemberId, until: Height) -> impl Iterator<Item = TransactionId> {
        self.transactions.range((hospital, Height(0))..=(hospital, until)).flat_map(|(_, made)| made.iter().copied())
    }

    pub(crate) fn seal(&mut self) -> [Digest32; 2] {
        [self.words.seal(), self.transactions.seal()]
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.words.write(out);
        self.transactions.write(out);
    }

    pub(crate) fn read(bytes: &mut &[u8]) -> std::io::Result<Self> {
        Ok(Self { words: Section::read(bytes)?, transactions: Section::read(bytes)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };
    use std::collections::BTreeMap;

    /// Whatever leaves in whatever order, the words say what a plain map of slots says.
    #[test]
    fn words_say_what_a_map_of_slots_says() {
        let mut random = ChaCha20Rng::seed_from_u64(7);
        let mut next = |below: u64| random.next_u64() % below;
        let (here, elsewhere) = (MemberId([1; 32]), MemberId([2; 32]));
        for _ in 0..40 {
            let (mut withdrawals, mut model) = (Withdrawals::default(), BTreeMap::<u32, WithdrawalRecord>::new());
            for height in 1..=next(12) {
                for _ in 0..next(3) {
                    let slots: std::collections::BTreeSet<u32> = (0..next(50)).map(|_| next(3 * SLOTS as u64) as u32).collect();
                    let slots: Vec<u32> = slots.into_iter().filter(|slot| withdrawals.get(here, *slot).is_none()).collect();
                    let by = [WithdrawnBy::Key, WithdrawnBy::Word, WithdrawnBy::Source][next(3) as usize];
                    let record = WithdrawalRecord { height: Height(height), by };
                    withdrawals.insert(here, &slots, record, TransactionId(Digest32::of(&height.to_le_bytes())));
                    slots.iter().for_each(|slot| assert!(model.insert(*slot, record).is_none()));
                }
            }
            let mut bytes = Vec::new();
            withdrawals.write(&mut bytes);
            let mut again = Withdrawals::read(&mut bytes.as_slice()).unwrap();
            assert_eq!(again.seal(), withdrawals.clone().seal());
            assert_eq!(withdrawals.of(here).collect::<BTreeMap<_, _>>(), model);
            assert_eq!(withdrawals.of(elsewhere).count(), 0);
            for slot in model.keys().copied().chain([0, 63, 64, 4_095, 4_096]) {
                assert_eq!(withdrawals.get(here, slot), model.get(&slot).copied());
            }
            for height in (0..14).map(Height) {
                let (mut before, mut after, mut latest) = (Leavers::default(), Leavers::default(), None);
                for record in model.values() {
                    if record.height > height {
                        after.count(record.by, 1);
                        latest = latest.max(Some(record.height));
                    } else {
                        before.count(record.by, 1);
                    }
                }
                assert_eq!(withdrawals.until(here, height), before);
                assert_eq!(withdrawals.after(here, height), (after, latest));
                for segment in 0..3 {
                    let bits = withdrawals.bitmap(here, segment, height);
                    for offset in 0..SLOTS {
                        let slot = segment * SLOTS as u32 + offset as u32;
                        assert_eq!(bits.get(offset), model.get(&slot).is_none_or(|record| record.height > height));
                    }
                }
            }
        }
    }
}
