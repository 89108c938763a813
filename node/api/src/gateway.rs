//! The port: accepting, serving, stopping.

use crate::{
    app::App,
    config::{ConfigError, GatewayConfig, Limits, ms},
    connections::{ConnectionSlot, Connections},
    guard::PeerAddress,
    measure,
    node::Node,
    router,
    stall::Stalling,
};
use async_recursion::async_recursion as boxed;
use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tower::ServiceExt;

/// Pause after the system refused a connection for want of something (file descriptors, memory): it will not be better at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port cannot be had.
    #[error("the gateway cannot listen on {address}: {source}. Is another program using the port?")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A gateway with its port open.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
    connections: Arc<Connections>,
    router: Router,
    stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Binds and runs a gateway; for callers that need not know the port.
///
/// # Errors
/// [`Gateway::bind`].
pub async fn serve(config: GatewayConfig, node: Arc<dyn Node>, shutdown: impl Future<Output = ()>) -> Result<(), GatewayError> {
    Gateway::bind(config, node).await?.run(shutdown).await;
    Ok(())
}

impl Gateway {
    /// Checks the configuration and opens the port. Connections wait in the system's queue until [`Self::run`].
    ///
    /// # Errors
    /// [`GatewayError`].
    #[boxed]
    pub async fn bind(config: GatewayConfig, node: Arc<dyn Node>) -> Result<Self, GatewayError> {
        config.check()?;
        let listen = |source| GatewayError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (stopping, stops) = watch::channel(false);
        let (router, document) = router::parts();
        let app = App::new(&config, node, document, stops);
        measure::describe();
        Ok(Self {
            listener,
            address,
            connections: Connections::new(&config.limits, config.behind_proxy),
            limits: config.limits,
            router: router::guarded(router, app),
            stopping,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes. Then it takes no more connections, ends streams and waits, gives open requests [`Limits::drain_ms`],
    /// and cuts off what is left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(address = %self.address, "the gateway listens");
        let graceful = GracefulShutdown::new();
        let mut tasks = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = tasks.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => match self.connections.take(peer.ip()) {
                        Ok(slot) => {
                            tasks.spawn(self.connection(stream, peer, slot, graceful.watcher()));
                        }
                        Err(problem) => self.connections.refuse(stream, &problem),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        self.stopping.send_replace(true);
        if tokio::time::timeout(ms(self.limits.drain_ms), graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = tasks.len(), "the gateway cuts off requests that did not end in time");
        }
        tasks.shutdown().await;
    }

    /// Serves one connection. HTTP/1.1 only: one request at a time a connection keeps the limits simple, and proxies speak it to what is behind
    /// them.
    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        slot: ConnectionSlot,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + Send + 'static {
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer.ip()));
            router.clone().oneshot(request.map(Body::new))
        });
        let io = TokioIo::new(Stalling::new(stream, ms(self.limits.stalled_ms)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ms(self.limits.head_ms))
            .max_buf_size(self.limits.head_bytes)
            .max_headers(HEADERS_MAX)
            .serve_connection(io, service);
        async move {
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%peer, %error, "a connection broke off");
            }
            drop(slot);
        }
    }
}
