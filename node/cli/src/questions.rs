//! What a researcher has asked: where each question stands at each hospital, and the answers that are there, at any time.

use crate::{
    answers::Collected,
    failure::Failure,
    network::{Holder, Network},
};
use anyhow::anyhow;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Cut, PairRecord, PairStatus, QueryRecord, TableKey};
use countersign_messages::{BlockTime, MemberId, QueryId, StudyId};
use countersign_query::{Question, compile};
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
    /// The time is over.
    Over,
}

impl Standing {
    /// In words: what is there, or what is waited for. `until` is the question's deadline.
    pub fn words(&self, until: &str) -> String {
        match self {
            Self::Answered => "answered".to_owned(),
            Self::Declined { code, reason } => format!("declined ({code}): {}", crate::screen::plain(reason)),
            Self::Waiting { rejected: 0 } => format!("waits for the hospital's node, or for a person there, until {until}"),
            Self::Waiting { rejected } => {
                format!("{rejected} answers were rejected by the ledger; waits for another from the hospital until {until}")
            }
            Self::Closed => "closed: its answers did not verify".to_owned(),
            Self::Over => format!("no answer came until {until}; ask again"),
        }
    }

    /// For programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Declined { .. } => "declined",
            Self::Waiting { .. } => "waiting",
            Self::Closed => "closed",
            Self::Over => "over",
        }
    }
}

/// A block time as people read it, UTC.
pub fn when(time: BlockTime) -> String {
    let minutes = time.0 / 60_000 % (24 * 60);
    format!("{} {:02}:{:02} UTC", countersign_ingest::day_text(time.day()), minutes / 60, minutes % 60)
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

impl Network {
    /// Questions of studies whose team the member is on, by number.
    pub fn asked_by(&self, member: &MemberId, now: BlockTime) -> Vec<Asked> {
        let state = self.state();
        let mine = state
            .queries()
            .filter(|(_, q)| q.asker == *member || state.study(&q.query.study).is_some_and(|s| s.submitted.researchers.contains(member)));
        let mut asked: Vec<Asked> = mine.map(|(id, record)| self.asked(*id, record, now)).collect();
        asked.sort_unstable_by_key(|a| a.number);
        asked
    }

    fn asked(&self, id: QueryId, record: &QueryRecord, now: BlockTime) -> Asked {
        let state = self.state();
        let standing = |site: &MemberId| match state.pair(&id, site) {
            Some(PairRecord { status: PairStatus::Answered(_), .. }) => Standing::Answered,
            Some(PairRecord { status: PairStatus::Declined { code, reason, .. }, .. }) => {
                Standing::Declined { code: code.to_string(), reason: reason.clone() }
            }
            Some(pair) if !pair.is_open() => Standing::Closed,
            _ if record.query.deadline <= now => Standing::Over,
            Some(pair) => Standing::Waiting { rejected: u32::from(pair.invalid) + pair.stale.len() as u32 },
            None => Standing::Waiting { rejected: 0 },
        };
        Asked {
            id,
            number: record.number,
            study: state.study(&record.query.study).map_or(0, |s| s.number),
            question: record.query.question.clone(),
            asked: record.time,
            deadline: record.query.deadline,
            sites: record.sites.iter().map(|site| (self.site_name(site), standing(site))).collect(),
        }
    }

    /// The answers to a question that are there now: opened, verified here, tabulated. Works after any restart, from the chain and the member's
    /// own keys.
    ///
    /// # Errors
    /// The member cannot open its answers, an answer does not verify, or the question's words are not those of its statement.
    pub async fn result(&self, query: QueryId) -> Result<(Question, Collected), Failure> {
        let record = self.state().query(&query).ok_or_else(|| anyhow!("the ledger has no such query"))?;
        let study = self.state().study(&record.query.study).ok_or_else(|| anyhow!("the ledger has no such study"))?;
        let dictionary = crate::study::dictionary(self, &study.submitted.dictionary)?;
        let question = compile(&record.query.question, dictionary)?;
        if question.statement != record.query.statement {
            let words = "the words on the ledger are not those of the statement that was asked; ask who asked it";
            return Err(Failure::Refused(format!("Q-{}: {words}", record.number)));
        }
        let collected = self.collect(query, &question, &BTreeMap::new()).await?;
        Ok((question, collected))
    }

    /// The last time that the member's team asked this statement, if its answers are there or may still come, and nothing that is anchored has
    /// changed since: then there is nothing new to be asked.
    pub fn asked_before(
        &self,
        member: &MemberId,
        dictionary: &Digest32,
        question: &Question,
        study: Option<StudyId>,
        now: BlockTime,
    ) -> Option<QueryId> {
        let state = self.state();
        let same = |(_, record): &(&QueryId, &QueryRecord)| {
            let team = state.study(&record.query.study);
            record.query.statement == question.statement
                && team.is_some_and(|s| s.submitted.dictionary == *dictionary && s.submitted.researchers.contains(member))
                && study.is_none_or(|study| study == record.query.study)
        };
        let there = |(id, record): &(&QueryId, &QueryRecord)| {
            let standings = self.asked(**id, record, now).sites;
            let useful = |s: &Standing| matches!(s, Standing::Answered | Standing::Waiting { .. });
            standings.values().any(useful) && (study.is_some() || self.is_current(record))
        };
        state.queries().filter(same).filter(there).max_by_key(|(_, record)| record.number).map(|(id, _)| *id)
    }

    /// True if every hospital that was asked would be asked about the same tables again, and no other has joined the study. Those of its research cut (rule D12); on a
    /// development network, where every hospital is at hand and may renew it, the tables it has anchored.
    fn is_current(&self, record: &QueryRecord) -> bool {
        let state = self.state();
        let Some(study) = state.study(&record.query.study) else { return false };
        let (dictionary, registry) = (study.submitted.dictionary, study.registry);
        let same = |cut: &Cut| {
            let current =
                |table: Digest32| state.table(&TableKey { hospital: cut.hospital, table }).map(|t| t.current().collect::<Vec<_>>());
            let research = state.research_cut(&cut.hospital, &dictionary, &registry);
            let anchored = current(dictionary).as_ref() == Some(&cut.data) && current(registry).as_ref() == Some(&cut.consent);
            research.is_some_and(|made| made.origin == cut.origin) && (anchored || matches!(self.holder(), Holder::Member(_)))
        };
        let with_table = state.tables().filter(|(key, _)| key.table == study.submitted.dictionary).count();
        with_table == record.sites.len()
            && state.cuts(&record.query.study).count() == record.sites.len()
            && state.cuts(&record.query.study).all(same)
    }
}
