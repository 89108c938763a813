//! Governance: proposals and votes.

use super::{Id, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum ProposalStanding {
    /// Votes are taken, until the closing time.
    Open,
    /// More than two thirds have approved; not in force yet.
    Carried {
        /// The first block it will be in force in.
        due: u64,
    },
    /// Made.
    InForce {
        /// The first block it is in force in.
        since: u64,
    },
    /// So many are against it that it cannot be carried any more.
    Refused {
        /// The block that decided it.
        decided: u64,
    },
    /// Not decided when the time for voting was over.
    Expired {
        /// The block in which time was over.
        decided: u64,
    },
    /// Carried, but when it was due it did not fit any more. Nothing was changed.
    Lapsed {
        /// When it was due.
        decided: u64,
        /// The rule it broke then.
        #[cfg_attr(feature = "openapi", schema(pattern = "^L[0-9]{3}$"))]
        code: String,
    },
}

impl ProposalStanding {
    /// True while it is open, or waits to come into force.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Open | Self::Carried { .. })
    }
}

/// Its `status`.
impl fmt::Display for ProposalStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Carried { .. } => "carried",
            Self::InForce { .. } => "in-force",
            Self::Refused { .. } => "refused",
            Self::Expired { .. } => "expired",
            Self::Lapsed { .. } => "lapsed",
        })
    }
}

/// Votes of those who are governance members now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tally {
    /// For.
    pub approve: u32,
    /// Against.
    pub reject: u32,
    /// Governance members.
    pub voters: u32,
}

/// A proposal, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProposalSummary {
    /// The transaction that made it.
    pub id: Id,
    /// Counts proposals from 1 (`G-2`).
    pub number: u32,
    /// Who proposed it.
    pub proposer: Id,
    /// Proposed at.
    pub height: u64,
    /// Votes in later blocks than this time are refused.
    pub closes: Time,
    /// The first block it is to be in force in.
    pub in_force: u64,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: ProposalStanding,
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// Admits a member, or replaces its name and roles.
    Admit {
        /// Its key.
        member: Id,
        /// Its name.
        name: String,
        /// Its roles.
        roles: Vec<String>,
    },
    /// Removes a member.
    Remove {
        /// Its key.
        member: Id,
    },
    /// Publishes a dictionary. Its bytes are in the transaction, and in `/dictionaries/{digest}` once it is in force.
    Dictionary {
        /// Hash of its canonical bytes.
        dictionary: Id,
    },
    /// Another scope registry.
    Registry {
        /// Scope names.
        scopes: Vec<String>,
        /// Expiry dates.
        dates: Vec<String>,
    },
    /// Other governed numbers.
    Rules {
        /// Least number of people behind a released cell.
        k_min: u32,
        /// Statements one study may ask.
        statements_per_study: u32,
        /// Cells released of one table in a year.
        cells_per_table: u32,
        /// Slots withdrawn by the hospital from which on an answer is marked.
        hospital_withdrawals_marked: u32,
        /// Commitments a hospital anchors in one day; a whole number that may exceed 2^53.
        points_a_day: String,
        /// Commitments one answer is checked against; a whole number that may exceed 2^53.
        points_a_cut: String,
    },
    /// Other circuit keys.
    CircuitKeys {
        /// Digest of all verifying keys.
        keys: Id,
        /// True if somebody may know the trapdoor.
        development: bool,
    },
    /// Admits a person to an ethics board, prolongs its time, or changes its office.
    AdmitPerson {
        /// The board.
        board: Id,
        /// The person's key.
        person: Id,
        /// `chair`, `deputy`, `secretary` or `assessor`.
        office: String,
        /// The last day they sign on.
        #[cfg_attr(feature = "openapi", schema(format = Date))]
        until: String,
    },
    /// A person signs no more for an ethics board.
    EndPerson {
        /// The person's key.
        person: Id,
    },
    /// The ethics boards that must approve a study before a hospital may accept it.
    Boards {
        /// The hospital.
        hospital: Id,
        /// The boards; none: any one of the study's is enough.
        boards: Vec<Id>,
    },
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Vote {
    /// Who voted.
    pub member: Id,
    /// True for, false against.
    pub approve: bool,
    /// Cast at.
    pub height: u64,
    /// Cast by.
    pub transaction: Id,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Proposal {
    /// In short.
    #[serde(flatten)]
    pub summary: ProposalSummary,
    /// What is to be changed.
    pub change: Change,
    /// Why.
    pub reason: String,
    /// The votes of those who are governance members now.
    pub tally: Tally,
    /// All votes, in order; the proposer's is the first.
    pub votes: Vec<Vote>,
}
