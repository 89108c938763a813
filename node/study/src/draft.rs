//! A study before it is on the ledger.

use crate::StudyError;
use async_recursion::async_recursion as boxed;
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_ledger::{Effect, State};
use countersign_member::{Connection, Member};
use countersign_messages::{MemberId, Payload, Role, SealingKey, SealingParty, StudyId, StudySubmit};
use std::collections::BTreeSet;

/// How long a study runs, days.
const STUDY_DAYS: i32 = 90;
/// What every study is for: the scope `p.health`, research for health.
const PURPOSE: &str = "p.health";

/// What a study is about.
#[derive(Debug, Clone)]
pub struct StudyDraft {
    /// Title.
    pub title: String,
    /// In plain words.
    pub summary: String,
    /// The dictionary its questions are asked in.
    pub dictionary: Digest32,
    /// Data categories it reads, with or without `c.` before them.
    pub categories: BTreeSet<String>,
    /// Least number of people behind a released cell.
    pub k_min: u32,
}

/// The ethics boards answers of a member's study are sealed to, as the ledger lists them: the named ones, or the one there is.
///
/// # Errors
/// A name is no board's, there is no board that has no part in the study, or there are several and none is named.
pub fn boards(state: &State, submitter: &MemberId, names: &[String]) -> Result<Vec<MemberId>, StudyError> {
    let all: Vec<_> = state.members().filter(|m| m.has_role(Role::Board) && m.id != *submitter).collect();
    let listed = || all.iter().map(|m| m.name.to_string()).collect();
    let named = |name: &String| {
        let found = all.iter().find(|m| m.name.as_str() == name).map(|m| m.id);
        found.ok_or_else(|| StudyError::NoSuchBoard { name: name.clone(), boards: listed() })
    };
    match (names, all.as_slice()) {
        ([], []) => Err(StudyError::NoBoard),
        ([], [only]) => Ok(vec![only.id]),
        ([], _) => Err(StudyError::WhichBoard(listed())),
        (names, _) => names.iter().map(named).collect(),
    }
}

/// Submits a study. Answers will be sealed to the researcher and to the boards, by the keys the ledger lists for them.
///
/// # Errors
/// The ledger refuses it, or lists another sealing key for the researcher.
#[boxed]
pub async fn submit(
    connection: &mut Connection,
    researcher: &Member,
    boards: &[MemberId],
    draft: &StudyDraft,
) -> Result<StudyId, StudyError> {
    let key = |party, member: &MemberId| {
        let listed = connection.state().member(member).ok_or(StudyError::NotListed(*member))?;
        Ok::<_, StudyError>(SealingKey { party, member: *member, key: listed.sealing })
    };
    let mut sealing = vec![key(SealingParty::Team, &researcher.id())?];
    if sealing.iter().any(|own| own.key != researcher.sealing().public()) {
        return Err(StudyError::OtherSealingKey);
    }
    for board in boards {
        sealing.push(key(SealingParty::Board, board)?);
    }
    sealing.sort();
    sealing.dedup();
    let submit = StudySubmit {
        title: draft.title.clone(),
        summary: draft.summary.clone(),
        dictionary: draft.dictionary,
        purpose: PURPOSE.into(),
        categories: draft.categories.iter().map(|c| scope_of(c)).collect(),
        k_min: draft.k_min,
        researchers: vec![researcher.id()],
        sealing,
        expiry: Day(connection.state().tip().time.day().0 + STUDY_DAYS),
    };
    let (_, result) = connection.accepted(researcher, Payload::StudySubmit(submit)).await?;
    match result.effect() {
        Some(Effect::Submitted { study, .. }) => Ok(*study),
        _ => Err(StudyError::NotRecorded("study")),
    }
}

/// The consent scope of a data category.
pub(crate) fn scope_of(category: &str) -> String {
    if category.starts_with("c.") { category.to_owned() } else { format!("c.{category}") }
}
