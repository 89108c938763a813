//! Votes, but keeps its blocks to itself.

use bytes::Bytes;
use countersign_consensus::malachite::network::Outgoing;
use countersign_messages::MemberId;
use countersign_net::Channel;

pub struct Withholder;

impl Outgoing for Withholder {
    fn to(&self, _: &MemberId, channel: Channel, bytes: &Bytes) -> Vec<(Channel, Bytes)> {
        if channel == Channel::Parts { Vec::new() } else { vec![(channel, bytes.clone())] }
    }
}
