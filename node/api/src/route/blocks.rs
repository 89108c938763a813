//! Blocks.

use crate::{
    app::App,
    download::{Download, OCTETS},
    extract::{InPath, Parameters},
    page::page_limit,
    problem::Problem,
    view::{self, Octets},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use countersign_messages::{
    Height, Wire,
    json::{Block, Headers, ProblemBody},
};
use countersign_store::StoredBlock;
use serde::Deserialize;
use utoipa::IntoParams;

/// What a block says never changes.
pub(crate) const UNCHANGING: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Which headers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// First height; without it the last blocks are shown.
    from: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
}

/// List headers, in order of height.
#[utoipa::path(
    get, path = "/v1/blocks", operation_id = "listBlocks", tag = "blocks", params(From),
    responses(
        (status = 200, description = "Headers", body = Headers),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, Parameters(asked): Parameters<From>) -> Result<Json<Headers>, Problem> {
    let limit = page_limit(asked.limit, app.limits.page)? as u64;
    let last = app.node.state().tip().height.0;
    let from = asked.from.unwrap_or_else(|| last.saturating_sub(limit - 1)).max(1);
    let to = last.min(from.saturating_add(limit - 1));
    let headers = if from > to { Vec::new() } else { app.node.store().headers(Height(from), Height(to)).await? };
    Ok(Json(Headers {
        items: headers.iter().map(view::block::header).collect(),
        last,
        next: (to < last && from <= last).then_some(to + 1),
    }))
}

async fn stored(app: &App, height: u64) -> Result<StoredBlock, Problem> {
    app.node.store().block(Height(height)).await?.ok_or_else(|| Problem::not_found("block of this height"))
}

/// Show a block: header, certificate, transactions.
#[utoipa::path(
    get, path = "/v1/blocks/{height}", operation_id = "getBlock", tag = "blocks", params(("height" = u64, Path, description = "Height, from 1")),
    responses(
        (status = 200, description = "The block", body = Block),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such block yet", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(height): InPath<u64>) -> Result<Response, Problem> {
    Ok(([(header::CACHE_CONTROL, UNCHANGING)], Json(view::block::block(&stored(&app, height).await?))).into_response())
}

/// Fetch a block's canonical bytes.
#[utoipa::path(
    get, path = "/v1/blocks/{height}/raw", operation_id = "getRawBlock", tag = "blocks", params(("height" = u64, Path, description = "Height, from 1")),
    responses(
        (status = 200, description = "The bytes (docs/protocol/ledger.md)", body = Octets, content_type = OCTETS),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such block yet", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn raw(State(app): State<App>, InPath(height): InPath<u64>) -> Result<Response, Problem> {
    let download = Download::begin(&app)?;
    let bytes = stored(&app, height).await?.block.encode();
    let mut response = download.send(&app, bytes);
    response.headers_mut().insert(header::CACHE_CONTROL, UNCHANGING);
    Ok(response)
}
