//! Governance: changes proposed and voted on.

use super::{Person, TransactionId};
use crate::{
    circuit_keys::CircuitKeys,
    codec::{DecodeError, bound, plain},
    genesis::{Member, Rules},
    identity::{MemberId, PersonKey, Role},
    limits::{DICTIONARY_BYTES_MAX, SEALING_KEYS_MAX, TEXT_BYTES_MAX},
    time::Height,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::consent::{GRID_MAX, SCOPES_MAX, ScopeRegistry};
use std::fmt;

/// A proposal's identity: the transaction that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ProposalId(pub TransactionId);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Change {
    /// Admits a member; if its key is a member's already, its name and roles are replaced.
    Admit(Member),
    /// Removes a member. Its tables, cuts and answers stay for audits; it can sign nothing any more.
    Remove(MemberId),
    /// Publishes a dictionary: its canonical bytes.
    Dictionary(Vec<u8>),
    /// Another scope registry, and with it another layout of consent tables. Studies keep the one they were submitted under.
    Registry(ScopeRegistry),
    /// Other governed numbers.
    Rules(Rules),
    /// Other circuit keys. Every validator must hold them before the change is in force.
    CircuitKeys(CircuitKeys),
    /// Admits a person to an ethics board, prolongs its time, or changes its office.
    AdmitPerson {
        /// The board.
        board: MemberId,
        /// The person.
        person: Person,
    },
    /// A person signs no more for an ethics board.
    EndPerson(PersonKey),
    /// The ethics boards that must approve a study before a hospital may accept it; with none, any one of the study's.
    Boards {
        /// The hospital.
        hospital: MemberId,
        /// The boards, ascending.
        boards: Vec<MemberId>,
    },
}

impl Change {
    /// Its kind, for people and indexes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admit",
            Self::Remove(_) => "remove",
            Self::Dictionary(_) => "dictionary",
            Self::Registry(_) => "registry",
            Self::Rules(_) => "rules",
            Self::CircuitKeys(_) => "circuit-keys",
            Self::AdmitPerson { .. } => "admit-person",
            Self::EndPerson(_) => "end-person",
            Self::Boards { .. } => "boards",
        }
    }

    fn check_bounds(&self) -> Result<(), DecodeError> {
        match self {
            Self::Admit(member) => bound("member", "roles", member.roles.len(), Role::ALL.len()),
            Self::Dictionary(bytes) => bound("dictionary", "canonical bytes", bytes.len(), DICTIONARY_BYTES_MAX),
            Self::Registry(registry) => {
                bound("scope registry", "scopes", registry.scopes.len(), SCOPES_MAX)?;
                bound("scope registry", "dates", registry.grid.len(), GRID_MAX)?;
                registry.scopes.iter().try_for_each(|scope| {
                    bound("scope registry", "bytes of a scope", scope.len(), 64)?;
                    plain("scope registry", "scope", scope)
                })
            }
            Self::Boards { boards, .. } => bound("boards of a hospital", "boards", boards.len(), SEALING_KEYS_MAX - 1),
            Self::Remove(_) | Self::Rules(_) | Self::CircuitKeys(_) | Self::AdmitPerson { .. } | Self::EndPerson(_) => Ok(()),
        }
    }
}

/// Proposes a change. The proposer approves it by proposing.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// The change.
    pub change: Change,
    /// The first block it is in force in. If it is carried in that block or later, it is in force from the next block on.
    pub in_force: Height,
    /// Why, in plain words.
    pub reason: String,
}

impl Proposal {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("proposal", "reason bytes", self.reason.len(), TEXT_BYTES_MAX)?;
        plain("proposal", "reason", &self.reason)?;
        self.change.check_bounds()
    }
}

/// Votes on an open proposal: once, and for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The proposal.
    pub proposal: ProposalId,
    /// True for, false against.
    pub approve: bool,
}
