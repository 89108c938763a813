//! Countersign's verifier: from ledger data and a proof's bytes to a verdict. Native, deterministic, and without the prover.
//!
//! [`verify_segments`] checks S1 for a stack of segments, [`verify_erasure`] S4 for versions that replace others, [`verify_aggregate`] S2 for an answer, [`verify_batch`] many answers with one
//! multi-pairing and one multi-scalar multiplication. Every byte is hostile until decoded strictly.

#![deny(clippy::disallowed_methods)]

mod aggregate;
mod batch;
mod erasure;
mod keys;
mod opening;
mod row;
mod segments;
mod sums;

pub use aggregate::{VerifiedAnswer, verify_aggregate};
pub use batch::verify_batch;
pub use erasure::verify_erasure;
pub use keys::{KeyError, VerifyingKey, VerifyingKeys};
pub use row::verify_row;
pub use segments::verify_segments;

use countersign_circuits::{opening::DecodeError, validity::ValidityViolation};

/// Counts changes of which proofs are accepted, mended faults of this verifier included: verdicts of another count say nothing of this one's. Raised with each.
pub const VERDICTS: u32 = 1;

/// Why a proof is not accepted. The prover is at fault in every case but the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The statement itself cannot be verified with these lists; whoever assembled it from the ledger is at fault.
    #[error("the statement does not fit: {0}")]
    Statement(&'static str),
    /// The bytes are not a proof.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A clause checked natively (S1.2).
    #[error(transparent)]
    Native(#[from] ValidityViolation),
    /// The circuit's proof does not verify.
    #[error("the circuit proof does not verify: the statement was not proved")]
    Groth16,
    /// The opening does not tie the proof to the anchored commitments.
    #[error("the opening does not match the anchored commitments: the rows proved are not the rows anchored")]
    Opening,
}
