//! What is in force: what the genesis said, as changed by vote.

use super::{ProposalRecord, State};
use crate::checker::{ProofChecker, check_held};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{consent::ScopeRegistry, hash::Digest32};
use countersign_messages::KeysError;
use countersign_messages::{Height, Member, MemberId, ProposalId, Role, Rules, ValidatorSet};
use std::sync::Arc;

/// What is in force beside members, dictionaries and the validator set.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct InForce {
    pub(super) registry: Digest32,
    pub(super) rules: Rules,
    pub(super) circuit_keys: Digest32,
    /// The first block these rules and circuit keys are in force in; 0 for those of the genesis.
    pub(super) since: Height,
}

impl State {
    /// The members whose transactions the next block may hold, ascending by key.
    pub fn members(&self) -> impl Iterator<Item = &Member> + Clone {
        self.members.iter().map(|(_, m)| m.as_ref())
    }

    /// A member by key.
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.get(id).map(Arc::as_ref)
    }

    /// The validators that decide the next block.
    pub fn validators(&self) -> ValidatorSet {
        self.validator_sets.last().map_or_else(|| self.genesis.validators(), |set| set.as_ref().clone())
    }

    /// The validators that decide, or decided, the block of a height, as far as is known now: those of the next block for later ones.
    pub fn validators_at(&self, height: Height) -> ValidatorSet {
        let set = self.validator_sets.range(Height(0)..=height).next_back();
        set.map_or_else(|| self.genesis.validators(), |(_, set)| set.as_ref().clone())
    }

    /// Heights, up to one, from which on another set of validators decides, with the set; without the genesis set.
    pub fn validator_changes(&self, last: Height) -> impl Iterator<Item = (Height, &ValidatorSet)> {
        self.validator_sets.range(Height(2)..=last).map(|(height, set)| (*height, set.as_ref()))
    }

    /// The governed numbers in force.
    pub fn rules(&self) -> &Rules {
        &self.in_force.rules
    }

    /// The scope registry in force: new studies and consent tables use it.
    pub fn registry(&self) -> &ScopeRegistry {
        self.registries.get(&self.in_force.registry).map_or(&self.genesis.registry, Arc::as_ref)
    }

    /// Digest of the scope registry in force: names consent tables.
    pub fn registry_digest(&self) -> Digest32 {
        self.in_force.registry
    }

    /// A scope registry that is or was in force.
    pub fn registry_of(&self, digest: &Digest32) -> Option<&ScopeRegistry> {
        self.registries.get(digest).map(Arc::as_ref)
    }

    /// Digest of the circuit keys proofs in the next block are verified with.
    pub fn circuit_keys(&self) -> Digest32 {
        self.in_force.circuit_keys
    }

    /// Checks that a node holds the circuit keys in force.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn check_keys(&self, checker: &dyn ProofChecker) -> Result<(), KeysError> {
        check_held(checker, &self.in_force.circuit_keys, self.genesis.development)
    }

    /// A proposal.
    pub fn proposal(&self, id: &ProposalId) -> Option<&ProposalRecord> {
        self.proposals.get(id).map(Arc::as_ref)
    }

    /// All proposals, those that are decided included.
    pub fn proposals(&self) -> impl Iterator<Item = (&ProposalId, &ProposalRecord)> {
        self.proposals.iter().map(|(k, r)| (k, r.as_ref()))
    }

    /// True if the member holds the role.
    pub fn has_role(&self, member: &MemberId, role: Role) -> bool {
        self.member(member).is_some_and(|m| m.has_role(role))
    }
}
