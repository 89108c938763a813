//! How the node is.

use super::{time, time_at_ms};
use crate::node::{Alert, NodeStatus, Peer, Progress};
use countersign_messages::json;

fn progress(progress: Progress) -> json::Progress {
    match progress {
        Progress::Current => json::Progress::Current,
        Progress::Syncing => json::Progress::Syncing,
        Progress::Stuck { since_ms } => json::Progress::Stuck { since: time_at_ms(since_ms) },
    }
}

fn peer(peer: Peer) -> json::Peer {
    json::Peer { member: peer.member.into(), connected: peer.connected, transport: peer.transport }
}

fn alert(alert: Alert) -> json::Alert {
    json::Alert { code: alert.code, words: alert.words, since: time_at_ms(alert.since_ms) }
}

/// The node and how far it is.
pub(crate) fn sync(status: NodeStatus) -> json::Sync {
    json::Sync {
        name: status.name,
        roles: status.roles,
        version: status.version,
        network: status.network.into(),
        height: status.height.0,
        time: time(status.time),
        behind: status.behind,
        progress: progress(status.progress),
        peers: status.peers.into_iter().map(peer).collect(),
        mempool_transactions: status.mempool.transactions,
        mempool_bytes: status.mempool.bytes,
        alerts: status.alerts.into_iter().map(alert).collect(),
    }
}

/// A node that is well.
pub(crate) fn well() -> json::Well {
    json::Well { status: "ok".into() }
}
