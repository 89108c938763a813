//! Queries and answers.

use crate::{
    app::App,
    download::{Download, OCTETS},
    extract::{InPath, Parameters},
    page::{self, PageAsked},
    problem::Problem,
    view::{self, Octets},
};
use axum::{Json, extract::State, response::Response};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{AnswerRecord, PairStatus, State as LedgerState};
use countersign_messages::{
    MemberId, QueryId, StudyId, TransactionId, Wire,
    json::{Answer, Id, Page, ProblemBody, Query, QuerySummary},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which queries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Those of one study only.
    #[param(value_type = Option<Id>)]
    study: Option<Digest32>,
    /// How many items to pass over; lists only grow at their end.
    offset: Option<usize>,
    /// How many items at most.
    limit: Option<usize>,
}

/// List queries, in order of number.
#[utoipa::path(
    get, path = "/v1/queries", operation_id = "listQueries", tag = "queries", params(Which),
    responses(
        (status = 200, description = "Queries", body = Page<QuerySummary>),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, Parameters(asked): Parameters<Which>) -> Result<Json<Page<QuerySummary>>, Problem> {
    let state = app.node.state();
    let study = asked.study.map(|id| StudyId(TransactionId(id)));
    let mut queries: Vec<_> = state.queries().filter(|(_, record)| study.is_none_or(|s| s == record.query.study)).collect();
    queries.sort_unstable_by_key(|(_, record)| record.number);
    let (now, part) = (state.tip().time, PageAsked { offset: asked.offset, limit: asked.limit });
    page::cut(&queries, part, app.limits.page, |(id, record)| view::query::summary(id, record, now)).map(Json)
}

/// Show a query, and what became of it at each site.
#[utoipa::path(
    get, path = "/v1/queries/{id}", operation_id = "getQuery", tag = "queries", params(("id" = Id, Path, description = "The query")),
    responses(
        (status = 200, description = "The query", body = Query),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such query", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(id): InPath<Digest32>) -> Result<Json<Query>, Problem> {
    let (state, id) = (app.node.state(), QueryId(TransactionId(id)));
    let record = state.query(&id).ok_or_else(|| Problem::not_found("such query"))?;
    Ok(Json(view::query::query(&id, record, &state)))
}

/// The accepted answer of a site to a query.
pub(crate) fn answer_of<'a>(state: &'a LedgerState, query: &QueryId, hospital: &MemberId) -> Result<&'a AnswerRecord, Problem> {
    match state.pair(query, hospital).map(|pair| &pair.status) {
        Some(PairStatus::Answered(record)) => Ok(record),
        _ => Err(Problem::not_found("accepted answer of this site to this query")),
    }
}

/// Show the record of an answer.
#[utoipa::path(
    get, path = "/v1/queries/{id}/answers/{hospital}", operation_id = "getAnswer", tag = "queries",
    params(("id" = Id, Path, description = "The query"), ("hospital" = Id, Path, description = "The site")),
    responses(
        (status = 200, description = "The record", body = Answer),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The site has not answered the query", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn answer(State(app): State<App>, InPath((id, hospital)): InPath<(Digest32, Digest32)>) -> Result<Json<Answer>, Problem> {
    let state = app.node.state();
    answer_of(&state, &QueryId(TransactionId(id)), &MemberId(hospital.0)).map(|record| Json(view::answer::answer(record)))
}

/// Fetch an answer with all it takes to check it (`countersign verify`).
#[utoipa::path(
    get, path = "/v1/queries/{id}/answers/{hospital}/export", operation_id = "exportAnswer", tag = "queries",
    params(("id" = Id, Path, description = "The query"), ("hospital" = Id, Path, description = "The site")),
    responses(
        (status = 200, description = "The export (docs/protocol/ledger.md)", body = Octets, content_type = OCTETS),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The site has not answered the query", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn export(State(app): State<App>, InPath((id, hospital)): InPath<(Digest32, Digest32)>) -> Result<Response, Problem> {
    let download = Download::begin(&app)?;
    let (state, query, hospital) = (app.node.state(), QueryId(TransactionId(id)), MemberId(hospital.0));
    answer_of(&state, &query, &hospital)?;
    let export = app.node.store().export_answer(&state, &query, &hospital).await?;
    let bytes = tokio::task::spawn_blocking(move || export.encode()).await.map_err(|error| Problem::internal(&error))?;
    Ok(download.send(&app, bytes))
}
