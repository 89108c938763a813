//! The node itself: how far it is, whether it is well, its metrics, and the document of its interface.

use crate::{
    app::App,
    measure::exposition,
    node::Progress,
    problem::{Problem, ProblemKind},
    view::{self, status::well, time_at_ms},
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use countersign_messages::json::{ProblemBody, Sync, Well};
use utoipa::openapi::OpenApi;

/// Show how far the node is.
#[utoipa::path(get, path = "/v1/sync", operation_id = "getSync", tag = "node", responses((status = 200, description = "The node", body = Sync)))]
pub(crate) async fn sync(State(app): State<App>) -> Json<Sync> {
    Json(view::status::sync(app.node.status()))
}

/// Ask whether the node is alive and not stuck: for whoever restarts it, or calls a person.
#[utoipa::path(
    get, path = "/v1/health", operation_id = "getHealth", tag = "node",
    responses(
        (status = 200, description = "It is", body = Well),
        (status = 500, description = "The store fails", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "It gets no blocks", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn health(State(app): State<App>) -> Result<Json<Well>, Problem> {
    app.node.store().last_height().await?;
    match app.node.status().progress {
        Progress::Stuck { since_ms } => Err(stuck(since_ms)),
        Progress::Current | Progress::Syncing => Ok(Json(well())),
    }
}

fn stuck(since_ms: u64) -> Problem {
    Problem::new(ProblemKind::Stuck, format!("no block since {}; see the alerts in /v1/sync", time_at_ms(since_ms).utc))
}

/// Ask whether the node follows the network and takes transactions: for whoever spreads the load.
#[utoipa::path(
    get, path = "/v1/ready", operation_id = "getReady", tag = "node",
    responses(
        (status = 200, description = "It does", body = Well),
        (status = 500, description = "The store fails", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "It is catching up, stuck, or shutting down", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Well>, Problem> {
    app.node.store().last_height().await?;
    if *app.stopping.borrow() {
        return Err(Problem::new(ProblemKind::Stopping, "the gateway is shutting down"));
    }
    let status = app.node.status();
    match status.progress {
        Progress::Current => Ok(Json(well())),
        Progress::Syncing => Err(Problem::new(ProblemKind::Syncing, format!("{} blocks behind", status.behind))),
        Progress::Stuck { since_ms } => Err(stuck(since_ms)),
    }
}

/// Read the metrics (Prometheus).
#[utoipa::path(
    get, path = "/v1/metrics", operation_id = "getMetrics", tag = "node",
    responses((status = 200, description = "Text exposition format 0.0.4", body = String, content_type = "text/plain; version=0.0.4"))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], exposition(&app)).into_response()
}

/// Read this document.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "getOpenApi", tag = "node", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn document(State(app): State<App>) -> Json<OpenApi> {
    Json(app.document.clone())
}
