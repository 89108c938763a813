//! Votes in another validator's name, with a signature of its own.

use arc_malachitebft_core_consensus::SignedConsensusMsg;
use arc_malachitebft_core_types::SignedMessage;
use bytes::Bytes;
use countersign_consensus::malachite::{
    context::Address,
    network::{Outgoing, consensus_bytes, consensus_message},
    signing::Keys,
};
use countersign_messages::MemberId;
use countersign_net::Channel;

pub struct Forger {
    pub keys: Keys,
    /// In whose name; its own votes have a wrong signature beside it.
    pub name: Option<MemberId>,
}

impl Outgoing for Forger {
    fn to(&self, _: &MemberId, channel: Channel, bytes: &Bytes) -> Vec<(Channel, Bytes)> {
        let mut messages = vec![(channel, bytes.clone())];
        if let Some(SignedConsensusMsg::Vote(vote)) = (channel == Channel::Consensus).then(|| consensus_message(bytes)).flatten() {
            let mut forged = vote.message;
            forged.address = self.name.map_or(forged.address, Address);
            let mut signature = self.keys.vote(forged.clone()).signature;
            signature.0[0] ^= u8::from(self.name.is_none());
            messages.push((channel, consensus_bytes(&SignedConsensusMsg::Vote(SignedMessage::new(forged, signature))).unwrap()));
        }
        messages
    }
}
