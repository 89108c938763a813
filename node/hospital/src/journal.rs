//! The journal: what was begun, how far it came, and what to do next.
//!
//! The caller runs a loop: ask [`HospitalStore::next_step`], do the work, report it with the method the step names. Every report is
//! one transaction of the database, so a crash leaves the journal exactly before or after a step:
//!
//! | step | work, then report | killed before the report | killed after it |
//! |---|---|---|---|
//! | none | read the export, [`HospitalStore::import`] (or [`HospitalStore::plan_erasure`], [`HospitalStore::plan_replacement`]) | nothing is known; import again | slots, withdrawals and codes stand; the same rows are recognised as the unfinished anchor |
//! | [`WithdrawalStep::Sign`] | sign, [`HospitalStore::store_withdrawal`] | signed anew | bytes stand |
//! | [`WithdrawalStep::Submit`] | [`HospitalStore::withdrawal_submitted`], *then* send | sent later | sent again, same bytes |
//! | [`WithdrawalStep::Await`] | ask the ledger; [`HospitalStore::withdrawal_confirmed`] or [`HospitalStore::withdrawal_refused`]; unknown: send again | asked again | done |
//! | [`AnchorStep::Commit`] | draw blinders, commit, [`HospitalStore::store_commitments`] | fresh blinders; the old ones went nowhere | kept |
//! | [`AnchorStep::Build`] | prove and sign, [`HospitalStore::store_transactions`] | built anew; nothing left the hospital | bytes stand |
//! | [`AnchorStep::Submit`] | [`HospitalStore::anchor_submitted`], *then* send | sent later | sent again, same bytes |
//! | [`AnchorStep::Await`] | ask the ledger; [`HospitalStore::anchor_confirmed`] or [`HospitalStore::anchor_rejected`]; unknown: send again | asked again | next transaction |
//! | [`AnswerStep::Attempt`] | [`HospitalStore::start_attempt`], prove, [`HospitalStore::store_answer`] or [`HospitalStore::store_refusal`] | next attempt, fresh salts | bytes stand |
//! | [`AnswerStep::Submit`] | [`HospitalStore::answer_submitted`], *then* send | sent later | sent again, same bytes |
//! | [`AnswerStep::Await`] | ask the ledger; [`HospitalStore::answer_confirmed`] or [`HospitalStore::answer_rejected`]; unknown: send again | asked again | accepted: delivered next |
//! | [`AnswerStep::Deliver`] | hand over the ciphertext, [`HospitalStore::answer_delivered`] | handed over again, same bytes | done |
//!
//! A ledger takes the same transaction once, so sending again is harmless.

mod anchor;
mod answer;
mod import;
mod plan;
mod replace;
mod withdrawal;

pub use anchor::{AnchorContent, AnchorId, AnchorStep, AnchorTransaction, Committed, Provenance, TRANSACTIONS_MAX};
pub use answer::{ATTEMPTS_MAX, AnswerKind, AnswerStep, Attempt, AttemptEntropy, UsedUp};

pub use import::{Begun, Import, ImportedPerson, Planned};
pub use replace::{Replaceable, Replacement};
pub(crate) use replace::{emptied, standing_codes};
pub(crate) use withdrawal::enter_told as enter_withdrawal;
pub use withdrawal::{Heard, WITHDRAWAL_SLOTS_MAX, WithdrawalId, WithdrawalStep};

use crate::{HospitalStore, HospitalStoreError};
use async_recursion::async_recursion as boxed;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Take slots out of force.
    Withdrawal(WithdrawalStep),
    /// Go on with the running anchor.
    Anchor(AnchorStep),
    /// Go on with the oldest unfinished query.
    Answer(AnswerStep),
    /// Nothing is unfinished.
    Idle,
}

impl HospitalStore {
    /// The next thing to do. An anchor of which something was sent comes first (slots of its segments cannot be withdrawn before the ledger has them),
    /// then withdrawals, then an anchor that was not sent, then the oldest unfinished query: no answer is begun while a withdrawal waits.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn next_step(&self) -> Result<Step, HospitalStoreError> {
        let anchor = self.next_anchor_step().await?;
        if let (Some(step), true) = (&anchor, self.anchor_sent().await?) {
            return Ok(Step::Anchor(step.clone()));
        }
        if let Some(step) = self.next_withdrawal_step().await? {
            return Ok(Step::Withdrawal(step));
        }
        if let Some(step) = anchor {
            return Ok(Step::Anchor(step));
        }
        match self.open_queries().await?.first() {
            Some(query) => Ok(Step::Answer(self.next_answer_step(*query).await?)),
            None => Ok(Step::Idle),
        }
    }
}
