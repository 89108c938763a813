//! Sets of people, by random ids.

use crate::slots::RowId;
use roaring::RoaringBitmap;
use std::fmt;

/// How many classes members are counted in.
const CLASSES: usize = 64;

/// The people a number speaks of, by their random ids; compressed.
#[derive(Clone, PartialEq, Default)]
pub struct RowSet(RoaringBitmap);

impl fmt::Debug for RowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowSet(secret)")
    }
}

impl FromIterator<RowId> for RowSet {
    fn from_iter<I: IntoIterator<Item = RowId>>(rows: I) -> Self {
        Self(rows.into_iter().map(|r| r.0).collect())
    }
}

impl RowSet {
    /// People in the set.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True if nobody is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// People in exactly one of the two sets.
    pub fn distance(&self, other: &Self) -> u64 {
        self.0.symmetric_difference_len(&other.0)
    }

    /// Adds everybody of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0 |= &other.0;
    }

    /// Adds one person.
    pub fn insert(&mut self, person: RowId) {
        self.0.insert(person.0);
    }

    /// People in both sets.
    pub fn both<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = RowId> + 'a {
        self.0.iter().filter(|id| other.0.contains(*id)).map(RowId)
    }

    /// Number of people in both sets.
    pub fn common(&self, other: &Self) -> u64 {
        self.0.intersection_len(&other.0)
    }

    /// Members by class of their id.
    pub fn counts(&self) -> Counts {
        let mut counts = [0; CLASSES];
        self.0.iter().for_each(|id| counts[id as usize % CLASSES] += 1);
        Counts(counts)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0.serialize_into(&mut bytes).expect("writing to memory does not fail");
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        RoaringBitmap::deserialize_from(bytes).ok().map(Self)
    }
}

/// Members of a set by class of their id: a bound from below of the distance of two sets, without looking at them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counts([u32; CLASSES]);

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counts(secret)")
    }
}

impl Counts {
    /// At most the distance of the two sets.
    pub fn distance_at_least(&self, other: &Self) -> u64 {
        self.0.iter().zip(&other.0).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|c| c.to_le_bytes()).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut counts = [0; CLASSES];
        if bytes.len() != 4 * CLASSES {
            return None;
        }
        counts.iter_mut().zip(bytes.chunks_exact(4)).for_each(|(c, b)| *c = u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Some(Self(counts))
    }
}
