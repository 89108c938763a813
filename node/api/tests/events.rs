//! The event stream: order, resumption, bounds.

use crate::common::{harness::*, *};
use countersign_api::Limits;
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};
use std::{pin::Pin, time::Duration};
use tokio::time::timeout;

/// An event as received.
#[derive(Debug, Clone, PartialEq)]
struct Received {
    id: String,
    name: String,
    data: Value,
}

/// A client's end of a stream.
struct Follower {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<axum::body::Bytes>>>>,
    text: String,
    comments: usize,
}

impl Follower {
    async fn begin(served: &Served, query: &str, last: Option<&str>) -> Self {
        let mut request = served.client.get(served.url(&format!("/events{query}")));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"text/event-stream".parse().unwrap()));
        Self { bytes: Box::pin(response.bytes_stream()), text: String::new(), comments: 0 }
    }

    /// The next event; none if the stream ended.
    async fn next(&mut self) -> Option<Received> {
        loop {
            if let Some((record, rest)) = self.text.split_once("\n\n") {
                let (record, rest) = (record.to_owned(), rest.to_owned());
                self.text = rest;
                if record.starts_with(':') {
                    self.comments += 1;
                    continue;
                }
                let field = |name: &str| record.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim().to_owned();
                let data: Value = serde_json::from_str(&field("data:")).unwrap();
                schema::check_component("Event", &data);
                shape::same::<countersign_messages::json::Event>(&field("data:"));
                assert_eq!(data["event"], field("event:"));
                return Some(Received { id: field("id:"), name: field("event:"), data });
            }
            let bytes = timeout(PATIENCE, self.bytes.next()).await.expect("an event, or the end")?.ok()?;
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Received> {
        let mut events = Vec::new();
        for _ in 0..count {
            events.push(self.next().await.unwrap());
        }
        events
    }
}

#[tokio::test]
async fn everything_from_the_first_block_on() {
    let served = serve().await;
    let mut follower = Follower::begin(&served, "?from=0", None).await;
    // 8 blocks, 12 transactions, a query, an answer, a refusal
    let events = follower.take(8 + 12 + 3).await;
    let names: Vec<&str> = events.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names.iter().filter(|n| **n == "block").count(), 8);
    let last: Vec<(&str, &str)> = events.iter().rev().take(6).rev().map(|e| (e.id.as_str(), e.name.as_str())).collect();
    let expected =
        [("8.0", "block"), ("8.1", "transaction"), ("8.2", "transaction"), ("8.3", "answer"), ("8.4", "transaction"), ("8.5", "declined")];
    assert_eq!(last, expected);
    assert_eq!(events[0].data["height"], 1);
    assert_eq!(events[18].data["code"], "L179");
    let query = events.iter().find(|e| e.name == "query").unwrap();
    assert_eq!(query.data["query"], served.query.to_string());
    assert_eq!(events[22].data["hospital"], id(HospitalB).to_string());
    // and then as they happen
    let sent = served.withdrawal(9);
    served.post("", &sent).await;
    let new = follower.take(2).await;
    assert_eq!((new[0].id.as_str(), new[1].id.as_str()), ("9.0", "9.1"));
    assert_eq!(new[1].data["id"], sent.id().to_string());
}

#[tokio::test]
async fn who_comes_back_goes_on_exactly_after_the_last_event() {
    let served = serve().await;
    let all = Follower::begin(&served, "?from=1", None).await.take(22).await;
    for (at, event) in all.iter().enumerate().take(21) {
        let next = Follower::begin(&served, "", Some(&event.id)).await.next().await.unwrap();
        assert_eq!(next, all[at + 1], "after {}", event.id);
    }
    // a height means the whole block, and the header goes before the parameter
    assert_eq!(Follower::begin(&served, "?from=1", Some("7")).await.next().await.unwrap().id, "8.0");
    // after the last event, and without a place, the next block comes
    for last in [Some("8.5"), Some("8"), None] {
        let mut follower = Follower::begin(&served, "", last).await;
        let height = served.node.state().tip().height.0 + 1;
        served.node.block(vec![]).await;
        let event = follower.next().await.unwrap();
        if last.is_none() {
            assert_eq!(event.id, format!("{height}.0"));
        } else {
            assert_eq!(event.id, "9.0");
        }
    }
    for bad in ["x", "8.", "8.x", "99"] {
        let request = served.client.get(served.url("/events")).header("last-event-id", bad);
        problem(request.send().await.unwrap(), 400, "bad-parameter").await;
    }
}

#[tokio::test]
async fn streams_are_bounded() {
    let limits = Limits { event_blocks_behind: 3, event_streams: 2, event_heartbeat_ms: 20, ..roomy() };
    let served = serve_with(limits, false).await;
    for place in ["?from=1", "?from=5"] {
        problem(served.get(&format!("/events{place}")).await, 410, "events-too-far-back").await;
    }
    let mut one = Follower::begin(&served, "?from=6", None).await;
    let two = Follower::begin(&served, "", None).await;
    problem(served.get("/events").await, 503, "overloaded").await;
    // silence is filled with comments
    while one.comments == 0 {
        let event = timeout(Duration::from_millis(200), one.next()).await;
        assert!(event.is_err() || event.unwrap().is_some());
    }
    drop(two);
    // a place is free again
    until(async || served.get("/events").await.status() == 200).await;
}

#[tokio::test]
async fn a_stream_ends_with_its_time_and_with_the_gateway() {
    let served = serve_with(Limits { event_stream_ms: 100, ..roomy() }, false).await;
    assert_eq!(Follower::begin(&served, "", None).await.next().await, None);
    let served = serve().await;
    let mut follower = Follower::begin(&served, "", None).await;
    served.stop.notify_one();
    assert_eq!(follower.next().await, None);
    timeout(PATIENCE, served.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let served = serve_with(Limits { event_streams: 1, stalled_ms: 300, ..roomy() }, false).await;
    // more than the system buffers of a connection hold
    for _ in 0..9 {
        served.node.rejected_block(1_000, 1).await;
    }
    let _silent = connect_small(served.address, "GET /v1/events?from=1 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    until(async || served.get("/events").await.status() == 503).await;
    until(async || served.get("/events").await.status() == 200).await;
    let text = served.get("/metrics").await.text().await.unwrap();
    assert!(text.contains("countersign_http_refused_total{reason=\"stalled\"} "), "{text}");
    assert_eq!(served.json("/sync").await["height"], json!(17), "others are served");
}
