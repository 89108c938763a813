//! What is decided of a study after it was submitted, beside its approval.

use super::{SealingParty, StudyId};
use crate::{
    codec::{DecodeError, bound, plain},
    limits::TEXT_BYTES_MAX,
};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// A decision about a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Act {
    /// A board does not approve it. Final.
    Reject,
    /// Nothing is asked, answered or accepted until whoever did this lifts it.
    Suspend,
    /// The own suspension is over.
    Lift,
    /// The board that approved it ends it. Final.
    Stop,
    /// Whoever submitted it ends it. Final.
    Close,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reject => "reject",
            Self::Suspend => "suspend",
            Self::Lift => "lift",
            Self::Stop => "stop",
            Self::Close => "close",
        })
    }
}

/// Decides about a study.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StudyAct {
    /// The study.
    pub study: StudyId,
    /// For whom the signer decides: as who submitted the study, or as an ethics board whose key its answers are sealed to.
    pub by: SealingParty,
    /// What is decided.
    pub act: Act,
    /// Why, in words that everybody reads.
    pub reason: String,
}

impl StudyAct {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("decision about a study", "reason bytes", self.reason.len(), TEXT_BYTES_MAX)?;
        plain("decision about a study", "reason", &self.reason)
    }
}
