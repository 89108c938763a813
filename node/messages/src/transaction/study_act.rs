//! What is decided about a study after it was submitted.

use super::StudyId;
use crate::{
    codec::{DecodeError, bound, plain},
    identity::MemberId,
    limits::{MEMBERS_MAX, TEXT_BYTES_MAX},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::consent::Day;
use std::fmt;

/// What an approval asks for beyond what was submitted. All of it is stricter, never laxer.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Conditions {
    /// The last day, if that is before the one submitted.
    pub until: Option<Day>,
    /// Nothing is asked before this day.
    pub not_before: Option<Day>,
    /// Least number of people behind a released cell, if that is more than was submitted.
    pub k_min: Option<u32>,
    /// The only hospitals that may accept it, ascending; all of them if there are none.
    pub sites: Vec<MemberId>,
    /// What else is asked for, in words that everybody reads. No program keeps them.
    pub words: String,
}

impl Conditions {
    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("conditions", "hospitals", self.sites.len(), MEMBERS_MAX)?;
        bound("conditions", "bytes of words", self.words.len(), TEXT_BYTES_MAX)?;
        plain("conditions", "words", &self.words)
    }
}

/// A decision about a study.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Act {
    /// A board approves it: hospitals may accept it.
    Approve(Conditions),
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
            Self::Approve(_) => "approve",
            Self::Reject => "reject",
            Self::Suspend => "suspend",
            Self::Lift => "lift",
            Self::Stop => "stop",
            Self::Close => "close",
        })
    }
}

impl Act {
    /// What an approval asks for.
    pub fn conditions(&self) -> Option<&Conditions> {
        if let Self::Approve(conditions) = self { Some(conditions) } else { None }
    }

    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        if let Self::Approve(conditions) = self { conditions.check_bounds() } else { Ok(()) }
    }
}

/// Whoever submitted a study decides about it: suspends it, lifts that, or closes it. Boards sign what they decide
/// ([`Signing`](super::Signing)).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StudyAct {
    /// The study.
    pub study: StudyId,
    /// What is decided.
    pub act: Act,
    /// Why, in words that everybody reads.
    pub reason: String,
}

impl StudyAct {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        self.act.check_bounds()?;
        bound("decision about a study", "reason bytes", self.reason.len(), TEXT_BYTES_MAX)?;
        plain("decision about a study", "reason", &self.reason)
    }
}
