//! What was asked, and where each question stands at each hospital.

use crate::deciding::standing as standing_of_study;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{DataCut, PairRecord, PairStatus, QueryRecord, State, StudyStatus, TableKey};
use countersign_member::Connection;
use countersign_messages::{BlockTime, MemberId, QueryId, StudyId};
use countersign_query::Question;
use std::collections::BTreeMap;

/// Where a question stands at a hospital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The ledger has accepted its answer.
    Answered,
    /// It declined.
    Declined {
        /// The refusal's code.
        code: String,
        /// In words.
        reason: String,
    },
    /// It may still answer.
    Waiting {
        /// Answers of it that the ledger has rejected.
        rejected: u32,
    },
    /// It can answer no more: its answers did not verify.
    Closed,
    /// The study is suspended, or was ended: nobody answers.
    Held(String),
    /// The time is over.
    Over,
}

impl Standing {
    /// For programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Declined { .. } => "declined",
            Self::Waiting { .. } => "waiting",
            Self::Closed => "closed",
            Self::Held(_) => "held",
            Self::Over => "over",
        }
    }
}

/// A question that was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its identity.
    pub id: QueryId,
    /// As people call it: `Q-7`.
    pub number: u32,
    /// The study's number.
    pub study: u32,
    /// As asked.
    pub question: String,
    /// When it was asked, block time.
    pub asked: BlockTime,
    /// Until when hospitals may answer.
    pub deadline: BlockTime,
    /// Each hospital, by name.
    pub sites: BTreeMap<String, Standing>,
}

/// Whether the keys of all hospitals are here, as on a development network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HospitalsAtHand {
    /// They are: their research cuts are renewed when a study is opened.
    All,
    /// Each hospital decides itself when it renews its research cut (rule D12).
    None,
}

/// Questions of studies whose team the member is on, by number. `now` is the clock.
pub fn asked_by(connection: &Connection, member: &MemberId, now: BlockTime) -> Vec<Asked> {
    let state = connection.state();
    let mine = state
        .queries()
        .filter(|(_, q)| q.asker == *member || state.study(&q.query.study).is_some_and(|s| s.submitted.researchers.contains(member)));
    let mut asked: Vec<Asked> = mine.map(|(id, record)| one(connection, *id, record, now)).collect();
    asked.sort_unstable_by_key(|a| a.number);
    asked
}

fn one(connection: &Connection, id: QueryId, record: &QueryRecord, now: BlockTime) -> Asked {
    let state = connection.state();
    let study = state.study(&record.query.study).filter(|study| !matches!(study.status(), StudyStatus::Open | StudyStatus::Approved));
    let held = study.map(|study| standing_of_study(state, study));
    let standing = |site: &MemberId| match state.pair(&id, site) {
        Some(PairRecord { status: PairStatus::Answered(_), .. }) => Standing::Answered,
        Some(PairRecord { status: PairStatus::Declined { code, reason, .. }, .. }) => {
            Standing::Declined { code: code.to_string(), reason: reason.clone() }
        }
        Some(pair) if !pair.is_open() => Standing::Closed,
        _ if record.query.deadline <= now => Standing::Over,
        _ if held.is_some() => Standing::Held(held.clone().unwrap_or_default()),
        _ if !takes_part(state, record, site) => Standing::Held("by an approval of the study this hospital takes no part any more".into()),
        Some(pair) => Standing::Waiting { rejected: u32::from(pair.invalid) },
        None => Standing::Waiting { rejected: 0 },
    };
    Asked {
        id,
        number: record.number,
        study: state.study(&record.query.study).map_or(0, |s| s.number),
        question: record.query.question.clone(),
        asked: record.time,
        deadline: record.query.deadline,
        sites: record.hospitals.iter().map(|site| (connection.member_name(site), standing(site))).collect(),
    }
}

/// True if every approval of the study lets the hospital take part.
fn takes_part(state: &State, record: &QueryRecord, hospital: &MemberId) -> bool {
    state.study(&record.query.study).is_none_or(|study| study.allows(hospital))
}

/// The last time that the member's team asked this statement, if its answers are there or may still come, and nothing that is anchored has
/// changed since: then there is nothing new to be asked. `now` is the clock.
pub fn asked_before(
    connection: &Connection,
    member: &MemberId,
    (dictionary, question): (&Digest32, &Question),
    study: Option<StudyId>,
    hospitals: HospitalsAtHand,
    now: BlockTime,
) -> Option<QueryId> {
    let state = connection.state();
    let same = |(_, record): &(&QueryId, &QueryRecord)| {
        let team = state.study(&record.query.study);
        record.query.statement == question.statement
            && team.is_some_and(|s| s.submitted.dictionary == *dictionary && s.submitted.researchers.contains(member))
            && study.is_none_or(|study| study == record.query.study)
    };
    let there = |(id, record): &(&QueryId, &QueryRecord)| {
        let standings = one(connection, **id, record, now).sites;
        let useful = |s: &Standing| matches!(s, Standing::Answered | Standing::Waiting { .. });
        standings.values().any(useful) && (study.is_some() || is_current(state, record, hospitals))
    };
    state.queries().filter(same).filter(there).max_by_key(|(_, record)| record.number).map(|(id, _)| *id)
}

/// True if every hospital that was asked would be asked about the same tables again, and no other has joined the study. Those of its research cut (rule D12); where
/// every hospital is at hand and may renew it, the tables it has anchored.
fn is_current(state: &State, record: &QueryRecord, hospitals: HospitalsAtHand) -> bool {
    let Some(study) = state.study(&record.query.study) else { return false };
    let (dictionary, registry) = (study.submitted.dictionary, study.registry);
    let same = |cut: &DataCut| {
        let versions = state.cut_versions(cut, state.tip().height);
        let current = |table: Digest32| state.table(&TableKey { hospital: cut.hospital, table }).map(|t| t.current().collect::<Vec<_>>());
        let research = state.research_cut(&cut.hospital, &dictionary, &registry);
        let anchored = current(dictionary).as_ref() == Some(&versions.data) && current(registry).as_ref() == Some(&versions.consent);
        research.is_some_and(|made| made.origin == cut.origin) && (anchored || hospitals == HospitalsAtHand::None)
    };
    let with_table = state.tables().filter(|(key, _)| key.table == study.submitted.dictionary && study.allows(&key.hospital)).count();
    let cuts = || state.cuts(&record.query.study).filter(|cut| study.allows(&cut.hospital));
    with_table == record.hospitals.len() && cuts().count() == record.hospitals.len() && cuts().all(same)
}
