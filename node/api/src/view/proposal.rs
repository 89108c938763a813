//! Governance: proposals and votes.

use super::{Id, Time, date};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{ProposalRecord, ProposalStatus, State, Tally as LedgerTally, VoteRecord};
use countersign_messages::{Change as LedgerChange, ProposalId};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a proposal stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub(crate) enum ProposalStanding {
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
        #[schema(pattern = "^L[0-9]{3}$")]
        code: String,
    },
}

impl From<ProposalStatus> for ProposalStanding {
    fn from(status: ProposalStatus) -> Self {
        match status {
            ProposalStatus::Open => Self::Open,
            ProposalStatus::Carried { due } => Self::Carried { due: due.0 },
            ProposalStatus::InForce { since } => Self::InForce { since: since.0 },
            ProposalStatus::Refused { height } => Self::Refused { decided: height.0 },
            ProposalStatus::Expired { height } => Self::Expired { decided: height.0 },
            ProposalStatus::Lapsed { height, reason } => Self::Lapsed { decided: height.0, code: reason.to_string() },
        }
    }
}

/// Votes of those who are governance members now.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Tally {
    /// For.
    approve: u32,
    /// Against.
    reject: u32,
    /// Governance members.
    voters: u32,
}

impl From<LedgerTally> for Tally {
    fn from(tally: LedgerTally) -> Self {
        Self { approve: tally.approve, reject: tally.reject, voters: tally.voters }
    }
}

/// A proposal, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProposalSummary {
    /// The transaction that made it.
    id: Id,
    /// Counts proposals from 1 (`G-2`).
    number: u32,
    /// Who proposed it.
    proposer: Id,
    /// Proposed at.
    height: u64,
    /// Votes in later blocks than this time are refused.
    closes: Time,
    /// The first block it is to be in force in.
    in_force: u64,
    /// Where it stands.
    #[serde(flatten)]
    standing: ProposalStanding,
}

impl ProposalSummary {
    pub(crate) fn new(id: &ProposalId, record: &ProposalRecord) -> Self {
        Self {
            id: Id::of(id),
            number: record.number,
            proposer: Id::of(record.proposer),
            height: record.height.0,
            closes: record.closes.into(),
            in_force: record.proposal.in_force.0,
            standing: record.status.into(),
        }
    }
}

/// What is to be changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Change {
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
}

impl From<&LedgerChange> for Change {
    fn from(change: &LedgerChange) -> Self {
        match change {
            LedgerChange::Admit(member) => Self::Admit {
                member: Id::of(member.id),
                name: member.name.to_string(),
                roles: member.roles.iter().map(ToString::to_string).collect(),
            },
            LedgerChange::Remove(member) => Self::Remove { member: Id::of(member) },
            LedgerChange::Dictionary(bytes) => Self::Dictionary { dictionary: Id::of(Digest32::of(bytes)) },
            LedgerChange::Registry(registry) => {
                Self::Registry { scopes: registry.scopes.clone(), dates: registry.grid.iter().map(|day| date(*day)).collect() }
            }
            LedgerChange::Rules(rules) => Self::Rules {
                k_min: rules.k_min,
                statements_per_study: rules.statements_per_study,
                cells_per_table: rules.cells_per_table,
                hospital_withdrawals_marked: rules.hospital_withdrawals_marked,
                points_a_day: rules.points_a_day.to_string(),
                points_a_cut: rules.points_a_cut.to_string(),
            },
            LedgerChange::CircuitKeys(keys) => Self::CircuitKeys { keys: Id::of(keys.digest), development: keys.development },
        }
    }
}

/// A vote.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Vote {
    /// Who voted.
    member: Id,
    /// True for, false against.
    approve: bool,
    /// Cast at.
    height: u64,
    /// Cast by.
    transaction: Id,
}

impl From<&VoteRecord> for Vote {
    fn from(vote: &VoteRecord) -> Self {
        Self { member: Id::of(vote.member), approve: vote.approve, height: vote.height.0, transaction: Id::of(vote.transaction) }
    }
}

/// A proposal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Proposal {
    /// In short.
    #[serde(flatten)]
    summary: ProposalSummary,
    /// What is to be changed.
    change: Change,
    /// Why.
    reason: String,
    /// The votes of those who are governance members now.
    tally: Tally,
    /// All votes, in order; the proposer's is the first.
    votes: Vec<Vote>,
}

impl Proposal {
    pub(crate) fn new(id: &ProposalId, record: &ProposalRecord, state: &State) -> Self {
        Self {
            summary: ProposalSummary::new(id, record),
            change: (&record.proposal.change).into(),
            reason: record.proposal.reason.clone(),
            tally: state.tally(record).into(),
            votes: record.votes.iter().map(Vote::from).collect(),
        }
    }
}
