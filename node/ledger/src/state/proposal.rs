//! Records of governance.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_messages::RejectionCode;
use countersign_messages::{BlockTime, Height, MemberId, Proposal, TransactionId};
use std::fmt;

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ProposalStatus {
    /// Votes are taken, until the closing time.
    Open,
    /// More than two thirds have approved; not in force yet.
    Carried {
        /// The first block it will be in force in.
        due: Height,
    },
    /// Made.
    InForce {
        /// The first block it is in force in.
        since: Height,
    },
    /// So many are against it that it cannot be carried any more.
    Refused {
        /// The block that decided it.
        height: Height,
    },
    /// Not decided when the time for voting was over.
    Expired {
        /// The block in which time was over.
        height: Height,
    },
    /// Carried, but when it was due it did not fit any more. Nothing was changed.
    Lapsed {
        /// When it was due.
        height: Height,
        /// The rule it broke then.
        reason: RejectionCode,
    },
}

impl ProposalStatus {
    /// True if it is open, or waits to come into force.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Open | Self::Carried { .. })
    }
}

impl fmt::Display for ProposalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Carried { due } => write!(f, "carried, and in force from block {due} on"),
            Self::InForce { since } => write!(f, "in force since block {since}"),
            Self::Refused { height } => write!(f, "refused in block {height}"),
            Self::Expired { height } => write!(f, "closed without a decision in block {height}"),
            Self::Lapsed { height, reason } => write!(f, "lapsed at block {height} ({reason})"),
        }
    }
}

/// A vote on a proposal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VoteRecord {
    /// Who voted.
    pub member: MemberId,
    /// True for, false against.
    pub approve: bool,
    /// Cast at.
    pub height: Height,
    /// Cast by.
    pub transaction: TransactionId,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProposalRecord {
    /// Counts proposals from 1, for people (`G-2`). Changes due at the same block are made in this order.
    pub number: u32,
    /// As proposed.
    pub proposal: Proposal,
    /// Who proposed it.
    pub proposer: MemberId,
    /// Proposed at.
    pub height: Height,
    /// Votes in later blocks than this time are refused.
    pub closes: BlockTime,
    /// Votes, in order; the proposer's is the first.
    pub votes: Vec<VoteRecord>,
    /// Where it stands.
    pub status: ProposalStatus,
}

/// Votes of those who are governance members now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Tally {
    /// For.
    pub approve: u32,
    /// Against.
    pub reject: u32,
    /// Governance members.
    pub voters: u32,
}

impl Tally {
    /// More than two thirds approve.
    pub fn is_carried(&self) -> bool {
        u64::from(self.approve) * 3 > u64::from(self.voters) * 2
    }

    /// Even if all who have not voted approved, it would not be carried.
    pub fn is_refused(&self) -> bool {
        !Self { approve: self.voters.saturating_sub(self.reject), ..*self }.is_carried()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thirds_are_not_enough() {
        let tally = |approve, reject, voters| Tally { approve, reject, voters };
        let carried: Vec<u32> = (1..=7).map(|n| (0..=n).find(|a| tally(*a, 0, n).is_carried()).unwrap()).collect();
        assert_eq!(carried, [1, 2, 3, 3, 4, 5, 5]);
        let refused: Vec<u32> = (1..=7).map(|n| (0..=n).find(|r| tally(0, *r, n).is_refused()).unwrap()).collect();
        assert_eq!(refused, [1, 1, 1, 2, 2, 2, 3]);
        assert!(tally(0, 0, 0).is_refused() && !tally(0, 0, 0).is_carried());
    }
}
