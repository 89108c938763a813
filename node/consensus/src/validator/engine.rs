//! Starting and stopping the engine.

use super::{Parts, Validator, ValidatorError};
use crate::malachite::{
    codec::Borsh,
    context::Chain,
    gate::EARLY_OF_ALL_MAX,
    network::{self, Inlet},
};
use arc_malachitebft_app_channel::{
    ConsensusContext, EngineBuilder, RequestContext, SyncContext, WalContext,
    app::config::{ConsensusConfig, NodeConfig, ValueSyncConfig},
};
use async_recursion::async_recursion as boxed;
use std::{path::PathBuf, time::Duration};
use tokio::{sync::watch, task::JoinHandle};

/// Name of the write-ahead log in its folder.
pub const LOG_FILE: &str = "consensus.wal";
/// Requests to the engine that may wait.
const REQUESTS_MAX: usize = 16;
/// How often a validator says how far it is; one that is behind asks for blocks then.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// Requests for blocks a validator that is behind has open.
const SYNC_REQUESTS_MAX: usize = 4;

#[derive(Clone)]
struct Configuration {
    name: String,
    consensus: ConsensusConfig,
    sync: ValueSyncConfig,
}

impl NodeConfig for Configuration {
    fn moniker(&self) -> &str {
        &self.name
    }

    fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut ConsensusConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.sync
    }
}

/// The engine cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The folder of the write-ahead log.
    #[error("cannot make the folder of the write-ahead log {path}: {source}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The actor of its connections.
    #[error("the engine's connections cannot be started: {0}")]
    Network(String),
    /// The engine itself.
    #[error("the consensus engine cannot be started: {0}. Look at the disk; it is tried again")]
    Engine(String),
}

/// A running engine with its application.
#[derive(Debug)]
pub struct RunningEngine {
    /// Where messages of validators enter.
    pub inlet: Inlet,
    stop: watch::Sender<bool>,
    actor: arc_malachitebft_engine::node::NodeRef,
    engine: JoinHandle<()>,
    application: JoinHandle<Result<(), ValidatorError>>,
}

/// Starts the engine and its application. The write-ahead log is the folder's `consensus.wal`; it belongs to this chain's database.
///
/// # Errors
/// [`EngineError`].
#[boxed]
pub async fn start(parts: Parts, name: &str, wal: PathBuf, network: network::Arguments) -> Result<RunningEngine, EngineError> {
    std::fs::create_dir_all(&wal).map_err(|source| EngineError::Folder { path: wal.clone(), source })?;
    let keys = parts.keys.clone();
    let sync =
        ValueSyncConfig { status_update_interval: STATUS_INTERVAL, parallel_requests: SYNC_REQUESTS_MAX, ..ValueSyncConfig::default() };
    // kept for a coming height: what the gate lets through, which is then never dropped
    let consensus = ConsensusConfig { queue_per_height_capacity: EARLY_OF_ALL_MAX, ..ConsensusConfig::default() };
    let configuration = Configuration { name: name.to_owned(), consensus, sync };
    let (actor, sender, inlet) = network::start(network).await.map_err(|e| EngineError::Network(e.to_string()))?;
    let built = EngineBuilder::new(Chain, configuration)
        .with_default_wal(WalContext::new(wal.join(LOG_FILE), Borsh))
        .with_custom_network(actor, sender)
        .with_default_sync(SyncContext::new(Borsh))
        .with_default_consensus(ConsensusContext::new_validator(keys.address(), Box::new(keys.clone()), Box::new(keys)))
        .with_default_request(RequestContext::new(REQUESTS_MAX))
        .build()
        .await;
    let (channels, engine) = built.map_err(|e| EngineError::Engine(format!("{e:#}")))?;
    let (stop, stopped) = watch::channel(false);
    let application = tokio::spawn(Validator::new(parts, channels.network).run(channels.consensus, stopped));
    Ok(RunningEngine { inlet, stop, actor: engine.actor, engine: engine.handle, application })
}

impl RunningEngine {
    /// Waits until the application ends by itself: an error, or the engine has stopped. Cancelling loses nothing.
    ///
    /// # Errors
    /// Why it ended.
    #[boxed]
    pub async fn ended(&mut self) -> Result<(), ValidatorError> {
        (&mut self.application).await.unwrap_or(Err(ValidatorError::Engine))
    }

    /// Stops the engine and waits for it. A block that is being written is written to its end.
    #[boxed]
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.application.await;
        stop_engine(self.actor, self.engine).await;
    }

    /// Stops what is left after the application has ended by itself.
    #[boxed]
    pub async fn abandon(self) {
        stop_engine(self.actor, self.engine).await;
    }
}

async fn stop_engine(actor: arc_malachitebft_engine::node::NodeRef, engine: JoinHandle<()>) {
    let children = actor.get_children();
    actor.stop_children(Some("the node is stopping".into()));
    actor.stop(Some("the node is stopping".into()));
    let _ = engine.await;
    // one that could not write its log waits for ever, on purpose
    children.iter().for_each(ractor::ActorCell::kill);
}
