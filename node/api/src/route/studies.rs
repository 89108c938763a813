//! Studies.

use crate::{
    app::App,
    extract::{InPath, Parameters},
    page::{self, PageAsked},
    problem::Problem,
    view,
};
use axum::{Json, extract::State};
use countersign_circuits::hash::Digest32;
use countersign_messages::{
    StudyId, TransactionId,
    json::{Id, Page, ProblemBody, Study, StudySummary},
};

/// List studies, in order of number.
#[utoipa::path(
    get, path = "/v1/studies", operation_id = "listStudies", tag = "studies", params(PageAsked),
    responses(
        (status = 200, description = "Studies", body = Page<StudySummary>),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, Parameters(asked): Parameters<PageAsked>) -> Result<Json<Page<StudySummary>>, Problem> {
    let state = app.node.state();
    let mut studies: Vec<_> = state.studies().collect();
    studies.sort_unstable_by_key(|(_, record)| record.number);
    let now = state.tip().time;
    page::cut(&studies, asked, app.limits.page, |(id, record)| view::study::summary(id, record, now)).map(Json)
}

/// Show a study, with its sites.
#[utoipa::path(
    get, path = "/v1/studies/{id}", operation_id = "getStudy", tag = "studies", params(("id" = Id, Path, description = "The study")),
    responses(
        (status = 200, description = "The study", body = Study),
        (status = 400, description = "The path", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such study", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(id): InPath<Digest32>) -> Result<Json<Study>, Problem> {
    let (state, id) = (app.node.state(), StudyId(TransactionId(id)));
    let record = state.study(&id).ok_or_else(|| Problem::not_found("such study"))?;
    Ok(Json(view::study::study(&id, record, &state)))
}
