//! Listening: sockets on one port, and who may try.

use crate::{
    admission::{Admission, Origin},
    net::NetError,
    refused::Refused,
    session,
    shared::Shared,
    tls::Tls,
};
use quinn::{Endpoint, crypto::rustls::QuicServerConfig};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// Tries to find a port that is free for both, when the system may choose.
const PORT_TRIES: usize = 16;

/// How long to wait when the system gives no more sockets.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A place among the handshakes, then among the connections; given back when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    admission: Arc<Mutex<Admission>>,
    origin: Origin,
    established: bool,
}

impl Ticket {
    /// Takes a place for a handshake.
    pub(crate) fn begin(admission: &Arc<Mutex<Admission>>, origin: Origin) -> Result<Self, Refused> {
        let mut counts = admission.lock().unwrap_or_else(PoisonError::into_inner);
        counts.begin(origin, Instant::now())?;
        Ok(Self { admission: admission.clone(), origin, established: false })
    }

    /// Changes it for a place for a connection.
    pub(crate) fn establish(&mut self) -> Result<(), Refused> {
        let mut counts = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        counts.establish(self.origin)?;
        self.established = true;
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        if self.established { counts.end_connection(self.origin) } else { counts.end_handshake(self.origin) }
    }
}

/// Sockets to listen on.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) quic: Option<Endpoint>,
    pub(crate) tcp: Option<TcpListener>,
    pub(crate) address: Option<SocketAddr>,
}

/// Opens both on the same port.
pub(crate) async fn bind(address: SocketAddr, quic: bool, tcp: bool, tls: &Tls) -> Result<Sockets, NetError> {
    let mut tries = if address.port() == 0 && quic && tcp { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match bind_once(address, quic, tcp, tls).await {
            Err(NetError::Listen { protocol: "UDP", .. }) if tries > 0 => {}
            result => return result,
        }
    }
}

async fn bind_once(mut address: SocketAddr, quic: bool, tcp: bool, tls: &Tls) -> Result<Sockets, NetError> {
    let mut sockets = Sockets::default();
    if tcp {
        let failed = |source| NetError::Listen { address, protocol: "TCP", source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        address = listener.local_addr().map_err(failed)?;
        sockets.tcp = Some(listener);
    }
    if quic {
        // this configuration only opens the endpoint: each connection gets its own
        let (config, _) = tls.server()?;
        let config = QuicServerConfig::try_from(config).map_err(|e| rustls::Error::General(e.to_string()))?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(config));
        // what waits to be looked at is small: the accept loop never waits for a handshake
        config.max_incoming(256).incoming_buffer_size(64 << 10).incoming_buffer_size_total(4 << 20);
        let failed = |source| NetError::Listen { address, protocol: "UDP", source };
        let endpoint = Endpoint::server(config, address).map_err(failed)?;
        address = endpoint.local_addr().map_err(failed)?;
        sockets.quic = Some(endpoint);
    }
    sockets.address = (quic || tcp).then_some(address);
    Ok(sockets)
}

/// Opens the socket to dial from: for both families where the system has them.
pub(crate) fn dialling() -> Result<Endpoint, NetError> {
    let any = |address: &str| address.parse().map_err(std::io::Error::other);
    any("[::]:0").and_then(Endpoint::client).or_else(|_| any("0.0.0.0:0").and_then(Endpoint::client)).map_err(NetError::Socket)
}

/// Takes in connections over QUIC. Never waits for one of them.
pub(crate) async fn accept_quic(shared: Arc<Shared>, endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        let address = incoming.remote_address();
        if !incoming.remote_address_validated() {
            // an address may be forged: whoever is there must answer first, which costs nothing here
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
            continue;
        }
        match Ticket::begin(&shared.admission, Origin::of(address.ip())) {
            Err(refused) => {
                incoming.refuse();
                shared.refused(address, &refused);
            }
            Ok(ticket) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    if let Err(refused) = session::accept_quic(&shared, incoming, ticket).await {
                        shared.refused(address, &refused);
                    }
                });
            }
        }
    }
}

/// Takes in connections over TCP. Never waits for one of them.
pub(crate) async fn accept_tcp(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a TCP connection could not be taken in: too many open files?");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        match Ticket::begin(&shared.admission, Origin::of(address.ip())) {
            Err(refused) => shared.refused(address, &refused),
            Ok(ticket) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    if let Err(refused) = session::accept_tcp(&shared, stream, address, ticket).await {
                        shared.refused(address, &refused);
                    }
                });
            }
        }
    }
}
