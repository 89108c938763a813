//! Members and validators.

use super::Id;
use countersign_ledger::State;
use countersign_messages::Member as LedgerMember;
use serde::Serialize;
use utoipa::ToSchema;

/// A member of the network: an organisation, or a researcher in their role. All of it is public on the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Its Ed25519 key.
    id: Id,
    /// Its name.
    name: String,
    /// Its roles.
    roles: Vec<String>,
    /// The X25519 key answers are sealed to where it may open them.
    sealing: Id,
    /// Sequence number of its next transaction.
    next_sequence: u64,
}

impl Member {
    pub(crate) fn new(member: &LedgerMember, state: &State) -> Self {
        Self {
            id: Id::of(member.id),
            name: member.name.to_string(),
            roles: member.roles.iter().map(ToString::to_string).collect(),
            sealing: Id::of_bytes(&member.sealing),
            next_sequence: state.next_sequence(&member.id),
        }
    }
}

/// Who decides the next block.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Validators {
    /// Digest of the set, as the last header names it.
    digest: Id,
    /// Votes that decide.
    quorum: usize,
    /// The validators' keys, ascending; one vote each.
    members: Vec<Id>,
}

impl From<&State> for Validators {
    fn from(state: &State) -> Self {
        let set = state.validators();
        Self { digest: Id::of(set.digest()), quorum: set.quorum(), members: set.members().iter().map(Id::of).collect() }
    }
}
