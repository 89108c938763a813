//! `countersign proposals`: what is proposed, and how the votes stand.

use super::Session;
use crate::{
    command::network_arguments::{MemberArguments, OverrideArguments},
    failure::Failure,
    screen::plain,
};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_ledger::{ProposalRecord, State};
use countersign_member::gateway::GatewayClient;
use countersign_messages::{Change, MemberId, ProposalId, json::ProposalSummary};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments of `proposals`.
#[derive(Debug, Args)]
pub struct ProposalsArguments {
    /// The member's node
    #[arg(long, value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub config: Option<PathBuf>,
    /// URL of a gateway, which is believed
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// What goes before the configuration
    #[command(flatten)]
    pub overrides: OverrideArguments,
    /// Only those that are open or wait to come into force
    #[arg(long)]
    pub pending: bool,
}

/// Runs it.
///
/// # Errors
/// There is no chain.
#[boxed]
pub async fn run(session: &Session, arguments: &ProposalsArguments) -> Result<(), Failure> {
    let config = match (&arguments.config, &arguments.url) {
        (Some(config), _) => config.clone(),
        (None, Some(url)) => return told(session, url, arguments.pending).await,
        (None, None) => return Err(Failure::Refused("name a node's configuration (--config) or a gateway (--url)".into())),
    };
    let network = MemberArguments { config, overrides: arguments.overrides.clone() }.open(session).await?;
    let state = network.state();
    let mut all: Vec<_> = state.proposals().filter(|(_, p)| !arguments.pending || p.status.is_pending()).collect();
    all.sort_unstable_by_key(|(_, p)| p.number);
    let text = || match all.is_empty() {
        true => "no proposals".to_owned(),
        false => all.iter().map(|(_, p)| line(state, p)).collect::<Vec<_>>().join("\n"),
    };
    session.screen.result(text, || json!({ "proposals": all.iter().map(|(id, p)| value(state, id, p)).collect::<Vec<_>>() }));
    network.close().await
}

/// What a gateway says.
async fn told(session: &Session, url: &str, pending: bool) -> Result<(), Failure> {
    let mut all: Vec<ProposalSummary> = GatewayClient::new(url)?.list("/v1/proposals").await?;
    all.retain(|p| !pending || p.standing.is_pending());
    let line =
        |p: &ProposalSummary| format!("G-{}  {}, proposed in block {} by {}, id {}", p.number, p.standing, p.height, p.proposer, p.id);
    let words = || match all.is_empty() {
        true => "no proposals".to_owned(),
        false => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    session.screen.result(words, || json!({ "proposals": all }));
    Ok(())
}

fn line(state: &State, record: &ProposalRecord) -> String {
    let tally = state.tally(record);
    let proposer = state.member(&record.proposer).map_or_else(|| record.proposer.to_string(), |m| m.name.to_string());
    format!(
        "G-{}  {} ({} of {} for, {} against)\n     {}\n     proposed by {proposer} in block {}: {}",
        record.number,
        record.status,
        tally.approve,
        tally.voters,
        tally.reject,
        in_words(state, &record.proposal.change),
        record.height,
        plain(&record.proposal.reason)
    )
}

fn value(state: &State, id: &ProposalId, record: &ProposalRecord) -> Value {
    let tally = state.tally(record);
    json!({ "proposal": id.to_string(), "number": record.number, "kind": record.proposal.change.kind(), "change": in_words(state, &record.proposal.change),
        "status": record.status.to_string(), "pending": record.status.is_pending(), "approve": tally.approve, "reject": tally.reject,
        "voters": tally.voters, "height": record.height.0, "reason": record.proposal.reason })
}

/// What a change does.
pub(super) fn in_words(state: &State, change: &Change) -> String {
    match change {
        Change::Admit(member) => {
            let roles: Vec<String> = member.roles.iter().map(ToString::to_string).collect();
            format!("admit {} as {}, key {}", member.name, roles.join(", "), member.id)
        }
        Change::Remove(id) => format!("remove {}", state.member(id).map_or_else(|| id.to_string(), |m| format!("{}, key {id}", m.name))),
        Change::Dictionary(bytes) => format!("publish a dictionary, sha256 {}", countersign_circuits::hash::Digest32::of(bytes)),
        Change::Registry(registry) => format!("another scope registry: {} scopes, {} dates", registry.scopes.len(), registry.grid.len()),
        Change::Rules(rules) => format!("other rules: {rules:?}"),
        Change::CircuitKeys(keys) => {
            format!("other circuit keys: {}{}", keys.digest, if keys.development { " (development keys)" } else { "" })
        }
        Change::AdmitPerson { board, person } => {
            let board = state.member(board).map_or_else(|| board.to_string(), |m| m.name.to_string());
            format!("admit a person to {board} as {}, until {}, key {}", person.office, person.until, person.key)
        }
        Change::Boards { hospital, boards } => {
            let name = |id: &MemberId| state.member(id).map_or_else(|| id.to_string(), |m| m.name.to_string());
            let boards: Vec<String> = boards.iter().map(name).collect();
            match boards.is_empty() {
                true => format!("{} accepts a study when any of its ethics boards has approved it", name(hospital)),
                false => {
                    format!("{} accepts a study only when these ethics boards have approved it: {}", name(hospital), boards.join(", "))
                }
            }
        }
        Change::EndPerson(key) => format!("end the person of an ethics board with the key {key}"),
    }
}
