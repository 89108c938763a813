//! What a validator has on disk: decided blocks, blocks that were proposed, and the write-ahead log of consensus inputs.

use super::message::Streamed;
use arc_malachitebft_core_consensus::Input;
use arc_malachitebft_core_types::Validity;
use countersign_consensus::malachite::context::Chain;
use countersign_consensus::voting::Log;
use countersign_messages::{Block, Certificate, Height};
use countersign_store::VotingRecord;
use rand::{Rng, rngs::StdRng};
use std::sync::Arc;

/// A block somebody proposed and what this node found.
#[derive(Debug, Clone)]
pub(super) struct Undecided {
    pub(super) part: Arc<Streamed>,
    pub(super) validity: Validity,
}

/// What a process finds gone when it starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Nothing,
    Log,
    /// The database, but for the beginning that all have in common: it stands for the genesis.
    Database,
    Both,
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    /// From height 1.
    pub(super) decided: Vec<(Arc<Block>, Certificate)>,
    pub(super) undecided: Vec<Undecided>,
    /// What the database says of votes.
    pub(super) record: VotingRecord,
    /// Nothing can be written.
    pub(super) full: bool,
    log_height: Height,
    log_lost: bool,
    log: Vec<Input<Chain>>,
    flushed: usize,
}

impl Disk {
    /// What the log holds of a height; a log of another height starts anew.
    pub(super) fn start_log(&mut self, height: Height) -> Vec<Input<Chain>> {
        self.log_lost = false;
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

    /// The log as it is read before it is used.
    pub(super) fn log(&self) -> Log {
        if self.log_lost { Log::Missing } else { Log::Whole(self.log_height) }
    }

    /// The height the log is for.
    pub(super) fn log_height(&self) -> Height {
        self.log().height()
    }

    /// Something is gone.
    pub(super) fn lose(&mut self, loss: Loss, common: usize) {
        if matches!(loss, Loss::Log | Loss::Both) {
            self.log.clear();
            (self.flushed, self.log_height, self.log_lost) = (0, Height(0), true);
        }
        if matches!(loss, Loss::Database | Loss::Both) {
            self.decided.truncate(common);
            self.undecided.clear();
            self.record = VotingRecord::default();
        }
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
