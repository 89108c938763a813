//! Dictionaries.

use super::blocks::UNCHANGING;
use crate::{
    app::App,
    extract::{InPath, Parameters},
    page::{self, PageAsked},
    problem::Problem,
    view,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use countersign_circuits::hash::Digest32;
use countersign_messages::json::{DictionarySummary, Id, Page, ProblemBody};

/// List the published dictionaries, in order of publication.
#[utoipa::path(
    get, path = "/v1/dictionaries", operation_id = "listDictionaries", tag = "network", params(PageAsked),
    responses(
        (status = 200, description = "Dictionaries", body = Page<DictionarySummary>),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Parameters(asked): Parameters<PageAsked>,
) -> Result<Json<Page<DictionarySummary>>, Problem> {
    let state = app.node.state();
    let mut dictionaries: Vec<_> = state.dictionaries().collect();
    // two of one block keep the order of their ids
    dictionaries.sort_by_key(|record| (record.height, record.transaction));
    page::cut(&dictionaries, asked, app.limits.page, |record| view::dictionary::summary(record)).map(Json)
}

/// Fetch a dictionary: its canonical JSON, byte for byte.
#[utoipa::path(
    get, path = "/v1/dictionaries/{digest}", operation_id = "getDictionary", tag = "network", params(("digest" = Id, Path, description = "Hash of the canonical bytes")),
    responses(
        (status = 200, description = "The dictionary", body = Object, content_type = "application/json"),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such dictionary", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(digest): InPath<Digest32>) -> Result<Response, Problem> {
    let state = app.node.state();
    let record = state.dictionary(&digest).ok_or_else(|| Problem::not_found("such dictionary"))?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CACHE_CONTROL, UNCHANGING)];
    Ok((headers, record.bytes.clone()).into_response())
}
