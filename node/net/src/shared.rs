//! What all parts of the transport share.

use crate::{
    admission::{Admission, Origin},
    channel::Channel,
    config::{Clock, Limits, NetConfig, PeerAddress},
    connection::Connection,
    dialer::Dialer,
    event::{Event, Events, Responder, Share},
    frame::{FrameError, Kind},
    hello::Instance,
    identity::Key,
    limits::FAREWELL_TIME_MAX,
    listen::{self, Sockets},
    meter,
    net::{Members, NetError},
    quic,
    quiet::Quiet,
    reason::Reason,
    refused::Refused,
    registry::Registry,
    tls::Tls,
};
use bytes::Bytes;
use countersign_messages::MemberId;
use ed25519_dalek::SigningKey;
use quinn::{Endpoint, TransportConfig};
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

pub(crate) struct Shared {
    pub(crate) me: MemberId,
    pub(crate) instance: Instance,
    pub(crate) limits: Limits,
    pub(crate) tls: Tls,
    pub(crate) transport: Arc<TransportConfig>,
    pub(crate) members: Members,
    pub(crate) local_address: Option<SocketAddr>,
    /// Dials over QUIC.
    pub(crate) client: Endpoint,
    server: Option<Endpoint>,
    pub(crate) registry: Registry,
    pub(crate) dialer: Dialer,
    pub(crate) admission: Arc<Mutex<Admission>>,
    quiet: Mutex<Quiet>,
    events: mpsc::Sender<(Event, Option<Share>)>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("me", &self.me).field("local_address", &self.local_address).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) async fn start(config: NetConfig, key: SigningKey, members: Members, clock: Clock) -> Result<(Arc<Self>, Events), NetError> {
        let key = Key::new(key);
        let me = key.member();
        let limits = config.limits;
        let tls = Tls::new(key, members.clone(), clock)?;
        let sockets = match config.listen {
            Some(address) => listen::bind(address, config.quic, config.tcp, &tls).await?,
            None => Sockets::default(),
        };
        // every connection waits within its own share, so there is nearly always room
        let (events, receiver) = mpsc::channel(limits.connections_max.saturating_mul(limits.inbox_messages_max).clamp(1024, 1 << 16));
        let shared = Arc::new(Self {
            me,
            instance: Instance(rand::random()),
            transport: quic::transport(&limits),
            tls,
            members,
            local_address: sockets.address,
            client: listen::dialling()?,
            server: sockets.quic.clone(),
            registry: Registry::new(me),
            dialer: Dialer::default(),
            admission: Arc::new(Mutex::new(Admission::new(limits.clone()))),
            quiet: Mutex::default(),
            events,
            tasks: Mutex::default(),
            limits,
        });
        let mut tasks = vec![tokio::spawn(watch_members(shared.clone())).abort_handle()];
        if let Some(endpoint) = sockets.quic {
            tasks.push(tokio::spawn(listen::accept_quic(shared.clone(), endpoint)).abort_handle());
        }
        if let Some(listener) = sockets.tcp {
            tasks.push(tokio::spawn(listen::accept_tcp(shared.clone(), listener)).abort_handle());
        }
        *shared.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        shared.set_peers(config.peers);
        Ok((shared, Events(receiver)))
    }

    pub(crate) fn set_peers(self: &Arc<Self>, peers: Vec<PeerAddress>) {
        self.dialer.set(self, peers);
    }

    /// Tells the program. If nobody listens any more, that is the end of all connections.
    pub(crate) async fn emit(&self, event: Event, share: Option<Share>) {
        if self.events.send((event, share)).await.is_err() {
            self.close();
        }
    }

    /// A peer's share of the inbox; waits while it is used up.
    async fn share(&self, connection: &Connection, bytes: usize) -> Result<Share, Reason> {
        let bytes = u32::try_from(bytes).map_err(|_| Reason::Shutdown)?;
        let closed = |_| Reason::Shutdown;
        Ok(Share {
            _message: connection.inbox_messages.clone().acquire_owned().await.map_err(closed)?,
            _bytes: connection.inbox_bytes.clone().acquire_many_owned(bytes).await.map_err(closed)?,
        })
    }

    pub(crate) async fn deliver(&self, connection: &Connection, channel: Channel, bytes: Bytes) -> Result<(), Reason> {
        meter::message("in", channel.name(), bytes.len());
        let share = self.share(connection, bytes.len()).await?;
        self.emit(Event::Message { from: connection.member, channel, bytes }, Some(share)).await;
        Ok(())
    }

    /// Passes a request on and gives where its answer will come from.
    pub(crate) async fn deliver_request(&self, connection: &Connection, mut bytes: Bytes) -> Result<oneshot::Receiver<Bytes>, Reason> {
        meter::message("in", "request", bytes.len());
        let method = *bytes.first().ok_or(FrameError::Empty(Kind::Request))?;
        let bytes = bytes.split_off(1);
        let share = self.share(connection, bytes.len()).await?;
        let (answer, receiver) = oneshot::channel();
        let reply = Responder { answer, _share: share };
        self.emit(Event::Request { from: connection.member, method, bytes, reply }, None).await;
        Ok(receiver)
    }

    /// Counts, and writes one line an address a minute.
    pub(crate) fn refused(&self, address: SocketAddr, refused: &Refused) {
        meter::refused(refused.name());
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more) = quiet.may_say(Origin::of(address.ip()), Instant::now()) {
            tracing::warn!(%address, reason = %refused, more_unsaid = more, "connection refused");
        }
    }

    /// Connections over QUIC that others dialled.
    #[cfg(test)]
    pub(crate) fn server_connections(&self) -> usize {
        self.server.as_ref().map_or(0, Endpoint::open_connections)
    }

    fn close(&self) -> Vec<Arc<Connection>> {
        self.dialer.stop();
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        let connections = self.registry.close();
        for connection in &connections {
            connection.stop(Reason::Shutdown);
        }
        connections
    }

    pub(crate) async fn shutdown(&self) {
        let connections = self.close();
        let quiet = async {
            for connection in connections {
                connection.gone().await;
            }
            self.client.wait_idle().await;
            if let Some(server) = &self.server {
                server.wait_idle().await;
            }
        };
        // whoever does not listen is left
        let _ = tokio::time::timeout(FAREWELL_TIME_MAX, quiet).await;
        for endpoint in self.server.iter().chain([&self.client]) {
            endpoint.close(0u32.into(), Reason::Shutdown.farewell().as_bytes());
        }
    }
}

/// Cuts off members as soon as they are members no more.
async fn watch_members(shared: Arc<Shared>) {
    let mut members = shared.members.clone();
    while members.changed().await.is_ok() {
        let now = members.borrow_and_update().clone();
        for connection in shared.registry.all() {
            if !now.contains(&connection.member) {
                connection.stop(Reason::NotMember);
            }
        }
    }
}
