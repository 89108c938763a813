//! Connections, slow clients, places for work, and stopping.

use crate::common::*;
use countersign_api::{ConfigError, Gateway, GatewayConfig, GatewayError, Limits};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// All that comes until the connection is closed.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // a reset after the last byte is an end too
    let _end = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection is closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn more_connections_than_allowed_are_told_so_and_closed() {
    for limits in [Limits { connections: 2, ..roomy() }, Limits { connections_per_address: 2, ..roomy() }] {
        let served = serve_with(limits, false).await;
        let mut open = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            stream.write_all(b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            open.push(stream);
        }
        let response = served.get("/health").await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let value: serde_json::Value = response.json().await.unwrap();
        assert_eq!(value["type"], "urn:countersign:problem:too-many-connections");
        schema::check_component("Problem", &value);
        open.clear();
        until(async || served.get("/health").await.status() == 200).await;
    }
}

#[tokio::test]
async fn slow_and_oversized_heads() {
    let served = serve_with(Limits { head_ms: 150, ..roomy() }, false).await;
    for head in ["", "GET /v1/he", "GET /v1/health HTTP/1.1\r\nhost: localhost\r\n"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(!read_to_end(&mut stream).await.contains(" 200 "), "{head:?}");
    }
    // a connection that was used and is idle
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"));
    let served = serve().await;
    for head in [
        format!("GET /v1/health HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20 << 10)),
        "GET / HTTP/1.1\r\n".to_owned() + &"a: b\r\n".repeat(100) + "\r\n",
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 431"));
    }
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"\x16\x03\x01 hello\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 400"));
    served.json("/health").await;
}

#[tokio::test]
async fn requests_that_take_too_long_are_given_up() {
    let served = serve_with(Limits { request_ms: 200, wait_ms: 100, ..roomy() }, false).await;
    served.node.set(Mood::Hanging);
    problem(served.post("", &served.withdrawal(4)).await, 503, "timeout").await;
    // a body that does not come
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head =
        "POST /v1/transactions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: 100\r\n\r\nabc";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("urn:countersign:problem:timeout"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_announced_too_long_is_not_read() {
    let served = serve().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let length = Limits::default().transaction_body_bytes + 1;
    let head = format!(
        "POST /v1/transactions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("urn:countersign:problem:body-too-large"), "{answer}");
}

#[tokio::test]
async fn places_for_work_are_bounded() {
    for limits in [Limits { requests: 1, ..roomy() }, Limits { uploads: 1, ..roomy() }] {
        let served = serve_with(limits, false).await;
        served.node.set(Mood::Hanging);
        let transaction = served.withdrawal(4);
        let (first, ()) = tokio::join!(served.post("", &transaction), async {
            served.node.entered.notified().await;
            problem(served.post("", &transaction).await, 503, "overloaded").await;
            served.node.release.notify_one();
        });
        assert_eq!(first.status(), StatusCode::ACCEPTED);
        served.json("/health").await;
    }
}

#[tokio::test]
async fn a_download_nobody_takes_gives_its_place_back() {
    let served = serve_with(Limits { downloads: 1, stalled_ms: 300, ..roomy() }, false).await;
    // almost 8 MiB: more than the system buffers of a connection hold
    served.node.rejected_block(500, 4_000).await;
    let _silent = connect_small(served.address, "GET /v1/blocks/9/raw HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    until(async || served.get("/blocks/1/raw").await.status() == 503).await;
    problem(served.get("/blocks/1/raw").await, 503, "overloaded").await;
    until(async || served.get("/blocks/1/raw").await.status() == 200).await;
    // and a client that takes it gets it whole
    let whole = served.bytes("/blocks/9/raw").await;
    assert!(whole.len() > 7 << 20);
    let served = serve_with(Limits { download_ms: 1, ..roomy() }, false).await;
    served.node.rejected_block(500, 4_000).await;
    let mut slow = connect_small(served.address, "GET /v1/blocks/9/raw HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(read_to_end(&mut slow).await.len() < whole.len(), "cut off");
}

#[tokio::test]
async fn stopping_lets_open_requests_end() {
    let served = serve().await;
    served.node.set(Mood::Hanging);
    let transaction = served.withdrawal(4);
    let node = served.node.clone();
    let (answer, ()) = tokio::join!(served.post("", &transaction), async {
        node.entered.notified().await;
        served.stop.notify_one();
        // the port is closed before the open request ends
        until(async || TcpStream::connect(served.address).await.is_err()).await;
        node.release.notify_one();
    });
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    timeout(PATIENCE, served.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn stopping_ends_waits_and_cuts_off_what_hangs() {
    let served = serve().await;
    served.node.set(Mood::Holding);
    let transaction = served.withdrawal(4);
    let (answer, ()) = tokio::join!(served.post("?wait=30", &transaction), async {
        served.node.entered.notified().await;
        served.stop.notify_one();
    });
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "who waits is told that it is queued");
    timeout(PATIENCE, served.task).await.unwrap().unwrap();

    let served = serve_with(Limits { drain_ms: 100, ..roomy() }, false).await;
    served.node.set(Mood::Hanging);
    let request = served.client.post(served.url("/transactions")).header("content-type", "application/octet-stream");
    let request = request.body(countersign_messages::Wire::encode(&served.withdrawal(4))).send();
    let (answer, ()) = tokio::join!(request, async {
        served.node.entered.notified().await;
        served.stop.notify_one();
    });
    assert!(answer.is_err());
    timeout(PATIENCE, served.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn where_a_gateway_listens() {
    let (net, _, _) = story();
    let node = TestNode::of(&net).await;
    let config = |listen: String, behind_proxy| GatewayConfig {
        listen: listen.parse().unwrap(),
        behind_proxy,
        hosts: vec![],
        limits: roomy(),
        metrics: metrics(),
    };
    let exposed = Gateway::bind(config("0.0.0.0:0".into(), false), node.clone()).await.unwrap_err();
    assert!(matches!(exposed, GatewayError::Config(ConfigError::Exposed(_))), "{exposed}");
    let gateway = Gateway::bind(config("0.0.0.0:0".into(), true), node.clone()).await.unwrap();
    assert_ne!(gateway.address().port(), 0);
    let taken = Gateway::bind(config(gateway.address().to_string(), true), node).await.unwrap_err();
    assert!(matches!(&taken, GatewayError::Listen { .. }) && taken.to_string().contains("another program"), "{taken}");
    // one that is told to stop at once stops
    timeout(Duration::from_secs(30), gateway.run(async {})).await.unwrap();
}
