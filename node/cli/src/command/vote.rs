//! `countersign vote`: a governance member votes on a proposal.

use super::{Session, network_arguments::MemberArguments};
use crate::failure::Failure;
use async_recursion::async_recursion as boxed;
use clap::{Args, ValueEnum};
use countersign_consortium::{Voted, vote};
use countersign_member::named;
use serde_json::json;

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ballot {
    /// For the change
    Yes,
    /// Against it
    No,
}

/// Arguments of `vote`.
#[derive(Debug, Args)]
pub struct VoteArguments {
    /// The proposal (G-2, or its id)
    pub proposal: String,
    /// For or against
    pub ballot: Ballot,
    /// The governance member's node
    #[command(flatten)]
    pub member: MemberArguments,
}

/// Runs it.
///
/// # Errors
/// There is no such proposal, it is decided, or the member may not vote.
#[boxed]
pub async fn run(session: &Session, arguments: &VoteArguments) -> Result<(), Failure> {
    let mut network = arguments.member.open(session).await?;
    let proposal = named::proposal(network.state(), &arguments.proposal)?;
    let member = network.holder().reader()?;
    let Voted { tally, status } = vote(&mut network, &member, proposal, arguments.ballot == Ballot::Yes).await?;
    network.close().await?;
    let text = || format!("{} of {} for, {} against: {status}", tally.approve, tally.voters, tally.reject);
    let value = || {
        json!({ "proposal": proposal.to_string(), "approve": tally.approve, "reject": tally.reject, "voters": tally.voters,
            "status": status.to_string() })
    };
    session.screen.result(text, value);
    Ok(())
}
