//! Proposers that let rounds of the height being decided pass: named when it is decided, if they were at fault.
//!
//! A validator that comes late hears no proposals of rounds that are over, and times out as if nobody had proposed: nobody is at fault for that. So
//! nobody is named for a round if the block was fetched from others, who had decided it before, or if it was decided in that round or an earlier one.

use crate::malachite::context::Address;
use arc_malachitebft_core_types::Round;

/// Rounds of one height that are remembered: a height that has seen more is stuck for other reasons.
const ROUNDS_MAX: usize = 64;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Missed(Vec<(Address, Round)>);

impl Missed {
    /// A proposer's round has ended here without a proposal that can be voted for.
    pub(super) fn note(&mut self, proposer: Address, round: Round) {
        if self.0.len() < ROUNDS_MAX {
            self.0.push((proposer, round));
        }
    }

    /// Who is to be named when the height was decided in a round.
    pub(super) fn at_fault(&self, decided: Round, fetched: bool) -> Vec<(Address, Round)> {
        self.0.iter().filter(|(_, round)| !fetched && *round < decided).copied().collect()
    }

    /// The next height begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_messages::MemberId;

    #[test]
    fn nobody_is_named_for_a_height_that_others_had_decided() {
        let (proposer, mut missed) = (Address(MemberId([1; 32])), Missed::default());
        for round in 0..3 {
            missed.note(proposer, Round::new(round));
        }
        assert!(missed.at_fault(Round::new(0), false).is_empty(), "there was a proposal; it was not heard here");
        assert_eq!(missed.at_fault(Round::new(2), false), [(proposer, Round::new(0)), (proposer, Round::new(1))]);
        assert!(missed.at_fault(Round::new(2), true).is_empty());
        for round in 3..1_000 {
            missed.note(proposer, Round::new(round));
        }
        assert_eq!(missed.0.len(), ROUNDS_MAX);
    }
}
