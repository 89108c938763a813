//! Governance: proposals and votes.

use super::{date, time};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{ProposalRecord, ProposalStatus, State, Tally, VoteRecord};
use countersign_messages::{Change, ProposalId, json};

/// Where a proposal stands.
pub(crate) fn standing(status: ProposalStatus) -> json::ProposalStanding {
    match status {
        ProposalStatus::Open => json::ProposalStanding::Open,
        ProposalStatus::Carried { due } => json::ProposalStanding::Carried { due: due.0 },
        ProposalStatus::InForce { since } => json::ProposalStanding::InForce { since: since.0 },
        ProposalStatus::Refused { height } => json::ProposalStanding::Refused { decided: height.0 },
        ProposalStatus::Expired { height } => json::ProposalStanding::Expired { decided: height.0 },
        ProposalStatus::Lapsed { height, reason } => json::ProposalStanding::Lapsed { decided: height.0, code: reason.to_string() },
    }
}

/// The votes of those who are governance members now.
pub(crate) fn tally(tally: Tally) -> json::Tally {
    json::Tally { approve: tally.approve, reject: tally.reject, voters: tally.voters }
}

/// A proposal, in short.
pub(crate) fn summary(id: &ProposalId, record: &ProposalRecord) -> json::ProposalSummary {
    json::ProposalSummary {
        id: (*id).into(),
        number: record.number,
        proposer: record.proposer.into(),
        height: record.height.0,
        closes: time(record.closes),
        in_force: record.proposal.in_force.0,
        standing: standing(record.status),
    }
}

fn change(change: &Change) -> json::Change {
    match change {
        Change::Admit(member) => json::Change::Admit {
            member: member.id.into(),
            name: member.name.to_string(),
            roles: member.roles.iter().map(ToString::to_string).collect(),
        },
        Change::Remove(member) => json::Change::Remove { member: (*member).into() },
        Change::Dictionary(bytes) => json::Change::Dictionary { dictionary: Digest32::of(bytes).into() },
        Change::Registry(registry) => {
            json::Change::Registry { scopes: registry.scopes.clone(), dates: registry.grid.iter().map(|day| date(*day)).collect() }
        }
        Change::Rules(rules) => json::Change::Rules {
            k_min: rules.k_min,
            statements_per_study: rules.statements_per_study,
            cells_per_table: rules.cells_per_table,
            hospital_withdrawals_marked: rules.hospital_withdrawals_marked,
            points_a_day: rules.points_a_day.to_string(),
            points_a_cut: rules.points_a_cut.to_string(),
        },
        Change::CircuitKeys(keys) => json::Change::CircuitKeys { keys: keys.digest.into(), development: keys.development },
        Change::AdmitPerson { board, person } => json::Change::AdmitPerson {
            board: (*board).into(),
            person: person.key.signer().into(),
            office: person.office.to_string(),
            until: date(person.until),
        },
        Change::EndPerson(key) => json::Change::EndPerson { person: key.signer().into() },
        Change::Boards { hospital, boards } => {
            json::Change::Boards { hospital: (*hospital).into(), boards: boards.iter().map(|board| (*board).into()).collect() }
        }
    }
}

fn vote(vote: &VoteRecord) -> json::Vote {
    json::Vote { member: vote.member.into(), approve: vote.approve, height: vote.height.0, transaction: vote.transaction.into() }
}

/// A proposal.
pub(crate) fn proposal(id: &ProposalId, record: &ProposalRecord, state: &State) -> json::Proposal {
    json::Proposal {
        summary: summary(id, record),
        change: change(&record.proposal.change),
        reason: record.proposal.reason.clone(),
        tally: tally(state.tally(record)),
        votes: record.votes.iter().map(vote).collect(),
    }
}
