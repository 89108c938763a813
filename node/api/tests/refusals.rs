//! Every error is a problem with a stable type.

use crate::common::{harness::*, *};
use countersign_api::{Limits, SubmitRefused};
use countersign_messages::*;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn unknown_things_and_malformed_ids() {
    let served = serve().await;
    let (unknown, query) = (digest("none"), served.query);
    for path in ["/nothing", "/blocks/1/", "/../etc/passwd", "/transactions/a/b"] {
        problem(served.get(path).await, 404, "no-such-route").await;
    }
    for path in [
        format!("/transactions/{unknown}"),
        format!("/studies/{unknown}"),
        format!("/queries/{unknown}"),
        format!("/queries/{query}/answers/{unknown}"),
        format!("/queries/{query}/answers/{unknown}/export"),
        format!("/blobs/{unknown}"),
        format!("/dictionaries/{unknown}"),
        format!("/proposals/{unknown}"),
        "/blocks/0".into(),
        "/blocks/9999999".into(),
        format!("/blocks/{}/raw", u64::MAX),
    ] {
        problem(served.get(&path).await, 404, "not-found").await;
    }
    for bad in ["12", "zz", &"g".repeat(64), &"0".repeat(65), "%00", "%ff"] {
        for path in ["transactions", "studies", "queries", "blobs", "dictionaries", "blocks"] {
            if (path, bad) != ("blocks", "12") && !(path == "blocks" && bad.starts_with("00")) {
                problem(served.get(&format!("/{path}/{bad}")).await, 400, "bad-path").await;
            }
        }
    }
    for bad in ["-1", "1.5", "18446744073709551616"] {
        problem(served.get(&format!("/blocks/{bad}")).await, 400, "bad-path").await;
    }
}

#[tokio::test]
async fn a_page_of_another_host_reads_nothing() {
    let served = serve().await;
    let ask = |name: &'static str, value: &'static str| {
        let request = served.client.request(Method::GET, served.url("/health")).header(name, value);
        async move { request.send().await.unwrap() }
    };
    problem(ask("host", "evil.example:7480").await, 421, "foreign-host").await;
    problem(ask("origin", "http://evil.example").await, 421, "foreign-host").await;
    problem(ask("origin", "null").await, 421, "foreign-host").await;
    assert_eq!(ask("origin", "http://localhost:7480").await.status(), 200);
}

/// Names that are configured are answered, behind a proxy too, and no others.
#[tokio::test]
async fn configured_names_are_answered() {
    for behind_proxy in [false, true] {
        let served = serve_named(roomy(), behind_proxy, &["node.example"]).await;
        let ask = |name: &'static str, value: &'static str| {
            let request = served.client.request(Method::GET, served.url("/health")).header(name, value);
            async move { request.send().await.unwrap() }
        };
        for (name, value) in
            [("host", "node.example"), ("host", "NODE.example:443"), ("host", "127.0.0.1:1"), ("origin", "https://node.example")]
        {
            assert_eq!(ask(name, value).await.status(), 200, "{name} {value}");
        }
        for (name, value) in
            [("host", "evil.example"), ("host", "node.example.evil.example"), ("origin", "https://evil.example"), ("host", "")]
        {
            problem(ask(name, value).await, 421, "foreign-host").await;
        }
    }
    // with none configured a proxy's word is taken
    let served = serve_with(roomy(), true).await;
    let asked = served.client.request(Method::GET, served.url("/health")).header("host", "any.example").send().await.unwrap();
    assert_eq!(asked.status(), 200);
}

/// Who leaves out the version is told.
#[tokio::test]
async fn routes_without_their_version_are_named() {
    let served = serve().await;
    let response = served.client.get(format!("http://{}/health", served.address)).send().await.unwrap();
    let detail = problem(response, 404, "no-such-route").await;
    assert!(detail.contains("/v1/health"), "{detail}");
}

#[tokio::test]
async fn malformed_parameters() {
    let served = serve().await;
    for path in [
        "/blocks?from=x",
        "/blocks?limit=0",
        "/blocks?limit=101",
        "/blocks?form=1",
        "/studies?offset=-1",
        "/members?limit=1000000",
        "/queries?study=12",
        "/dictionaries?unknown=1",
        "/events?from=x",
        "/events?from=100",
    ] {
        problem(served.get(path).await, 400, "bad-parameter").await;
    }
    for wait in ["x", "31", "-1", "18446744073709551615"] {
        problem(served.post(&format!("?wait={wait}"), &served.withdrawal(4)).await, 400, "bad-parameter").await;
    }
    problem(served.client.put(served.url("/blobs")).body("x").send().await.unwrap(), 400, "bad-parameter").await;
}

#[tokio::test]
async fn methods_a_route_has_not() {
    let served = serve().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/blocks", "GET,HEAD"),
        (Method::POST, "/sync", "GET,HEAD"),
        (Method::GET, "/transactions", "POST"),
        (Method::OPTIONS, "/transactions", "POST"),
        (Method::GET, "/blobs", "PUT"),
    ] {
        let response = served.client.request(method, served.url(path)).header("origin", "http://localhost:3000").send().await.unwrap();
        assert_eq!(response.headers()["allow"], allowed, "{path}");
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        problem(response, 405, "method-not-allowed").await;
    }
}

#[tokio::test]
async fn bodies() {
    let served = serve_with(Limits { transaction_body_bytes: 4_096, ..roomy() }, false).await;
    let bytes = served.withdrawal(4).encode();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        problem(served.post_bytes("", content_type, bytes.clone()).await, 415, "unsupported-media-type").await;
    }
    let bare = served.client.post(served.url("/transactions")).body(bytes.clone()).send().await.unwrap();
    problem(bare, 415, "unsupported-media-type").await;
    for json in [json!({}), json!({"bytes": "xy"}), json!({"bytes": "abc"}), json!({"bytes": "", "more": 1}), json!("00")] {
        problem(served.post_bytes("", "application/json", json.to_string().into()).await, 400, "bad-body").await;
    }
    problem(served.post_bytes("", "application/json", b"{".to_vec()).await, 400, "bad-body").await;
    for bad in [vec![], bytes[..bytes.len() - 1].to_vec(), [bytes.as_slice(), &[0]].concat(), vec![0xff; 100]] {
        problem(served.post_bytes("", "application/octet-stream", bad).await, 400, "malformed-transaction").await;
    }
    // too long, said beforehand and not said
    problem(served.post_bytes("", "application/octet-stream", vec![0; 4_097]).await, 413, "body-too-large").await;
    let pieces = futures_util::stream::iter((0..5).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1_000])));
    let request = served.client.post(served.url("/transactions")).header("content-type", "application/octet-stream");
    problem(request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap(), 413, "body-too-large").await;
    let url = served.url(&format!("/blobs?query={}&hospital={}", served.query, id(HospitalA)));
    problem(served.client.put(url).body("sealed").send().await.unwrap(), 415, "unsupported-media-type").await;
    assert_eq!(served.node.state().tip().height, Height(8), "nothing came of it");
}

#[tokio::test]
async fn transactions_nobody_can_be_blamed_for() {
    let served = serve().await;
    let state = served.node.state();
    let payload = || withdraw(&[4], Cause::Word);
    let stranger = Transaction::sign(&key(Stranger), state.network(), 0, payload());
    problem(served.post("", &stranger).await, 403, "unknown-signer").await;
    let elsewhere = Transaction::sign(&key(HospitalA), NetworkId(digest("other")), 6, payload());
    problem(served.post("", &elsewhere).await, 400, "wrong-network").await;
    let mut forged = served.withdrawal(4);
    forged.signature.0[3] ^= 1;
    problem(served.post("", &forged).await, 403, "bad-signature").await;
    for sequence in [0, 99] {
        let transaction = Transaction::sign(&key(HospitalA), state.network(), sequence, payload());
        let detail = problem(served.post("", &transaction).await, 409, "bad-sequence").await;
        assert!(detail.contains("the next is 6"), "{detail}");
    }
    assert_eq!(served.node.state().tip(), state.tip(), "nothing came of it");
}

#[tokio::test]
async fn what_the_mempool_refuses() {
    let served = serve().await;
    for (refused, status, word) in [
        (SubmitRefused::SignerQuota { waiting: 3 }, 429, "signer-quota"),
        (SubmitRefused::Full, 503, "mempool-full"),
        (SubmitRefused::Syncing, 503, "syncing"),
        (SubmitRefused::Stopping, 503, "stopping"),
    ] {
        served.node.set(Mood::Refusing(refused.clone()));
        let detail = problem(served.post("", &served.withdrawal(4)).await, status, word).await;
        assert_eq!(detail, refused.to_string());
    }
}

#[tokio::test]
async fn a_panic_and_a_damaged_store_are_told_apart_from_nothing() {
    let served = serve().await;
    *served.node.panics.lock().unwrap() = true;
    let detail = problem(served.get("/sync").await, 500, "internal").await;
    assert!(!detail.contains("told to panic"), "what went wrong is for the log");
    *served.node.panics.lock().unwrap() = false;
    served.json("/sync").await;
    served.node.store().close().await;
    problem(served.get("/health").await, 500, "internal").await;
    problem(served.get("/blocks/1").await, 500, "internal").await;
}

#[tokio::test]
async fn clients_that_are_too_fast() {
    // three at once, then one a second: asking on and on is refused before long
    let slow = || Limits { requests_per_second: 1, requests_burst: 3, ..Limits::default() };
    let forwarded = async |served: &Served, address: &str| {
        served.client.get(served.url("/members")).header("x-forwarded-for", address).send().await.unwrap()
    };
    let served = serve_with(slow(), false).await;
    let mut addresses = 0..=u8::MAX;
    let refused = loop {
        // without a proxy the header is anybody's word
        let response = forwarded(&served, &format!("192.0.2.{}", addresses.next().expect("refused before long"))).await;
        if response.status() != 200 {
            break response;
        }
    };
    problem(refused, 429, "too-many-requests").await;
    let served = serve_with(slow(), true).await;
    for n in 0..20 {
        assert_eq!(forwarded(&served, &format!("192.0.2.{n}")).await.status(), 200, "each client for itself");
    }
    let mut addresses = 0..=u8::MAX;
    // the client writes what it likes before the proxy's entry
    until(async || forwarded(&served, &format!("198.51.100.{}, 203.0.113.1", addresses.next().unwrap())).await.status() == 429).await;
}

#[tokio::test]
async fn a_table_full_of_clients() {
    let served = serve_with(Limits { requests_per_second: 1, requests_burst: 1_000, clients: 1, ..Limits::default() }, true).await;
    let get = async |address: &str| served.client.get(served.url("/members")).header("x-forwarded-for", address).send().await.unwrap();
    assert_eq!(get("192.0.2.1").await.status(), 200);
    problem(get("192.0.2.2").await, 503, "overloaded").await;
}
