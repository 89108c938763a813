//! What keeps a node from running.

use countersign_api::GatewayError as ServerError;
use countersign_consensus::NodeError;
use countersign_member::{LedgerError, MemberError};
use countersign_messages::KeysError;
use countersign_store::StoreError;
use std::path::PathBuf;

/// Why a node, or what a node needs, is not there.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No configuration.
    #[error("cannot read {}; `countersign init --member NAME --role ROLE --folder FOLDER` makes one: {source}", path.display())]
    NoConfig {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A configuration with a fault.
    #[error("{}:{fault}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where and what.
        fault: String,
    },
    /// Keys of somebody else.
    #[error("{} holds the keys of \"{found}\", and the configuration is of \"{name}\"", file.display())]
    OtherKeys {
        /// The file of keys.
        file: PathBuf,
        /// Whose they are.
        found: String,
        /// Whose the configuration is.
        name: String,
    },
    /// No place for a chain.
    #[error("storage: {0}")]
    Storage(StoreError),
    /// There is no chain.
    #[error("there is no chain in {}; join a network first: `countersign join --folder FOLDER --genesis FILE --peer CARD`", .0.display())]
    NoChain(PathBuf),
    /// Circuit keys that are missing, or that the network refuses.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A filter of the log that is none, or a log that is there already.
    #[error("{0}")]
    Log(String),
    /// A name the ledger or files do not take.
    #[error("\"{0}\" cannot be a member's name: 1 to 64 letters, digits, - and _")]
    Name(String),
    /// The others must reach it.
    #[error("{0} listens on every address of this machine: say with --address HOST:PORT where the others reach it")]
    Unspecified(std::net::SocketAddr),
    /// A validator must be reached.
    #[error("a validator listens for the others: give --listen ADDRESS:PORT")]
    ValidatorListens,
    /// Something is there that is never written over.
    #[error("{} is there already; it is never written over. Use another folder", .0.display())]
    There(PathBuf),
    /// A genesis that is none.
    #[error("{} is no genesis: {reason}", path.display())]
    Genesis {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A card and the genesis name one key differently.
    #[error("the card of \"{card}\" has the key of \"{listed}\" in the genesis")]
    CardOfAnother {
        /// What the card says.
        card: String,
        /// What the genesis says.
        listed: String,
    },
    /// Another chain is there.
    #[error("{place} holds the chain of another network, {network}; use another folder")]
    OtherNetwork {
        /// Where.
        place: String,
        /// Which.
        network: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The chain on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the member.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] ServerError),
    /// The chain.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ServiceError {
    /// True if whoever asked must give something else; false if the same may work another time.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NoConfig { .. } | Self::Store(_) | Self::Read { .. } | Self::Write { .. } | Self::Node(_) | Self::Gateway(_) => false,
            Self::Member(error) => error.is_refusal(),
            Self::Ledger(error) => error.is_refusal(),
            _ => true,
        }
    }
}
