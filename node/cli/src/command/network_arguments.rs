//! Where a command finds its chain and keys: the data folder of a development network, or a node's configuration.

use super::Session;
use crate::{
    failure::Failure,
    keyed_connection::{KeyHolder, KeyedConnection},
};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_consortium::DataFolder;
use countersign_service::{Config, Overrides, beside};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// What flags and environment variables say instead of the configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct OverrideArguments {
    /// Where the chain is kept, instead of `storage` in the file
    #[arg(long, env = "COUNTERSIGN_STORAGE", hide_env_values = true, value_name = "URL")]
    pub storage: Option<String>,
    /// Where the gateway listens, instead of `gateway.listen` in the file
    #[arg(long, env = "COUNTERSIGN_GATEWAY", value_name = "ADDRESS")]
    pub gateway: Option<SocketAddr>,
}

impl OverrideArguments {
    /// As the configuration takes them.
    pub fn overrides(&self) -> Overrides {
        Overrides { storage: self.storage.clone().map(Into::into), gateway: self.gateway }
    }
}

/// A data folder or a configuration.
#[derive(Debug, Clone, Args)]
pub struct NetworkArguments {
    /// Data folder of a development network, with everybody's keys
    #[arg(long, value_name = "FOLDER", required_unless_present = "config", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// Configuration of a member's node, which must be running
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: OverrideArguments,
}

/// A configuration.
#[derive(Debug, Clone, Args)]
pub struct MemberArguments {
    /// Configuration of the member's node, which must be running
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: OverrideArguments,
}

impl NetworkArguments {
    /// Opens the network.
    ///
    /// # Errors
    /// There is none, or its keys are not those of the keys folder.
    #[boxed]
    pub async fn open(&self, session: &Session) -> Result<KeyedConnection, Failure> {
        match (&self.data, &self.config) {
            (_, Some(config)) => open(session, config, &self.overrides).await,
            (Some(data), None) => KeyedConnection::open(DataFolder::new(data), &session.keys).await,
            (None, None) => Err(Failure::Refused("name a data folder (--data) or a node's configuration (--config)".into())),
        }
    }
}

impl MemberArguments {
    /// Opens the chain of the member's node, with the member's keys.
    ///
    /// # Errors
    /// There is no chain, or its keys are not those of the keys folder.
    #[boxed]
    pub async fn open(&self, session: &Session) -> Result<KeyedConnection, Failure> {
        open(session, &self.config, &self.overrides).await
    }
}

async fn open(session: &Session, config: &Path, overrides: &OverrideArguments) -> Result<KeyedConnection, Failure> {
    let config = Config::load(config, &overrides.overrides())?;
    let (folder, connection) = beside(&config, session.keys.verifying_folder()).await?;
    Ok(KeyedConnection::new(KeyHolder::Member(Box::new(folder)), connection))
}
