//! Sealed answers: ciphertexts, kept beside the chain and named by it.

use super::{blocks::UNCHANGING, queries::answer_of};
use crate::{
    app::App,
    download::OCTETS,
    extract::{InPath, Parameters, content_type, read_body},
    problem::{Problem, ProblemKind},
    view::Octets,
};
use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use countersign_circuits::hash::Digest32;
use countersign_messages::{
    MemberId, QueryId, TransactionId,
    json::{Id, Kept, ProblemBody},
};
use countersign_store::BLOB_BYTES_MAX;
use serde::Deserialize;
use utoipa::IntoParams;

/// Fetch a sealed answer.
#[utoipa::path(
    get, path = "/v1/blobs/{digest}", operation_id = "getBlob", tag = "queries", params(("digest" = Id, Path, description = "SHA-256 of the ciphertext")),
    responses(
        (status = 200, description = "The ciphertext", body = Octets, content_type = OCTETS),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "This node does not hold it", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(digest): InPath<Digest32>) -> Result<Response, Problem> {
    let bytes = app.node.store().blob(&digest).await?.ok_or_else(|| Problem::not_found("such ciphertext"))?;
    Ok(([(header::CONTENT_TYPE, axum::http::HeaderValue::from_static(OCTETS)), (header::CACHE_CONTROL, UNCHANGING)], bytes).into_response())
}

/// The answer a ciphertext belongs to.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Belongs {
    /// The query.
    #[param(value_type = Id)]
    query: Digest32,
    /// The site.
    #[param(value_type = Id)]
    hospital: Digest32,
}

/// Store the ciphertext of an accepted answer.
///
/// Only what an accepted answer names is kept, so nobody can fill the disk: send the answer, wait for its block, then send this.
#[utoipa::path(
    put, path = "/v1/blobs", operation_id = "putBlob", tag = "queries", params(Belongs),
    request_body(content = Octets, content_type = "application/octet-stream", description = "The ciphertext."),
    responses(
        (status = 200, description = "It is kept; sending it again is harmless", body = Kept),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The site has not answered the query", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The answer names another ciphertext", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Another content type", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn keep(
    State(app): State<App>,
    Parameters(belongs): Parameters<Belongs>,
    request: Request,
) -> Result<Json<Kept>, Problem> {
    let sealed = answer_of(&app.node.state(), &QueryId(TransactionId(belongs.query)), &MemberId(belongs.hospital.0))?.sealed;
    let _place = app.uploads.take()?;
    if content_type(request.headers()).as_deref() != Some(OCTETS) {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, "send the ciphertext as application/octet-stream"));
    }
    let body = read_body(request, BLOB_BYTES_MAX).await?;
    if Digest32::of(&body) != sealed {
        let detail = format!("the answer names the ciphertext {sealed}; this one is {}", Digest32::of(&body));
        return Err(Problem::new(ProblemKind::BlobNotNamed, detail));
    }
    let digest = app.node.store().put_blob(&body).await?;
    Ok(Json(Kept { digest: digest.into() }))
}
