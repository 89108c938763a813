//! How fast a validator goes.

use arc_malachitebft_core_types::LinearTimeouts;
use std::time::Duration;

/// Times of a validator. All validators of a network should have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Least time between two blocks.
    pub block_min: Duration,
    /// Time after which an empty block is made, so that block time goes on: deadlines and consents end by it.
    pub idle: Duration,
    /// How long validators wait for a proposal in the first round of a height. Building, sending and verifying a block must fit.
    pub propose: Duration,
    /// How long they wait for missing votes.
    pub vote: Duration,
    /// How much longer in each further round.
    pub delta: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { block_min: ms(200), idle: ms(5_000), propose: ms(2_000), vote: ms(500), delta: ms(500) }
    }
}

impl Pace {
    /// The pace of tests and of a demo on one machine.
    pub fn quick() -> Self {
        let ms = Duration::from_millis;
        Self { block_min: Duration::ZERO, idle: ms(1_000), propose: ms(1_000), vote: ms(300), delta: ms(300) }
    }

    pub(super) fn timeouts(&self) -> LinearTimeouts {
        LinearTimeouts {
            propose: self.propose,
            propose_delta: self.delta,
            prevote: self.vote,
            prevote_delta: self.delta,
            precommit: self.vote,
            precommit_delta: self.delta,
            rebroadcast: self.propose,
            ..LinearTimeouts::default()
        }
    }
}
