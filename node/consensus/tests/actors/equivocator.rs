//! Signs two different votes for every round: one for the block and one for none, and sends both to everybody.

use arc_malachitebft_core_consensus::SignedConsensusMsg;
use arc_malachitebft_core_types::NilOrVal;
use bytes::Bytes;
use countersign_consensus::malachite::{
    network::{Outgoing, consensus_bytes, consensus_message},
    signing::Keys,
};
use countersign_messages::MemberId;
use countersign_net::Channel;

pub struct Equivocator(pub Keys);

impl Outgoing for Equivocator {
    fn to(&self, _: &MemberId, channel: Channel, bytes: &Bytes) -> Vec<(Channel, Bytes)> {
        let mut messages = vec![(channel, bytes.clone())];
        if let Some(SignedConsensusMsg::Vote(vote)) = (channel == Channel::Consensus).then(|| consensus_message(bytes)).flatten()
            && vote.message.value != NilOrVal::Nil
        {
            let mut other = vote.message.clone();
            other.value = NilOrVal::Nil;
            messages.push((channel, consensus_bytes(&SignedConsensusMsg::Vote(self.0.vote(other))).unwrap()));
        }
        messages
    }
}
