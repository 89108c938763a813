//! Sends votes of the height being decided as fast as its connection takes, each with another wrong signature that costs whoever hears it a verification.

use arc_malachitebft_core_consensus::SignedConsensusMsg;
use arc_malachitebft_core_types::{NilOrVal, Round, SignedMessage, VoteType};
use countersign_consensus::{
    Node,
    malachite::{
        context::{Address, Vote},
        network::consensus_bytes,
        signing::Signature,
    },
};
use countersign_ledger::MemberId;
use countersign_net::{Channel, Sent};

/// Sends to a member until it is cut off.
pub async fn flood(node: &Node, to: &MemberId) {
    for i in 0_u64.. {
        let vote = Vote {
            kind: VoteType::Prevote,
            height: node.state().tip().height.next().into(),
            round: Round::new(0),
            value: NilOrVal::Nil,
            address: Address(node.me()),
        };
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&i.to_le_bytes());
        let message = SignedConsensusMsg::Vote(SignedMessage::new(vote, Signature(signature)));
        if node.net().send(to, Channel::Consensus, consensus_bytes(&message).unwrap()) == Sent::NotConnected {
            return;
        }
        tokio::task::yield_now().await;
    }
}
