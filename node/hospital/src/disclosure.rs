//! The disclosure rules that rest on the hospital, as pure functions: overlap (D7), with margins, and dominance and spread (D9).
//!
//! They may only withhold, and every withheld block is counted in the public part of the answer.

mod dominance;
mod margin;
mod number;
mod row_set;
#[cfg(test)]
mod tests;

pub use dominance::{Amounts, Product, product_dominates, value_dominates};
pub use margin::{CellBlock, CellBlockKind, Margin, Table, Unknown};
pub use number::{Differing, MeasureRef, Number, exposes};
pub use row_set::{Counts, RowSet};

/// Why a block is withheld, or that it is not. The numbers are those of the answer format's reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Withhold {
    /// Not withheld.
    #[default]
    None = 0,
    /// Its people differ from those of another released number by fewer than k_min.
    Overlap = 1,
    /// Few people make up a sum, or nearly all are alike.
    Dominance = 2,
    /// A stricter rule of this hospital, or a person's decision.
    Local = 3,
}
