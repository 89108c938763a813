//! Countersign's prover.
//!
//! [`commitment`] commits a table segment by segment, [`validity`] proves S1 for a stack of segments, [`aggregate`] answers a statement and
//! proves S2. Rows are done by [`sumcheck`], the circuits by [`groth16`], and [`opening`] ties both to the anchored commitments.
//!
//! Everything that must be fresh is drawn from OS entropy hedged with the secrets and everything said before ([`entropy`]).

pub mod aggregate;
pub mod commitment;
pub mod entropy;
pub mod erasure;
pub mod groth16;
pub mod keys;
pub mod opening;
pub mod row;
pub mod sumcheck;
pub mod validity;
