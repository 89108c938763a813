//! Members and validators.

use countersign_ledger::State;
use countersign_messages::{Member, json};

/// A member of the network.
pub(crate) fn member(member: &Member, state: &State) -> json::Member {
    json::Member {
        id: member.id.into(),
        name: member.name.to_string(),
        roles: member.roles.iter().map(ToString::to_string).collect(),
        sealing: member.sealing.into(),
        next_sequence: state.next_sequence(&member.id),
    }
}

/// Who decides the next block.
pub(crate) fn validators(state: &State) -> json::Validators {
    let set = state.validators();
    json::Validators {
        digest: set.digest().into(),
        quorum: set.quorum(),
        members: set.members().iter().map(|member| (*member).into()).collect(),
    }
}
