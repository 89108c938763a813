//! A board approves a study that is not its own.

use crate::{
    rejection::{BoardRefused, Rejection},
    state::{Context, State, result::Effect},
};
use countersign_messages::{SealingKey, SealingParty, StudyApprove};

impl State {
    pub(in crate::state) fn apply_study_approve(&mut self, cx: &Context<'_>, approve: &StudyApprove) -> Result<Effect, Rejection> {
        let mut study = self.studies.get(&approve.study).ok_or(Rejection::StudyUnknown)?.as_ref().clone();
        if study.submitter == cx.signer || study.submitted.researchers.contains(&cx.signer) {
            return Err(BoardRefused::OwnStudy.into());
        }
        if study.approval.is_some() || study.ended.is_some() {
            return Err(Rejection::StudyStatus(study.status()));
        }
        if cx.time.day() > study.submitted.expiry {
            return Err(Rejection::StudyExpired(study.submitted.expiry));
        }
        let is_sealed = |key: &SealingKey| key.party == SealingParty::Board && key.member == cx.signer;
        if !study.submitted.sealing.iter().any(is_sealed) {
            return Err(BoardRefused::NotSealed.into());
        }
        self.waiting.remove(&(study.waits_until(), approve.study));
        study.approval = Some((cx.signer, cx.height, cx.transaction));
        self.studies.insert(approve.study, study);
        Ok(Effect::Approved(approve.study))
    }
}
