//! A node as a service: the node itself, its gateway, and a hospital's answering.

use crate::{
    ServiceError,
    answering::Answering,
    beside::{checker, no_chain},
    config::{AnswerMode, Config},
    gateway_node::GatewayNode,
};
use async_recursion::async_recursion as boxed;
use countersign_api::{Gateway, GatewayConfig};
use countersign_consensus::{Node, NodeConfig};
use countersign_hospital::ProvingKeys;
use countersign_ledger::ProofChecker;
use countersign_member::{MemberFolder, VerifyingFolder};
use countersign_messages::Role;
use countersign_store::ChainStore;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// How often the metrics' old figures are folded.
const UPKEEP: Duration = Duration::from_secs(5);

/// What a validator does whose record of its votes is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostVotes {
    /// It waits until others have decided every height it may have voted at.
    BeSilent,
    /// It votes: its operator knows that this does no harm.
    Accept,
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    node: Node,
    gateway: SocketAddr,
    gateway_file: PathBuf,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Service {
    /// Starts everything. `keys` is the folder of circuit keys; the metrics recorder is the program's.
    ///
    /// # Errors
    /// There is no chain, another process writes to it, circuit keys are missing, or a port cannot be had.
    #[boxed]
    pub async fn start(config: &Config, keys: &VerifyingFolder, metrics: PrometheusHandle, votes: LostVotes) -> Result<Self, ServiceError> {
        let folder = config.member_folder()?;
        let checker = checker(config, keys)?;
        let store = ChainStore::open(&config.store_url()?).await.map_err(|error| no_chain(config, error))?;
        let validate = config.validator.enabled.then(|| config.wal());
        let mut node_config = NodeConfig::new(config.name.clone(), folder.member.signing().clone(), config.net(), validate);
        node_config.pace = config.pace();
        node_config.accept_lost_votes = votes == LostVotes::Accept;
        let node = Node::start(node_config, store, Arc::clone(&checker)).await?;
        let started = Self::serve(config, keys, folder, &node, checker, metrics).await;
        match started {
            Ok((gateway, stop, tasks)) => Ok(Self { node, gateway, gateway_file: config.gateway_file(), stop, tasks }),
            Err(error) => {
                node.shutdown().await;
                Err(error)
            }
        }
    }

    async fn serve(
        config: &Config,
        keys: &VerifyingFolder,
        folder: MemberFolder,
        node: &Node,
        checker: Arc<dyn ProofChecker>,
        metrics: PrometheusHandle,
    ) -> Result<(SocketAddr, watch::Sender<bool>, JoinSet<()>), ServiceError> {
        let state = node.state();
        state.check_keys(checker.as_ref())?;
        if state.member(&folder.member.id()).is_none() {
            tracing::warn!("\"{}\" is no member of the network yet; it waits until it is voted in", config.name);
        }
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let gateway_config = GatewayConfig {
            listen: config.gateway.listen,
            behind_proxy: config.gateway.behind_proxy,
            hosts: config.gateway.hosts.clone(),
            limits: config.gateway.limits.clone(),
            metrics: metrics.clone(),
        };
        let gateway_node = GatewayNode::new(node.clone(), config.clone());
        tasks.spawn(Arc::clone(&gateway_node).watch(stop.subscribe()));
        let gateway = Gateway::bind(gateway_config, gateway_node).await?;
        let address = gateway.address();
        let file = config.gateway_file();
        std::fs::write(&file, format!("{address}\n")).map_err(|source| ServiceError::Write { path: file, source })?;
        tasks.spawn(gateway.run(stopped(stop.subscribe())));
        let mut stops = stop.subscribe();
        tasks.spawn(async move {
            while tokio::time::timeout(UPKEEP, stops.wait_for(|stop| *stop)).await.is_err() {
                metrics.run_upkeep();
            }
        });
        if config.hospital.answer == AnswerMode::Automatic && folder.member.roles.contains(&Role::Hospital) {
            let answering = Answering { node: node.clone(), folder, keys: ProvingKeys::new(keys.path()), checker };
            tasks.spawn(answering.run(stop.subscribe()));
        }
        Ok((address, stop, tasks))
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Where its gateway listens.
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// Stops what clients use, then the node.
    #[boxed]
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        // whoever finds it all the same looks at the name of what answers there
        drop(std::fs::remove_file(&self.gateway_file));
        self.node.shutdown().await;
    }
}

/// Completes when told to stop, or when nobody is left to tell.
async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
