//! A study is rejected, suspended, lifted, stopped or closed.

use crate::StudyError;
use async_recursion::async_recursion as boxed;
use countersign_ledger::{State, StudyRecord, StudyStatus};
use countersign_member::{Connection, Member};
use countersign_messages::{Act, Height, MemberId, Payload, SealingParty, StudyAct, StudyId};

/// Decides about a study, for whom the member can: as an ethics board of it, or as who submitted it.
///
/// # Errors
/// There is no such study, or the ledger refuses: it is not for this member to decide, or does not fit where the study stands.
#[boxed]
pub async fn decide(connection: &mut Connection, member: &Member, study: StudyId, act: Act, reason: &str) -> Result<Height, StudyError> {
    let record = connection.state().study(&study).ok_or(StudyError::Unknown("study"))?;
    let by = if record.submitter == member.id() { SealingParty::Team } else { SealingParty::Board };
    let decided = StudyAct { study, by, act, reason: reason.to_owned() };
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
    let name = |id: &MemberId| state.member(id).map_or("unknown", |member| member.name.as_str());
    let decisions = study.suspensions.values().chain(&study.ended).map(|d| format!("by {}: {}", name(&d.by), d.reason));
    [words.to_owned()].into_iter().chain(decisions).collect::<Vec<_>>().join(", ")
}
