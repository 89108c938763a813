use super::harness::*;
use crate::{Carrier, Channel, Direction, NetConfig, Sent, Transport, frame::Kind};
use bytes::Bytes;
use std::collections::BTreeMap;

async fn both_ways(transport: Transport, carrier: Carrier) {
    let (mut a, mut b) = pair(transport).await;
    for channel in Channel::ALL {
        for length in [0, 1, 20_000, channel.message_bytes_max()] {
            let bytes = Bytes::from(vec![7; length.min(channel.message_bytes_max())]);
            assert_eq!(a.net.send(&b.member, channel, bytes.clone()), Sent::Queued);
            assert_eq!(b.message().await, (a.member, channel, bytes.clone()));
            assert_eq!(b.net.send(&a.member, channel, bytes.clone()), Sent::Queued);
            assert_eq!(a.message().await, (b.member, channel, bytes));
        }
        let too_big = Bytes::from(vec![0; channel.message_bytes_max() + 1]);
        assert_eq!(a.net.send(&b.member, channel, too_big), Sent::Full);
    }
    let status = a.net.peers().remove(0);
    let connection = status.connection.unwrap();
    assert_eq!((status.member, connection.carrier, connection.direction), (b.member, carrier, Direction::Inbound));
    assert_eq!(b.net.peers()[0].connection.as_ref().unwrap().direction, Direction::Outbound);
    assert_eq!(a.net.send(&id(9), Channel::Status, Bytes::new()), Sent::NotConnected);
    assert_eq!(a.net.broadcast(Channel::Status, &Bytes::from_static(b"x"), &|_| true), 1);
    assert_eq!(a.net.broadcast(Channel::Status, &Bytes::from_static(b"x"), &|_| false), 0);
    until("the round trip is known", || b.net.peers()[0].connection.as_ref().unwrap().round_trip.is_some()).await;
}

#[tokio::test]
async fn two_members_talk_over_quic() {
    both_ways(Transport::Quic, Carrier::Quic).await;
}

#[tokio::test]
async fn two_members_talk_over_tcp() {
    both_ways(Transport::Tcp, Carrier::Tcp).await;
}

#[tokio::test]
async fn auto_takes_quic_when_it_can() {
    both_ways(Transport::Auto, Carrier::Quic).await;
}

#[tokio::test]
async fn auto_takes_tcp_when_nothing_answers_on_udp() {
    let members = members(&[1, 2]);
    let mut a = Node::start(1, NetConfig { quic: false, ..listening() }, members.subscribe()).await;
    let mut b = Node::start(2, NetConfig { peers: vec![a.peer(Transport::Auto)], ..outwards() }, members.subscribe()).await;
    a.connected(b.member).await;
    b.connected(a.member).await;
    assert_eq!(b.net.peers()[0].connection.as_ref().unwrap().carrier, Carrier::Tcp);
}

async fn messages_keep_their_order(transport: Transport) {
    let (a, mut b) = pair(transport).await;
    for n in 0..60u8 {
        for channel in [Channel::Consensus, Channel::Parts, Channel::Transactions] {
            assert_eq!(a.net.send(&b.member, channel, vec![n; 30_000].into()), Sent::Queued);
        }
    }
    let mut next: BTreeMap<Channel, u8> = BTreeMap::new();
    for _ in 0..180 {
        let (_, channel, bytes) = b.message().await;
        let n = next.entry(channel).or_default();
        assert_eq!(bytes, vec![*n; 30_000]);
        *n += 1;
    }
}

#[tokio::test]
async fn messages_of_a_channel_keep_their_order_over_quic() {
    messages_keep_their_order(Transport::Quic).await;
}

#[tokio::test]
async fn messages_of_a_channel_keep_their_order_over_tcp() {
    messages_keep_their_order(Transport::Tcp).await;
}

/// A vote that is sent while a big message is under way arrives before it.
async fn a_vote_overtakes(transport: Transport) {
    let (a, mut b) = pair(transport).await;
    let big = Bytes::from(vec![1; Kind::Channel(Channel::Transactions).bytes_max()]);
    assert_eq!(a.net.send(&b.member, Channel::Transactions, big), Sent::Queued);
    until("the big message is being written", || a.net.peers()[0].connection.as_ref().unwrap().waiting == [0; 4]).await;
    assert_eq!(a.net.send(&b.member, Channel::Consensus, Bytes::from_static(b"vote")), Sent::Queued);
    assert_eq!(b.message().await.1, Channel::Consensus);
    assert_eq!(b.message().await.1, Channel::Transactions);
}

#[tokio::test]
async fn a_vote_overtakes_a_big_message_over_quic() {
    a_vote_overtakes(Transport::Quic).await;
}

#[tokio::test]
async fn a_vote_overtakes_a_big_message_over_tcp() {
    a_vote_overtakes(Transport::Tcp).await;
}
