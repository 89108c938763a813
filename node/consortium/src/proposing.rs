//! Proposals and votes.

use crate::ConsortiumError;
use async_recursion::async_recursion as boxed;
use countersign_ledger::{Effect, ProposalStatus, Tally};
use countersign_member::{Connection, Member};
use countersign_messages::{Change, Height, Payload, Proposal, ProposalId, Vote};

/// A change that was proposed, with the proposer's vote for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// Its identity.
    pub proposal: ProposalId,
    /// As people call it: `G-2`.
    pub number: u32,
    /// Where it stands.
    pub status: ProposalStatus,
}

/// A vote that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// The votes so far.
    pub tally: Tally,
    /// Where the proposal stands.
    pub status: ProposalStatus,
}

/// Proposes a change. It is in force from `in_force` on, or as soon as it is carried.
///
/// # Errors
/// The ledger refuses it.
#[boxed]
pub async fn propose(
    connection: &mut Connection,
    member: &Member,
    change: Change,
    in_force: Height,
    reason: &str,
) -> Result<Proposed, ConsortiumError> {
    let proposal = Proposal { change, in_force, reason: reason.to_owned() };
    let (_, result) = connection.accepted(member, Payload::Propose(proposal)).await?;
    match result.effect() {
        Some(Effect::Proposed { proposal, number, status }) => Ok(Proposed { proposal: *proposal, number: *number, status: *status }),
        _ => Err(ConsortiumError::NotRecorded("proposal")),
    }
}

/// Votes on a proposal.
///
/// # Errors
/// The ledger refuses it.
#[boxed]
pub async fn vote(connection: &mut Connection, member: &Member, proposal: ProposalId, approve: bool) -> Result<Voted, ConsortiumError> {
    let (_, result) = connection.accepted(member, Payload::Vote(Vote { proposal, approve })).await?;
    match result.effect() {
        Some(Effect::Voted { tally, status, .. }) => Ok(Voted { tally: *tally, status: *status }),
        _ => Err(ConsortiumError::NotRecorded("vote")),
    }
}
