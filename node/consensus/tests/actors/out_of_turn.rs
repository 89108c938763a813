//! Beside what it should say, proposes blocks in every round, whoever's it is, and under a name it has just made up.

use arc_malachitebft_app_channel::app::{
    streaming::{StreamContent, StreamId, StreamMessage},
    types::codec::Codec,
};
use arc_malachitebft_core_consensus::SignedConsensusMsg;
use arc_malachitebft_core_types::Round;
use bytes::Bytes;
use countersign_circuits::hash::Digest32;
use countersign_consensus::malachite::{
    codec::Borsh,
    context::{BlockId, Height},
    network::{Outgoing, consensus_message},
    part::{Opening, Part, parts},
    signing::Keys,
};
use countersign_messages::{MemberId, NetworkId};
use countersign_net::Channel;
use ed25519_dalek::SigningKey;

pub struct OutOfTurn {
    pub network: NetworkId,
    pub key: SigningKey,
}

impl OutOfTurn {
    /// The parts of a proposal of some bytes, as they are sent.
    fn proposal(&self, name: SigningKey, height: Height, round: Round) -> impl Iterator<Item = (Channel, Bytes)> + use<> {
        let bytes = b"a block of its own";
        let block = BlockId(countersign_messages::BlockId(Digest32::of(bytes)));
        let opening = Opening::sign(&Keys::new(self.network, name), (height, round, Round::Nil), block, bytes);
        let id = StreamId::new(borsh::to_vec(&(opening.hash, opening.proposer, round)).unwrap().into());
        let contents = parts(opening, bytes).into_iter().map(StreamContent::Data).chain([StreamContent::Fin]);
        contents.enumerate().map(move |(sequence, content)| {
            let message: StreamMessage<Part> = StreamMessage::new(id.clone(), sequence as u64, content);
            (Channel::Parts, Borsh.encode(&message).unwrap())
        })
    }
}

impl Outgoing for OutOfTurn {
    fn to(&self, _: &MemberId, channel: Channel, bytes: &Bytes) -> Vec<(Channel, Bytes)> {
        let mut messages = vec![(channel, bytes.clone())];
        if let Some(SignedConsensusMsg::Vote(vote)) = (channel == Channel::Consensus).then(|| consensus_message(bytes)).flatten() {
            let height = vote.message.height;
            let made_up = SigningKey::from_bytes(&[height.0 as u8; 32]);
            for round in (0..4).map(Round::new) {
                messages.extend(self.proposal(self.key.clone(), height, round));
                messages.extend(self.proposal(made_up.clone(), height, round));
            }
        }
        messages
    }
}
