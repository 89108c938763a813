//! Accepting a study, which fixes what it may be asked about: the hospital's research cut (rule D12).

use super::{Hospital, HospitalError};
use crate::{
    opening::{OpeningKey, TableKind, TableName},
    research_cut::{Renewal, Version},
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_ledger::TableKey;
use countersign_member::Connection;
use countersign_messages::{Height, Payload, StudyAccept, StudyId};
use std::collections::BTreeSet;

/// Which tables a study is answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResearchCut {
    /// The current ones: the hospital had no research cut for the dictionary.
    First,
    /// The current ones: so many rows were new, gone or changed that the research cut is renewed.
    Renewed {
        /// Rows.
        changed: u64,
    },
    /// The current ones: openings of the research cut are gone from the hospital's file, or go as they hold rows of people who were erased.
    Lost {
        /// Its block.
        since: Height,
    },
    /// Those of the research cut.
    Kept {
        /// The block that made it.
        since: Height,
        /// Rows that are new, gone or changed since.
        changed: u64,
        /// Rows it takes to renew it.
        needed: u64,
    },
}

impl ResearchCut {
    /// What a person at the hospital is told.
    pub fn words(&self) -> String {
        match self {
            Self::First => "the data anchored now are fixed for it, and for the studies after it".to_owned(),
            Self::Renewed { changed } => {
                format!("the data anchored now are fixed for it and for the studies after it: {changed} rows are new, gone or changed")
            }
            Self::Lost { since } => format!(
                "the data anchored now are fixed for it and for the studies after it: the openings of the data of block {since} are no longer in the hospital's file \
                 (was it brought back from an older backup?), or they go as somebody was erased; no new study is answered from them"
            ),
            Self::Kept { since, changed: 0, .. } => format!("it is asked about the data of block {since}, as the studies before it"),
            Self::Kept { since, changed, needed } => format!(
                "it is asked about the data of block {since}, as the studies before it: {changed} rows are new, gone or changed since, and it takes {needed} until \
                 new studies get newer data. Whoever withdraws is out at once"
            ),
        }
    }
}

impl Hospital {
    /// Accepts a study. Its cut is the hospital's research cut, renewed if enough has changed since.
    ///
    /// # Errors
    /// There is no such study, the ledger refuses, or the hospital's file is damaged.
    #[boxed]
    pub async fn accept(&self, connection: &mut Connection, study: StudyId, k_min: u32) -> Result<(Height, ResearchCut), HospitalError> {
        connection.refresh().await?;
        let (state, me) = (connection.state(), self.member.id());
        let record = state.study(&study).ok_or(HospitalError::Unknown("study"))?;
        let (dictionary, registry) = (record.submitted.dictionary, record.registry);
        let current = |table| state.table(&TableKey { hospital: me, table }).map(|t| t.current().collect::<Vec<_>>()).unwrap_or_default();
        let (renew, research) = match state.research_cut(&me, &dictionary, &registry) {
            None => (None, ResearchCut::First),
            Some(cut) => {
                let table = TableName { kind: TableKind::Data, digest: dictionary };
                let out = |until: Height| -> BTreeSet<SlotIndex> {
                    state.withdrawals(me).filter(|(_, r)| r.height <= until).map(|(slot, _)| SlotIndex(slot)).collect()
                };
                let (then, now) = (out(cut.height), out(state.tip().height));
                let versions = state.cut_versions(cut, state.tip().height);
                let pinned = Version { segments: &versions.data, out: &then };
                let segments = current(dictionary);
                let k_min = k_min.max(state.rules().k_min);
                let since = state.cut(&cut.origin, &me).map_or(cut.height, |made| made.height);
                let stated = |rows: u64| Some(u32::try_from(rows).unwrap_or(u32::MAX));
                let version = Version { segments: &segments, out: &now };
                let key = |kind, digest| move |segment: &_| OpeningKey { table: TableName { kind, digest }, segment: *segment };
                let data = versions.data.iter().map(key(TableKind::Data, dictionary));
                let keys: Vec<OpeningKey> = data.chain(versions.consent.iter().map(key(TableKind::Consent, registry))).collect();
                let renewal = match self.store.can_stay(&keys).await? {
                    true => self.store.renewal(table, Some(pinned), version, k_min).await?,
                    false => self.store.renewal_of_lost(table, version).await?,
                };
                match renewal {
                    Renewal::First => (None, ResearchCut::First),
                    Renewal::Due { changed } => (stated(changed), ResearchCut::Renewed { changed }),
                    Renewal::Lost { rows } => (stated(rows), ResearchCut::Lost { since }),
                    Renewal::NotYet { changed, needed } => (None, ResearchCut::Kept { since, changed, needed }),
                }
            }
        };
        let (height, _) = connection.accepted(&self.member, Payload::StudyAccept(StudyAccept { study, k_min, renew })).await?;
        Ok((height, research))
    }
}
