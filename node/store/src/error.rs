//! What can go wrong with a chain on disk.

use crate::{AuditFault, StoreUrl};
use countersign_circuits::hash::Digest32;
use countersign_ledger::CommitError;
use countersign_messages::{BlockError, CertificateError, DecodeError, GenesisError, Height, KeysError};
use std::path::PathBuf;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error(
        "the chain's database failed: {0}. Check free space, that the file or server can be reached, and that no other program holds it"
    )]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the chain's database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The place of a chain is not understood. The URL itself is not repeated: it may hold a password.
    #[error("a chain's place is sqlite:PATH, a path, or postgres://USER@HOST/DATABASE: {0}")]
    Url(String),
    /// A SQLite file that may not be written, with a log beside it that holds part of it.
    #[error(
        "the chain may not be written here, and its last blocks are still in {log}: copy both files to a folder where you may write, and read it there",
        log = log.display()
    )]
    UnfinishedCopy {
        /// The log.
        log: PathBuf,
    },
    /// A SQLite file that may not be written and is of an earlier version.
    #[error(
        "the chain was written by an earlier version and may not be written here: copy it to a folder where you may write, and read it there"
    )]
    OldCopy,
    /// Another process holds the chain for writing.
    #[error("another process writes to the chain at {0}: stop it first. Several processes may read a chain, one may write")]
    InUse(StoreUrl),
    /// A write to a store opened for reading.
    #[error("the chain was opened for reading; open it for writing")]
    ReadOnly,
    /// There is a chain already.
    #[error("there already is the chain of network {0}; open it instead")]
    Exists(Digest32),
    /// There is no chain.
    #[error("there is no chain here; create one from a genesis first")]
    Empty,
    /// The genesis breaks a rule.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The circuit keys in force are not at hand.
    #[error(transparent)]
    Keys(#[from] KeysError),
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
    /// A certificate is about another block, or does not decide it.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A block without a certificate.
    #[error(
        "block {0} has no commit certificate on disk: the chain was written before there were certificates, or somebody removed it. It can be \
         neither audited nor served; restore it from a backup or another node, or make a development network anew"
    )]
    NoCertificate(Height),
    /// What an audit found.
    #[error(transparent)]
    Audit(#[from] AuditFault),
    /// A local chain whose key does not decide blocks alone.
    #[error("the key is not that of the network's only validator: this chain is decided by other nodes, and cannot be written alone")]
    NotAlone,
    /// A proposal over the limit.
    #[error("a proposal has {found} bytes; at most {max}")]
    ProposalTooLong {
        /// Bytes.
        found: usize,
        /// Most bytes.
        max: usize,
    },
    /// A proposal for a height after the next.
    #[error("a proposal for height {found} is not kept before height {next} is decided")]
    ProposalHeight {
        /// The proposal's.
        found: Height,
        /// The next one to be decided.
        next: Height,
    },
    /// Something stored does not decode or is not what its digest says.
    #[error("{what} at height {height} is damaged on disk ({reason}); restore the chain from a backup or another node")]
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
    /// A sealed answer that no accepted answer names.
    #[error("no accepted answer on this chain names the sealed answer {0}; it is taken after the block that accepts its answer")]
    BlobNotNamed(Digest32),
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
    /// An archive of another version.
    #[error(
        "the archive has format version {0}; this program reads version 2, which carries certificates. Make the archive again with this version"
    )]
    ArchiveVersion(String),
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

/// SQLite's codes for a file whose content is no database, or a broken one.
const SQLITE_CONTENT: [u32; 2] = [11, 26];

impl StoreError {
    /// True if what is stored is at fault: it was read, and is not what it should be. Otherwise it could not be read (or written), which says nothing
    /// about it.
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::Database(error) => sqlite_code(error).is_some_and(|code| SQLITE_CONTENT.contains(&code)),
            // an archive that ends too early is damaged
            Self::File(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
            Self::Migration(_)
            | Self::Url(_)
            | Self::UnfinishedCopy { .. }
            | Self::OldCopy
            | Self::InUse(_)
            | Self::ReadOnly
            | Self::Exists(_)
            | Self::Empty
            | Self::Keys(_)
            | Self::NotAlone
            | Self::ArchiveVersion(_)
            | Self::Cancelled => false,
            Self::Genesis(_)
            | Self::Block(_)
            | Self::Commit(_)
            | Self::NotNext { .. }
            | Self::Certificate(_)
            | Self::NoCertificate(_)
            | Self::Audit(_)
            | Self::ProposalTooLong { .. }
            | Self::ProposalHeight { .. }
            | Self::Damaged { .. }
            | Self::BlobTooLong(_)
            | Self::BlobNotNamed(_)
            | Self::BlobDamaged(_)
            | Self::Archive { .. }
            | Self::Decode(_)
            | Self::NotFound(_) => true,
        }
    }
}

/// SQLite's primary code of an error, if it is one of SQLite's.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else { return None };
    // PostgreSQL's codes have five characters
    error.code().filter(|code| code.len() < 5).and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff)
}
