//! Sending and finding transactions.

use crate::{
    app::App,
    config::ms,
    extract::{InPath, Parameters, content_type, read_body},
    node::SubmitRefused,
    problem::{Problem, ProblemKind},
    view::{self, Octets},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_circuits::hash::Digest32;
use countersign_messages::{
    Transaction, TransactionId, Wire,
    json::{self, Id, ProblemBody, Queued, TransactionBytes},
};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;

/// Whether to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Seconds to wait for a block with the transaction.
    wait: Option<u64>,
}

/// Send a signed transaction.
///
/// Sending the same transaction again is harmless. 202 says it waits for a block; 200 says what became of it.
#[utoipa::path(
    post, path = "/v1/transactions", operation_id = "sendTransaction", tag = "transactions", params(Wait),
    request_body(content((Octets = "application/octet-stream"), (TransactionBytes = "application/json")), description = "The signed transaction."),
    responses(
        (status = 200, description = "It is in a block", body = json::Transaction),
        (status = 202, description = "It waits for a block", body = Queued),
        (status = 400, description = "Not a transaction of this network", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Unknown signer or bad signature", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not the signer's next sequence number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Another content type", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The mempool is full, or the node is catching up", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn send(State(app): State<App>, Parameters(asked): Parameters<Wait>, request: Request) -> Result<Response, Problem> {
    let wait = ms(asked.wait.unwrap_or(0).saturating_mul(1_000));
    if wait > ms(app.limits.wait_ms) {
        return Err(Problem::new(ProblemKind::BadParameter, format!("wait is at most {} seconds", app.limits.wait_ms / 1_000)));
    }
    let place = app.uploads.take()?;
    let is_json = match content_type(request.headers()).as_deref() {
        Some("application/octet-stream") => false,
        Some("application/json") => true,
        _ => {
            let detail = "send the bytes as application/octet-stream, or {\"bytes\": \"hexadecimal\"} as application/json";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
    };
    let body = read_body(request, app.limits.transaction_body_bytes).await?;
    // hashing and decoding 16 MiB takes some ten milliseconds
    let (id, transaction) =
        tokio::task::spawn_blocking(move || decode(&body, is_json)).await.map_err(|error| Problem::internal(&error))??;
    if let Some(view) = find(&app, &id).await? {
        return Ok(Json(view).into_response());
    }
    let mut tips = app.node.tips();
    match app.node.submit(transaction).await {
        Ok(()) | Err(SubmitRefused::Known) => {}
        // it may have got into a block since it was looked for
        Err(refused) => return find(&app, &id).await?.map(|view| Json(view).into_response()).ok_or_else(|| refused.into()),
    }
    drop(place);
    match included(&app, &mut tips, &id, wait).await? {
        Some(view) => Ok(Json(view).into_response()),
        None => Ok((StatusCode::ACCEPTED, Json(view::transaction::queued(id))).into_response()),
    }
}

fn decode(body: &Bytes, is_json: bool) -> Result<(TransactionId, Transaction), Problem> {
    let hex;
    let bytes: &[u8] = if is_json {
        let json: TransactionBytes =
            serde_json::from_slice(body).map_err(|error| Problem::new(ProblemKind::BadBody, format!("the JSON is refused: {error}")))?;
        hex = hex::decode(json.bytes)
            .map_err(|error| Problem::new(ProblemKind::BadBody, format!("\"bytes\" is not hexadecimal: {error}")))?;
        &hex
    } else {
        body
    };
    let transaction = Transaction::decode(bytes).map_err(|error| Problem::new(ProblemKind::MalformedTransaction, error.to_string()))?;
    Ok((transaction.id(), transaction))
}

/// A transaction in the chain.
async fn find(app: &App, id: &TransactionId) -> Result<Option<json::Transaction>, Problem> {
    let store = app.node.store();
    let Some(entry) = store.transaction(id).await? else { return Ok(None) };
    let stored = store.block(entry.height).await?.ok_or_else(|| Problem::internal(&"a block is missing"))?;
    Ok(view::transaction::transaction(&stored, entry.position))
}

/// Waits until a transaction is in the chain. One look-up a block.
async fn included(
    app: &App,
    tips: &mut tokio::sync::watch::Receiver<countersign_ledger::Tip>,
    id: &TransactionId,
    wait: Duration,
) -> Result<Option<json::Transaction>, Problem> {
    if wait.is_zero() {
        return Ok(None);
    }
    let until = tokio::time::Instant::now() + wait;
    let mut stopping = app.stopping.clone();
    loop {
        tips.mark_unchanged();
        if let Some(view) = find(app, id).await? {
            return Ok(Some(view));
        }
        tokio::select! {
            changed = tips.changed() => if changed.is_err() { return Ok(None) },
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(None),
            () = tokio::time::sleep_until(until) => return Ok(None),
        }
    }
}

/// Find a transaction: where it is, what became of it, and its Merkle paths.
#[utoipa::path(
    get, path = "/v1/transactions/{id}", operation_id = "getTransaction", tag = "transactions", params(("id" = Id, Path, description = "Hash of the signed transaction")),
    responses(
        (status = 200, description = "The transaction", body = json::Transaction),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "It is in no block", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(id): InPath<Digest32>) -> Result<Json<json::Transaction>, Problem> {
    find(&app, &TransactionId(id)).await?.map(Json).ok_or_else(|| Problem::not_found("such transaction in a block"))
}
