//! Proposals of others on their way in: parts put together, complete ones kept until their height comes.

use super::turns::OutOfTurn;
use crate::malachite::{
    context::Address,
    part::{Assembly, Opening, Part, PartError},
};
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamMessage};
use bytes::Bytes;
use countersign_messages::{Height, MemberId, NetworkId};
use std::{cmp::Ordering, collections::BTreeMap};

/// Proposals of one validator that may be coming in at a time: this round's and the next one's.
const STREAMS_A_MEMBER_MAX: usize = 2;
/// Complete proposals of one validator kept for the next height.
const EARLY_A_MEMBER_MAX: usize = 2;
/// Heights ahead for which proposals are kept. Who is further behind gets decided blocks by synchronisation.
const AHEAD_MAX: u64 = 1;
/// Rounds looked at: a height that has seen so many is stuck for other reasons, and the numbers must not run away.
pub(super) const ROUND_MAX: i64 = 10_000;

/// A whole proposal: what the proposer signed, and the block's bytes.
pub(super) type Whole = (Opening, Vec<u8>);

/// Why a part is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It is no part of a proposal; the sender is at fault.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The proposal it begins is not to be looked at.
    #[error(transparent)]
    Turn(#[from] OutOfTurn),
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    streams: BTreeMap<(MemberId, Bytes), (u64, Assembly)>,
    early: Vec<Whole>,
}

impl Incoming {
    /// Takes a part in. Gives the proposal if it is whole and for the height being decided. `admit` says whether a proposal of that height is to be
    /// looked at: those of the next height are asked about when it has come.
    ///
    /// # Errors
    /// [`Refused`].
    pub(super) fn part(
        &mut self,
        network: &NetworkId,
        current: Height,
        from: MemberId,
        message: StreamMessage<Part>,
        admit: impl FnOnce(&Opening) -> Result<(), OutOfTurn>,
    ) -> Result<Option<Whole>, Refused> {
        let key = (from, message.stream_id.to_bytes());
        // a first message begins: a proposer that was killed and is back counts its streams from the beginning
        let begun = self.streams.remove(&key).filter(|_| message.sequence != 0);
        match (message.content, begun) {
            (StreamContent::Data(part), None) => {
                // one that comes in the middle belongs to a proposal that was dropped
                if message.sequence != 0 {
                    return Ok(None);
                }
                let Part::Opening(opening) = &part else { return Err(PartError::Order.into()) };
                // what is cheap comes before the signature
                if opening.proposer.0 != from {
                    return Err(PartError::Sender.into());
                }
                let height = Height::from(opening.height);
                if height < current || height.0 > current.0 + AHEAD_MAX || !(0..=ROUND_MAX).contains(&opening.round.as_i64()) {
                    return Ok(None);
                }
                if height == current {
                    admit(opening)?;
                }
                let assembly = Assembly::start(network, part)?;
                self.make_room(from);
                self.streams.insert(key, (1, assembly));
                Ok(None)
            }
            (StreamContent::Data(part), Some((expected, mut assembly))) => {
                match message.sequence.cmp(&expected) {
                    Ordering::Equal => {}
                    // a piece was dropped on the way, as happens to a slow peer
                    Ordering::Greater => return Ok(None),
                    Ordering::Less => return Err(PartError::Order.into()),
                }
                assembly.add(part)?;
                self.streams.insert(key, (expected + 1, assembly));
                Ok(None)
            }
            (StreamContent::Fin, None) => Ok(None),
            (StreamContent::Fin, Some((_, assembly))) => {
                let whole = assembly.finish()?;
                let height = Height::from(whole.0.height);
                if height == current {
                    return Ok(Some(whole));
                }
                if height > current {
                    self.keep_early(whole);
                }
                Ok(None)
            }
        }
    }

    /// The oldest proposal of a validator gives way to a newer one.
    fn make_room(&mut self, from: MemberId) {
        let of_member: Vec<_> = self.streams.keys().filter(|(member, _)| *member == from).cloned().collect();
        if of_member.len() >= STREAMS_A_MEMBER_MAX {
            let oldest =
                of_member.into_iter().min_by_key(|key| self.streams.get(key).map(|(_, a)| (a.opening().height, a.opening().round)));
            oldest.map(|key| self.streams.remove(&key));
        }
    }

    fn keep_early(&mut self, whole: Whole) {
        let of_member = self.early.iter().filter(|(o, _)| o.proposer == whole.0.proposer).count();
        if of_member < EARLY_A_MEMBER_MAX {
            self.early.push(whole);
        }
    }

    /// The proposals kept for a height that has come; those of earlier heights are dropped.
    pub(super) fn take_early(&mut self, height: Height) -> Vec<Whole> {
        self.streams.retain(|_, (_, a)| a.opening().height.0 >= height.0);
        let (now, later): (Vec<Whole>, Vec<Whole>) =
            self.early.drain(..).filter(|(o, _)| o.height.0 >= height.0).partition(|(o, _)| o.height.0 == height.0);
        self.early = later;
        now
    }

    /// True if the proposer of a height's first round has begun to propose.
    pub(super) fn has_begun(&self, height: Height, proposer: &Address) -> bool {
        let mut openings = self.streams.values().map(|(_, a)| a.opening()).chain(self.early.iter().map(|(o, _)| o));
        openings.any(|o| Height::from(o.height) == height && o.round.as_i64() == 0 && o.proposer == *proposer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malachite::{
        context::{BlockId, Height as H},
        part::parts,
        signing::Keys,
    };
    use arc_malachitebft_app_channel::app::streaming::StreamId;
    use arc_malachitebft_core_types::Round;
    use countersign_circuits::hash::Digest32;
    use ed25519_dalek::SigningKey;

    fn network() -> NetworkId {
        NetworkId(Digest32::of(b"network"))
    }

    fn key(i: u8) -> SigningKey {
        SigningKey::from_bytes(&[i; 32])
    }

    fn address(i: u8) -> Address {
        Address(MemberId::from(&key(i).verifying_key()))
    }

    /// What a validator sends to propose.
    fn messages(by: u8, height: u64, round: u32, bytes: &[u8]) -> Vec<StreamMessage<Part>> {
        let keys = Keys::new(network(), key(by));
        let block = BlockId(countersign_messages::BlockId(Digest32::of(bytes)));
        let opening = Opening::sign(&keys, (H(height), Round::new(round), Round::Nil), block, bytes);
        let id = StreamId::new(borsh::to_vec(&(height, round)).unwrap().into());
        let contents = parts(opening, bytes).into_iter().map(StreamContent::Data).chain([StreamContent::Fin]);
        contents.enumerate().map(|(i, content)| StreamMessage::new(id.clone(), i as u64, content)).collect()
    }

    fn feed(incoming: &mut Incoming, from: u8, messages: Vec<StreamMessage<Part>>) -> Result<Option<Whole>, Refused> {
        let mut last = None;
        for message in messages {
            last = incoming.part(&network(), Height(5), MemberId::from(&key(from).verifying_key()), message, |_| Ok(()))?;
        }
        Ok(last)
    }

    #[test]
    fn a_proposal_of_this_height_comes_through_and_one_of_the_next_waits() {
        let mut incoming = Incoming::default();
        let whole = feed(&mut incoming, 1, messages(1, 5, 0, b"block")).unwrap().unwrap();
        assert_eq!(whole.1, b"block");
        assert!(!incoming.has_begun(Height(6), &address(1)));
        assert_eq!(feed(&mut incoming, 1, messages(1, 6, 0, b"next")), Ok(None));
        assert!(incoming.has_begun(Height(6), &address(1)));
        assert_eq!(incoming.take_early(Height(6)).len(), 1);
        assert!(incoming.take_early(Height(6)).is_empty());
        for height in [4, 7] {
            assert_eq!(feed(&mut incoming, 1, messages(1, height, 0, b"other")), Ok(None));
            assert!(incoming.take_early(Height(height)).is_empty());
        }
    }

    #[test]
    fn only_the_first_proposer_of_a_height_has_it_begin() {
        let mut incoming = Incoming::default();
        // another one of this round, and the right one for a later round
        feed(&mut incoming, 2, messages(2, 6, 0, b"hurry")).unwrap();
        feed(&mut incoming, 1, messages(1, 6, 4, b"hurry")).unwrap();
        assert!(!incoming.has_begun(Height(6), &address(1)));
        // its opening is enough
        feed(&mut incoming, 1, messages(1, 6, 0, b"next").into_iter().take(1).collect()).unwrap();
        assert!(incoming.has_begun(Height(6), &address(1)));
    }

    #[test]
    fn out_of_turn_costs_no_signature_and_no_memory() {
        let mut incoming = Incoming::default();
        let mut unsigned = messages(1, 5, 0, b"block");
        let StreamContent::Data(Part::Opening(opening)) = &mut unsigned[0].content else { panic!("an opening comes first") };
        opening.signature = Keys::new(network(), key(1)).sign(&Digest32::of(b"something else"));
        let mut refuse =
            |message: StreamMessage<Part>| incoming.part(&network(), Height(5), address(1).0, message, |_| Err(OutOfTurn::Proposer));
        // not the signature's error: it was not looked at
        assert_eq!(refuse(unsigned[0].clone()), Err(Refused::Turn(OutOfTurn::Proposer)));
        assert!(unsigned.split_off(1).into_iter().all(|rest| refuse(rest) == Ok(None)));
        assert!(incoming.streams.is_empty());
    }

    #[test]
    fn what_one_validator_can_make_others_hold_is_bounded() {
        let mut incoming = Incoming::default();
        for round in 0..50 {
            let mut begun = messages(1, 5, round, &vec![1; 1000]);
            begun.pop();
            feed(&mut incoming, 1, begun).unwrap();
            feed(&mut incoming, 2, messages(2, 6, round, b"early")).unwrap();
        }
        assert_eq!((incoming.streams.len(), incoming.early.len()), (STREAMS_A_MEMBER_MAX, EARLY_A_MEMBER_MAX));
        // the newest are held
        assert!(incoming.streams.values().all(|(_, a)| a.opening().round.as_i64() >= 48));
    }

    #[test]
    fn nobody_proposes_under_another_name() {
        // keys cost nothing: under made-up names a validator could have others hold as much as it likes
        let mut incoming = Incoming::default();
        for name in 2..20 {
            assert_eq!(feed(&mut incoming, 1, messages(name, 6, 0, b"early")), Err(PartError::Sender.into()));
        }
        assert!(incoming.streams.is_empty() && incoming.early.is_empty());
    }

    #[test]
    fn a_proposer_that_was_killed_may_begin_again() {
        let mut incoming = Incoming::default();
        let all = messages(1, 5, 0, &vec![1; 300_000]);
        assert_eq!(feed(&mut incoming, 1, all[..2].to_vec()), Ok(None));
        assert!(feed(&mut incoming, 1, all).unwrap().is_some());
    }

    #[test]
    fn parts_out_of_order_are_told() {
        let mut incoming = Incoming::default();
        let mut repeated = messages(1, 5, 0, &vec![1; 300_000]);
        repeated.insert(2, repeated[1].clone());
        assert_eq!(feed(&mut incoming, 1, repeated), Err(PartError::Order.into()));
        // one that was dropped on the way is nobody's fault
        let mut gap = messages(1, 5, 0, &vec![1; 300_000]);
        gap.remove(1);
        assert_eq!(feed(&mut incoming, 1, gap), Ok(None));
        // and forgotten
        assert!(incoming.streams.is_empty());
        let middle = messages(1, 5, 1, b"x").split_off(1);
        assert_eq!(feed(&mut incoming, 1, middle), Ok(None));
    }
}
