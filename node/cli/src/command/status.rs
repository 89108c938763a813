//! `countersign status`: how a node is, from its gateway; or what its store holds if it does not run.

use super::Session;
use crate::{command::network_arguments::OverrideArguments, failure::Failure};
use clap::Args;
use countersign_member::{
    gateway::{GatewayClient, GatewayError, text},
    now,
};
use countersign_service::{ACCUSED, Config, no_chain};
use countersign_store::ChainStore;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// The node's configuration
    #[arg(long, value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub config: Option<PathBuf>,
    /// URL of a gateway
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: OverrideArguments,
}

/// Runs it.
///
/// # Errors
/// What answers is no gateway, or nothing answers and there is no store to look at.
pub async fn run(session: &Session, arguments: &StatusArguments) -> Result<(), Failure> {
    let config = match &arguments.config {
        Some(path) => Some(Config::load(path, &arguments.overrides.overrides())?),
        None => None,
    };
    let url = match (&config, &arguments.url) {
        (Some(config), _) => config.gateway_url(),
        (None, Some(url)) => url.clone(),
        (None, None) => return Err(Failure::Refused("name a node's configuration (--config) or a gateway (--url)".into())),
    };
    let client = GatewayClient::new(&url)?;
    let sync = match client.json("/v1/sync").await {
        // a port the system chose may be another node's by now
        Ok(sync) if config.as_ref().is_some_and(|c| sync["name"] != c.name.as_str()) => return stopped(session, config.as_ref()).await,
        Ok(sync) => sync,
        Err(GatewayError::Away { .. }) if config.is_some() => return stopped(session, config.as_ref()).await,
        Err(error) => return Err(error.into()),
    };
    let validators = client.json("/v1/validators").await?;
    let members = client.json("/v1/members").await?;
    let value = gathered(&url, sync, &validators, &members)?;
    let words = in_words(&value)?;
    session.screen.result(|| words, || value.clone());
    Ok(())
}

/// The node does not run: what its store holds.
async fn stopped(session: &Session, config: Option<&Config>) -> Result<(), Failure> {
    let Some(config) = config else { return Ok(()) };
    let store = ChainStore::read(&config.store_url()?).await.map_err(|error| no_chain(config, error))?;
    let last = store.last_height().await?;
    let time = store.header(last).await?.map_or(store.genesis().time, |h| h.time);
    let network = store.genesis().network();
    store.close().await;
    let words = || {
        format!(
            "{} is not running (nobody answers at {}). Its store holds network {network} up to block {last}.\nstart it with `countersign node \
             --config FILE`",
            config.name,
            config.gateway_url()
        )
    };
    let value = || json!({ "running": false, "name": config.name, "network": network.to_string(), "height": last.0, "time_ms": time.0 });
    session.screen.result(words, value);
    Ok(())
}

/// One object from what the gateway says: accusations apart from alerts, names beside keys.
fn gathered(url: &str, mut sync: Value, validators: &Value, members: &Value) -> Result<Value, Failure> {
    let name_of = |id: &Value| {
        let listed = members["items"].as_array().into_iter().flatten().find(|m| m["member"] == *id || m["id"] == *id);
        listed.and_then(|m| m["name"].as_str()).unwrap_or("?").to_owned()
    };
    if let Some(peers) = sync["peers"].as_array_mut() {
        for peer in peers {
            peer["name"] = json!(name_of(&peer["member"]));
        }
    }
    let all = sync["alerts"].as_array().cloned().unwrap_or_default();
    let (accusations, alerts): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|a| a["code"] == ACCUSED);
    let behind_ms = now().0.saturating_sub(sync["time"]["ms"].as_u64().unwrap_or_default());
    // in the validator set is not enough: one that lost its votes is silent for some blocks
    let votes = sync["roles"].as_array().into_iter().flatten().any(|role| role == "validating");
    let names: Vec<String> = validators["members"].as_array().into_iter().flatten().map(name_of).collect();
    if let Some(object) = sync.as_object_mut() {
        object.insert("running".into(), json!(true));
        object.insert("url".into(), json!(url));
        object.insert("behind_ms".into(), json!(behind_ms));
        object.insert("alerts".into(), json!(alerts));
        object.insert("accusations".into(), json!(accusations));
        object.insert("validators".into(), json!(names));
        object.insert("validating".into(), json!(votes));
    }
    Ok(sync)
}

fn in_words(value: &Value) -> Result<String, Failure> {
    let list = |value: &Value| value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!(
            "{} ({}), version {}, network {}",
            text(value, "name")?,
            list(&value["roles"]),
            text(value, "version")?,
            text(value, "network")?
        ),
        format!(
            "block {} of {}, {:.1} s ago: {}",
            value["height"],
            value["time"]["utc"].as_str().unwrap_or("?"),
            value["behind_ms"].as_u64().unwrap_or_default() as f64 / 1_000.0,
            text(value, "progress")?
        ),
        format!("validators: {}", list(&value["validators"])),
        format!("mempool: {} transactions, {} bytes", value["mempool_transactions"], value["mempool_bytes"]),
    ];
    for peer in value["peers"].as_array().into_iter().flatten() {
        let connected = if peer["connected"] == json!(true) { "connected" } else { "away" };
        lines.push(format!("peer {}: {connected} ({})", peer["name"].as_str().unwrap_or("?"), peer["transport"].as_str().unwrap_or("?")));
    }
    for (what, list) in [("ALERT", &value["alerts"]), ("accusation", &value["accusations"])] {
        for entry in list.as_array().into_iter().flatten() {
            let (code, words) = (entry["code"].as_str().unwrap_or("?"), entry["words"].as_str().unwrap_or("?"));
            lines.push(if what == "ALERT" { format!("{what} {code}: {words}") } else { format!("{what}: {words}") });
        }
    }
    Ok(lines.join("\n"))
}
