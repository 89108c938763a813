//! Metrics of requests, and the node's own figures at each reading.
//!
//! Names are prefixed `countersign_http_` and `countersign_node_`. Labels are bounded: the route is the pattern, not the path.

use crate::{app::App, node::Progress};
use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use std::time::Instant;

/// Counts requests and their seconds until the answer begins.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |m| m.as_str().to_owned());
    // methods are the client's choice; all but those with a route count as one
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "other",
    };
    let begun = Instant::now();
    let response = next.run(request).await;
    let (seconds, status) = (begun.elapsed().as_secs_f64(), response.status());
    tracing::debug!(method, %route, status = status.as_u16(), seconds, "request");
    metrics::histogram!("countersign_http_request_seconds", "route" => route.clone()).record(seconds);
    metrics::counter!("countersign_http_requests_total", "route" => route, "method" => method, "status" => status.as_u16().to_string())
        .increment(1);
    response
}

/// One more of something, until it is dropped.
#[derive(Debug)]
pub(crate) struct Gauged(&'static str);

impl Gauged {
    pub(crate) fn new(name: &'static str) -> Self {
        metrics::gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}

/// The text Prometheus reads.
pub(crate) fn exposition(app: &App) -> String {
    let status = app.node.status();
    let connected = status.peers.iter().filter(|p| p.connected).count();
    let figures = [
        ("countersign_node_height", status.height.0 as f64),
        ("countersign_node_block_time_seconds", status.time.0 as f64 / 1_000.0),
        ("countersign_node_blocks_behind", status.behind as f64),
        ("countersign_node_stuck", f64::from(u8::from(matches!(status.progress, Progress::Stuck { .. })))),
        ("countersign_node_peers", status.peers.len() as f64),
        ("countersign_node_peers_connected", connected as f64),
        ("countersign_node_mempool_transactions", status.mempool.transactions as f64),
        ("countersign_node_mempool_bytes", status.mempool.bytes as f64),
        ("countersign_node_alerts", status.alerts.len() as f64),
    ];
    for (name, value) in figures {
        metrics::gauge!(name).set(value);
    }
    app.metrics.render()
}

/// Says what each metric means, once the program's recorder is installed.
pub(crate) fn describe() {
    for (name, words) in [
        ("countersign_http_requests_total", "Requests answered, by route, method and status."),
        ("countersign_http_refused_total", "Connections and requests refused by a limit, by reason."),
    ] {
        metrics::describe_counter!(name, words);
    }
    metrics::describe_histogram!("countersign_http_request_seconds", "Seconds until the answer begins, by route.");
    for (name, words) in [
        ("countersign_http_connections", "Open connections."),
        ("countersign_http_event_streams", "Open event streams."),
        ("countersign_node_height", "Height of the last block."),
        ("countersign_node_block_time_seconds", "Time of the last block, seconds since 1970 UTC."),
        ("countersign_node_blocks_behind", "Blocks the node knows of and does not have."),
        ("countersign_node_stuck", "1 if no block came for too long."),
        ("countersign_node_peers", "Members the node talks to."),
        ("countersign_node_peers_connected", "Of these, connected."),
        ("countersign_node_mempool_transactions", "Transactions that wait."),
        ("countersign_node_mempool_bytes", "Their bytes."),
        ("countersign_node_alerts", "Things a person should look at."),
    ] {
        metrics::describe_gauge!(name, words);
    }
}
