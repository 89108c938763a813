//! `countersign join`: a member makes its copy of the chain and learns where the others are.

use super::Session;
use crate::{
    config::{Config, Overrides, peers},
    failure::Failure,
};
use anyhow::Context;
use clap::Args;
use countersign_member::{Card, Member};
use countersign_messages::{Genesis, Role, Wire};
use countersign_store::{ChainStore, StoreError};
use serde_json::json;
use std::path::PathBuf;

/// Bytes of a genesis file.
const GENESIS_BYTES_MAX: u64 = Genesis::BYTES_MAX as u64;

/// Arguments of `join`.
#[derive(Debug, Args)]
pub struct JoinArguments {
    /// The member's folder, made with `init`
    #[arg(long, value_name = "FOLDER")]
    pub folder: PathBuf,
    /// What the network starts from, as the coordinator gave it
    #[arg(long, value_name = "FILE")]
    pub genesis: PathBuf,
    /// Cards of other members: those that listen are connected to, and answers are sealed to the board's; repeat, or name several
    #[arg(long = "peer", value_name = "CARD", num_args = 1..)]
    pub peers: Vec<PathBuf>,
    /// Where the chain is kept, instead of `storage` in the configuration
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Runs it. Running it again adds peers.
///
/// # Errors
/// The folder is no member's, the genesis is malformed, or the folder holds the chain of another network.
pub async fn run(session: &Session, arguments: &JoinArguments) -> Result<(), Failure> {
    let file = arguments.folder.join("node.toml");
    let config = Config::load(&file, &arguments.overrides)?;
    let own = config.member_folder()?;
    let genesis = read(&arguments.genesis)?;
    let cards = arguments.peers.iter().map(|path| Card::load(path)).collect::<Result<Vec<_>, _>>()?;
    for card in &cards {
        let listed = genesis.member(&card.member);
        if let Some(listed) = listed.filter(|m| m.name.as_str() != card.name) {
            return Err(Failure::Refused(format!("the card of \"{}\" has the key of \"{}\" in the genesis", card.name, listed.name)));
        }
    }
    let url = config.store_url()?;
    std::fs::create_dir_all(own.path()).with_context(|| format!("cannot make {}", own.path().display()))?;
    match ChainStore::create(&url, &genesis).await {
        Ok(store) => store.close().await,
        Err(StoreError::Exists(network)) if network == genesis.network().0 => {}
        Err(StoreError::Exists(network)) => {
            return Err(Failure::Refused(format!("{url} holds the chain of another network, {network}; use another folder")));
        }
        Err(error) => return Err(error.into()),
    }
    let me = Card::new(&own.member, None);
    let added = peers::add(&file, &me, &cards)?;
    let admission = admission(&genesis, &own.member, &me);
    let text = || {
        let mut lines =
            vec![format!("joined network {} (\"{}\"); compare this id with what the other members say", genesis.network(), genesis.name)];
        if !added.is_empty() {
            lines.push(format!("{} connects to: {}", file.display(), added.join(", ")));
        }
        lines.extend(admission.clone());
        lines.push(format!("next: countersign node --config {}", file.display()));
        lines.join("\n")
    };
    let value = || json!({ "network": genesis.network().to_string(), "store": url.to_string(), "peers_added": added, "member": admission.is_none(), "admission": admission });
    session.screen.result(text, value);
    Ok(())
}

fn read(path: &PathBuf) -> Result<Genesis, Failure> {
    let length = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if length > GENESIS_BYTES_MAX {
        return Err(Failure::Refused(format!("{} has {length} bytes and is no genesis", path.display())));
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let refused = |why: &dyn std::fmt::Display| Failure::Refused(format!("{} is no genesis: {why}", path.display()));
    let genesis = Genesis::decode(&bytes).map_err(|e| refused(&e))?;
    genesis.check().map_err(|e| refused(&e))?;
    Ok(genesis)
}

/// What has to happen before this member can take part, if it is not in the genesis.
fn admission(genesis: &Genesis, member: &Member, card: &Card) -> Option<String> {
    match genesis.member(&member.id()) {
        Some(_) => None,
        None => {
            let governing: Vec<String> =
                genesis.members.iter().filter(|m| m.has_role(Role::Governance)).map(|m| m.name.to_string()).collect();
            Some(format!(
                "\"{}\" is not in the genesis: unless it was admitted since, one of {} runs `countersign propose member {} --reason TEXT --config \
                 node.toml`, and more than two thirds of them vote for it with `countersign vote`. Start the node before or after: it connects \
                 once the change is in force",
                member.name,
                governing.join(", "),
                card.file_name()
            ))
        }
    }
}
