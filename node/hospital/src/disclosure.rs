//! The two disclosure rules that rest on the hospital, as pure functions: overlap (D7) and dominance (D9).
//!
//! They may only withhold, and every withheld gate is counted in the public part of the answer.

use crate::slots::RowId;
use roaring::RoaringBitmap;
use std::fmt;

/// Why a gate is withheld, or that it is not. The numbers are those of the answer format's reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Withhold {
    /// Not withheld.
    None = 0,
    /// Its rows differ from those of an earlier released cell by fewer than k_min.
    Overlap = 1,
    /// One or two persons make up nearly all of a sum.
    Dominance = 2,
    /// A stricter rule of this hospital, or a person's decision.
    Local = 3,
}

/// The rows a cell counts, by random row ids; compressed.
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
    /// Rows in the set.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True if no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rows in exactly one of the two sets.
    pub fn distance(&self, other: &Self) -> u64 {
        self.0.symmetric_difference_len(&other.0)
    }

    /// True if two answers about these sets, subtracted, would speak of 1 to k_min - 1 rows (rule D7). Equal sets are fine:
    /// the difference says nothing.
    pub fn exposes(&self, earlier: &Self, k_min: u32) -> bool {
        (1..u64::from(k_min)).contains(&self.distance(earlier))
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

/// Rule D9 on the values of one numeric cell, each minus the lowest of its range (that is, levels): true if the cell must be
/// withheld. It may leave only if the two largest are less than 90 % of the sum and the rest is at least 10 % of the largest.
/// (The second condition follows from the first; both are kept as the rule is written.)
/// A cell whose values are all at the lowest end has sum 0 and is withheld: its sum would tell everyone's value.
pub fn dominates(levels: impl IntoIterator<Item = u32>) -> bool {
    let (mut first, mut second, mut sum) = (0u128, 0u128, 0u128);
    for level in levels {
        let level = u128::from(level);
        sum += level;
        if level > first {
            (first, second) = (level, first);
        } else if level > second {
            second = level;
        }
    }
    let rest = sum - first - second;
    let few = 10 * (first + second) < 9 * sum;
    !(few && 10 * rest >= first)
}

/// What the hospital itself decided about a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalRule {
    /// Nothing against it.
    Silent,
    /// Hold it back.
    HoldBack,
}

/// One gate of an answer about to leave.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The rows it counts.
    pub rows: RowSet,
    /// Levels of each number summed under it (none for counts).
    pub sums: Vec<&'a [u32]>,
    /// The hospital's own word.
    pub local: LocalRule,
}

/// Judges the gates of an answer against earlier released cells, in the order overlap, dominance, local.
pub fn judge(candidates: &[Candidate<'_>], overlapping: &[bool]) -> Vec<Withhold> {
    let verdict = |(candidate, overlaps): (&Candidate<'_>, bool)| {
        if overlaps {
            Withhold::Overlap
        } else if candidate.sums.iter().any(|levels| dominates(levels.iter().copied())) {
            Withhold::Dominance
        } else if candidate.local == LocalRule::HoldBack {
            Withhold::Local
        } else {
            Withhold::None
        }
    };
    // a gate without a verdict on overlap counts as overlapping: fail closed
    candidates.iter().zip(overlapping.iter().copied().chain(std::iter::repeat(true))).map(verdict).collect()
}

/// For each set, whether it exposes a few rows together with any earlier one.
pub fn overlapping<'a>(sets: &[&RowSet], earlier: impl IntoIterator<Item = &'a RowSet>, k_min: u32) -> Vec<bool> {
    let mut found = vec![false; sets.len()];
    for old in earlier {
        for (set, found) in sets.iter().zip(&mut found) {
            *found = *found || set.exposes(old, k_min);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: impl IntoIterator<Item = u32>) -> RowSet {
        ids.into_iter().map(RowId).collect()
    }

    #[test]
    fn a_withdrawal_does_not_expose_the_patient() {
        // the same question before and after one person left: one row apart
        let (before, after) = (rows(0..200), rows((0..200).filter(|i| *i != 77)));
        assert!(after.exposes(&before, 10));
        // after enough others left or came, it is answered again
        assert!(rows((0..200).filter(|i| i % 20 != 0)).exposes(&before, 11));
        assert!(!rows((0..200).filter(|i| i % 20 != 0)).exposes(&before, 10));
        // nobody left: the same cell again says nothing new
        assert!(!before.exposes(&before, 10));
    }

    #[test]
    fn boundaries_of_the_overlap_rule() {
        let base = rows(0..100);
        for (apart, exposed) in [(0, false), (1, true), (9, true), (10, false), (60, false)] {
            assert_eq!(rows(0..100 + apart).exposes(&base, 10), exposed, "{apart}");
            assert_eq!(rows(apart..100).exposes(&base, 10), exposed, "{apart} fewer");
        }
        // people on both sides count
        assert!(rows(4..105).exposes(&base, 10) && !rows(5..105).exposes(&base, 10));
        assert!(!rows(1..100).exposes(&base, 1), "k_min 1 withholds nothing");
    }

    #[test]
    fn margins_that_would_reveal_a_suppressed_cell() {
        // women 50, men 47, other 3 (small): the margin of 100 minus the two released cells would be the three
        let (women, men, all) = (rows(0..50), rows(50..97), rows(0..100));
        let both = rows(0..97);
        assert_eq!(overlapping(&[&all], [&women, &men], 10), [false], "pairwise only, as the rule says");
        assert_eq!(overlapping(&[&all], [&both], 10), [true]);
    }

    #[test]
    fn boundaries_of_dominance() {
        assert!(!dominates([10; 10]));
        // two largest: 89 and 90 of 100
        assert!(!dominates([45, 44].into_iter().chain([1; 11])));
        assert!(dominates([45, 45].into_iter().chain([1; 10])));
        // one person makes up nearly everything
        assert!(dominates([100, 1, 1, 1, 1, 1, 1, 1, 1]));
        assert!(dominates([0; 20]) && dominates([]) && dominates([5]));
        assert!(dominates([u32::MAX, u32::MAX, 1]));
        assert!(!dominates([u32::MAX; 30]));
    }

    #[test]
    fn reasons_come_in_order_and_fail_closed() {
        let candidate = |sums: Vec<&'static [u32]>, local| Candidate { rows: rows(0..20), sums, local };
        let lone: &[u32] = &[1000, 0, 0];
        let even: &[u32] = &[5; 20];
        let gates = [
            candidate(vec![lone], LocalRule::HoldBack),
            candidate(vec![even, lone], LocalRule::HoldBack),
            candidate(vec![even], LocalRule::HoldBack),
            candidate(vec![even], LocalRule::Silent),
            candidate(vec![], LocalRule::Silent),
        ];
        let verdicts = judge(&gates, &[true, false, false, false]);
        assert_eq!(verdicts, [Withhold::Overlap, Withhold::Dominance, Withhold::Local, Withhold::None, Withhold::Overlap]);
    }

    #[test]
    fn row_sets_survive_storage() {
        let set = rows((0..100_000).map(|i| i * 37 % (1 << 22)));
        assert_eq!(RowSet::from_bytes(&set.to_bytes()), Some(set.clone()));
        assert_eq!(RowSet::from_bytes(b"nonsense"), None);
        assert_eq!(format!("{set:?}"), "RowSet(secret)");
    }
}
