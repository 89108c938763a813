use super::harness::*;
use crate::{Channel, Direction, NetConfig, PeerAddress, Sent, Transport, reason::Reason, system_clock};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

async fn a_removed_member_is_cut_off(transport: Transport) {
    let all = members(&[1, 2]);
    let mut a = Node::start(1, listening(), all.subscribe()).await;
    let others = members(&[1, 2]);
    let mut b = Node::start(2, NetConfig { peers: vec![a.peer(transport)], ..outwards() }, others.subscribe()).await;
    a.connected(b.member).await;
    b.connected(a.member).await;
    all.send_replace(members(&[1]).borrow().clone());
    assert_eq!(a.disconnected(b.member).await, Reason::NotMember);
    assert_eq!(b.disconnected(a.member).await, Reason::Closed(Reason::NotMember.to_string()));
    until("the reason is shown", || b.net.peers()[0].last_error.is_some()).await;
    // back in the list, and in
    all.send_replace(members(&[1, 2]).borrow().clone());
    a.connected(b.member).await;
    b.connected(a.member).await;
}

#[tokio::test]
async fn a_removed_member_is_cut_off_over_quic() {
    a_removed_member_is_cut_off(Transport::Quic).await;
}

#[tokio::test]
async fn a_removed_member_is_cut_off_over_tcp() {
    a_removed_member_is_cut_off(Transport::Tcp).await;
}

async fn a_peer_comes_back_after_the_other_restarts(transport: Transport) {
    let (a, mut b) = pair(transport).await;
    let (address, member) = (a.address(), a.member);
    a.net.shutdown().await;
    drop(a.events);
    assert_eq!(b.disconnected(member).await, Reason::Closed(Reason::Shutdown.to_string()));
    let all = members(&[1, 2]);
    let config = NetConfig { limits: limits(), ..NetConfig::listening(address, vec![]) };
    // the sockets are closed by tasks that end a little later
    let mut again = None;
    for _ in 0..1000 {
        match crate::Net::start(config.clone(), key(1), all.subscribe(), system_clock()).await {
            Ok(started) => {
                again = Some(started);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    let (net, events) = again.expect("the port is free again");
    let mut a = Node { net, events, member };
    b.connected(member).await;
    a.connected(b.member).await;
    assert_eq!(b.net.send(&member, Channel::Status, Bytes::from_static(b"back")), Sent::Queued);
    assert_eq!(a.message().await.2, "back");
}

#[tokio::test]
async fn a_peer_comes_back_after_the_other_restarts_over_quic() {
    a_peer_comes_back_after_the_other_restarts(Transport::Quic).await;
}

#[tokio::test]
async fn a_peer_comes_back_after_the_other_restarts_over_tcp() {
    a_peer_comes_back_after_the_other_restarts(Transport::Tcp).await;
}

#[tokio::test]
async fn a_restarted_process_replaces_its_connection_at_once() {
    let all = members(&[1, 2]);
    let mut a = Node::start(1, listening(), all.subscribe()).await;
    let knock = |instance| knock_tcp(client(2, 1, system_clock()), a.address(), "127.0.0.1", instance);
    let _first = knock(1).await.unwrap();
    let second = knock(2).await.unwrap();
    a.connected(id(2)).await;
    assert_eq!(a.disconnected(id(2)).await, Reason::Replaced);
    a.connected(id(2)).await;
    assert_eq!(a.net.peers().len(), 1);
    drop(second);
    assert!(matches!(a.disconnected(id(2)).await, Reason::Frame(_) | Reason::Broken(_)));
}

#[tokio::test]
async fn members_that_dial_each_other_end_with_one_connection() {
    for transport in [Transport::Quic, Transport::Tcp, Transport::Quic, Transport::Tcp] {
        let all = members(&[1, 2]);
        let (small, large) = ordered(1, 2);
        let mut a = Node::start(small, listening(), all.subscribe()).await;
        let mut b = Node::start(large, listening(), all.subscribe()).await;
        a.net.set_peers(vec![b.peer(transport)]);
        b.net.set_peers(vec![a.peer(transport)]);
        let direction = |node: &Node| node.net.peers()[0].connection.as_ref().map(|c| c.direction);
        // either both dialled and the one of the smaller key stays, or one was connected before it dialled
        let settled = |a: &Node, b: &Node| match (direction(a), direction(b)) {
            (Some(x), Some(y)) => x != y,
            _ => false,
        };
        until("both ends see the same connection", || settled(&a, &b)).await;
        if transport == Transport::Quic {
            let open = |node: &Node| node.net.shared.client.open_connections() + node.net.shared.server_connections();
            until("one connection is left", || open(&a) == 1 && open(&b) == 1).await;
        }
        // it carries messages both ways, after whatever came before
        until("both ways", || {
            a.net.send(&id(large), Channel::Status, Bytes::from_static(b"x"));
            b.net.send(&id(small), Channel::Status, Bytes::from_static(b"x"));
            let got = |node: &mut Node| std::iter::from_fn(|| node.events.try_recv()).any(|e| matches!(e, crate::Event::Message { .. }));
            got(&mut a) | got(&mut b)
        })
        .await;
        assert!(settled(&a, &b));
    }
}

#[tokio::test]
async fn a_member_that_was_sent_away_is_refused_for_a_time() {
    let (mut a, mut b) = pair(Transport::Quic).await;
    a.net.disconnect(&b.member, "voted twice", Duration::from_secs(1));
    assert_eq!(a.disconnected(b.member).await, Reason::SentAway("voted twice".into()));
    assert_eq!(b.disconnected(a.member).await, Reason::Closed("sent away: voted twice".into()));
    let banned = Reason::Banned.to_string();
    until("it is refused", || b.net.peers()[0].last_error.as_ref().is_some_and(|e| e.contains(&banned))).await;
    b.connected(a.member).await;
    a.connected(b.member).await;
}

#[tokio::test]
async fn peers_change_while_running() {
    let all = members(&[1, 2, 3]);
    let mut a = Node::start(1, listening(), all.subscribe()).await;
    let mut b = Node::start(2, listening(), all.subscribe()).await;
    let mut c = Node::start(3, outwards(), all.subscribe()).await;
    c.net.set_peers(vec![a.peer(Transport::Quic)]);
    a.connected(c.member).await;
    c.connected(a.member).await;
    c.net.set_peers(vec![b.peer(Transport::Quic)]);
    b.connected(c.member).await;
    assert!(matches!(a.disconnected(c.member).await, Reason::Closed(_)));
    until("only the new peer is left", || {
        let peers = c.net.peers();
        peers.len() == 1 && peers[0].member == b.member && peers[0].connection.as_ref().is_some_and(|c| c.direction == Direction::Outbound)
    })
    .await;
}

#[tokio::test]
async fn an_address_that_cannot_be_resolved_or_listened_on_is_said() {
    let all = members(&[1, 2]);
    let a = Node::start(1, listening(), all.subscribe()).await;
    let config = NetConfig { listen: Some(a.address()), ..listening() };
    let error = crate::Net::start(config, key(2), all.subscribe(), system_clock()).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("cannot listen on 127.0.0.1"), "{error}");
    let peer = PeerAddress { member: id(2), address: "no port".into(), transport: Transport::Auto };
    a.net.set_peers(vec![peer]);
    until("it is shown", || a.net.peers()[0].last_error.as_ref().is_some_and(|e| e.contains("cannot be resolved"))).await;
    drop(Arc::new(a));
}
