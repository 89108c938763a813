//! Sends votes of the height being decided as fast as its connection takes, each of another value: true signatures that cost whoever hears them a
//! verification.

use arc_malachitebft_core_consensus::SignedConsensusMsg;
use arc_malachitebft_core_types::{NilOrVal, Round, VoteType};
use countersign_circuits::hash::Digest32;
use countersign_consensus::{
    Node,
    malachite::{
        context::{BlockId, Vote},
        network::consensus_bytes,
        signing::Keys,
    },
};
use countersign_messages::MemberId;
use countersign_net::{Channel, Sent};

/// Sends to a member until it is cut off.
pub async fn flood(node: &Node, keys: &Keys, to: &MemberId) {
    for i in 0_u64.. {
        let value = NilOrVal::Val(BlockId(countersign_messages::BlockId(Digest32::of(&i.to_le_bytes()))));
        let height = node.state().tip().height.next().into();
        let vote = keys.vote(Vote { kind: VoteType::Prevote, height, round: Round::new(0), value, address: keys.address() });
        let message = consensus_bytes(&SignedConsensusMsg::Vote(vote)).unwrap();
        if node.net().send(to, Channel::Consensus, message) == Sent::NotConnected {
            return;
        }
        tokio::task::yield_now().await;
    }
}
