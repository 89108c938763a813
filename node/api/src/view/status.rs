//! How the node is.

use super::{Id, Time};
use crate::node::{NodeStatus, Progress};
use serde::Serialize;
use utoipa::ToSchema;

/// Where the node stands with respect to the network.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "progress", rename_all = "kebab-case")]
#[schema(as = Progress)]
pub(crate) enum ProgressView {
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

/// A member the node talks to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Peer)]
pub(crate) struct PeerView {
    /// The member.
    member: Id,
    /// Whether a connection stands.
    connected: bool,
    /// What it runs over.
    transport: String,
}

/// Something a person should look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertView {
    /// Stable code (docs/operating.md).
    code: String,
    /// In words.
    words: String,
    /// Since when, by the node's clock.
    since: Time,
}

/// The node and how far it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Sync {
    /// The node's name.
    name: String,
    /// What it does.
    roles: Vec<String>,
    /// Version of the program.
    version: String,
    /// The network.
    network: Id,
    /// Height of its last block.
    height: u64,
    /// Time of that block.
    time: Time,
    /// Blocks it knows of and does not have.
    behind: u64,
    /// Where it stands.
    #[serde(flatten)]
    progress: ProgressView,
    /// The members it talks to.
    peers: Vec<PeerView>,
    /// Transactions that wait.
    mempool_transactions: usize,
    /// Their bytes.
    mempool_bytes: usize,
    /// What a person should look at.
    alerts: Vec<AlertView>,
}

impl From<NodeStatus> for Sync {
    fn from(status: NodeStatus) -> Self {
        Self {
            name: status.name,
            roles: status.roles,
            version: status.version,
            network: Id::of(status.network),
            height: status.height.0,
            time: status.time.into(),
            behind: status.behind,
            progress: match status.progress {
                Progress::Current => ProgressView::Current,
                Progress::Syncing => ProgressView::Syncing,
                Progress::Stuck { since_ms } => ProgressView::Stuck { since: Time::at_ms(since_ms) },
            },
            peers: status
                .peers
                .into_iter()
                .map(|p| PeerView { member: Id::of(p.member), connected: p.connected, transport: p.transport })
                .collect(),
            mempool_transactions: status.mempool.transactions,
            mempool_bytes: status.mempool.bytes,
            alerts: status.alerts.into_iter().map(|a| AlertView { code: a.code, words: a.words, since: Time::at_ms(a.since_ms) }).collect(),
        }
    }
}

/// A node that is well.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Well {
    /// Always `ok`.
    pub(crate) status: &'static str,
}
