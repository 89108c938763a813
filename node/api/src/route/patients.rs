//! What the ledger has of patients' keys.

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
    MemberId, PatientKey,
    json::{Id, Page, PatientSlot, ProblemBody, Slot, Use},
};

/// Show the slot that a patient's key stands for.
#[utoipa::path(
    get, path = "/v1/patients/{key}", operation_id = "getPatientSlot", tag = "patients", params(("key" = Id, Path, description = "The key")),
    responses(
        (status = 200, description = "The slot", body = PatientSlot),
        (status = 400, description = "The key", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No slot has this key", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(key): InPath<Digest32>) -> Result<Json<PatientSlot>, Problem> {
    let state = app.node.state();
    view::patient::slot(&state, &PatientKey(key.0)).map(Json).ok_or_else(|| Problem::not_found("slot with this key"))
}

/// List the answers that a patient's slot could be counted in, by number of the question.
#[utoipa::path(
    get, path = "/v1/patients/{key}/uses", operation_id = "listPatientUses", tag = "patients",
    params(("key" = Id, Path, description = "The key"), PageAsked),
    responses(
        (status = 200, description = "Answers", body = Page<Use>),
        (status = 400, description = "The key or a parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No slot has this key", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn uses(
    State(app): State<App>,
    InPath(key): InPath<Digest32>,
    Parameters(asked): Parameters<PageAsked>,
) -> Result<Json<Page<Use>>, Problem> {
    let state = app.node.state();
    let (hospital, slot) = state.slot_of_key(&PatientKey(key.0)).ok_or_else(|| Problem::not_found("slot with this key"))?;
    page::cut(&state.uses(&hospital, slot), asked, app.limits.page, |used| view::patient::used(&state, used)).map(Json)
}

/// Show which anchored versions of a hospital's tables a slot is in. What they hold there is in none of them for anybody but whom the hospital shows it.
#[utoipa::path(
    get, path = "/v1/members/{member}/slots/{slot}", operation_id = "getSlot", tag = "patients",
    params(("member" = Id, Path, description = "The hospital"), ("slot" = u32, Path, description = "The slot")),
    responses(
        (status = 200, description = "The slot", body = Slot),
        (status = 400, description = "The member or the slot", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The member has anchored nothing there", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn slot(State(app): State<App>, InPath((member, slot)): InPath<(Digest32, u32)>) -> Result<Json<Slot>, Problem> {
    let state = app.node.state();
    view::patient::rows(&state, &MemberId(member.0), slot).map(Json).ok_or_else(|| Problem::not_found("anchored slot"))
}
