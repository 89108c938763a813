//! A node: connections, a copy of the chain, a mempool, and either the engine of a validator or a follower.
//!
//! Which of the two runs is decided by the chain: a node that is configured to validate starts the engine when its key is in the validator
//! set, and goes back to following when it is voted out.

mod blobs;
mod confirm;
mod events;
mod role;
mod status;
mod traffic;
mod watchman;

pub use blobs::BlobError;
pub use confirm::ConfirmError;
pub use status::{NodeStatus, RoleNow};

use crate::{
    alert::Alerts,
    clock::Clock,
    malachite::network::{Inlet, Outgoing},
    mempool::{Inserted, SubmitError},
    pool::Pool,
    replica::{Replica, ReplicaError},
    server::Server,
    validator::{Conduct, Honest, Pace},
};
use async_recursion::async_recursion as boxed;
use countersign_ledger::{ProofChecker, State};
use countersign_messages::{MemberId, Transaction, ValidatorSet};
use countersign_net::{Net, NetConfig, NetError, system_clock};
use countersign_store::ChainStore;
use ed25519_dalek::SigningKey;
use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    sync::{RwLock, watch},
    task::JoinSet,
};

/// What a node is started with.
#[derive(Clone)]
pub struct NodeConfig {
    /// Its name, for people.
    pub name: String,
    /// Its member's key.
    pub key: SigningKey,
    /// Its connections.
    pub net: NetConfig,
    /// The folder of the write-ahead log, if it validates whenever its key is in the validator set.
    pub validate: Option<PathBuf>,
    /// True if a validator whose record of votes is lost is to vote all the same: its operator knows that this does no harm.
    pub accept_lost_votes: bool,
    /// How fast a validator goes; followers tell by it when blocks are late.
    pub pace: Pace,
    /// Its clock.
    pub clock: Clock,
    /// What it proposes: [`Honest`], but for the Byzantine actors of tests.
    pub conduct: Arc<dyn Conduct>,
    /// What changes messages to other validators: nothing, but for the Byzantine actors of tests.
    pub outgoing: Option<Arc<dyn Outgoing>>,
}

impl NodeConfig {
    /// An honest node.
    pub fn new(name: impl Into<String>, key: SigningKey, net: NetConfig, validate: Option<PathBuf>) -> Self {
        Self {
            name: name.into(),
            key,
            net,
            validate,
            accept_lost_votes: false,
            pace: Pace::default(),
            clock: Clock::system(),
            conduct: Arc::new(Honest),
            outgoing: None,
        }
    }
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig").field("name", &self.name).field("net", &self.net).field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// A node cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its connections.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Its copy of the chain.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
}

/// What the tasks of a node share.
pub(crate) struct Shared {
    pub(crate) config: NodeConfig,
    pub(crate) net: Net,
    pub(crate) replica: Arc<Replica>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) server: Server,
    pub(crate) alerts: Arc<Alerts>,
    /// Where messages of validators go while the engine runs.
    pub(crate) inlet: RwLock<Option<Inlet>>,
    /// Members that may connect.
    pub(crate) members: watch::Sender<Arc<BTreeSet<MemberId>>>,
    /// The validators of the next height.
    pub(crate) validators: watch::Sender<ValidatorSet>,
    pub(crate) role: watch::Sender<RoleNow>,
    pub(crate) stop: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn me(&self) -> MemberId {
        self.net.me()
    }

    /// Members of the state; while this node follows or catches up also the peers its operator has configured, who may have joined later.
    pub(crate) fn admitted(config: &NodeConfig, state: &State, role: RoleNow) -> Arc<BTreeSet<MemberId>> {
        let members = state.members().map(|m| m.id);
        let configured = config.net.peers.iter().map(|p| p.member).filter(|_| role != RoleNow::Validator);
        Arc::new(members.chain(configured).collect())
    }
}

/// A running node. Clones are handles on the same.
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
    tasks: Arc<Mutex<Option<JoinSet<()>>>>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.shared.config.name).field("replica", &self.shared.replica).finish_non_exhaustive()
    }
}

impl Node {
    /// Starts a node over a store.
    ///
    /// # Errors
    /// [`NodeError`].
    #[boxed]
    pub async fn start(config: NodeConfig, store: ChainStore, checker: Arc<dyn ProofChecker>) -> Result<Self, NodeError> {
        let replica = Arc::new(Replica::open(store, checker).await?);
        let state = replica.state();
        let alerts = Arc::new(Alerts::default());
        let members = watch::Sender::new(Shared::admitted(&config, &state, RoleNow::Follower));
        let (net, events) = Net::start(config.net.clone(), config.key.clone(), members.subscribe(), system_clock()).await?;
        let pool = Arc::new(Pool::new(Arc::clone(&replica), net.clone(), Arc::clone(&alerts)));
        let server = Server::new(Arc::clone(&replica));
        let shared = Arc::new(Shared {
            config,
            net,
            replica,
            pool,
            server,
            alerts,
            inlet: RwLock::default(),
            members,
            validators: watch::Sender::new(state.validators()),
            role: watch::Sender::new(RoleNow::Follower),
            stop: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(events::run(Arc::clone(&shared), events));
        tasks.spawn(watchman::run(Arc::clone(&shared)));
        tasks.spawn(role::run(Arc::clone(&shared)));
        tasks.spawn(blobs::run(Arc::clone(&shared)));
        Ok(Self { shared, tasks: Arc::new(Mutex::new(Some(tasks))) })
    }

    /// Who it is.
    pub fn me(&self) -> MemberId {
        self.shared.me()
    }

    /// The state after the last block.
    pub fn state(&self) -> State {
        self.shared.replica.state()
    }

    /// Hears of every new state.
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.shared.replica.subscribe()
    }

    /// The store.
    pub fn store(&self) -> &ChainStore {
        self.shared.replica.store()
    }

    /// The proof checker.
    pub fn checker(&self) -> &Arc<dyn ProofChecker> {
        self.shared.replica.checker()
    }

    /// The connections.
    pub fn net(&self) -> &Net {
        &self.shared.net
    }

    /// Alerts and accusations.
    pub fn alerts(&self) -> &Alerts {
        &self.shared.alerts
    }

    /// The next sequence number a member can sign with, after what waits in this node's mempool.
    pub fn next_sequence(&self, member: &MemberId) -> u64 {
        self.shared.pool.next_sequence(member)
    }

    /// Takes a transaction in and passes it on.
    ///
    /// # Errors
    /// It is refused.
    pub fn submit(&self, transaction: Transaction) -> Result<Inserted, SubmitError> {
        self.shared.pool.submit(transaction)
    }

    /// Stops everything, the most important last: connections, engine, then the store. A second call does nothing.
    #[boxed]
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut tasks) = tasks {
            while tasks.join_next().await.is_some() {}
            self.shared.net.clone().shutdown().await;
            self.shared.replica.close().await;
        }
    }
}
