//! Countersign's ledger: signed transactions, blocks and the state machine every validator runs.
//!
//! The crate is a pure core. It reads no clock, draws no randomness and does no I/O: block time comes with the block, and a
//! [`State`] is a value. Consensus drives it in three steps, none of which changes the state it starts from:
//!
//! 1. [`State::propose`] executes candidate transactions and makes a [`Block`](countersign_messages::Block) whose header commits to what came out;
//! 2. [`State::validate`] executes a block somebody proposed and compares every commitment of its header;
//! 3. [`State::commit`] takes the [`Outcome`] of either once the block is decided.
//!
//! Proofs are verified through a [`ProofChecker`]; [`CachingChecker`] keeps verdicts by content, so that proposing, validating and
//! deciding the same block verifies each proof once.
//!
//! Two kinds of refusal are kept apart. An [`EnvelopeError`](countersign_messages::EnvelopeError) means a transaction cannot be attributed to its signer or is a replay:
//! such a transaction must not stand in a block at all, and a block that holds one is invalid. A [`Rejection`] means a
//! properly signed transaction breaks a rule: it stands in the block with the reason, uses up its sequence number, and changes nothing
//! else, except that a failed proof and a stale answer are counted against their (query, hospital) pair.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests may panic"))]

mod active;
mod checker;
mod keyed;
pub mod light;
mod rejection;
mod section;
mod state;

pub use active::{Leavers, SlotBitmap, WithdrawalRecord, WithdrawnBy};
pub use checker::{
    AnswerCheck, AnswerVerdict, CachingChecker, ErasureCheck, ProofChecker, ProofFault, ProofRefused, SegmentsCheck, Verified,
    check_genesis_keys,
};
pub use countersign_circuits::{aggregate::GateCounts, context::AnswerContext};
pub use keyed::{KeyedChecker, active_point};
pub use rejection::{ErasureRefused, PersonRefused, Rejection, StudyRefused};
pub use state::{
    Admission, AnswerRecord, AnswerTask, CommitError, CutId, CutVersions, DataCut, Decision, DictionaryRecord, Effect, KeyRecord, Outcome,
    PairRecord, PairStatus, PersonRecord, ProposalRecord, ProposalStatus, Proposed, QueryRecord, SegmentKey, SegmentRecord,
    SignatureRecord, SlotRow, SnapshotError, State, StudyRecord, StudyStatus, TableKey, TableRecord, Tally, Tip, TransactionResult, Use,
    Verdict, VoteRecord, WaitingStatement,
};
