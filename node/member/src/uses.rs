//! Which accepted answers a slot could be counted in, from the ledger alone.
//!
//! Whether a record matched a question nobody can tell but the hospital: a slot *could* be counted where its segment is in the answer's cut and the slot was in force at
//! the height the answer names.

use countersign_circuits::segment::SLOTS;
use countersign_ledger::{PairStatus, State};
use countersign_messages::{BlockTime, Height, MemberId, QueryId};

/// An answer that a slot could be counted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The study's number (`S-3`).
    pub study: u32,
    /// Its title.
    pub title: String,
    /// The query.
    pub query: QueryId,
    /// Its number (`Q-7`).
    pub number: u32,
    /// As it was asked.
    pub question: String,
    /// Who asked, by name.
    pub asker: String,
    /// When it was asked, in block time.
    pub asked: BlockTime,
    /// Block of the answer.
    pub height: Height,
}

/// The answers of a hospital that any of some of its slots could be counted in, by the number of the question.
pub fn uses(state: &State, hospital: &MemberId, slots: &[u32]) -> Vec<Use> {
    let mut found: Vec<Use> = state.queries().filter_map(|(id, _)| one(state, id, hospital, slots)).collect();
    found.sort_unstable_by_key(|used| used.number);
    found
}

fn one(state: &State, id: &QueryId, hospital: &MemberId, slots: &[u32]) -> Option<Use> {
    let record = state.query(id)?;
    let PairStatus::Answered(answer) = &state.pair(id, hospital)?.status else { return None };
    let (study, cut) = (state.study(&record.query.study)?, state.cut(&record.query.study, hospital)?);
    let counted = |slot: &u32| {
        let inside = (*slot as usize / SLOTS) < cut.data.len();
        inside && state.withdrawal(*hospital, *slot).is_none_or(|left| left.height > answer.named)
    };
    slots.iter().any(counted).then(|| Use {
        study: study.number,
        title: study.submitted.title.clone(),
        query: *id,
        number: record.number,
        question: record.query.question.clone(),
        asker: state.member(&record.asker).map_or_else(|| record.asker.to_string(), |member| member.name.to_string()),
        asked: record.time,
        height: answer.height,
    })
}
