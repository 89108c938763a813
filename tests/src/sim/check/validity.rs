//! Validity, looked at when a seed has ended.
//!
//! Failures:
//! - a committed block is refused by [`State::validate`](countersign_ledger::State::validate) on a state made from the blocks before it alone, with a
//!   checker that has seen nothing (for one seed in sixteen from genesis, for the others from the common beginning);
//! - a transaction stands in the chain twice.

use super::{
    Failure,
    history::{Executed, History},
};
use crate::sim::{harness::Script, people::prefix};
use std::collections::BTreeSet;

pub(super) fn check(history: &History, from_genesis: bool) -> Result<Executed, Failure> {
    let checker = Script::default();
    let common = prefix().blocks.iter().map(|(block, _)| block);
    let mut seen: BTreeSet<_> = common.clone().flat_map(|b| b.transaction_ids()).collect();
    let mut state = if from_genesis { prefix().genesis.clone() } else { prefix().state.clone() };
    let mut executed = Executed::new();
    if from_genesis {
        for block in common {
            let outcome = state.validate(block, &checker).map_err(|e| invalid(block, &e))?;
            state.commit(outcome).map_err(|e| invalid(block, &e))?;
        }
    }
    for block in history.blocks() {
        for id in block.transaction_ids() {
            if !seen.insert(id) {
                return Err(Failure::Twice(id));
            }
        }
        let outcome = state.validate(block, &checker).map_err(|e| invalid(block, &e))?;
        executed.push((block.clone(), outcome.results().to_vec()));
        state.commit(outcome).map_err(|e| invalid(block, &e))?;
    }
    Ok(executed)
}

fn invalid(block: &countersign_messages::Block, error: &dyn std::error::Error) -> Failure {
    Failure::Invalid { height: block.header.height, why: error.to_string() }
}
