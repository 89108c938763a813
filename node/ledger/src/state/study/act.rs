//! A study is approved, rejected, suspended, lifted, stopped or closed.

use crate::{
    rejection::{Rejection, StudyRefused},
    state::{
        Context, State,
        records::{Decision, StudyRecord},
        result::Effect,
        signing::SignatureRecord,
    },
};
use countersign_circuits::consent::Day;
use countersign_messages::{Act, Conditions, K_MIN_MAX, MemberId, Role, SealingParty, StudyAct, StudyDecision};

impl State {
    /// Whoever submitted a study decides about it.
    pub(in crate::state) fn apply_study_act(&mut self, cx: &Context<'_>, decided: &StudyAct) -> Result<Effect, Rejection> {
        let study = self.studies.get(&decided.study).ok_or(Rejection::StudyUnknown)?.as_ref().clone();
        check_reason(&decided.act, &decided.reason)?;
        let theirs = matches!(decided.act, Act::Suspend | Act::Lift | Act::Close) && study.submitter == cx.signer;
        if !theirs {
            return Err(StudyRefused::NotTheirs.into());
        }
        check_fits(cx, &study, &decided.act)?;
        let decision = Decision {
            by: cx.signer,
            party: SealingParty::Team,
            act: decided.act.clone(),
            reason: decided.reason.clone(),
            signatures: Vec::new(),
            height: cx.height,
            transaction: cx.transaction,
        };
        self.take_decision(cx, decided.study, study, decision)
    }

    /// Whether a board may decide so now, whoever of it signs.
    pub(in crate::state) fn check_act(&self, cx: &Context<'_>, decision: &StudyDecision) -> Result<(), Rejection> {
        let study = self.study(&decision.study).ok_or(Rejection::StudyUnknown)?;
        check_reason(&decision.act, &decision.reason)?;
        if let Act::Approve(_) = &decision.act {
            if study.submitter == cx.signer || study.submitted.researchers.contains(&cx.signer) {
                return Err(StudyRefused::OwnStudy.into());
            }
            if !is_sealed(study, &cx.signer) {
                return Err(StudyRefused::NotSealed.into());
            }
        }
        let theirs = match &decision.act {
            Act::Approve(_) | Act::Reject => is_sealed(study, &cx.signer),
            // before anybody has approved, nobody decides so, and whoever could later reads why
            Act::Suspend | Act::Lift | Act::Stop if study.approvals.is_empty() => is_sealed(study, &cx.signer),
            // the first decision of a board about a study is its approval: an export of an answer holds no others, and runs the same rules
            Act::Suspend | Act::Lift | Act::Stop => study.approvals.contains_key(&cx.signer),
            Act::Close => false,
        };
        if !theirs {
            return Err(StudyRefused::NotTheirs.into());
        }
        check_fits(cx, study, &decision.act)?;
        match &decision.act {
            Act::Approve(_) if study.approvals.contains_key(&cx.signer) => Err(Rejection::StudyStatus(study.status())),
            Act::Approve(conditions) => self.check_conditions(study, conditions, cx.time.day()),
            Act::Suspend if study.suspensions.contains_key(&cx.signer) => Err(StudyRefused::SuspendedAlready.into()),
            Act::Lift if !study.suspensions.contains_key(&cx.signer) => Err(StudyRefused::NothingToLift.into()),
            _ => Ok(()),
        }
    }

    /// Conditions ask for more than was submitted, never for less, and for nothing that cannot be kept.
    fn check_conditions(&self, study: &StudyRecord, conditions: &Conditions, today: Day) -> Result<(), Rejection> {
        let refused = |what| Err(StudyRefused::Conditions(what).into());
        if conditions.until.is_some_and(|last| last < today || last > study.submitted.expiry) {
            return refused("the last day is over, or after the one submitted");
        }
        let last = conditions.until.map_or(study.last_day(), |last| last.min(study.last_day()));
        if conditions.not_before.max(study.not_before()).is_some_and(|first| first > last) {
            return refused("nothing could be asked: the first day is after the last, by this approval or with the others");
        }
        if conditions.k_min.is_some_and(|k_min| !(study.submitted.k_min..=K_MIN_MAX).contains(&k_min)) {
            return refused("k_min is less than was submitted, or more than any");
        }
        let ascending = conditions.sites.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if !ascending || !conditions.sites.iter().all(|site| self.has_role(site, Role::Hospital)) {
            return refused("the hospitals do not ascend, or one is none");
        }
        if !conditions.sites.is_empty() && !conditions.sites.iter().any(|site| study.allows(site)) {
            return refused("with the other approvals no hospital could take part");
        }
        Ok(())
    }

    /// A board decides, with the signatures it takes.
    pub(in crate::state) fn decide_study(
        &mut self,
        cx: &Context<'_>,
        decided: &StudyDecision,
        signatures: Vec<SignatureRecord>,
    ) -> Result<Effect, Rejection> {
        let mut study = self.studies.get(&decided.study).ok_or(Rejection::StudyUnknown)?.as_ref().clone();
        let number = study.decisions.entry(cx.signer).or_insert(0);
        *number = number.saturating_add(1);
        let decision = Decision {
            by: cx.signer,
            party: SealingParty::Board,
            act: decided.act.clone(),
            reason: decided.reason.clone(),
            signatures,
            height: cx.height,
            transaction: cx.transaction,
        };
        self.take_decision(cx, decided.study, study, decision)
    }

    /// Takes a decision that fits where the study stands.
    fn take_decision(
        &mut self,
        cx: &Context<'_>,
        id: countersign_messages::StudyId,
        mut study: StudyRecord,
        decision: Decision,
    ) -> Result<Effect, Rejection> {
        let act = decision.act.clone();
        match &act {
            Act::Approve(_) => {
                self.waiting.remove(&(study.waits_until(), id));
                study.approvals.insert(cx.signer, decision);
            }
            Act::Suspend if study.suspensions.contains_key(&cx.signer) => return Err(StudyRefused::SuspendedAlready.into()),
            Act::Suspend => {
                let account = self.account(cx).with_suspension()?;
                self.accounts.insert(cx.signer, account);
                study.suspensions.insert(cx.signer, decision);
            }
            Act::Lift => drop(study.suspensions.remove(&cx.signer).ok_or(StudyRefused::NothingToLift)?),
            // nothing was ever asked of it, and nobody has to read why it is closed
            Act::Close if study.approvals.is_empty() => {
                self.waiting.remove(&(study.waits_until(), id));
                self.forget_all_about(&study, &id);
                self.studies.remove(&id);
                return Ok(Effect::Decided { study: id, act });
            }
            // one that is rejected is forgotten when it would have been anyway
            Act::Reject | Act::Stop | Act::Close => {
                self.forget_all_about(&study, &id);
                study.ended = Some(decision);
            }
        }
        self.studies.insert(id, study);
        Ok(Effect::Decided { study: id, act })
    }
}

fn check_reason(act: &Act, reason: &str) -> Result<(), Rejection> {
    let says = matches!(act, Act::Approve(_)) || !reason.trim().is_empty();
    if says { Ok(()) } else { Err(StudyRefused::Reason.into()) }
}

/// Whether it may be decided where the study stands, whoever does.
fn check_fits(cx: &Context<'_>, study: &StudyRecord, act: &Act) -> Result<(), Rejection> {
    if study.ended.is_some() {
        return Err(Rejection::StudyStatus(study.status()));
    }
    if cx.time.day() > study.last_day() {
        return Err(Rejection::StudyExpired(study.last_day()));
    }
    let fits = match act {
        Act::Reject => study.approvals.is_empty(),
        Act::Suspend | Act::Lift | Act::Stop => !study.approvals.is_empty(),
        Act::Approve(_) | Act::Close => true,
    };
    if fits { Ok(()) } else { Err(Rejection::StudyStatus(study.status())) }
}

/// True if answers are sealed to the board. Nobody is both: such a board has not submitted the study.
pub(in crate::state) fn is_sealed(study: &StudyRecord, board: &MemberId) -> bool {
    study.submitted.sealing.iter().any(|key| key.party == SealingParty::Board && key.member == *board)
}
