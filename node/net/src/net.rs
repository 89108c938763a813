//! The handle on all connections.

use crate::{
    channel::Channel,
    config::{Carrier, Clock, NetConfig, PeerAddress},
    connection::{Connection, Direction},
    event::Events,
    meter,
    outbox::Lane,
    queue::{Item, Push},
    reason::Reason,
    request::RequestError,
    shared::Shared,
};
use async_recursion::async_recursion as boxed;
use bytes::Bytes;
use countersign_messages::MemberId;
use ed25519_dalek::SigningKey;
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// The members that may connect; changes take effect at once.
pub type Members = watch::Receiver<Arc<BTreeSet<MemberId>>>;

/// All connections of this member. Clones are handles on the same.
#[derive(Debug, Clone)]
pub struct Net {
    pub(crate) shared: Arc<Shared>,
}

/// Why connections cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address cannot be used.
    #[error("cannot listen on {address} ({protocol}): {source}; is another process there, or the address not this machine's?")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// UDP or TCP.
        protocol: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// No socket to dial from.
    #[error("cannot open a UDP socket to connect from: {0}")]
    Socket(std::io::Error),
    /// TLS does not work.
    #[error("cannot set up TLS with the member's key: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificate cannot be made.
    #[error("cannot make a certificate with the member's key: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It waits for its turn. It is lost if the connection ends before.
    Queued,
    /// The queue of that channel is full, or the message is bigger than the channel's messages may be.
    Full,
    /// The member is away.
    NotConnected,
}

/// How it stands with a member that is connected or should be.
#[derive(Debug, Clone)]
pub struct PeerStatus {
    /// Who.
    pub member: MemberId,
    /// The configured address.
    pub configured: Option<PeerAddress>,
    /// The connection, if there is one.
    pub connection: Option<ConnectionStatus>,
    /// Why there is none, if that is known.
    pub last_error: Option<String>,
}

/// A connection.
#[derive(Debug, Clone)]
pub struct ConnectionStatus {
    /// The other end.
    pub address: SocketAddr,
    /// What carries it.
    pub carrier: Carrier,
    /// Which end dialled.
    pub direction: Direction,
    /// How long it has lived.
    pub age: Duration,
    /// Messages that wait, for each of [`Channel::ALL`].
    pub waiting: [usize; 4],
    /// Bytes that wait, for each of [`Channel::ALL`].
    pub waiting_bytes: [usize; 4],
    /// The time to the other end and back, once it is known.
    pub round_trip: Option<Duration>,
}

impl Net {
    /// Listens and dials as configured. The key is the member's identity. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If an address cannot be listened on, or TLS does not work with the key.
    #[boxed]
    pub async fn start(config: NetConfig, key: SigningKey, members: Members, clock: Clock) -> Result<(Self, Events), NetError> {
        let (shared, events) = Shared::start(config, key, members, clock).await?;
        Ok((Self { shared }, events))
    }

    /// Who this is.
    pub fn me(&self) -> MemberId {
        self.shared.me
    }

    /// Where it listens.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.shared.local_address
    }

    /// All members that are connected or configured.
    pub fn peers(&self) -> Vec<PeerStatus> {
        let connections = self.shared.registry.all();
        let configured = self.shared.dialer.peers();
        let known: BTreeSet<MemberId> = connections.iter().map(|c| c.member).chain(configured.iter().map(|p| p.member)).collect();
        let status = |member| PeerStatus {
            member,
            configured: configured.iter().find(|p| p.member == member).cloned(),
            connection: connections.iter().find(|c| c.member == member).map(|c| status_of(c)),
            last_error: self.shared.registry.error(&member),
        };
        known.into_iter().map(status).collect()
    }

    /// Whether a member is connected.
    pub fn is_connected(&self, member: &MemberId) -> bool {
        self.shared.registry.get(member).is_some()
    }

    /// Queues a message. Never waits.
    pub fn send(&self, to: &MemberId, channel: Channel, bytes: Bytes) -> Sent {
        match self.shared.registry.get(to) {
            Some(connection) => queue(&connection, channel, bytes),
            None => Sent::NotConnected,
        }
    }

    /// Queues a message for all connected members that `to` says yes to, and says for how many.
    pub fn broadcast(&self, channel: Channel, bytes: &Bytes, to: &dyn Fn(&MemberId) -> bool) -> usize {
        let connections = self.shared.registry.all();
        connections.iter().filter(|c| to(&c.member) && queue(c, channel, bytes.clone()) == Sent::Queued).count()
    }

    /// Asks a member and waits for its answer. Dropping the future gives the request up.
    ///
    /// # Errors
    /// If there is no answer.
    #[boxed]
    pub async fn request(&self, to: &MemberId, method: u8, bytes: Bytes, timeout: Duration) -> Result<Bytes, RequestError> {
        let connection = self.shared.registry.get(to).ok_or(RequestError::NotConnected)?;
        crate::ask::ask(&connection, method, &bytes, timeout).await
    }

    /// Changes whom to stay connected to. Connections dialled to members that are no longer among them are closed.
    pub fn set_peers(&self, peers: Vec<PeerAddress>) {
        self.shared.set_peers(peers);
    }

    /// Closes a member's connection and refuses new ones for a time: it misbehaved.
    pub fn disconnect(&self, member: &MemberId, reason: &str, ban: Duration) {
        let now = Instant::now();
        let until = now.checked_add(ban).unwrap_or(now);
        if let Some(connection) = self.shared.registry.ban(*member, until, now) {
            // what it had sent before may have it sent away again: said once
            tracing::warn!(%member, reason, ban_seconds = ban.as_secs(), "member sent away");
            connection.stop(Reason::SentAway(crate::reason::shorten(reason)));
        }
    }

    /// Closes all connections and tells the other ends; waits until that is done or a second has passed.
    #[boxed]
    pub async fn shutdown(self) {
        self.shared.shutdown().await;
    }
}

fn queue(connection: &Connection, channel: Channel, bytes: Bytes) -> Sent {
    if bytes.len() > channel.message_bytes_max() {
        tracing::error!(%channel, bytes = bytes.len(), "a message is too big for its channel: not sent");
        return Sent::Full;
    }
    match connection.outbox.push(Lane::Channel(channel), Item { id: 0, bytes }) {
        Push::Queued => Sent::Queued,
        Push::DroppedOldest(n) => {
            meter::dropped(channel, n);
            Sent::Queued
        }
        Push::Full => {
            meter::dropped(channel, 1);
            Sent::Full
        }
    }
}

fn status_of(connection: &Connection) -> ConnectionStatus {
    let waiting = Channel::ALL.map(|channel| connection.outbox.waiting(channel));
    ConnectionStatus {
        address: connection.address,
        carrier: connection.carrier(),
        direction: connection.direction,
        age: connection.since.elapsed(),
        waiting: waiting.map(|(messages, _)| messages),
        waiting_bytes: waiting.map(|(_, bytes)| bytes),
        round_trip: connection.round_trip(),
    }
}
