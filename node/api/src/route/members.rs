//! Who takes part, and what the network started from.

use crate::{
    app::App,
    download::OCTETS,
    extract::Parameters,
    page::{self, PageAsked},
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
    Wire,
    json::{Member, Page, ProblemBody, Validators},
};

/// List the members whose transactions the next block may hold, by key.
#[utoipa::path(
    get, path = "/v1/members", operation_id = "listMembers", tag = "network", params(PageAsked),
    responses(
        (status = 200, description = "Members", body = Page<Member>),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, Parameters(asked): Parameters<PageAsked>) -> Result<Json<Page<Member>>, Problem> {
    let state = app.node.state();
    let members: Vec<_> = state.members().collect();
    page::cut(&members, asked, app.limits.page, |member| view::member::member(member, &state)).map(Json)
}

/// Show who decides the next block.
#[utoipa::path(get, path = "/v1/validators", operation_id = "getValidators", tag = "network", responses((status = 200, description = "The validators", body = Validators)))]
pub(crate) async fn validators(State(app): State<App>) -> Json<Validators> {
    Json(view::member::validators(&app.node.state()))
}

/// Fetch the genesis' canonical bytes; their tagged hash is the network's id.
#[utoipa::path(
    get, path = "/v1/genesis", operation_id = "getGenesis", tag = "network",
    responses((status = 200, description = "The bytes (docs/protocol/ledger.md)", body = Octets, content_type = OCTETS))
)]
pub(crate) async fn genesis(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS))], app.node.store().genesis().encode()).into_response()
}
