//! Nodes and raw clients for tests.

use crate::{
    Channel, Clock, Event, Events, Limits, Members, Net, NetConfig, PeerAddress, Transport,
    frame::Kind,
    hello::{Hello, Instance},
    identity::Key,
    io::{Reader, write_message},
    reason::Reason,
    system_clock,
    tls::{NAME, Tls},
};
use bytes::Bytes;
use countersign_messages::MemberId;
use ed25519_dalek::SigningKey;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::ClientConfig;
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Bounds a failure; decides nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(super) fn id(n: u8) -> MemberId {
    MemberId::from(&key(n).verifying_key())
}

/// Two keys, the one with the smaller public key first.
pub(super) fn ordered(a: u8, b: u8) -> (u8, u8) {
    if id(a) < id(b) { (a, b) } else { (b, a) }
}

pub(super) fn members(of: &[u8]) -> watch::Sender<Arc<BTreeSet<MemberId>>> {
    watch::Sender::new(Arc::new(of.iter().map(|n| id(*n)).collect()))
}

pub(super) fn limits() -> Limits {
    Limits {
        attempts_burst_max: 1000,
        handshake_timeout: Duration::from_secs(4),
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(100),
        ..Limits::default()
    }
}

pub(super) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(super) fn listening() -> NetConfig {
    NetConfig { limits: limits(), ..NetConfig::listening(loopback(), vec![]) }
}

pub(super) fn outwards() -> NetConfig {
    NetConfig { limits: limits(), ..NetConfig::outwards(vec![]) }
}

pub(super) struct Node {
    pub(super) net: Net,
    pub(super) events: Events,
    pub(super) member: MemberId,
}

impl Node {
    pub(super) async fn start(n: u8, config: NetConfig, members: Members) -> Self {
        let (net, events) = Net::start(config, key(n), members, system_clock()).await.unwrap();
        Self { net, events, member: id(n) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.net.local_address().unwrap()
    }

    pub(super) fn peer(&self, transport: Transport) -> PeerAddress {
        PeerAddress { member: self.member, address: self.address().to_string(), transport }
    }

    pub(super) async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("events go on")
    }

    pub(super) async fn connected(&mut self, to: MemberId) {
        match self.next().await {
            Event::Connected(member) => assert_eq!(member, to),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn disconnected(&mut self, from: MemberId) -> Reason {
        match self.next().await {
            Event::Disconnected { member, reason } => {
                assert_eq!(member, from);
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn message(&mut self) -> (MemberId, Channel, Bytes) {
        match self.next().await {
            Event::Message { from, channel, bytes } => (from, channel, bytes),
            other => panic!("{other:?}"),
        }
    }
}

/// A listening node 1 and a node 2 that dials it.
pub(super) async fn pair(transport: Transport) -> (Node, Node) {
    let members = members(&[1, 2]);
    let mut a = Node::start(1, listening(), members.subscribe()).await;
    let mut b = Node::start(2, NetConfig { peers: vec![a.peer(transport)], ..outwards() }, members.subscribe()).await;
    a.connected(b.member).await;
    b.connected(a.member).await;
    (a, b)
}

/// Waits until something is so.
pub(super) async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// TLS as member `n` would have it, to dial `to`.
pub(super) fn client(n: u8, to: u8, clock: Clock) -> ClientConfig {
    let all = members(&[n, to]).subscribe();
    Tls::new(Key::new(key(n)), all, clock).unwrap().client(id(to)).unwrap().0
}

pub(super) type RawTcp = TlsStream<TcpStream>;

/// A TLS handshake and the greeting; an error if the other end does not want them.
pub(super) async fn knock_tcp(config: ClientConfig, to: SocketAddr, from: &str, instance: u64) -> Result<RawTcp, Reason> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let broken = |e: std::io::Error| Reason::Broken(e.to_string());
    let knock = async {
        let stream = socket.connect(to).await.map_err(broken)?;
        let mut stream = TlsConnector::from(Arc::new(config)).connect(Tls::server_name(), stream).await.map_err(broken)?;
        write_message(&mut stream, Kind::Hello, Hello { instance: Instance(instance) }.encode()).await?;
        let mut reader = Reader::new(stream);
        reader.hello().await?;
        Ok(reader.into_stream())
    };
    timeout(PATIENCE, knock).await.expect("an end of the handshake in time")
}

/// The same over QUIC. The endpoint must live as long as the connection.
pub(super) async fn knock_quic(config: ClientConfig, to: SocketAddr) -> Result<(quinn::Endpoint, quinn::Connection), Reason> {
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let knock = async {
        let connecting = endpoint.connect_with(config, to, NAME).unwrap();
        let connection = connecting.await.map_err(|e| Reason::Broken(e.to_string()))?;
        let (mut send, receive) = connection.open_bi().await.map_err(|e| Reason::Broken(e.to_string()))?;
        write_message(&mut send, Kind::Hello, Hello { instance: Instance(1) }.encode()).await?;
        Reader::new(receive).hello().await?;
        Ok::<_, Reason>(connection)
    };
    let connection = timeout(PATIENCE, knock).await.expect("an end of the handshake in time")?;
    Ok((endpoint, connection))
}
