//! Whoever submitted a study suspends, lifts or closes it; where a study stands.

use crate::{StudyError, conditions_in_words};
use async_recursion::async_recursion as boxed;
use countersign_ledger::{State, StudyRecord, StudyStatus};
use countersign_member::{Connection, Member};
use countersign_messages::{Act, Height, MemberId, Payload, StudyAct, StudyId};

/// Decides about a study as who submitted it: suspends it, lifts that, or closes it.
///
/// # Errors
/// There is no such study, or the ledger refuses: it is not for this member to decide, or does not fit where the study stands.
#[boxed]
pub async fn decide(connection: &mut Connection, member: &Member, study: StudyId, act: Act, reason: &str) -> Result<Height, StudyError> {
    let decided = StudyAct { study, act, reason: reason.to_owned() };
    Ok(connection.accepted(member, Payload::StudyAct(decided)).await?.0)
}

/// Where a study stands, in words, with who decided it and why.
pub fn standing(state: &State, study: &StudyRecord) -> String {
    let words = match study.status() {
        StudyStatus::Submitted => "waits for the ethics board",
        StudyStatus::Approved | StudyStatus::Open => "approved",
        StudyStatus::Suspended => "suspended",
        StudyStatus::Rejected => "rejected",
        StudyStatus::Stopped => "stopped",
        StudyStatus::Closed => "closed",
    };
    let name = |id: &MemberId| state.member(id).map_or_else(|| "unknown".to_owned(), |member| member.name.to_string());
    let decisions = study.suspensions.values().chain(&study.ended).map(|d| format!("by {}: {}", name(&d.by), d.reason));
    let conditions = study.conditions().flat_map(|conditions| conditions_in_words(&name, conditions));
    [words.to_owned()].into_iter().chain(decisions).chain(conditions).collect::<Vec<_>>().join(", ")
}
