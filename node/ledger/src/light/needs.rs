//! What an export of an answer must hold.

use crate::state::{Decision, PairStatus, ProposalStatus, SegmentKey, State, StudyRecord, TableKey};
use countersign_circuits::{hash::Digest32, segment::SegmentId};
use countersign_messages::{Height, MemberId, QueryId, TransactionId, ValidatorSet};
use std::collections::{BTreeMap, BTreeSet};

impl State {
    /// The transactions an export of an answer needs, in no order; `None` if the site has not answered the query.
    pub fn answer_depends_on(&self, query: &QueryId, hospital: &MemberId) -> Option<BTreeSet<TransactionId>> {
        let pair = self.pair(query, hospital)?;
        let PairStatus::Answered(record) = &pair.status else { return None };
        let asked = self.query(query)?;
        let study = self.study(&asked.query.study)?;
        let cut = self.cut(&asked.query.study, hospital)?;
        let mut ids = BTreeSet::from([asked.query.study.0, query.0, cut.transaction, record.transaction]);
        // an answer knows every approval there is, so none is later than the height it names; what came after an acceptance has no part in that
        let approved = |study: &StudyRecord, until: Height| {
            let approvals = study.approvals.values().filter(|approval| approval.height <= until);
            approvals.flat_map(Decision::transactions).collect::<Vec<_>>()
        };
        ids.extend(approved(study, record.named));
        // the study whose acceptance made the research cut that this one took
        let (origin, made) = (self.study(&cut.origin)?, self.cut(&cut.origin, hospital)?);
        ids.extend([cut.origin.0, made.transaction]);
        ids.extend(approved(origin, made.height));
        ids.extend(self.person_transactions(record.height));
        for (id, proposal) in self.proposals().filter(|(_, p)| p.height <= record.height) {
            ids.insert(id.0);
            ids.extend(proposal.votes.iter().filter(|v| v.height <= record.height).map(|v| v.transaction));
        }
        // none lies between that height and the answer; what left later, in the same block too, has no part in it
        ids.extend(self.withdrawn_by(*hospital, record.named));
        // an erasure replaces versions of every table at once, by what they were
        let (tables, until) = match self.erased_until(hospital, record.named) {
            true => (vec![[Digest32([0; 32]), Digest32([u8::MAX; 32])]], record.named),
            false => ([study.submitted.dictionary, study.registry].map(|table| [table; 2]).to_vec(), cut.height),
        };
        for tables in tables {
            let [first, last] = tables.map(|table| TableKey { hospital: *hospital, table });
            let first = SegmentKey { table: first, id: SegmentId { index: 0, version: 0 } };
            let last = SegmentKey { table: last, id: SegmentId { index: u32::MAX, version: u32::MAX } };
            ids.extend(self.segment_range(first, last).filter(|r| r.height <= until).map(|r| r.transaction));
        }
        Some(ids)
    }

    /// The heights whose headers and certificates an export of an answer needs beside those of its transactions, ascending: each with the new validator set where the
    /// header names one. They are the heights that answers name, those after which validators changed, and those after which a proposal was decided or made.
    pub fn answer_heights(
        &self,
        query: &QueryId,
        hospital: &MemberId,
        transactions: &BTreeSet<Height>,
        named: &[Height],
    ) -> Vec<(Height, Option<ValidatorSet>)> {
        let Some(PairStatus::Answered(record)) = self.pair(query, hospital).map(|pair| &pair.status) else { return Vec::new() };
        let last = record.height;
        let before = |height: Height| Height(height.0.saturating_sub(1));
        let mut heights: BTreeSet<Height> = transactions.iter().chain(named).copied().collect();
        for (_, proposal) in self.proposals() {
            heights.extend(match proposal.status {
                ProposalStatus::InForce { since } => Some(before(since)),
                ProposalStatus::Lapsed { height, .. } => Some(before(height)),
                ProposalStatus::Refused { height } | ProposalStatus::Expired { height } => Some(height),
                ProposalStatus::Open | ProposalStatus::Carried { .. } => None,
            });
        }
        let sets: BTreeMap<Height, ValidatorSet> =
            self.validator_changes(last.next()).map(|(height, set)| (before(height), set.clone())).collect();
        heights.extend(sets.keys());
        heights.into_iter().filter(|h| (Height(1)..=last).contains(h)).map(|h| (h, sets.get(&h).cloned())).collect()
    }
}
