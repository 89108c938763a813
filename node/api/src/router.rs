//! The routes, and the document made from them.

use crate::{
    app::App,
    guard, measure,
    problem::{Problem, ProblemKind},
    route,
};
use axum::{
    Router,
    http::{Method, Uri},
    middleware,
};
use countersign_messages::json::ProblemBody;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{
    OpenApi as _,
    openapi::{Content, OpenApi, Ref, ResponseBuilder},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The document without its paths.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Countersign gateway",
        description = "Everything that is public on the ledger, and the door for signed transactions. See docs/api.md. Any route may also answer 429 \
                       (too many requests), 503 (overloaded, timeout) and 500, each with problem details.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "transactions", description = "Sending and finding signed transactions"),
        (name = "blocks", description = "Blocks and headers"),
        (name = "studies", description = "Studies"),
        (name = "queries", description = "Queries, answers and sealed answers"),
        (name = "patients", description = "Patients' keys, and what their slots could be counted in"),
        (name = "network", description = "Members, validators, proposals, dictionaries, genesis"),
        (name = "events", description = "Events as they happen"),
        (name = "node", description = "This node"),
    )
)]
struct Document;

/// The OpenAPI document of the interface.
pub fn openapi() -> OpenApi {
    parts().1
}

/// Every route is registered by `routes!`, which puts it into the document too.
pub(crate) fn parts() -> (Router<App>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(route::transactions::send))
        .routes(routes!(route::transactions::one))
        .routes(routes!(route::blocks::list))
        .routes(routes!(route::blocks::one))
        .routes(routes!(route::blocks::raw))
        .routes(routes!(route::studies::list))
        .routes(routes!(route::studies::one))
        .routes(routes!(route::queries::list))
        .routes(routes!(route::queries::one))
        .routes(routes!(route::queries::answer))
        .routes(routes!(route::queries::export))
        .routes(routes!(route::blobs::one))
        .routes(routes!(route::blobs::keep))
        .routes(routes!(route::members::list))
        .routes(routes!(route::members::validators))
        .routes(routes!(route::members::genesis))
        .routes(routes!(route::patients::one))
        .routes(routes!(route::patients::uses))
        .routes(routes!(route::patients::slot))
        .routes(routes!(route::dictionaries::list))
        .routes(routes!(route::dictionaries::one))
        .routes(routes!(route::proposals::list))
        .routes(routes!(route::proposals::one))
        .routes(routes!(route::events::follow))
        .routes(routes!(route::node::sync))
        .routes(routes!(route::node::health))
        .routes(routes!(route::node::ready))
        .routes(routes!(route::node::metrics))
        .routes(routes!(route::node::document))
        .split_for_parts();
    add_common_problems(&mut document);
    (router, document)
}

/// Any route may answer with these.
fn add_common_problems(document: &mut OpenApi) {
    let problem = |words: &str| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new().description(words).content("application/problem+json", content).build()
    };
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post].into_iter().flatten() {
            for (status, words) in
                [("429", "Too many requests"), ("500", "The gateway failed"), ("503", "Overloaded, or the request took too long")]
            {
                operation.responses.responses.entry(status.into()).or_insert_with(|| problem(words).into());
            }
        }
    }
}

/// Puts the guards around the routes; the last added is the first to see a request.
pub(crate) fn guarded(router: Router<App>, app: App) -> Router {
    router
        .fallback(async |uri: Uri| {
            let words = match uri.path().strip_prefix("/v1/") {
                Some(_) => "see /v1/openapi.json for the routes there are",
                None => "all routes begin with /v1, as /v1/health does; /v1/openapi.json lists them",
            };
            Problem::new(ProblemKind::NoSuchRoute, words)
        })
        .method_not_allowed_fallback(async |method: Method| {
            Problem::new(ProblemKind::MethodNotAllowed, format!("{method} is not a method of this route; the Allow header lists them"))
        })
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), guard::limit_work))
        .layer(middleware::from_fn_with_state(app.clone(), guard::own_host))
        .layer(middleware::from_fn_with_state(app.clone(), guard::limit_rate))
        .layer(middleware::from_fn(measure::measure))
        .layer(middleware::from_fn(guard::secure))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_in_the_document() {
        let (router, document) = parts();
        // the router's own list of paths, as its debug output shows it
        let shown = format!("{router:?}");
        let routes: BTreeSet<&str> = shown.split('"').filter(|part| part.starts_with("/v1/")).collect();
        let documented: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
        assert!(routes.len() > 20 && routes.contains("/v1/transactions"), "{shown}");
        assert_eq!(routes, documented);
    }
}
