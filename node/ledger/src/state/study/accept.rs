//! A hospital accepts an approved study: its cut of the data is made.

use super::check_k_min;
use crate::{
    rejection::{Rejection, StudyRefused},
    state::{
        Context, State,
        records::{CutId, DataCut, SegmentKey, TableKey},
        result::Effect,
    },
};
use countersign_circuits::{hash::Digest32, segment::SegmentId, tag};
use countersign_messages::{StudyAccept, StudyId, codec::bytes_of};

impl State {
    pub(in crate::state) fn apply_study_accept(&mut self, cx: &Context<'_>, accept: &StudyAccept) -> Result<Effect, Rejection> {
        let mut study = self.study_in_force(cx.time, &accept.study)?.as_ref().clone();
        if self.cuts.get(&(accept.study, cx.signer)).is_some() {
            return Err(Rejection::StudyAccepted);
        }
        if !study.allows(&cx.signer) {
            return Err(StudyRefused::Site.into());
        }
        let missing = self.required_boards(&cx.signer).iter().filter(|board| !study.approvals.contains_key(board));
        let missing: Vec<String> = missing.map(|id| self.member(id).map_or_else(|| id.to_string(), |m| m.name.to_string())).collect();
        if !missing.is_empty() {
            return Err(StudyRefused::BoardsMissing(missing).into());
        }
        check_k_min(accept.k_min, study.k_min())?;
        let cut = self.make_cut(cx, accept, study.submitted.dictionary, study.registry)?;
        let id = cut.id;
        if cut.origin == accept.study {
            self.research.insert((cx.signer, study.submitted.dictionary, study.registry), accept.study);
        }
        self.cuts.insert((accept.study, cx.signer), cut);
        study.accepted = study.accepted.saturating_add(1);
        self.studies.insert(accept.study, study);
        Ok(Effect::Accepted { study: accept.study, cut: id })
    }

    /// Pins the research cut, or the current segments of data and consent where there is none or it is renewed.
    fn make_cut(&self, cx: &Context<'_>, accept: &StudyAccept, dictionary: Digest32, registry: Digest32) -> Result<DataCut, Rejection> {
        let research = self.research_cut(&cx.signer, &dictionary, &registry);
        let least = self.in_force.rules.k_min;
        let source = match (accept.renew, research) {
            (Some(found), Some(_)) if found < least => return Err(Rejection::CutChange { found, least }),
            (None, Some(cut)) => {
                let versions = self.cut_versions(cut, cx.height);
                Source { data: versions.data, consent: versions.consent, report: cut.report, origin: cut.origin }
            }
            _ => self.current_tables(cx, accept.study, dictionary, registry)?,
        };
        let key = |table| TableKey { hospital: cx.signer, table };
        let (data_digests, mapping) = self.pin(key(dictionary), &source.data, "mappings")?;
        let (consent_digests, policy) = self.pin(key(registry), &source.consent, "policies")?;
        let head = bytes_of(&(self.network, accept.study, cx.signer, cx.height, cx.transaction, accept.k_min));
        let body = bytes_of(&(data_digests, consent_digests, mapping, policy));
        Ok(DataCut {
            id: CutId(Digest32::tagged(tag::DATA_CUT, [head.as_slice(), &body])),
            study: accept.study,
            hospital: cx.signer,
            data: source.data,
            consent: source.consent,
            mapping,
            policy,
            report: source.report,
            k_min: accept.k_min,
            origin: source.origin,
            changed: accept.renew,
            height: cx.height,
            transaction: cx.transaction,
        })
    }

    /// The signer's current segments.
    fn current_tables(&self, cx: &Context<'_>, study: StudyId, dictionary: Digest32, registry: Digest32) -> Result<Source, Rejection> {
        let table =
            |table: Digest32, what: &'static str| self.tables.get(&TableKey { hospital: cx.signer, table }).ok_or(Rejection::NoTable(what));
        let (data, consent) = (table(dictionary, "data")?, table(registry, "consent")?);
        if data.segment_count() != consent.segment_count() {
            return Err(Rejection::TablesDiffer { data: data.segment_count(), consent: consent.segment_count() });
        }
        let found = u64::from(data.segment_count()) * (u64::from(data.rows) + u64::from(consent.rows));
        let max = self.in_force.rules.points_a_cut;
        if found > max {
            return Err(Rejection::CutTooLarge { found, max });
        }
        Ok(Source { data: data.current().collect(), consent: consent.current().collect(), report: data.report, origin: study })
    }

    /// Digests of segments, and the provenance they all share.
    fn pin(&self, table: TableKey, ids: &[SegmentId], what: &'static str) -> Result<(Vec<Digest32>, Digest32), Rejection> {
        let records: Vec<_> = ids.iter().filter_map(|id| self.segments.get(&SegmentKey { table, id: *id })).collect();
        let provenance = records.first().map(|r| r.provenance).unwrap_or_default();
        if records.iter().any(|r| r.provenance != provenance) {
            return Err(Rejection::Mixed(what));
        }
        Ok((records.iter().map(|r| r.digest).collect(), provenance))
    }
}

/// What a cut is made from.
struct Source {
    data: Vec<SegmentId>,
    consent: Vec<SegmentId>,
    report: Digest32,
    origin: StudyId,
}
