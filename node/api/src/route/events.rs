//! Events as they happen (server-sent events).

use crate::{
    app::App,
    config::ms,
    event::{EventPosition, EventStream},
    extract::Parameters,
    problem::{Problem, ProblemKind},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response, Sse, sse::KeepAlive},
};
use countersign_messages::{
    Height,
    json::{Event, ProblemBody},
};
use futures_util::stream;
use serde::Deserialize;
use std::convert::Infallible;
use utoipa::IntoParams;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    /// First height; without it, and without `Last-Event-ID`, the stream begins with the next block.
    from: Option<u64>,
}

/// Follow the chain.
///
/// Each event's `id` is its position in the chain. A client that comes back with the last one in `Last-Event-ID`, as browsers do, goes on exactly
/// after it; a plain height goes on after that block.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "followEvents", tag = "events",
    params(Begin, ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event received, or a height")),
    responses(
        (status = 200, description = "Events: `block`, `transaction`, `query`, `answer`, `declined`", body = Event, content_type = "text/event-stream"),
        (status = 400, description = "A parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "Too far back", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn follow(State(app): State<App>, Parameters(begin): Parameters<Begin>, headers: HeaderMap) -> Result<Response, Problem> {
    let position =
        match headers.get("last-event-id") {
            Some(id) => Some(id.to_str().ok().and_then(|id| id.parse::<EventPosition>().ok()).ok_or_else(|| {
                Problem::new(ProblemKind::BadParameter, "Last-Event-ID is the id of an event (HEIGHT.INDEX) or a height")
            })?),
            None => begin.from.map(|height| EventPosition::before(Height(height))),
        };
    let events = EventStream::begin(&app, position)?;
    let events = stream::unfold(events, |mut events| async move {
        let event = events.next().await?;
        Some((Ok::<_, Infallible>(event), events))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ms(app.limits.event_heartbeat_ms))).into_response())
}
