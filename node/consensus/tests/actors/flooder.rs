//! Sends garbage and transactions that no honest node passes on, as many as its connections take.

use bytes::Bytes;
use countersign_consensus::Node;
use countersign_messages::{MemberId, Signature, Transaction, Wire};
use countersign_net::{Channel, Sent};

/// Sends to a member until it is cut off or so many were taken; gives how many.
pub async fn flood(node: &Node, to: &MemberId, template: &Transaction, count: usize) -> usize {
    let mut taken = 0;
    for i in 0..count {
        let mut transaction = template.clone();
        transaction.signature = Signature([i as u8; 64]);
        transaction.sequence += i as u64 % 7;
        let bytes = if i % 3 == 0 { Bytes::from(vec![i as u8; 1_000]) } else { transaction.encode().into() };
        match node.net().send(to, Channel::Transactions, bytes) {
            Sent::Queued => taken += 1,
            Sent::Full => tokio::task::yield_now().await,
            Sent::NotConnected => break,
        }
    }
    taken
}
