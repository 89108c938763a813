use super::harness::*;
use crate::{
    Channel, Limits, NetConfig, Sent, Transport,
    frame::{FrameError, HEADER_BYTES, Kind},
    limits::PIECE_BYTES_MAX,
    reason::Reason,
    system_clock,
};
use bytes::Bytes;
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// A node 1 that listens and a node 3 that talks with it.
async fn with_a_friend(limits: Limits) -> (Node, Node) {
    let all = members(&[1, 2, 3]);
    let mut a = Node::start(1, NetConfig { limits, ..listening() }, all.subscribe()).await;
    let mut c = Node::start(3, NetConfig { peers: vec![a.peer(Transport::Tcp)], ..outwards() }, all.subscribe()).await;
    a.connected(c.member).await;
    c.connected(a.member).await;
    (a, c)
}

async fn friends_go_on(a: &mut Node, c: &mut Node) {
    for _ in 0..3 {
        assert_eq!(c.net.send(&a.member, Channel::Consensus, Bytes::from_static(b"vote")), Sent::Queued);
        assert_eq!(a.message().await.0, c.member);
        assert_eq!(a.net.send(&c.member, Channel::Consensus, Bytes::from_static(b"vote")), Sent::Queued);
        assert_eq!(c.message().await.0, a.member);
    }
}

/// Bytes that break the protocol, and what is said of them.
fn violations() -> Vec<(Vec<u8>, FrameError)> {
    let consensus = Kind::Channel(Channel::Consensus);
    let piece = PIECE_BYTES_MAX.to_le_bytes();
    let full = [&[consensus.byte(), 0, 0, 0, 0, 0, piece[0], piece[1]][..], &[0; PIECE_BYTES_MAX]].concat();
    vec![
        (full.repeat(5), FrameError::TooLarge { kind: consensus }),
        (vec![0xff; 100], FrameError::UnknownKind(0xff)),
        (vec![10, 1, 0, 0, 0, 0, 0, 0], FrameError::UnknownKind(10)),
        (vec![consensus.byte(), 7, 0, 0, 0, 0, 0, 0], FrameError::Flag(7)),
        (vec![consensus.byte(), 1, 0, 0, 0, 0, 0xff, 0xff], FrameError::PieceTooLarge(0xffff)),
        (vec![Kind::Hello.byte(), 1, 0, 0, 0, 0, 0, 0], FrameError::OutOfPlace(Kind::Hello)),
        (vec![consensus.byte(), 1, 0, 0, 0, 0, 9, 0, 1, 2, 3], FrameError::Truncated),
        (vec![consensus.byte(), 1, 0], FrameError::Truncated),
    ]
}

#[tokio::test]
async fn bytes_that_break_the_protocol_close_only_their_connection_over_tcp() {
    let (mut a, mut c) = with_a_friend(limits()).await;
    let empty = (vec![Kind::Request.byte(), 1, 0, 0, 0, 0, 0, 0], FrameError::Empty(Kind::Request));
    for (bytes, error) in violations().into_iter().chain([empty]) {
        let mut raw = knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.1", 1).await.unwrap();
        a.connected(id(2)).await;
        // the other end may close before all is written
        let _ = raw.write_all(&bytes).await;
        let _ = raw.shutdown().await;
        assert_eq!(a.disconnected(id(2)).await, Reason::Frame(error));
        friends_go_on(&mut a, &mut c).await;
    }
}

#[tokio::test]
async fn bytes_that_break_the_protocol_close_only_their_connection_over_quic() {
    let (mut a, mut c) = with_a_friend(limits()).await;
    for (bytes, error) in violations() {
        let (_endpoint, raw) = knock_quic(client(2, 1, system_clock()), a.address()).await.unwrap();
        a.connected(id(2)).await;
        let mut stream = raw.open_uni().await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.finish();
        assert_eq!(a.disconnected(id(2)).await, Reason::Frame(error));
        friends_go_on(&mut a, &mut c).await;
    }
    // a second stream of a channel; a request where none belongs; a request's stream with something else
    let status = [Kind::Channel(Channel::Status).byte(), 1, 0, 0, 0, 0, 0, 0];
    let request = [Kind::Request.byte(), 1, 0, 0, 0, 0, 1, 0, 5];
    let (_endpoint, raw) = knock_quic(client(2, 1, system_clock()), a.address()).await.unwrap();
    a.connected(id(2)).await;
    let mut first = raw.open_uni().await.unwrap();
    first.write_all(&status).await.unwrap();
    assert_eq!(a.message().await.1, Channel::Status);
    raw.open_uni().await.unwrap().write_all(&status).await.unwrap();
    assert_eq!(a.disconnected(id(2)).await, Reason::Frame(FrameError::SecondStream(Channel::Status)));
    for (bytes, bidirectional, error) in [
        (&request[..], false, FrameError::OutOfPlace(Kind::Request)),
        (&status[..], true, FrameError::OutOfPlace(Kind::Channel(Channel::Status))),
        (&request[..HEADER_BYTES], true, FrameError::Truncated),
        (&request.repeat(2)[..], true, FrameError::OutOfPlace(Kind::Request)),
    ] {
        let (_endpoint, raw) = knock_quic(client(2, 1, system_clock()), a.address()).await.unwrap();
        a.connected(id(2)).await;
        let mut stream = if bidirectional { raw.open_bi().await.unwrap().0 } else { raw.open_uni().await.unwrap() };
        stream.write_all(bytes).await.unwrap();
        stream.finish().unwrap();
        assert_eq!(a.disconnected(id(2)).await, Reason::Frame(error));
    }
    friends_go_on(&mut a, &mut c).await;
}

/// Fills the queue to a peer that reads nothing, and sees it cut off while the others go on.
async fn is_noticed(mut a: Node, mut c: Node) {
    let part = Bytes::from(vec![0; Channel::Parts.message_bytes_max()]);
    let mut queued = 0;
    let full = loop {
        match a.net.send(&id(2), Channel::Parts, part.clone()) {
            Sent::Queued => queued += 1,
            other => break other,
        }
        assert!(queued < 1000);
        tokio::task::yield_now().await;
    };
    assert_eq!(full, Sent::Full);
    let peers = a.net.peers();
    let slow = peers.iter().find(|p| p.member == id(2)).unwrap().connection.as_ref().unwrap();
    assert!(slow.waiting_bytes.iter().sum::<usize>() <= Channel::Parts.queue_bytes_max());
    // votes to it take the place of older ones
    for _ in 0..2000 {
        assert_eq!(a.net.send(&id(2), Channel::Consensus, Bytes::from_static(b"vote")), Sent::Queued);
    }
    friends_go_on(&mut a, &mut c).await;
    assert_eq!(a.disconnected(id(2)).await, Reason::SlowReader);
    friends_go_on(&mut a, &mut c).await;
}

fn impatient() -> Limits {
    Limits { write_timeout: Duration::from_secs(1), ..limits() }
}

#[tokio::test]
async fn a_slow_reader_is_noticed_over_tcp() {
    let (mut a, c) = with_a_friend(impatient()).await;
    let _raw = knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.1", 1).await.unwrap();
    a.connected(id(2)).await;
    is_noticed(a, c).await;
}

#[tokio::test]
async fn a_slow_reader_is_noticed_over_quic() {
    let (mut a, c) = with_a_friend(impatient()).await;
    let (_endpoint, _raw) = knock_quic(client(2, 1, system_clock()), a.address()).await.unwrap();
    a.connected(id(2)).await;
    is_noticed(a, c).await;
}

/// A program that takes nothing: what a peer may leave in memory is bounded, and the peer waits.
#[tokio::test]
async fn a_slow_program_leaves_messages_with_their_sender() {
    let all = members(&[1, 2]);
    let few = Limits { inbox_messages_max: 8, ..limits() };
    let mut a = Node::start(1, NetConfig { limits: few, ..listening() }, all.subscribe()).await;
    let mut b = Node::start(2, NetConfig { peers: vec![a.peer(Transport::Quic)], ..outwards() }, all.subscribe()).await;
    a.connected(b.member).await;
    b.connected(a.member).await;
    let part = Bytes::from(vec![0; 100_000]);
    for _ in 0..100 {
        assert_eq!(b.net.send(&a.member, Channel::Parts, part.clone()), Sent::Queued);
    }
    let inbox = a.net.shared.registry.get(&b.member).unwrap().inbox_messages.clone();
    until("the inbox is full", || inbox.available_permits() == 0).await;
    assert!(a.events.0.len() <= 8);
    for _ in 0..100 {
        assert_eq!(a.message().await.2.len(), part.len());
    }
}

#[tokio::test]
async fn a_flood_from_one_address_is_bounded_and_another_gets_in() {
    let tight = Limits { handshakes_max: 8, handshakes_per_address_max: 4, handshake_timeout: Duration::from_secs(60), ..limits() };
    let (mut a, mut c) = with_a_friend(tight).await;
    let mut flood = Vec::new();
    for _ in 0..60 {
        flood.push(TcpStream::connect(a.address()).await.unwrap());
    }
    let open = || a.net.shared.admission.lock().unwrap().open();
    until("the flood has come", || open().0 == 4).await;
    // from the flooded address nobody gets in, over TCP or QUIC
    assert!(knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.1", 1).await.is_err());
    assert!(knock_quic(client(2, 1, system_clock()), a.address()).await.is_err());
    assert_eq!(open(), (4, 1));
    let _raw = knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.2", 1).await.unwrap();
    a.connected(id(2)).await;
    friends_go_on(&mut a, &mut c).await;
    drop(flood);
    until("the places are free again", || a.net.shared.admission.lock().unwrap().open() == (0, 2)).await;
}

#[tokio::test]
async fn attempts_are_bounded_by_rate() {
    let tight = Limits { attempts_burst_max: 3, attempts_per_second_max: 0, ..limits() };
    let (a, _c) = with_a_friend(tight).await;
    for _ in 0..2 {
        assert!(knock_tcp(client(9, 1, system_clock()), a.address(), "127.0.0.1", 1).await.is_err());
    }
    assert!(knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.1", 1).await.is_err());
    assert!(knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.2", 1).await.is_ok());
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_ends() {
    let short = Limits { handshake_timeout: Duration::from_millis(300), ..limits() };
    let (a, _c) = with_a_friend(short).await;
    let _silent = TcpStream::connect(a.address()).await.unwrap();
    until("it has a place", || a.net.shared.admission.lock().unwrap().open() == (1, 1)).await;
    until("it has none", || a.net.shared.admission.lock().unwrap().open() == (0, 1)).await;
}

#[tokio::test]
async fn a_peer_that_gives_no_sign_of_life_is_dead() {
    let short = Limits { idle_timeout: Duration::from_millis(800), keep_alive: Duration::from_millis(200), ..limits() };
    let (mut a, mut c) = with_a_friend(short).await;
    let _raw = knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.1", 1).await.unwrap();
    a.connected(id(2)).await;
    assert_eq!(a.disconnected(id(2)).await, Reason::TimedOut);
    friends_go_on(&mut a, &mut c).await;
}
