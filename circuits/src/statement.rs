//! The aggregate statement a query compiles to: filter, groups, measures. Its canonical bytes (borsh) are what the ledger holds.
//!
//! A statement says *what* is asked; [`Wiring`] says how it is wired into columns, cells and gates. Whoever verifies makes the
//! wiring from the statement: the prover chooses nothing (protocol, section 6: the wiring is fixed).

#[cfg(test)]
mod tests;
mod wiring;

pub use wiring::{Cell, CellKind, CellMeaning, ColumnForm, FoldedForm, IntegerForm, Side, StatementError, TermRows, Wiring, columns};

use borsh::{BorshDeserialize, BorshSerialize};

/// Most clauses of a filter.
pub const CLAUSES_MAX: usize = 8;
/// Most literals of a clause.
pub const LITERALS_MAX: usize = 4;
/// Most grouping attributes.
pub const GROUPS_MAX: usize = 3;
/// Degree of the row polynomial the circuits carry; every factor of a statement costs one.
pub const DEGREE_MAX: usize = 16;

/// "The attribute's first block is in one of these bins."
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Literal {
    /// Index into the dictionary.
    pub attribute: u16,
    /// Bins of the first block, strictly ascending; 0 is "missing". Numbers: whole bands (rule D4).
    pub bins: Vec<u16>,
}

/// A disjunction of literals over different attributes, ascending by attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Clause {
    /// The alternatives.
    pub any_of: Vec<Literal>,
}

/// A grouping attribute and the bands that make its groups.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Grouping {
    /// Index into the dictionary.
    pub attribute: u16,
    /// Disjoint, non-empty sets of first-block bins, each ascending; rows in none of them are in no group.
    pub bands: Vec<Vec<u16>>,
}

/// What a descriptive statement releases of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Measure {
    /// Number of rows where it is known: `COUNT(x)`.
    Known {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// Known rows, sum and sum of squares of levels: `AVG`, `SUM`, `VARIANCE`, `STDDEV`.
    Moments {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// Counts of the parts of a partition of the known levels: `SHARE`.
    Parts {
        /// Index into the dictionary.
        attribute: u16,
        /// At least two disjoint sets that together are all known bins.
        parts: Vec<Vec<u16>>,
    },
}

impl Measure {
    /// The attribute measured.
    pub fn attribute(&self) -> u16 {
        match self {
            Self::Known { attribute } | Self::Moments { attribute } | Self::Parts { attribute, .. } => *attribute,
        }
    }
}

/// The two shapes of a statement (S2.7): they keep cells of one answer from being subtracted from each other.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Measures {
    /// Available case: for each attribute its own counts and sums, no cross cells.
    Descriptive {
        /// True if the number of rows of each group is released (`COUNT(*)`, `HISTOGRAM`).
        count_rows: bool,
        /// Measures over different attributes (at most one [`Measure`] an attribute).
        of: Vec<Measure>,
    },
    /// Complete case: every value is known by filter, all second moments are released.
    Model {
        /// Numbers and counts, ascending.
        values: Vec<u16>,
    },
}

/// A query in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Statement {
    /// All must hold. Ascending, distinct.
    pub filter: Vec<Clause>,
    /// Groups are the products of their bands.
    pub groups: Vec<Grouping>,
    /// What is released.
    pub measures: Measures,
}
