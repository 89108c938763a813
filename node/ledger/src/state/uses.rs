//! Which accepted answers a slot could be counted in.
//!
//! Whether a record matched a question nobody can tell but the hospital: a slot *could* be counted where its segment is in the answer's cut and the slot was in force at
//! the height the answer names.

use super::{State, records::PairStatus};
use countersign_circuits::segment::SLOTS;
use countersign_messages::{Height, MemberId, QueryId, StudyId};

/// An answer that a slot could be counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The query.
    pub query: QueryId,
    /// Its number (`Q-7`).
    pub number: u32,
    /// The study.
    pub study: StudyId,
    /// Block of the answer.
    pub height: Height,
}

impl State {
    /// The answers of a hospital that one of its slots could be counted in, by the number of the question.
    pub fn uses(&self, hospital: &MemberId, slot: u32) -> Vec<Use> {
        let mut found: Vec<Use> = self.queries.iter().filter_map(|(id, _)| self.use_of(id, hospital, slot)).collect();
        found.sort_unstable_by_key(|used| used.number);
        found
    }

    fn use_of(&self, id: &QueryId, hospital: &MemberId, slot: u32) -> Option<Use> {
        let PairStatus::Answered(answer) = &self.pair(id, hospital)?.status else { return None };
        let record = self.query(id)?;
        let cut = self.cut(&record.query.study, hospital)?;
        let inside = (slot as usize / SLOTS) < cut.data.len();
        let in_force = self.withdrawal(*hospital, slot).is_none_or(|left| left.height > answer.named);
        let used = Use { query: *id, number: record.number, study: record.query.study, height: answer.height };
        (inside && in_force).then_some(used)
    }
}
