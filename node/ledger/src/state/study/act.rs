//! A study is rejected, suspended, lifted, stopped or closed.

use crate::{
    rejection::{Rejection, StudyRefused},
    state::{
        Context, State,
        records::{Decision, StudyRecord},
        result::Effect,
    },
};
use countersign_messages::{Act, MemberId, SealingParty, StudyAct};

impl State {
    pub(in crate::state) fn apply_study_act(&mut self, cx: &Context<'_>, decided: &StudyAct) -> Result<Effect, Rejection> {
        let mut study = self.studies.get(&decided.study).ok_or(Rejection::StudyUnknown)?.as_ref().clone();
        if decided.reason.trim().is_empty() {
            return Err(StudyRefused::Reason.into());
        }
        if !may_decide(&study, &cx.signer, decided) {
            return Err(StudyRefused::NotTheirs.into());
        }
        if study.ended.is_some() {
            return Err(Rejection::StudyStatus(study.status()));
        }
        if cx.time.day() > study.submitted.expiry {
            return Err(Rejection::StudyExpired(study.submitted.expiry));
        }
        let fits = match decided.act {
            Act::Reject => study.approval.is_none(),
            Act::Suspend | Act::Lift | Act::Stop => study.approval.is_some(),
            Act::Close => true,
        };
        if !fits {
            return Err(Rejection::StudyStatus(study.status()));
        }
        let decision = Decision {
            by: cx.signer,
            party: decided.by,
            act: decided.act,
            reason: decided.reason.clone(),
            height: cx.height,
            transaction: cx.transaction,
        };
        match decided.act {
            Act::Suspend if study.suspensions.contains_key(&cx.signer) => return Err(StudyRefused::SuspendedAlready.into()),
            Act::Suspend => {
                let account = self.account(cx).with_suspension()?;
                self.accounts.insert(cx.signer, account);
                study.suspensions.insert(cx.signer, decision);
            }
            Act::Lift => drop(study.suspensions.remove(&cx.signer).ok_or(StudyRefused::NothingToLift)?),
            // nothing was ever asked of it, and nobody has to read why it is closed
            Act::Close if study.approval.is_none() => {
                self.waiting.remove(&(study.waits_until(), decided.study));
                self.studies.remove(&decided.study);
                return Ok(Effect::Decided { study: decided.study, act: decided.act });
            }
            // one that is rejected is forgotten when it would have been anyway
            Act::Reject | Act::Stop | Act::Close => study.ended = Some(decision),
        }
        self.studies.insert(decided.study, study);
        Ok(Effect::Decided { study: decided.study, act: decided.act })
    }
}

/// Whether a decision is for this member to make. Nobody is both: a board that answers are sealed to has not submitted the study.
fn may_decide(study: &StudyRecord, signer: &MemberId, decided: &StudyAct) -> bool {
    let sealed = || study.submitted.sealing.iter().any(|key| key.party == SealingParty::Board && key.member == *signer);
    match (decided.by, decided.act) {
        (SealingParty::Team, Act::Suspend | Act::Lift | Act::Close) => study.submitter == *signer,
        (SealingParty::Board, Act::Reject | Act::Suspend | Act::Lift) => sealed(),
        (SealingParty::Board, Act::Stop) => study.approval.is_none_or(|(board, ..)| board == *signer) && sealed(),
        (SealingParty::Team, Act::Reject | Act::Stop) | (SealingParty::Board, Act::Close) => false,
    }
}
