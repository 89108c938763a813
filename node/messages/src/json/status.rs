//! How a node is.

use super::{Id, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the node stands with respect to the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "progress", rename_all = "kebab-case")]
pub enum Progress {
    /// It follows the network block by block.
    Current,
    /// It is fetching blocks it lacks.
    Syncing,
    /// No block came for too long.
    Stuck {
        /// Since when, by the node's clock.
        since: Time,
    },
}

/// Its word in the JSON.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Syncing => "syncing",
            Self::Stuck { .. } => "stuck",
        })
    }
}

/// A member the node talks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Peer {
    /// The member.
    pub member: Id,
    /// Whether a connection stands.
    pub connected: bool,
    /// What it runs over.
    pub transport: String,
}

/// Something a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Stable code (docs/operating.md).
    pub code: String,
    /// In words.
    pub words: String,
    /// Since when, by the node's clock.
    pub since: Time,
}

/// The node and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sync {
    /// The node's name.
    pub name: String,
    /// What it does.
    pub roles: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// The network.
    pub network: Id,
    /// Height of its last block.
    pub height: u64,
    /// Time of that block.
    pub time: Time,
    /// Blocks it knows of and does not have.
    pub behind: u64,
    /// Where it stands.
    #[serde(flatten)]
    pub progress: Progress,
    /// The members it talks to.
    pub peers: Vec<Peer>,
    /// Transactions that wait.
    pub mempool_transactions: usize,
    /// Their bytes.
    pub mempool_bytes: usize,
    /// What a person should look at.
    pub alerts: Vec<Alert>,
}

/// A node that is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Well {
    /// Always `ok`.
    pub status: String,
}
