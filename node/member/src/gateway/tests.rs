use super::*;
use countersign_messages::json::{Id, Peer};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

/// Something on a port that answers each path of a request with a body.
fn answering(status: &'static str, body: impl Fn(&str) -> String + Send + 'static) -> GatewayClient {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = GatewayClient::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let body = body(head[0].split(' ').nth(1).unwrap());
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // a client that has read enough hangs up
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    client
}

fn peer(digit: &str) -> String {
    format!(r#"{{"member":"{}","connected":true,"transport":"quic","more":0}}"#, digit.repeat(64))
}

fn page(items: &[String], next: &str) -> String {
    format!(r#"{{"items":[{}],"offset":0,"total":9{next}}}"#, items.join(","))
}

fn foreign<T: std::fmt::Debug>(answer: Result<T, GatewayError>) -> String {
    match answer {
        Err(GatewayError::Foreign { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_has_another_shape_is_foreign() {
    for (body, words) in [
        (String::new(), "EOF"),
        ("<html>".into(), "expected value"),
        ("{}".into(), "missing field `member`"),
        ("[]".into(), "is it of another version?"),
        (peer("0").replace("true", "1"), "expected a boolean"),
        (peer("x"), "64 hexadecimal digits"),
        (peer("00"), "64 hexadecimal digits"),
        (peer("0") + "0", "trailing characters"),
        (format!(r#"{{"more":{}"#, "[".repeat(1 << 20)), "EOF"),
        (" ".repeat(JSON_BYTES_MAX + 1), "more than 4194304 bytes"),
    ] {
        let said = body.clone();
        let reason = foreign(answering("200 OK", move |_| said.clone()).get::<Peer>("/v1/peer").await);
        assert!(reason.contains(words), "{reason}");
    }
    let read: Peer = answering("200 OK", |_| peer("0")).get("/v1/peer").await.unwrap();
    assert_eq!(read, Peer { member: Id::from([0; 32]), connected: true, transport: "quic".into() });
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_words_of_the_problem_or_in_none() {
    for (body, words) in [
        (
            r#"{"type":"urn:countersign:problem:x","title":"t","status":404,"detail":"so it is","more":1}"#,
            "answers 404 Not Found: so it is",
        ),
        (r#"{"detail":7}"#, "answers 404 Not Found: (no words)"),
        ("<html>", "answers 404 Not Found: (no words)"),
    ] {
        let error = answering("404 Not Found", move |_| body.into()).get::<Peer>("/v1/peer").await.unwrap_err();
        assert!(error.to_string().ends_with(words), "{error}");
    }
}

#[tokio::test]
async fn lists_are_read_forwards_and_end() {
    let three = |path: &str| match path {
        "/v1/peers?offset=0" => page(&[peer("0"), peer("1")], r#","next":2"#),
        "/v1/peers?offset=2" => page(&[peer("2")], ""),
        other => panic!("{other}"),
    };
    let all: Vec<Peer> = answering("200 OK", three).list("/v1/peers").await.unwrap();
    assert_eq!(all.iter().map(|p| p.member.to_string()).collect::<Vec<_>>(), ["0".repeat(64), "1".repeat(64), "2".repeat(64)]);

    // what is found is not looked for any further
    let first = answering("200 OK", move |path: &str| if path.ends_with("=0") { three(path) } else { "x".into() });
    let found = first.find("/v1/peers", |p: Peer| (p.member.to_string() == "1".repeat(64)).then_some("it")).await.unwrap();
    assert_eq!(found, Some("it"));
    assert_eq!(answering("200 OK", three).find("/v1/peers", |_: Peer| None::<()>).await.unwrap(), None);
    foreign(first.list::<Peer>("/v1/peers").await);

    let backwards = |_: &str| page(&[peer("0")], r#","next":5"#);
    assert!(foreign(answering("200 OK", backwards).list::<Peer>("/v1/peers").await).contains("begins at 5"));
    for next in [r#","next":-1"#, r#","next":"2""#, r#","next":18446744073709551616"#] {
        foreign(answering("200 OK", move |_| page(&[], next)).list::<Peer>("/v1/peers").await);
    }
    // one that does not end is read up to the limit
    let endless = |path: &str| {
        let at: usize = path.rsplit_once('=').unwrap().1.parse().unwrap();
        page(&[], &format!(r#","next":{}"#, at + 1)) + &" ".repeat(3 << 20)
    };
    assert!(foreign(answering("200 OK", endless).list::<Peer>("/v1/peers").await).contains("it sends more than"));
}
