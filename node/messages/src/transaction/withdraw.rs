//! Withdrawal of slots.

use crate::{
    codec::{DecodeError, bound},
    limits::WITHDRAWN_SLOTS_MAX,
};
use borsh::{BorshDeserialize, BorshSerialize};

/// On whose wish a slot left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum WithdrawnBy {
    /// The patient withdrew; the hospital enters it.
    Patient,
    /// The hospital took the slot out of force for a reason of its own.
    Hospital,
}

/// Takes slots out of force. They never come back.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Withdraw {
    /// Slots of the hospital's register, strictly ascending.
    pub slots: Vec<u32>,
    /// On whose wish.
    pub by: WithdrawnBy,
}

impl Withdraw {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("withdrawal", "slots", self.slots.len(), WITHDRAWN_SLOTS_MAX)
    }
}
