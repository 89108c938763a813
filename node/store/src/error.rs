//! What can go wrong with a chain on disk.

use countersign_circuits::hash::Digest32;
use countersign_ledger::{BlockError, CommitError, DecodeError, GenesisError, Height};

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the chain's database failed: {0}. Check free space and that no other program holds the file")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the chain's database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// There is a chain already.
    #[error("the file already holds the chain of network {0}; open it instead")]
    Exists(Digest32),
    /// There is no chain.
    #[error("the file holds no chain; create one from a genesis first")]
    Empty,
    /// The genesis breaks a rule, or the circuit keys are not the network's.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The block is not the next one.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The block was computed from another state.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Another process wrote to the chain meanwhile.
    #[error("block {found} does not follow block {last}: another process writes to this chain; stop it and open the chain again")]
    NotNext {
        /// The block to be written.
        found: Height,
        /// The last block on disk.
        last: Height,
    },
    /// Something stored does not decode or is not what its digest says.
    #[error("{what} at height {height} is damaged on disk ({reason}); restore the file from a backup or another node")]
    Damaged {
        /// What.
        what: &'static str,
        /// Where.
        height: Height,
        /// How it shows.
        reason: String,
    },
    /// A sealed answer over the limit.
    #[error("a sealed answer has {0} bytes; at most {max}", max = crate::BLOB_BYTES_MAX)]
    BlobTooLong(usize),
    /// A sealed answer that is not what its digest says.
    #[error("sealed answer {0} is damaged on disk")]
    BlobDamaged(Digest32),
    /// An archive that does not decode.
    #[error("the archive is damaged at frame {frame}: {reason}")]
    Archive {
        /// Frame, from 0.
        frame: u64,
        /// How it shows.
        reason: String,
    },
    /// Reading or writing an archive failed.
    #[error("reading or writing the archive failed: {0}")]
    File(#[from] std::io::Error),
    /// Something does not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Execution was cut off.
    #[error("executing the block was cut off; nothing was written")]
    Cancelled,
    /// Something asked for is not in the chain.
    #[error("the chain holds no {0}")]
    NotFound(&'static str),
}
