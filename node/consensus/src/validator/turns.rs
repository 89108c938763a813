//! Which proposals of the height being decided are looked at: those of the round's proposer, and few of each round.
//!
//! Executing a block costs up to a second of proofs, so what a proposal costs is bounded before it is spent: a validator that proposes out of turn,
//! again and again, or for rounds that are far off has its proposals dropped unread.

use crate::malachite::{
    context::{Chain, Validators},
    part::Opening,
};
use arc_malachitebft_core_types::{Context, Round, Validator as _};
use std::collections::BTreeMap;

/// Proposals looked at in one round. An honest proposer makes one. A second is looked at too: if the proposer signed two, this validator may need
/// the one the others saw.
const PROPOSALS_A_ROUND_MAX: u8 = 2;
/// Rounds ahead of the one that runs. The engine looks no further either (its `MAX_FUTURE_ROUND_LOOKAHEAD`).
const ROUNDS_AHEAD_MAX: i64 = 10;

/// Why a proposal is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OutOfTurn {
    /// Another validator proposes in that round.
    #[error("proposed in a round that is another validator's")]
    Proposer,
    /// It has proposed there before.
    #[error("proposed more than {PROPOSALS_A_ROUND_MAX} times in a round")]
    Again,
    /// Its round is far ahead. Others may have got there, so nobody is at fault.
    #[error("the round of a proposal is far ahead")]
    FarAhead,
    /// It says it was prevoted for in its own round or a later one.
    #[error("proposed again what it says was prevoted for in its own round or a later one")]
    PolRound,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Turns(BTreeMap<Round, u8>);

impl Turns {
    /// Whether a proposal of the height being decided may be looked at, before its block has come. `running` is the round the engine is in.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) fn admit(&self, validators: &Validators, running: Round, opening: &Opening) -> Result<(), OutOfTurn> {
        if *Chain.select_proposer(validators, opening.height, opening.round).address() != opening.proposer {
            return Err(OutOfTurn::Proposer);
        }
        if opening.pol_round.is_defined() && opening.pol_round >= opening.round {
            return Err(OutOfTurn::PolRound);
        }
        if opening.round.as_i64() > running.as_i64().max(0) + ROUNDS_AHEAD_MAX {
            return Err(OutOfTurn::FarAhead);
        }
        if self.0.get(&opening.round).is_some_and(|count| *count >= PROPOSALS_A_ROUND_MAX) {
            return Err(OutOfTurn::Again);
        }
        Ok(())
    }

    /// Counts one whose block has come, if it may be looked at.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) fn take(&mut self, validators: &Validators, running: Round, opening: &Opening) -> Result<(), OutOfTurn> {
        self.admit(validators, running, opening)?;
        *self.0.entry(opening.round).or_default() += 1;
        Ok(())
    }

    /// The next height begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malachite::{
        context::{BlockId, Height},
        signing::Keys,
    };
    use countersign_circuits::hash::Digest32;
    use countersign_messages::{MemberId, NetworkId, ValidatorSet};
    use ed25519_dalek::SigningKey;

    fn key(i: u8) -> SigningKey {
        SigningKey::from_bytes(&[i; 32])
    }

    fn validators() -> Validators {
        let members = (1..=4).map(|i| MemberId::from(&key(i).verifying_key()));
        Validators::from(&ValidatorSet::new(members))
    }

    /// An opening of height 7 by the round's proposer, or by the one after it.
    fn opening(round: u32, in_turn: bool, pol_round: Round, block: &[u8]) -> Opening {
        let network = NetworkId(Digest32::of(b"network"));
        let whose = Round::new(round + u32::from(!in_turn));
        let proposer = *Chain.select_proposer(&validators(), Height(7), whose).address();
        let key = (1..=4).map(key).find(|k| MemberId::from(&k.verifying_key()) == proposer.0).unwrap();
        let block_id = BlockId(countersign_messages::BlockId(Digest32::of(block)));
        Opening::sign(&Keys::new(network, key), (Height(7), Round::new(round), pol_round), block_id, block)
    }

    #[test]
    fn only_the_proposer_of_a_round_is_heard() {
        let mut turns = Turns::default();
        for round in 0..8 {
            assert_eq!(turns.take(&validators(), Round::Nil, &opening(round, true, Round::Nil, b"a")), Ok(()));
            assert_eq!(turns.take(&validators(), Round::Nil, &opening(round, false, Round::Nil, b"a")), Err(OutOfTurn::Proposer));
        }
    }

    #[test]
    fn a_round_has_two_proposals_and_others_have_their_own() {
        let mut turns = Turns::default();
        let mut take = |round, block: &[u8]| turns.take(&validators(), Round::new(1), &opening(round, true, Round::Nil, block));
        assert_eq!((take(1, b"a"), take(1, b"b")), (Ok(()), Ok(())));
        assert_eq!((take(1, b"c"), take(1, b"a")), (Err(OutOfTurn::Again), Err(OutOfTurn::Again)));
        assert_eq!(take(2, b"c"), Ok(()));
        turns.clear();
        assert_eq!(turns.take(&validators(), Round::new(1), &opening(1, true, Round::Nil, b"c")), Ok(()));
    }

    #[test]
    fn rounds_far_ahead_wait_until_they_are_near() {
        let mut turns = Turns::default();
        let far = opening(31, true, Round::Nil, b"a");
        assert_eq!(turns.take(&validators(), Round::Nil, &far), Err(OutOfTurn::FarAhead));
        assert_eq!(turns.take(&validators(), Round::new(20), &far), Err(OutOfTurn::FarAhead));
        assert_eq!(turns.take(&validators(), Round::new(21), &far), Ok(()));
    }

    #[test]
    fn a_block_is_proposed_again_only_after_it_was_prevoted_for() {
        let mut turns = Turns::default();
        for pol_round in [3, 4, 9] {
            assert_eq!(turns.take(&validators(), Round::Nil, &opening(3, true, Round::new(pol_round), b"a")), Err(OutOfTurn::PolRound));
        }
        assert_eq!(turns.take(&validators(), Round::Nil, &opening(3, true, Round::new(2), b"a")), Ok(()));
    }
}
