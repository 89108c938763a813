//! Agreement, looked at whenever a node commits.
//!
//! Failures:
//! - a node commits another block at a height than the first one did, in any of its lives (what a node that dies has committed counts);
//! - a node commits a block with a certificate that the ledger's own check refuses under the validators of its height;
//! - a node commits heights out of order, or a height twice, unless it has lost its chain in between;
//! - a node's state after a block is not the one the block's header commits to.

use super::{Failure, history::History, withdrawals};
use crate::sim::{
    clients::CHEAT,
    cluster::Summary,
    harness::Who,
    node::Committed,
    people::{VALIDATORS, prefix},
};
use countersign_ledger::{Effect, State};
use countersign_messages::{Certificate, Height, TransactionId, ValidatorSet};
use std::collections::BTreeMap;

/// Looks at every commit.
#[derive(Debug)]
pub(in crate::sim) struct Watch {
    history: History,
    heights: [Height; VALIDATORS],
    withdrawn: withdrawals::Known,
    at_heal: Height,
    /// Governance changes no validator in these runs.
    validators: ValidatorSet,
    /// Certificates of the last heights that were found good.
    checked: Vec<Certificate>,
}

impl Default for Watch {
    fn default() -> Self {
        let tip = prefix().state.tip().height;
        Self {
            history: History::default(),
            heights: [tip; VALIDATORS],
            withdrawn: withdrawals::Known::default(),
            at_heal: tip,
            validators: prefix().state.validators(),
            checked: Vec::new(),
        }
    }
}

impl Watch {
    /// A node has committed a block; true if it is the first to commit this height.
    pub(in crate::sim) fn committed(&mut self, node: usize, new: &Committed, state: &State, stormy: bool) -> Result<bool, Failure> {
        let height = new.certificate.height;
        if height != self.heights[node].next() {
            return Err(Failure::Order { height, node });
        }
        self.heights[node] = height;
        // the same certificate, passed on with a synced block, says the same
        if !self.checked.contains(&new.certificate) {
            new.certificate.check(&new.block.header, &self.validators).map_err(|error| Failure::Certificate { node, error })?;
            self.checked.retain(|c| c.height.0 + 8 > height.0);
            self.checked.push(new.certificate.clone());
        }
        let first = match self.history.block(height) {
            Some(known) if known.header.id() != new.block.header.id() => return Err(Failure::Disagreement { height, node }),
            Some(_) => false,
            None => {
                self.history.push(new.block.clone());
                self.withdrawn.learn(&new.block, &new.results);
                true
            }
        };
        if state.tip().block != new.certificate.block || state.digest() != new.block.header.state_digest {
            return Err(Failure::State { height, node });
        }
        self.withdrawn.check(state)?;
        if stormy {
            self.at_heal = self.at_heal.max(height);
        }
        Ok(first)
    }

    /// A node has lost its chain and takes it in again.
    pub(in crate::sim) fn lost(&mut self, node: usize) {
        self.heights[node] = prefix().state.tip().height;
    }

    pub(in crate::sim) fn history(&self) -> &History {
        &self.history
    }

    pub(in crate::sim) fn height_at_heal(&self) -> Height {
        self.at_heal
    }

    /// Everything that was signed honestly stands in a block.
    pub(in crate::sim) fn all_in(&self, signed: &[(TransactionId, Who, &'static str)]) -> Result<(), Failure> {
        super::liveness::all_in(&self.history, signed.iter().filter(|(_, who, _)| *who != CHEAT).map(|(id, _, kind)| (*id, *kind)))
    }

    pub(in crate::sim) fn count(&self, summary: &mut Summary) {
        summary.height = self.heights.iter().max().map_or(0, |h| h.0);
        let effects = self.withdrawn.results.iter().map(|r| r.effect());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for effect in effects {
            *counts.entry(if effect.is_some() { "accepted" } else { "rejected" }).or_default() += 1;
            match effect {
                Some(Effect::Answered(_)) => *counts.entry("answers").or_default() += 1,
                Some(Effect::Withdrawn(_)) => *counts.entry("withdrawals").or_default() += 1,
                Some(Effect::Decided { .. }) => *counts.entry("decisions").or_default() += 1,
                Some(Effect::Erased { .. }) => *counts.entry("erasures").or_default() += 1,
                _ => {}
            }
        }
        let of = |name| counts.get(name).copied().unwrap_or(0);
        (summary.accepted, summary.rejected) = (of("accepted"), of("rejected"));
        summary.decisions = of("decisions");
        (summary.answers, summary.withdrawals, summary.erasures) = (of("answers"), of("withdrawals"), of("erasures"));
    }
}
