//! What all handlers share.

use crate::{
    config::{GatewayConfig, Limits},
    event::RecentEvents,
    node::Node,
    problem::{Problem, ProblemKind},
    rate::Rates,
};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use utoipa::openapi::OpenApi;

/// State of the router. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What is behind an [`App`].
pub(crate) struct Shared {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) limits: Limits,
    pub(crate) behind_proxy: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) document: OpenApi,
    pub(crate) recent: RecentEvents,
    pub(crate) rates: Rates,
    pub(crate) requests: Slots,
    pub(crate) uploads: Slots,
    pub(crate) downloads: Slots,
    pub(crate) streams: Slots,
    /// Turns true when the gateway is told to stop: streams end, waits end.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(config: &GatewayConfig, node: Arc<dyn Node>, document: OpenApi, stopping: watch::Receiver<bool>) -> Self {
        let limits = config.limits.clone();
        Self(Arc::new(Shared {
            node,
            behind_proxy: config.behind_proxy,
            hosts: config.hosts.clone(),
            metrics: config.metrics.clone(),
            document,
            recent: RecentEvents::default(),
            rates: Rates::new(&limits),
            requests: Slots::new("requests", limits.requests),
            uploads: Slots::new("uploads", limits.uploads),
            downloads: Slots::new("downloads", limits.downloads),
            streams: Slots::new("event streams", limits.event_streams),
            limits,
            stopping,
        }))
    }
}

/// Places for work of one kind. Nobody queues for one: who finds none is told so at once.
pub(crate) struct Slots {
    what: &'static str,
    places: Arc<Semaphore>,
}

impl Slots {
    fn new(what: &'static str, places: usize) -> Self {
        Self { what, places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))) }
    }

    /// Takes a place until the permit is dropped.
    pub(crate) fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            metrics::counter!("countersign_http_refused_total", "reason" => self.what).increment(1);
            Problem::new(ProblemKind::Overloaded, format!("all places for {} are taken; try again", self.what))
        })
    }
}
