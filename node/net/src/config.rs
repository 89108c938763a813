//! What a member says about its connections.

use countersign_messages::MemberId;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Where to listen, whom to dial, and how much to allow.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// Where to listen; nothing for members that only connect outwards. QUIC (UDP) and TCP use the same port number; port 0 lets the
    /// system choose one.
    pub listen: Option<SocketAddr>,
    /// Whether to listen on UDP.
    pub quic: bool,
    /// Whether to listen on TCP.
    pub tcp: bool,
    /// The members to stay connected to.
    pub peers: Vec<PeerAddress>,
    /// Bounds on what others may use.
    pub limits: Limits,
}

impl NetConfig {
    /// Only connects outwards.
    pub fn outwards(peers: Vec<PeerAddress>) -> Self {
        Self { listen: None, quic: true, tcp: true, peers, limits: Limits::default() }
    }

    /// Listens on QUIC and TCP.
    pub fn listening(address: SocketAddr, peers: Vec<PeerAddress>) -> Self {
        Self { listen: Some(address), quic: true, tcp: true, peers, limits: Limits::default() }
    }
}

/// A member to stay connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// Who must answer there.
    pub member: MemberId,
    /// Host and port, resolved anew at each dial.
    pub address: String,
    /// How to get there.
    pub transport: Transport,
}

/// How to reach a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// QUIC only.
    Quic,
    /// TLS over TCP only.
    Tcp,
    /// QUIC first; TLS over TCP when that failed.
    #[default]
    Auto,
}

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// QUIC over UDP.
    Quic,
    /// TLS over TCP.
    Tcp,
}

impl Carrier {
    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}

/// Bounds on what others may use of this process. Sizes of messages and queues are fixed ([`crate::Channel`], [`crate::limits`]):
/// both ends must agree on them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections from outside at a time. Members hold one each; a consortium has tens.
    pub connections_max: usize,
    /// Connections from one address (one /64 in IPv6) at a time: several members may stand behind one address translator.
    pub connections_per_address_max: usize,
    /// Handshakes in progress at a time. One holds about 100 KiB for at most `handshake_timeout`.
    pub handshakes_max: usize,
    /// Handshakes in progress from one address.
    pub handshakes_per_address_max: usize,
    /// Attempts to connect from one address a second, in the long run.
    pub attempts_per_second_max: u32,
    /// Attempts from one address in a burst.
    pub attempts_burst_max: u32,
    /// From the first packet to the end of the exchange of greetings.
    pub handshake_timeout: Duration,
    /// A connection on which nothing arrived for so long is dead.
    pub idle_timeout: Duration,
    /// A sign of life after so much silence; a third of `idle_timeout` survives two lost ones.
    pub keep_alive: Duration,
    /// A peer that takes in no 16 KiB in so long is cut off.
    pub write_timeout: Duration,
    /// The first pause between two dials of a peer; it doubles with each failure.
    pub backoff_min: Duration,
    /// The longest pause between two dials of a peer.
    pub backoff_max: Duration,
    /// Messages of one peer that arrived and that the program has not taken yet. More are left with the peer.
    pub inbox_messages_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            connections_per_address_max: 32,
            handshakes_max: 64,
            handshakes_per_address_max: 16,
            attempts_per_second_max: 10,
            attempts_burst_max: 40,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(3),
            write_timeout: Duration::from_secs(10),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            inbox_messages_max: 256,
        }
    }
}

/// Tells the time for certificates; passed in so that tests can make one expire.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(SystemTime::now)
}
