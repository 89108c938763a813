//! What every request passes before its handler: rate, concurrency, time, panics; and the headers every answer carries.

use crate::{
    app::App,
    config::ms,
    problem::{Problem, ProblemKind},
    rate::{ClientKey, TooFast},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{any::Any, net::IpAddr};

/// Address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// Turns away clients that are too fast.
pub(crate) async fn limit_rate(State(app): State<App>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<PeerAddress>().map(|p| p.0);
    let client = if app.behind_proxy { forwarded_for(request.headers()).or(peer) } else { peer };
    let Some(client) = client else {
        return Problem::internal(&"a request without an address").into_response();
    };
    let problem = match app.rates.check(ClientKey::from(client)) {
        Ok(()) => return next.run(request).await,
        Err(TooFast::Client { retry_seconds }) => {
            let per_second = app.limits.requests_per_second;
            Problem::new(ProblemKind::TooManyRequests, format!("one client may send {per_second} requests a second"))
                .retry_after(retry_seconds)
        }
        Err(TooFast::TableFull) => Problem::new(ProblemKind::Overloaded, "too many clients at once; try again"),
    };
    metrics::counter!("countersign_http_refused_total", "reason" => "rate").increment(1);
    problem.into_response()
}

/// The last entry of `X-Forwarded-For`: the one our own proxy has written. Entries before it are the client's say.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// A gateway on loopback answers this machine's own programs. A page in a browser may have its host's name resolve to loopback (DNS rebinding), and
/// then reads what it likes: its requests name that host, or say that they come from it. Other names are answered if they are configured; behind a proxy
/// with none configured, which names are served is the proxy's say.
pub(crate) async fn own_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    let own = |authority: &str| is_loopback(authority) || app.hosts.iter().any(|host| host.eq_ignore_ascii_case(host_of(authority)));
    let any = app.behind_proxy && app.hosts.is_empty();
    if any || (host.is_some_and(own) && origin.is_none_or(own)) {
        return next.run(request).await;
    }
    metrics::counter!("countersign_http_refused_total", "reason" => "host").increment(1);
    let words = "ask http://127.0.0.1 or http://localhost with this gateway's port, from a program on this machine, or a name that its operator lists in gateway.hosts";
    Problem::new(ProblemKind::ForeignHost, words).into_response()
}

/// The host of an authority.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// True if an authority (a host, perhaps with a port) is this machine's own.
fn is_loopback(authority: &str) -> bool {
    let host = host_of(authority);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Bounds the requests worked on at the same time, and the time of each until its answer begins.
pub(crate) async fn limit_work(State(app): State<App>, request: Request, next: Next) -> Response {
    let _place = match app.requests.take() {
        Ok(place) => place,
        Err(problem) => return problem.into_response(),
    };
    match tokio::time::timeout(ms(app.limits.request_ms), next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            metrics::counter!("countersign_http_refused_total", "reason" => "timeout").increment(1);
            Problem::new(ProblemKind::Timeout, format!("the request was given up after {} ms", app.limits.request_ms)).into_response()
        }
    }
}

/// Makes an answer of a panic. The panic itself is in the program's log.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(&words.unwrap_or("a handler panicked")).into_response()
}

/// Headers against misuse by browsers: no guessing of types, no framing, no scripts, no referrer.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // what a block says never changes, and its handler says so; all else may be different at the next block
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for own in ["127.0.0.1", "127.0.0.1:7480", "localhost:1", "LOCALHOST", "[::1]:80", "[::1]", "127.9.9.9:1"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:7480",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "192.0.2.1",
            "null",
            "[2001:db8::1]:80",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn only_the_proxys_own_entry_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.1, 192.0.2.7"));
        assert_eq!(forwarded_for(&headers), "192.0.2.7".parse().ok());
        headers.append("x-forwarded-for", HeaderValue::from_static("2001:db8::1"));
        assert_eq!(forwarded_for(&headers), "2001:db8::1".parse().ok());
        headers.append("x-forwarded-for", HeaderValue::from_static("nobody"));
        assert_eq!(forwarded_for(&headers), None);
    }
}
