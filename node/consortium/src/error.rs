//! What keeps members from deciding something.

use countersign_circuits::consent::ScopeError;
use countersign_member::{LedgerError, MemberError};
use countersign_messages::{GenesisError, KeysError, NameError};
use countersign_prover::keys::KeyError;
use countersign_store::StoreError;
use std::path::PathBuf;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ConsortiumError {
    /// A file with an entry that is none.
    #[error("{}:{line}: {reason}", file.display())]
    RuleFile {
        /// The file.
        file: PathBuf,
        /// The line, from 1; 0 if it is none.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A scope registry that breaks a rule.
    #[error("the scope registry: {0}")]
    Registry(#[from] ScopeError),
    /// Members, rules or scopes that make no network.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Circuit keys this kind of network refuses.
    #[error("{0}. For a trial, make it with --development")]
    Keys(KeysError),
    /// A name the ledger does not take.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name files cannot have.
    #[error("\"{0}\" cannot be a site's name: letters, digits, - and _, each name once")]
    SiteName(String),
    /// A folder with keys of somebody else.
    #[error("{} holds keys of another member; use another folder", .0.display())]
    OtherKeys(PathBuf),
    /// There is one already.
    #[error("{} holds a network already", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} holds no network; make one with `countersign init`", .0.display())]
    Absent(PathBuf),
    /// Something that is no folder of keys stands where they would be.
    #[error("{} is in the way: it holds no circuit keys. Remove it or name another folder", .0.display())]
    InTheWay(PathBuf),
    /// A folder or file that cannot be made.
    #[error("cannot make {}: {source}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No randomness.
    #[error("the operating system gives no randomness")]
    Entropy,
    /// The date is none the calendar has.
    #[error("today's date is out of the calendar's range")]
    Today,
    /// The ledger accepted a transaction and recorded another effect: a fault of this program.
    #[error("the ledger recorded no {0}")]
    NotRecorded(&'static str),
    /// Circuit keys that cannot be made.
    #[error(transparent)]
    Circuit(#[from] KeyError),
    /// Keys of a member.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The chain on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ConsortiumError {
    /// True if whoever asked must give something else; false if the same may work another time.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::RuleFile { .. }
            | Self::Registry(_)
            | Self::Genesis(_)
            | Self::Keys(_)
            | Self::Name(_)
            | Self::SiteName(_)
            | Self::OtherKeys(_)
            | Self::Exists(_)
            | Self::Absent(_) => true,
            Self::Member(error) => error.is_refusal(),
            Self::Ledger(error) => error.is_refusal(),
            _ => false,
        }
    }
}
