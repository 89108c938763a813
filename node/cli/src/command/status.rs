//! `countersign status`: how a node is, from its gateway; or what its store holds if it does not run.

use super::Session;
use crate::{command::network_arguments::OverrideArguments, failure::Failure, screen::plain};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_member::{
    gateway::{GatewayClient, GatewayError},
    now,
};
use countersign_messages::json::{Alert, Id, Member, Peer, Progress, Sync, Time, Validators};
use countersign_service::{ACCUSED, Config, no_chain};
use countersign_store::ChainStore;
use serde::Serialize;
use serde_json::json;
use std::{fmt, path::PathBuf};

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
#[boxed]
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
    let sync = match client.get::<Sync>("/v1/sync").await {
        // a port the system chose may be another node's by now
        Ok(sync) if config.as_ref().is_some_and(|c| sync.name != c.name) => return stopped(session, config.as_ref()).await,
        Ok(sync) => sync,
        Err(GatewayError::Away { .. }) if config.is_some() => return stopped(session, config.as_ref()).await,
        Err(error) => return Err(error.into()),
    };
    let validators = client.get("/v1/validators").await?;
    let members: Vec<Member> = client.list("/v1/members").await?;
    session.screen.found(&Running::new(url, sync, &validators, &members));
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

/// A node that runs: what its gateway says, accusations apart from alerts, names beside keys.
#[derive(Serialize)]
struct Running {
    running: bool,
    url: String,
    name: String,
    roles: Vec<String>,
    version: String,
    network: Id,
    height: u64,
    time: Time,
    behind: u64,
    behind_ms: u64,
    #[serde(flatten)]
    progress: Progress,
    validating: bool,
    validators: Vec<String>,
    peers: Vec<NamedPeer>,
    mempool_transactions: usize,
    mempool_bytes: usize,
    alerts: Vec<Alert>,
    accusations: Vec<Alert>,
}

/// A peer with its name.
#[derive(Serialize)]
struct NamedPeer {
    #[serde(flatten)]
    peer: Peer,
    name: String,
}

impl Running {
    fn new(url: String, sync: Sync, validators: &Validators, members: &[Member]) -> Self {
        let name_of = |id: &Id| members.iter().find(|m| m.id == *id).map_or_else(|| "?".to_owned(), |m| m.name.clone());
        let (accusations, alerts) = sync.alerts.into_iter().partition(|alert| alert.code == ACCUSED);
        Self {
            running: true,
            url,
            // in the validator set is not enough: one that lost its votes is silent for some blocks
            validating: sync.roles.iter().any(|role| role == "validating"),
            behind_ms: now().0.saturating_sub(sync.time.ms),
            validators: validators.members.iter().map(name_of).collect(),
            peers: sync.peers.into_iter().map(|peer| NamedPeer { name: name_of(&peer.member), peer }).collect(),
            name: sync.name,
            roles: sync.roles,
            version: sync.version,
            network: sync.network,
            height: sync.height,
            time: sync.time,
            behind: sync.behind,
            progress: sync.progress,
            mempool_transactions: sync.mempool_transactions,
            mempool_bytes: sync.mempool_bytes,
            alerts,
            accusations,
        }
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, network, height, .. } = self;
        writeln!(f, "{} ({}), version {}, network {network}", plain(name), plain(&self.roles.join(", ")), plain(version))?;
        let ago = self.behind_ms as f64 / 1_000.0;
        writeln!(f, "block {height} of {}, {ago:.1} s ago: {}", plain(&self.time.utc), self.progress)?;
        writeln!(f, "validators: {}", plain(&self.validators.join(", ")))?;
        write!(f, "mempool: {} transactions, {} bytes", self.mempool_transactions, self.mempool_bytes)?;
        for NamedPeer { peer, name } in &self.peers {
            let connected = if peer.connected { "connected" } else { "away" };
            write!(f, "\npeer {}: {connected} ({})", plain(name), plain(&peer.transport))?;
        }
        for alert in &self.alerts {
            write!(f, "\nALERT {}: {}", plain(&alert.code), plain(&alert.words))?;
        }
        for accusation in &self.accusations {
            write!(f, "\naccusation: {}", plain(&accusation.words))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: &str) -> String {
        digit.repeat(64)
    }

    #[test]
    fn accusations_stand_apart_and_names_beside_keys() {
        let time = json!({ "ms": 1, "utc": "1970-01-01T00:00:00.001Z" });
        let alert = |code: &str, words: &str| json!({ "code": code, "words": words, "since": time });
        let (odd, accused) = (alert("A01", "look\u{1b}[2J"), alert(ACCUSED, "b signed twice"));
        let mut sync = json!({
            "name": "a", "roles": ["gateway", "validating"], "version": "0.1.0", "network": id("0"), "height": 7, "time": time, "behind": 2,
            "progress": "stuck", "since": time, "mempool_transactions": 3, "mempool_bytes": 4, "alerts": [odd, accused],
            "peers": [{ "member": id("b"), "connected": false, "transport": "quic" }, { "member": id("c"), "connected": true, "transport": "tcp" }]
        });
        let validators = json!({ "digest": id("0"), "quorum": 2, "members": [id("a"), id("b")] });
        let member = |digit: &str| json!({ "id": id(digit), "name": digit, "roles": [], "sealing": id("0"), "next_sequence": 0 });
        let said = Running::new(
            "http://x".into(),
            serde_json::from_value(sync.clone()).unwrap(),
            &serde_json::from_value(validators).unwrap(),
            &serde_json::from_value::<Vec<Member>>(json!([member("a"), member("b")])).unwrap(),
        );
        let words = said.to_string();
        let lines: Vec<&str> = words.lines().collect();
        assert_eq!(lines[0], format!("a (gateway, validating), version 0.1.0, network {}", id("0")));
        assert!(lines[1].starts_with("block 7 of 1970-01-01T00:00:00.001Z, ") && lines[1].ends_with(" s ago: stuck"), "{words}");
        assert_eq!(
            lines[2..],
            [
                "validators: a, b",
                "mempool: 3 transactions, 4 bytes",
                "peer b: away (quic)",
                "peer ?: connected (tcp)",
                "ALERT A01: look\\u{1b}[2J",
                "accusation: b signed twice"
            ]
        );
        // in JSON it is what the gateway says and some more
        for (peer, name) in [(0, "b"), (1, "?")] {
            sync["peers"][peer]["name"] = json!(name);
        }
        sync["alerts"] = json!([odd]);
        sync["accusations"] = json!([accused]);
        sync["validators"] = json!(["a", "b"]);
        for (field, value) in
            [("running", json!(true)), ("validating", json!(true)), ("url", json!("http://x")), ("behind_ms", json!(said.behind_ms))]
        {
            sync[field] = value;
        }
        assert_eq!(serde_json::to_value(&said).unwrap(), sync);
    }
}
