//! The chain on disk.
//!
//! [`ChainStore`] keeps blocks, results, commit certificates, undecided proposals, snapshots and sealed answers in a SQLite file or a PostgreSQL
//! database, named by a [`StoreUrl`]. A block is written in one transaction that is on disk before the call returns, so a crash at any point
//! leaves the chain as it was before the block or after it. One process writes, others may read beside it. [`LocalChain`] is a chain with one
//! validator: a store, the state, the validator's key, and a proof checker. [`archive`] carries a whole chain in one file, and an [`Auditor`]
//! checks such a file, or a store, from genesis, trusting nothing.

pub mod archive;
mod audit;
mod chain_store;
mod database;
mod error;
mod local;
mod url;
mod writer;

pub use audit::{AuditFault, AuditReport, Auditor};
pub use chain_store::{BLOB_BYTES_MAX, ChainStore, EncodedBlock, PROPOSALS_MAX, StoredBlock, StoredEntry, StoredProposal, VotingRecord};
pub use error::StoreError;
pub use local::{LocalChain, Submitted};
pub use url::StoreUrl;
