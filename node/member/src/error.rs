//! What can go wrong with a member's files and with its line to the chain.

use crate::gateway::GatewayError;
use countersign_circuits::keys::CircuitName;
use countersign_messages::{Height, RejectionCode};
use countersign_store::StoreError;
use std::{fmt, path::PathBuf, time::Duration};

/// A file of a member that cannot be used. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// Others can read it.
    #[error("{} holds secrets and can be read by others of this machine: chmod 600 {}", .0.display(), .0.display())]
    Readable(PathBuf),
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No keys in it.
    #[error("{} is not a file of member keys; restore it from your backup", .0.display())]
    Keys(PathBuf),
    /// No person's key in it.
    #[error("{} is not a file of a person's key; restore it from your backup", .0.display())]
    PersonKey(PathBuf),
    /// No card.
    #[error("{} is no such card: {why}", path.display())]
    Card {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No circuit keys.
    #[error("there are no circuit keys in {}; make development keys with `countersign keys generate`, or name another folder with --keys", .0.display())]
    NoCircuitKeys(PathBuf),
    /// Circuit keys that are not what they should be.
    #[error("{} in {}: {source}", circuit.name(), folder.display())]
    CircuitKeys {
        /// Which.
        circuit: CircuitName,
        /// Where.
        folder: PathBuf,
        /// Why.
        source: countersign_verifier::KeyError,
    },
    /// No randomness.
    #[error("the operating system gives no randomness")]
    Entropy,
}

impl MemberError {
    /// True if whoever gave the file must give another, or change it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Readable(_) | Self::Card { .. })
    }
}

/// What became of something that was read from the chain or sent to it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It can stand in no block: the sender is at fault.
    #[error("{0}")]
    Refused(String),
    /// It stands in a block and broke a rule.
    #[error("{code}: {detail}")]
    Rejected {
        /// The rule.
        code: RejectionCode,
        /// In words.
        detail: String,
    },
    /// Another transaction used this one's sequence number: it can never stand in a block, and is to be signed again.
    #[error("another transaction of this member used sequence {0} meanwhile; run the same command again")]
    Overtaken(u64),
    /// No block with it came; it may still come. The same bytes can be sent again.
    #[error("no block with the transaction came within {} seconds; it may still come. See `countersign status`, then run the same command again", .0.as_secs())]
    Undecided(Duration),
    /// There was no room for it.
    #[error("no room for the transaction in {} seconds; run the same command again", .0.as_secs())]
    NoRoom(Duration),
    /// The chain does not show what was waited for.
    #[error("the ledger does not show {what}{}", Within(*after))]
    NotShown {
        /// What.
        what: String,
        /// How long it was waited for; `None`: nobody else makes blocks.
        after: Option<Duration>,
    },
    /// A block that was told of is not in the store.
    #[error("block {0} does not come into the node's store; see its log")]
    NotStored(Height),
    /// The node's store holds a block the validators have not decided, or that does not execute as recorded.
    #[error("block {height} of the node's store: {reason}")]
    Block {
        /// Which.
        height: Height,
        /// Why.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The node failed.
    #[error("{0}")]
    Node(Box<dyn std::error::Error + Send + Sync>),
}

impl LedgerError {
    /// True if the sender is at fault: it must send something else.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Rejected { .. })
    }
}

struct Within(Option<Duration>);

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |after| write!(f, " after {} seconds; see `countersign status`", after.as_secs()))
    }
}
