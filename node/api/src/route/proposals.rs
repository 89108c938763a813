//! Governance.

use crate::{
    app::App,
    extract::{InPath, Parameters},
    page::{Page, PageAsked},
    problem::{Problem, ProblemBody},
    view::{
        Id,
        proposal::{Proposal, ProposalSummary},
    },
};
use axum::{Json, extract::State};
use countersign_circuits::hash::Digest32;
use countersign_messages::{ProposalId, TransactionId};

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
    Page::cut(&proposals, asked, app.limits.page, |(id, record)| ProposalSummary::new(id, record)).map(Json)
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
    Ok(Json(Proposal::new(&id, record, &state)))
}
