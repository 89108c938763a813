//! Studies: submitted, approved, accepted.

use super::{
    Context, State,
    records::{Cut, CutId, SegmentKey, StudyRecord, TableKey},
    result::Effect,
};
use crate::rejection::Rejection;
use countersign_circuits::{
    consent::{Day, STUDY_SCOPES_MAX, ScopeError},
    hash::Digest32,
    segment::SegmentId,
};
use countersign_messages::{
    K_MIN_MAX, MemberId, Role, SealingKey, SealingParty, StudyAccept, StudyApprove, StudyId, StudySubmit,
    codec::bytes_of,
    limits::{STUDIES_WAITING_MAX, STUDY_DAYS_MAX},
};

impl State {
    pub(super) fn apply_study_submit(&mut self, cx: &Context<'_>, study: &StudySubmit) -> Result<Effect, Rejection> {
        if study.title.trim().is_empty() || study.summary.trim().is_empty() {
            return Err(Rejection::StudyText);
        }
        if self.dictionaries.get(&study.dictionary).is_none() {
            return Err(Rejection::DictionaryUnknown);
        }
        let scopes = self.study_scopes(study).map_err(|e| Rejection::StudyScopes(e.to_string()))?;
        check_k_min(study.k_min, self.in_force.rules.k_min)?;
        let ascending = study.researchers.windows(2).all(|w| w[0] < w[1]);
        if study.researchers.is_empty() || !ascending || !study.researchers.iter().all(|r| self.has_role(r, Role::Researcher)) {
            return Err(Rejection::Researchers);
        }
        if !self.sealing_keys_fit(&cx.signer, study) {
            return Err(Rejection::SealingKeys);
        }
        let today = cx.time.day();
        if study.expiry < today || study.expiry.0 > today.0 + STUDY_DAYS_MAX {
            return Err(Rejection::StudyExpiry);
        }
        if self.waiting_of(&cx.signer) >= STUDIES_WAITING_MAX {
            return Err(Rejection::StudiesWaiting);
        }
        let account = self.account(cx).with_study()?;
        let id = StudyId(cx.transaction);
        let number = self.submitted.saturating_add(1);
        let record = StudyRecord {
            number,
            submitted: study.clone(),
            submitter: cx.signer,
            height: cx.height,
            version: 1,
            registry: self.in_force.registry,
            scopes,
            approval: None,
            sites: 0,
            statements: 0,
            day: today,
        };
        self.submitted = number;
        self.accounts.insert(cx.signer, account);
        self.waiting.insert((record.waits_until(), id));
        self.studies.insert(id, record);
        Ok(Effect::Submitted { study: id, number })
    }

    /// Studies of a member that wait for a board.
    fn waiting_of(&self, member: &MemberId) -> usize {
        self.waiting.iter().filter(|(_, id)| self.studies.get(id).is_some_and(|s| s.submitter == *member)).count()
    }

    /// Forgets studies that no board has approved in time.
    pub(super) fn forget_waiting(&mut self, today: Day) {
        while let Some((until, id)) = self.waiting.get_min().copied().filter(|(until, _)| *until < today) {
            self.waiting.remove(&(until, id));
            self.studies.remove(&id);
        }
    }

    /// Ascending, each the key the ledger lists for its member: at least one of a researcher of the study, and one of a board that has no part in it. A key
    /// of somebody's own choice would let one who carries it read what the board should, or keep the board from reading.
    fn sealing_keys_fit(&self, submitter: &MemberId, study: &StudySubmit) -> bool {
        let fits = |key: &SealingKey| {
            let listed = self.member(&key.member).is_some_and(|m| m.sealing == key.key);
            let researches = study.researchers.binary_search(&key.member).is_ok();
            listed
                && match key.party {
                    SealingParty::Team => researches,
                    SealingParty::Board => self.has_role(&key.member, Role::Board) && !researches && key.member != *submitter,
                }
        };
        let has = |party| study.sealing.iter().any(|k| k.party == party);
        study.sealing.windows(2).all(|w| w[0] < w[1])
            && has(SealingParty::Team)
            && has(SealingParty::Board)
            && study.sealing.iter().all(fits)
    }

    /// Indices of the study's scopes, ascending and distinct.
    fn study_scopes(&self, study: &StudySubmit) -> Result<Vec<u16>, ScopeError> {
        let registry = self.registry();
        let mut scopes = study.scopes().map(|s| registry.find(s)).collect::<Result<Vec<u16>, _>>()?;
        scopes.sort_unstable();
        if scopes.len() > STUDY_SCOPES_MAX || study.categories.is_empty() || !scopes.windows(2).all(|w| w[0] < w[1]) {
            return Err(ScopeError::Count(scopes.len()));
        }
        Ok(scopes)
    }

    pub(super) fn apply_study_approve(&mut self, cx: &Context<'_>, approve: &StudyApprove) -> Result<Effect, Rejection> {
        let mut study = self.studies.get(&approve.study).ok_or(Rejection::StudyUnknown)?.as_ref().clone();
        if study.submitter == cx.signer || study.submitted.researchers.contains(&cx.signer) {
            return Err(Rejection::OwnStudy);
        }
        if study.approval.is_some() {
            return Err(Rejection::StudyStatus(study.status()));
        }
        if cx.time.day() > study.submitted.expiry {
            return Err(Rejection::StudyExpired(study.submitted.expiry));
        }
        let is_sealed = |key: &SealingKey| key.party == SealingParty::Board && key.member == cx.signer;
        if !study.submitted.sealing.iter().any(is_sealed) {
            return Err(Rejection::BoardNotSealed);
        }
        self.waiting.remove(&(study.waits_until(), approve.study));
        study.approval = Some((cx.signer, cx.height, cx.transaction));
        self.studies.insert(approve.study, study);
        Ok(Effect::Approved(approve.study))
    }

    pub(super) fn apply_study_accept(&mut self, cx: &Context<'_>, accept: &StudyAccept) -> Result<Effect, Rejection> {
        let mut study = self.study_in_force(cx.time, &accept.study)?.as_ref().clone();
        if self.cuts.get(&(accept.study, cx.signer)).is_some() {
            return Err(Rejection::StudyAccepted);
        }
        check_k_min(accept.k_min, study.submitted.k_min)?;
        let cut = self.make_cut(cx, accept, study.submitted.dictionary, study.registry)?;
        let id = cut.id;
        if cut.origin == accept.study {
            self.research.insert((cx.signer, study.submitted.dictionary, study.registry), accept.study);
        }
        self.cuts.insert((accept.study, cx.signer), cut);
        study.sites = study.sites.saturating_add(1);
        self.studies.insert(accept.study, study);
        Ok(Effect::Accepted { study: accept.study, cut: id })
    }

    /// Pins the research cut, or the current segments of data and consent where there is none or it is renewed.
    fn make_cut(&self, cx: &Context<'_>, accept: &StudyAccept, dictionary: Digest32, registry: Digest32) -> Result<Cut, Rejection> {
        let research = self.research_cut(&cx.signer, &dictionary, &registry);
        let least = self.in_force.rules.k_min;
        let source = match (accept.renew, research) {
            (Some(found), Some(_)) if found < least => return Err(Rejection::CutChange { found, least }),
            (None, Some(cut)) => Source { data: cut.data.clone(), consent: cut.consent.clone(), report: cut.report, origin: cut.origin },
            _ => self.current_tables(cx, accept.study, dictionary, registry)?,
        };
        let key = |table| TableKey { hospital: cx.signer, table };
        let (data_digests, mapping) = self.pin(key(dictionary), &source.data, "mappings")?;
        let (consent_digests, policy) = self.pin(key(registry), &source.consent, "policies")?;
        let head = bytes_of(&(self.network, accept.study, cx.signer, cx.height, cx.transaction, accept.k_min));
        let body = bytes_of(&(data_digests, consent_digests, mapping, policy));
        Ok(Cut {
            id: CutId(Digest32::tagged("countersign/cut/1", [head.as_slice(), &body])),
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

fn check_k_min(found: u32, least: u32) -> Result<(), Rejection> {
    if (least..=K_MIN_MAX).contains(&found) { Ok(()) } else { Err(Rejection::KMin { found, least }) }
}
