//! Where a command finds its chain and keys: the data folder of a development network, or a node's configuration.

use super::Session;
use crate::{
    config::{Config, Overrides},
    failure::Failure,
    network::{DataFolder, Holder, Network},
    service,
};
use clap::Args;
use countersign_member::{Beside, Connection, LedgerError, gateway::GatewayClient};
use std::path::{Path, PathBuf};

/// A data folder or a configuration.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Data folder of a development network, with everybody's keys
    #[arg(long, value_name = "FOLDER", required_unless_present = "config", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// Configuration of a member's node, which must be running
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: Overrides,
}

/// A configuration.
#[derive(Debug, Clone, Args)]
pub struct OfMember {
    /// Configuration of the member's node, which must be running
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: Overrides,
}

impl Place {
    /// Opens the network.
    ///
    /// # Errors
    /// There is none, or its keys are not those of the keys folder.
    pub async fn open(&self, session: &Session) -> Result<Network, Failure> {
        match (&self.data, &self.config) {
            (_, Some(config)) => open(session, config, &self.overrides).await,
            (Some(data), None) => Network::open(DataFolder::new(data), &session.keys).await,
            (None, None) => Err(Failure::Refused("name a data folder (--data) or a node's configuration (--config)".into())),
        }
    }
}

impl OfMember {
    /// Opens the chain of the member's node, with the member's keys.
    ///
    /// # Errors
    /// There is no chain, or its keys are not those of the keys folder.
    pub async fn open(&self, session: &Session) -> Result<Network, Failure> {
        open(session, &self.config, &self.overrides).await
    }
}

async fn open(session: &Session, config: &Path, overrides: &Overrides) -> Result<Network, Failure> {
    let config = Config::load(config, overrides)?;
    let folder = config.member_folder()?;
    let checker = service::checker(&config, &session.keys)?;
    let client = GatewayClient::new(&config.gateway_url())?;
    let beside = Beside::open(&config.store_url()?, client).await.map_err(|error| match error {
        LedgerError::Store(error) => service::no_chain(&config, error),
        other => other.into(),
    })?;
    let network = Network::new(Holder::Member(Box::new(folder)), Connection::new(beside, checker));
    network.state().check_keys(network.checker()).map_err(|e| Failure::Refused(e.to_string()))?;
    Ok(network)
}
