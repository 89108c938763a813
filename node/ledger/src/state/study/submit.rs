//! A study is submitted, and waits for a board.

use super::check_k_min;
use crate::{
    rejection::{Rejection, StudyRefused},
    state::{Context, State, records::StudyRecord, result::Effect},
};
use countersign_circuits::consent::{STUDY_SCOPES_MAX, ScopeError};
use countersign_messages::{
    MemberId, Role, SealingKey, SealingParty, StudyId, StudySubmit,
    limits::{STUDIES_WAITING_MAX, STUDY_DAYS_MAX},
};
use std::collections::{BTreeMap, BTreeSet};

impl State {
    pub(in crate::state) fn apply_study_submit(&mut self, cx: &Context<'_>, study: &StudySubmit) -> Result<Effect, Rejection> {
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
            return Err(StudyRefused::StudiesWaiting.into());
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
            approvals: BTreeMap::new(),
            decisions: BTreeMap::new(),
            recused: BTreeSet::new(),
            accepted: 0,
            statements: 0,
            day: today,
            suspensions: BTreeMap::new(),
            ended: None,
        };
        self.submitted = number;
        self.accounts.insert(cx.signer, account);
        self.waiting.insert((record.waits_until(), id));
        self.studies.insert(id, record);
        Ok(Effect::Submitted { study: id, number })
    }

    /// Studies of a member that wait for a board; those that one has rejected count until they are forgotten.
    fn waiting_of(&self, member: &MemberId) -> usize {
        self.waiting.iter().filter(|(_, id)| self.studies.get(id).is_some_and(|s| s.submitter == *member)).count()
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
}
