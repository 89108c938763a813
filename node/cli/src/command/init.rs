//! `countersign init`: a development network in a data folder.

use super::Session;
use crate::{
    circuit_keys::DEVELOPMENT_NOTICE,
    failure::Failure,
    network::{DataFolder, Network, NetworkOptions},
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The data folder to make
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// Name of a hospital; repeat for every hospital
    #[arg(long = "site", value_name = "NAME", required = true)]
    pub sites: Vec<String>,
    /// Least number of people behind a released number
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub k_min: u32,
}

/// Runs it.
///
/// # Errors
/// The folder holds a network, or a name is not usable.
pub async fn run(session: &Session, arguments: &InitArguments) -> Result<(), Failure> {
    session.ensure_keys()?;
    let options = NetworkOptions { sites: arguments.sites.clone(), k_min: arguments.k_min, categories: Default::default() };
    let network = Network::create(DataFolder::new(&arguments.data), &session.keys, &options).await?;
    let id = network.state().network();
    network.close().await?;
    let text = || {
        format!("development network {id} in {}\nhospitals: {}\n{DEVELOPMENT_NOTICE}", arguments.data.display(), arguments.sites.join(", "))
    };
    session.screen.result(text, || json!({ "network": id.to_string(), "folder": arguments.data, "sites": arguments.sites, "k_min": arguments.k_min, "development_keys": true }));
    Ok(())
}
