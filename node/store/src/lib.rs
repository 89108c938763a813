//! The chain on disk.
//!
//! [`ChainStore`] keeps blocks, results, snapshots and sealed answers in one SQLite file; a block is written in one transaction with
//! `synchronous = FULL`, so a crash at any point leaves the chain as it was before the block or after it. [`LocalChain`] is a chain with one
//! validator: a store, the state, and a proof checker. [`archive`] carries a whole chain in one file, and an [`Auditor`] checks such a file, or
//! a store, from genesis, trusting nothing.

pub mod archive;
mod audit;
mod chain_store;
mod error;
mod local;

pub use audit::{AuditReport, Auditor};
pub use chain_store::{BLOB_BYTES_MAX, ChainStore, StoredBlock, StoredEntry};
pub use error::StoreError;
pub use local::{LocalChain, Submitted};
