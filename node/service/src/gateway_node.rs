//! The node as its gateway sees it.

use crate::config::Config;
use async_trait::async_trait;
use countersign_api::{Alert, MempoolStatus, NodeStatus, Peer, Progress, SubmitRefused};
use countersign_consensus::{Accusation, AlertCode, Node, RoleNow, mempool::SubmitError};
use countersign_ledger::{State, Tip};
use countersign_messages::{EnvelopeError, Transaction};
use countersign_net::Transport;
use countersign_store::ChainStore;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Code of an alert that tells of a member's offence.
pub const ACCUSED: &str = "accused";
/// How often it is noted which conditions hold.
const TICK: Duration = Duration::from_secs(1);
/// Block time this much behind, beside two pauses between blocks, means that blocks are being fetched.
const SYNCING_MS: u64 = 15_000;

/// See the module's documentation.
pub(crate) struct GatewayNode {
    node: Node,
    config: Config,
    tips: watch::Sender<Tip>,
    /// When each alert was first seen.
    since: Mutex<BTreeMap<(String, String), u64>>,
}

impl GatewayNode {
    pub(crate) fn new(node: Node, config: Config) -> Arc<Self> {
        let tips = watch::Sender::new(node.state().tip());
        Arc::new(Self { node, config, tips, since: Mutex::default() })
    }

    /// Tells of new blocks and notes alerts, until told to stop.
    pub(crate) async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut states = self.node.subscribe();
        let mut tick = tokio::time::interval(TICK);
        loop {
            self.tips.send_replace(states.borrow_and_update().tip());
            tokio::select! {
                changed = states.changed() => if changed.is_err() { return },
                _ = tick.tick() => drop(self.alerts()),
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// What holds now, with when it was first seen.
    fn alerts(&self) -> Vec<Alert> {
        let state = self.node.state();
        let told = |a: Accusation| {
            let name = state.member(&a.member).map_or_else(|| a.member.to_string(), |m| m.name.to_string());
            (ACCUSED.to_owned(), format!("{name}: {} at block {}: {}", a.offence, a.height, a.detail))
        };
        let raised = self.node.alerts().raised().into_iter().map(|(code, words)| (code.name().to_owned(), words));
        let now: Vec<(String, String)> = raised.chain(self.node.alerts().accusations().into_iter().map(told)).collect();
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        // words of a condition may change while it holds; an accusation is its words
        let key = |(code, words): &(String, String)| (code.clone(), if code == ACCUSED { words.clone() } else { String::new() });
        let keys: Vec<_> = now.iter().map(key).collect();
        since.retain(|known, _| keys.contains(known));
        let clock = countersign_member::now().0;
        let alerts = now.into_iter().zip(keys);
        alerts.map(|((code, words), key)| Alert { code, words, since_ms: *since.entry(key).or_insert(clock) }).collect()
    }

    fn progress(&self, behind_ms: u64, tip: Tip) -> Progress {
        let stalled =
            self.node.alerts().raised().iter().any(|(code, _)| matches!(code, AlertCode::Stalled | AlertCode::Fork | AlertCode::Storage));
        if stalled {
            Progress::Stuck { since_ms: tip.time.0 }
        } else if behind_ms > SYNCING_MS + 2 * self.config.validator.pace.idle_ms {
            Progress::Syncing
        } else {
            Progress::Current
        }
    }
}

#[async_trait]
impl countersign_api::Node for GatewayNode {
    fn state(&self) -> State {
        self.node.state()
    }

    fn tips(&self) -> watch::Receiver<Tip> {
        self.tips.subscribe()
    }

    fn store(&self) -> &ChainStore {
        self.node.store()
    }

    async fn submit(&self, transaction: Transaction) -> Result<(), SubmitRefused> {
        let (signer, found) = (transaction.signer, transaction.sequence);
        self.node.submit(transaction).map(drop).map_err(|error| match error {
            SubmitError::Envelope(error) => SubmitRefused::Envelope(error),
            SubmitError::Taken { .. } | SubmitError::Ahead { .. } => {
                SubmitRefused::Envelope(EnvelopeError::Sequence { found, next: self.node.next_sequence(&signer) })
            }
            SubmitError::Gap { .. } | SubmitError::Share { .. } => {
                SubmitRefused::SignerQuota { waiting: self.node.status().mempool.transactions }
            }
            SubmitError::Busy | SubmitError::Patients => SubmitRefused::Full,
        })
    }

    fn status(&self) -> NodeStatus {
        let (status, state) = (self.node.status(), self.node.state());
        let now = match status.role {
            RoleNow::Validator => "validating",
            RoleNow::CatchingUp => "catching-up",
            RoleNow::Follower => "following",
        };
        let roles = state.member(&status.member).into_iter().flat_map(|m| m.roles.iter().map(ToString::to_string));
        let transport = |peer: &countersign_net::PeerStatus| match (&peer.connection, peer.configured.as_ref().map(|p| p.transport)) {
            (Some(connection), _) => connection.carrier.name(),
            (None, Some(Transport::Quic)) => "quic",
            (None, Some(Transport::Tcp)) => "tcp",
            (None, _) => "auto",
        };
        let peer = |p: &countersign_net::PeerStatus| Peer {
            member: p.member,
            connected: p.connection.is_some(),
            transport: transport(p).to_owned(),
        };
        NodeStatus {
            name: status.name,
            roles: std::iter::once(now.to_owned()).chain(roles).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            network: status.network,
            height: status.tip.height,
            time: status.tip.time,
            // a follower asks for the next block, and hears of no height
            behind: 0,
            progress: self.progress(status.behind_ms, status.tip),
            peers: status.peers.iter().map(peer).collect(),
            mempool: MempoolStatus { transactions: status.mempool.transactions, bytes: status.mempool.bytes },
            alerts: self.alerts(),
        }
    }
}
