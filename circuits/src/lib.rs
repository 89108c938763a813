//! Countersign's statements.
//!
//! This crate holds everything the prover and the verifier must agree on: the layout of research tables ([`dictionary`],
//! [`consent`]), the canonical form of a question and its wiring ([`statement`]), the statements that are proved
//! ([`segment`]: S1, [`aggregate`]: S2, [`erasure`]: S4) with their public and private types, native checks and circuits, and the gadgets they use.
//!
//! Gadgets and circuits (`AggregateCircuit`, `ValidityCircuit`, everything that synthesises constraints) are behind the feature `constraints`:
//! the prover needs them, nobody else links them.
//!
//! It does no I/O, reads no clock and draws no randomness.

#![deny(clippy::disallowed_methods)]

pub mod aggregate;
pub mod commitment;
pub mod consent;
#[cfg(test)]
mod constraints;
pub mod context;
pub mod dictionary;
pub mod erasure;
pub mod field;
pub mod fingerprint;
pub mod hash;
pub mod keys;
pub mod msm;
pub mod opening;
pub mod outer;
pub mod poseidon;
pub mod proof;
pub mod row;
pub mod segment;
pub mod statement;
pub mod sumcheck;
pub mod tag;
pub mod text;
pub mod validity;

/// Cells of the largest aggregate circuit.
pub const fn aggregate_cells_max() -> usize {
    aggregate::AggregateSize::Cells256.cells()
}
