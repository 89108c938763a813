//! `countersign node`: runs a member's node until it is told to stop.

use super::Session;
use crate::{command::network_arguments::OverrideArguments, failure::Failure};
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_service::{Config, LostVotes, Service, log};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `node`.
#[derive(Debug, Args)]
pub struct NodeArguments {
    /// The node's configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: OverrideArguments,
    /// Where the node listens, instead of `network.listen` in the file
    #[arg(long, env = "COUNTERSIGN_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Vote although this validator's record of its votes is lost: only if its operator knows that no other has a vote of it for the next height
    #[arg(long)]
    pub accept_lost_votes: bool,
    /// What is logged, instead of `log.filter` in the file
    #[arg(long, env = "COUNTERSIGN_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The configuration is malformed, there is no chain, or a port cannot be had.
#[boxed]
pub async fn run(session: &Session, arguments: &NodeArguments) -> Result<(), Failure> {
    let mut config = Config::load(&arguments.config, &arguments.overrides.overrides())?;
    config.network.listen = arguments.listen.or(config.network.listen);
    log::start(arguments.log.as_ref().unwrap_or(&config.log.filter))?;
    // before anything that takes long: who stops the node while it starts is heard
    let mut terminated = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics cannot be set up")?;
    let votes = if arguments.accept_lost_votes { LostVotes::Accept } else { LostVotes::BeSilent };
    let service = Service::start(&config, session.keys.verifying_folder(), metrics, votes).await?;
    let (state, url) = (service.node().state(), format!("http://{}", service.gateway()));
    let listen = service.node().net().local_address().map(|a| a.to_string());
    let text = || {
        let where_ = listen.as_ref().map_or_else(|| "connects outwards only".to_owned(), |a| format!("listens on {a}"));
        format!("{} runs: network {}, block {}, {where_}, gateway {url}", config.name, state.network(), state.tip().height)
    };
    let value = || json!({ "name": config.name, "network": state.network().to_string(), "height": state.tip().height.0, "listen": listen, "gateway": url });
    session.screen.result(text, value);
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    tracing::info!("stopping");
    service.stop().await;
    tracing::info!("stopped");
    Ok(())
}
