//! `countersign join`: a member makes its copy of the chain and learns where the others are.

use super::Session;
use crate::{command::network_arguments::OverrideArguments, failure::Failure};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_member::Card;
use countersign_service::{Admission, join};
use serde_json::json;
use std::path::PathBuf;

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
    pub overrides: OverrideArguments,
}

/// Runs it. Running it again adds peers.
///
/// # Errors
/// The folder is no member's, the genesis is malformed, or the folder holds the chain of another network.
#[boxed]
pub async fn run(session: &Session, arguments: &JoinArguments) -> Result<(), Failure> {
    let cards = arguments.peers.iter().map(|path| Card::load(path)).collect::<Result<Vec<_>, _>>()?;
    let joined = join(&arguments.folder, &arguments.genesis, &cards, &arguments.overrides.overrides()).await?;
    let (genesis, file) = (&joined.genesis, joined.config.display());
    let admission = joined.admission.as_ref().map(words);
    let text = || {
        let mut lines =
            vec![format!("joined network {} (\"{}\"); compare this id with what the other members say", genesis.network(), genesis.name)];
        if !joined.peers_added.is_empty() {
            lines.push(format!("{file} connects to: {}", joined.peers_added.join(", ")));
        }
        lines.extend(admission.clone());
        lines.push(format!("next: countersign node --config {file}"));
        lines.join("\n")
    };
    let value = || {
        json!({ "network": genesis.network().to_string(), "store": joined.store, "peers_added": joined.peers_added, "member": admission.is_none(),
            "admission": admission })
    };
    session.screen.result(text, value);
    Ok(())
}

/// What has to happen before this member can take part.
fn words(admission: &Admission) -> String {
    format!(
        "\"{}\" is not in the genesis: unless it was admitted since, one of {} runs `countersign propose member {} --reason TEXT --config \
         node.toml`, and more than two thirds of them vote for it with `countersign vote`. Start the node before or after: it connects \
         once the change is in force",
        admission.name,
        admission.governing.join(", "),
        admission.card
    )
}
