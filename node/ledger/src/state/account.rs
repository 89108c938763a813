//! What a member has used up of a UTC day.
//!
//! A rejected transaction stands in a block with all its bytes, and a proof that fails has cost every validator its verification. Neither may be without end: both
//! are counted against whoever signed, by kind of transaction, and close that kind for the rest of the day. Withdrawals have a count of their own, so that
//! nothing a hospital's program gets wrong elsewhere keeps a patient from leaving.

use super::{Context, State};
use crate::rejection::{ErasureRefused, PersonRefused, Rejection, StudyRefused};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::consent::Day;
use countersign_messages::{Class, EnvelopeError};
use countersign_messages::{
    Transaction,
    limits::{
        ADMISSIONS_A_DAY_MAX, ENROLMENTS_A_DAY_MAX, FAILED_ANCHORS_A_DAY_MAX, FAILED_ANSWERS_A_DAY_MAX, REJECTED_ANCHOR_BYTES_A_DAY_MAX,
        REJECTED_BYTES_A_DAY_MAX, STUDIES_A_DAY_MAX, SUSPENSIONS_A_DAY_MAX, WITHDRAWALS_A_DAY_MAX,
    },
};

fn bytes_max(class: Class) -> u64 {
    if class == Class::Anchors { REJECTED_ANCHOR_BYTES_A_DAY_MAX } else { REJECTED_BYTES_A_DAY_MAX }
}

fn failed_max(class: Class) -> u32 {
    match class {
        Class::Anchors => FAILED_ANCHORS_A_DAY_MAX,
        Class::Answers => FAILED_ANSWERS_A_DAY_MAX,
        Class::Withdrawals | Class::Others => u32::MAX,
    }
}

/// What one class has used up by being rejected.
#[derive(Debug, Clone, Copy, Default, BorshSerialize, BorshDeserialize)]
struct Rejected {
    bytes: u64,
    /// Proofs and points that did not hold.
    failed: u32,
}

/// A member's account of its last active day.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(crate) struct DayAccount {
    day: Day,
    /// Commitments anchored.
    points: u64,
    /// Withdrawals made: transactions, not slots.
    withdrawals: u32,
    /// Enrolments made: transactions, not keys.
    enrolments: u32,
    /// Studies submitted.
    studies: u32,
    suspensions: u32,
    /// Persons admitted or changed.
    admissions: u32,
    anchors: Rejected,
    answers: Rejected,
    refused_withdrawals: Rejected,
    others: Rejected,
}

impl DayAccount {
    fn new(day: Day) -> Self {
        let none = Rejected::default();
        Self {
            day,
            points: 0,
            withdrawals: 0,
            enrolments: 0,
            studies: 0,
            suspensions: 0,
            admissions: 0,
            anchors: none,
            answers: none,
            refused_withdrawals: none,
            others: none,
        }
    }

    fn rejected_mut(&mut self, class: Class) -> &mut Rejected {
        match class {
            Class::Anchors => &mut self.anchors,
            Class::Answers => &mut self.answers,
            Class::Withdrawals => &mut self.refused_withdrawals,
            Class::Others => &mut self.others,
        }
    }

    /// With an anchor's commitments.
    pub(super) fn with_points(mut self, points: u64, max: u64) -> Result<Self, Rejection> {
        self.points = self.points.saturating_add(points);
        if self.points > max { Err(Rejection::PointsADay { found: self.points, max }) } else { Ok(self) }
    }

    /// With one withdrawal more.
    pub(super) fn with_withdrawal(mut self) -> Result<Self, Rejection> {
        self.withdrawals = self.withdrawals.saturating_add(1);
        if self.withdrawals > WITHDRAWALS_A_DAY_MAX { Err(Rejection::WithdrawalsADay) } else { Ok(self) }
    }

    /// With one enrolment more.
    pub(super) fn with_enrolment(mut self) -> Result<Self, Rejection> {
        self.enrolments = self.enrolments.saturating_add(1);
        if self.enrolments > ENROLMENTS_A_DAY_MAX { Err(Rejection::EnrolmentsADay) } else { Ok(self) }
    }

    /// With one study more.
    pub(super) fn with_study(mut self) -> Result<Self, Rejection> {
        self.studies = self.studies.saturating_add(1);
        if self.studies > STUDIES_A_DAY_MAX { Err(StudyRefused::StudiesADay.into()) } else { Ok(self) }
    }

    /// With one suspension of a study more.
    pub(super) fn with_suspension(mut self) -> Result<Self, Rejection> {
        self.suspensions = self.suspensions.saturating_add(1);
        if self.suspensions > SUSPENSIONS_A_DAY_MAX { Err(StudyRefused::SuspensionsADay.into()) } else { Ok(self) }
    }

    /// With one person of a board more.
    pub(super) fn with_admission(mut self) -> Result<Self, Rejection> {
        self.admissions = self.admissions.saturating_add(1);
        if self.admissions > ADMISSIONS_A_DAY_MAX { Err(PersonRefused::AdmissionsADay.into()) } else { Ok(self) }
    }
}

impl State {
    /// The signer's account of the block's day.
    pub(super) fn account(&self, cx: &Context<'_>) -> DayAccount {
        let day = cx.time.day();
        self.accounts.get(&cx.signer).filter(|a| a.day == day).map_or(DayAccount::new(day), |a| **a)
    }

    /// Refuses what a signer may not send any more on a day.
    pub(super) fn check_account(&self, transaction: &Transaction, day: Day) -> Result<(), EnvelopeError> {
        let Some(account) = self.accounts.get(&transaction.signer).filter(|a| a.day == day) else { return Ok(()) };
        let class = Class::of(&transaction.payload);
        let mut account = **account;
        let rejected = account.rejected_mut(class);
        if rejected.bytes >= bytes_max(class) || rejected.failed >= failed_max(class) {
            return Err(EnvelopeError::DayClosed { class });
        }
        Ok(())
    }

    /// Counts a rejection against whoever signed.
    pub(super) fn charge(&mut self, cx: &Context<'_>, class: Class, bytes: u64, rejection: &Rejection) {
        let mut account = self.account(cx);
        let rejected = account.rejected_mut(class);
        rejected.bytes = rejected.bytes.saturating_add(bytes);
        let is_failed = matches!(
            rejection,
            Rejection::SegmentsProof(_)
                | Rejection::Erasure(ErasureRefused::Proof(_))
                | Rejection::AnswerProof(_)
                | Rejection::SegmentBytes(_)
                | Rejection::Panicked
        );
        rejected.failed = rejected.failed.saturating_add(u32::from(is_failed));
        self.accounts.insert(cx.signer, account);
    }
}
