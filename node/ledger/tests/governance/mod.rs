//! Proposals, votes, and changes coming into force.

mod changes;
mod proposals;

use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    hash::Digest32,
};
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;

fn newcomer() -> Change {
    Change::Admit(member(Stranger, "Newcomer", &[Role::Validator]))
}

fn status(net: &Net, proposal: ProposalId) -> ProposalStatus {
    net.state.proposal(&proposal).unwrap().status
}

fn next(net: &Net) -> Height {
    net.state.tip().height.next()
}

fn rules_with(k_min: u32) -> Change {
    Change::Rules(Rules { k_min, ..rules() })
}

fn other_registry() -> ScopeRegistry {
    let mut registry = registry();
    registry.scopes.push("c.genomics".into());
    registry.grid.push(Day(22_000));
    registry
}

fn keys_change(text: &str, development: bool) -> Change {
    Change::CircuitKeys(CircuitKeys { digest: digest(text), development })
}
