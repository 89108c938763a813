//! Which study a question can be asked under.

use crate::{deciding::standing, draft::scope_of};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{State, StudyRecord, StudyStatus, TableKey};
use countersign_messages::{MemberId, Role, StudyId};
use countersign_query::Question;
use std::collections::BTreeSet;

/// Why there is no study to ask under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCovered {
    /// No hospital has anchored a table for the dictionary.
    NoTable,
    /// No study of the member's covers the question.
    NoStudy {
        /// Consent scopes of the data categories it has to read.
        needed: BTreeSet<String>,
    },
    /// One does, and is suspended.
    Held {
        /// The study's number.
        study: u32,
        /// By whom and why.
        words: String,
    },
    /// One does, and waits for its ethics board.
    NotApproved {
        /// The study's number.
        study: u32,
    },
    /// One does, and either not all hospitals that have the table have accepted it, or the same question was asked in it before.
    NotAccepted {
        /// The study's number.
        study: u32,
        /// How many hospitals have accepted it.
        accepted: u32,
    },
}

/// Consent scopes of the data categories a question reads.
pub fn categories_of(question: &Question) -> BTreeSet<String> {
    question.categories.iter().map(|c| scope_of(c)).collect()
}

/// Names of the hospitals that have anchored a table for a dictionary.
pub fn hospitals_with_table(state: &State, dictionary: &Digest32) -> Vec<String> {
    let has_table = |hospital: MemberId| state.table(&TableKey { hospital, table: *dictionary }).is_some();
    state.members().filter(|m| m.has_role(Role::Hospital) && has_table(m.id)).map(|m| m.name.to_string()).collect()
}

/// An open study of the member's that covers the question, was not asked it yet, and was accepted by every hospital that has the table.
///
/// # Errors
/// [`NotCovered`]: what has to happen first.
pub fn covering(state: &State, researcher: &MemberId, dictionary: &Digest32, question: &Question) -> Result<StudyId, NotCovered> {
    let has_table = |hospital: MemberId| state.table(&TableKey { hospital, table: *dictionary }).is_some();
    let with_table: Vec<MemberId> = state.members().filter(|m| m.has_role(Role::Hospital) && has_table(m.id)).map(|m| m.id).collect();
    if with_table.is_empty() {
        return Err(NotCovered::NoTable);
    }
    let needed = categories_of(question);
    let today = state.tip().time.day();
    // one that is over is as good as none
    let covers = |s: &StudyRecord| {
        !s.is_over(today)
            && s.submitted.dictionary == *dictionary
            && s.submitted.researchers.contains(researcher)
            && needed.iter().all(|c| s.submitted.categories.contains(c))
    };
    let fresh = |id: &StudyId| !state.queries().any(|(_, q)| q.query.study == *id && q.query.statement == question.statement);
    let early = |study: &StudyRecord| study.not_before().is_some_and(|first| today < first);
    let asks = |study: &StudyRecord| covers(study) && study.status() == StudyStatus::Open && !early(study);
    let accepted = |id: &StudyId, study: &StudyRecord| with_table.iter().all(|h| !study.allows(h) || state.cut(id, h).is_some());
    if let Some((id, _)) = state.studies().find(|(id, study)| asks(study) && fresh(id) && accepted(id, study)) {
        return Ok(*id);
    }
    // one that goes on rather than one that does not
    let newest = state.studies().filter(|(_, study)| covers(study)).max_by_key(|(_, study)| (study.suspensions.is_empty(), study.number));
    Err(match newest {
        None => NotCovered::NoStudy { needed },
        Some((_, study)) if study.status() == StudyStatus::Suspended || early(study) => {
            NotCovered::Held { study: study.number, words: standing(state, study) }
        }
        Some((_, study)) if study.approvals.is_empty() => NotCovered::NotApproved { study: study.number },
        Some((_, study)) => NotCovered::NotAccepted { study: study.number, accepted: study.accepted },
    })
}
