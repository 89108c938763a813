//! The product sumcheck over rows: the prover of S2.3.
//!
//! `P(i) = prod of bit columns, clauses and field columns`, lowest variable first. What makes it fast (measured in docs/benchmarks.md):
//! - most columns are bits; they stay bits for three rounds, a block of 2^k rows being an index into a table of its folded values;
//! - round 1 groups pairs of rows by (a, b) where their bits make `t^a (1 - t)^b`: one small product a live pair, the rest once;
//! - products are a balanced tree of evaluation vectors, extended by finite differences (additions only);
//! - padding variables are bound last and cost nothing a row.

mod evaluations;
mod product;
mod rows;

pub use product::ProductSumcheck;
pub(crate) use rows::field_columns;
pub use rows::{FieldColumn, RowView};
