//! What a validator has on disk: decided blocks, blocks that were proposed, and the write-ahead log of consensus inputs.

use super::message::Streamed;
use arc_malachitebft_core_consensus::Input;
use arc_malachitebft_core_types::Validity;
use countersign_consensus::malachite::context::Chain;
use countersign_ledger::{Block, Certificate, Height};
use rand::{Rng, rngs::StdRng};
use std::sync::Arc;

/// A block somebody proposed and what this node found.
#[derive(Debug, Clone)]
pub(super) struct Undecided {
    pub(super) part: Arc<Streamed>,
    pub(super) validity: Validity,
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    /// From height 1.
    pub(super) decided: Vec<(Arc<Block>, Certificate)>,
    pub(super) undecided: Vec<Undecided>,
    log_height: Height,
    log: Vec<Input<Chain>>,
    flushed: usize,
}

impl Disk {
    /// What the log holds of a height; a log of another height starts anew.
    pub(super) fn start_log(&mut self, height: Height) -> Vec<Input<Chain>> {
        if self.log_height != height {
            (self.log_height, self.flushed) = (height, 0);
            self.log.clear();
        }
        self.log.clone()
    }

    pub(super) fn append(&mut self, height: Height, entry: Input<Chain>) {
        if height == self.log_height {
            self.log.push(entry);
        }
    }

    pub(super) fn flush(&mut self) {
        self.flushed = self.log.len();
    }

    /// The machine stops: what was not flushed may be there or not.
    pub(super) fn crash(&mut self, dice: &mut StdRng) {
        let kept = dice.gen_range(self.flushed..=self.log.len());
        self.log.truncate(kept);
        self.flushed = kept;
    }

    /// Sabotage: the log of the height, and what was proposed, are gone.
    pub(super) fn forget(&mut self) {
        self.log.clear();
        self.flushed = 0;
        self.undecided.clear();
    }

    /// A decided block.
    pub(super) fn block(&self, height: Height) -> Option<&(Arc<Block>, Certificate)> {
        self.decided.get(usize::try_from(height.0).ok()?.checked_sub(1)?)
    }

    /// Keeps a proposed block once.
    pub(super) fn put(&mut self, new: Undecided) {
        let same = |u: &&mut Undecided| (u.part.height, u.part.round, u.part.id) == (new.part.height, new.part.round, new.part.id);
        match self.undecided.iter_mut().find(same) {
            Some(held) => held.validity = new.validity,
            None => self.undecided.push(new),
        }
    }
}
