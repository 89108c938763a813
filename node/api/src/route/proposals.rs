//! Governance.

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
    ProposalId, TransactionId,
    json::{Id, Page, ProblemBody, Proposal, ProposalSummary},
};

/// List proposals, in order of number.
#[utoipa::path(
    get, path = "/v1/proposals", operation_id = "listProposals", tag = "network", params(PageAsked),
    responses(
        (status = 200, description = "Proposals", body = Page<ProposalSummary>),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, Parameters(asked): Parameters<PageAsked>) -> Result<Json<Page<ProposalSummary>>, Problem> {
    let state = app.node.state();
    let mut proposals: Vec<_> = state.proposals().collect();
    proposals.sort_unstable_by_key(|(_, record)| record.number);
    page::cut(&proposals, asked, app.limits.page, |(id, record)| view::proposal::summary(id, record)).map(Json)
}

/// Show a proposal, with its votes.
#[utoipa::path(
    get, path = "/v1/proposals/{id}", operation_id = "getProposal", tag = "network", params(("id" = Id, Path, description = "The proposal")),
    responses(
        (status = 200, description = "The proposal", body = Proposal),
        (status = 400, description = "The id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such proposal", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(State(app): State<App>, InPath(id): InPath<Digest32>) -> Result<Json<Proposal>, Problem> {
    let (state, id) = (app.node.state(), ProposalId(TransactionId(id)));
    let record = state.proposal(&id).ok_or_else(|| Problem::not_found("such proposal"))?;
    Ok(Json(view::proposal::proposal(&id, record, &state)))
}
