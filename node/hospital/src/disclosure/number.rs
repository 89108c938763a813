//! Rule D7 for two numbers: by their own sets, unless they differ by public missingness alone.

use super::RowSet;
use countersign_circuits::hash::Digest32;
use std::{ops::RangeInclusive, sync::OnceLock};

/// An attribute as it stood in a cut. Attributes are the same if their source codes meet, whatever name, dictionary, unit, window or range.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasureRef {
    /// Digest of the dictionary.
    pub dictionary: Digest32,
    /// Its index there.
    pub attribute: u16,
    /// The versions of the table's segments it was read from ([`crate::released`]).
    pub cut: Digest32,
    /// Digests of its source codes, ascending.
    pub sources: Vec<Digest32>,
}

impl MeasureRef {
    /// True if both come from a common source code.
    pub fn same_source(&self, other: &Self) -> bool {
        self.sources.iter().any(|source| other.sources.binary_search(source).is_ok())
    }
}

/// A number about to leave the hospital, or that left: the people it stands for, and what it tells of them.
#[derive(Debug, Clone)]
pub struct Number {
    own: RowSet,
    counts: OnceLock<super::Counts>,
    /// Filter, group and part without the conditions that a public attribute is known; equal to `own` for protected measures.
    base: RowSet,
    /// Attributes measured: none for numbers of rows and parts.
    measures: Vec<MeasureRef>,
}

impl Number {
    /// A number of its own set and base set, which measures some attributes.
    pub fn new(own: RowSet, base: RowSet, measures: Vec<MeasureRef>) -> Self {
        Self { own, counts: OnceLock::new(), base, measures }
    }

    /// The people it stands for.
    pub fn own(&self) -> &RowSet {
        &self.own
    }

    /// Its base set.
    pub fn base(&self) -> &RowSet {
        &self.base
    }

    /// What it measures.
    pub fn measures(&self) -> &[MeasureRef] {
        &self.measures
    }

    /// Members by class.
    pub fn counts(&self) -> &super::Counts {
        self.counts.get_or_init(|| self.own.counts())
    }

    /// Pairs of attributes that this number and another both measure.
    pub fn measured_by_both<'a>(&'a self, other: &'a [MeasureRef]) -> impl Iterator<Item = (&'a MeasureRef, &'a MeasureRef)> + 'a {
        self.measures.iter().flat_map(move |a| other.iter().filter(move |b| a.same_source(b)).map(move |b| (a, b)))
    }
}

/// How many people in both sets have another level: known exactly, or between two bounds where an opening is gone.
pub type Differing = RangeInclusive<u64>;

/// True if two numbers, subtracted, would speak of 1 to k_min - 1 people: those in one set only, and those in both whose level of an attribute that
/// both measure differs (`differing`; `None`: they measure nothing in common). If the two have the same base set and measure nothing in common
/// they differ by public missingness alone.
pub fn exposes(distance: u64, differing: Option<Differing>, same_base: bool, k_min: u32) -> bool {
    let few = 1..u64::from(k_min);
    match differing {
        None => few.contains(&distance) && !same_base,
        // anything from the lower to the upper count in 1 .. k_min - 1
        Some(differing) => {
            let (lower, upper) = (distance.saturating_add(*differing.start()), distance.saturating_add(*differing.end()));
            !few.is_empty() && lower < few.end && upper >= few.start
        }
    }
}
