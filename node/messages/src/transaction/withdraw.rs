//! Withdrawal of slots: by their hospital, or by the key of the patient.

use crate::{
    codec::{DecodeError, bound},
    identity::MemberId,
    limits::WITHDRAWN_SLOTS_MAX,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::consent::Day;

/// Why a hospital takes slots out of force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Cause {
    /// Patients told it so, at the counter or on paper.
    Word,
    /// What it reads says so: a consent that is lost or shortened, an opt-out, a person who is gone.
    Source,
}

/// Takes slots out of force. They never come back.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Withdraw {
    /// Slots of the hospital's register, strictly ascending.
    pub slots: Vec<u32>,
    /// Why.
    pub cause: Cause,
    /// The day on which the hospital heard of it, by its own word.
    pub received: Day,
}

/// Takes one slot out of force, signed by the key that is enrolled for it and by nobody else. It has no sequence: it stands in a block only while the slot is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WithdrawByKey {
    /// Whose register the slot is of.
    pub hospital: MemberId,
    /// The slot.
    pub slot: u32,
}

impl Withdraw {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("withdrawal", "slots", self.slots.len(), WITHDRAWN_SLOTS_MAX)
    }
}
