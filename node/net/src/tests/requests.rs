use super::harness::*;
use crate::{
    AnswerError, Event, RequestError, Responder, Transport,
    limits::{REQUEST_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX, RESPONSE_BYTES_MAX},
};
use bytes::Bytes;
use std::time::Duration;

async fn request(node: &mut Node) -> (u8, Bytes, Responder) {
    match node.next().await {
        Event::Request { method, bytes, reply, .. } => (method, bytes, reply),
        other => panic!("{other:?}"),
    }
}

async fn requests(transport: Transport) {
    let (mut a, b) = pair(transport).await;
    let (net, to) = (b.net.clone(), a.member);
    let ask = move |bytes: Bytes, time: Duration| {
        let net = net.clone();
        tokio::spawn(async move { net.request(&to, 5, bytes, time).await })
    };
    // answers of all sizes
    for (asked, answered) in [(0, 0), (1, 20_000), (REQUEST_BYTES_MAX - 1, 1), (3, RESPONSE_BYTES_MAX - 1)] {
        let answer = ask(vec![1; asked].into(), PATIENCE);
        let (method, bytes, reply) = request(&mut a).await;
        assert_eq!((method, bytes.len()), (5, asked));
        reply.answer(vec![2; answered].into()).unwrap();
        assert_eq!(answer.await.unwrap().map(|bytes| bytes.len()), Ok(answered));
    }
    assert_eq!(ask(vec![0; REQUEST_BYTES_MAX].into(), PATIENCE).await.unwrap(), Err(RequestError::TooLarge(REQUEST_BYTES_MAX)));
    assert_eq!(b.net.request(&id(9), 0, Bytes::new(), PATIENCE).await, Err(RequestError::NotConnected));
    // no answer
    let answer = ask(Bytes::new(), PATIENCE);
    drop(request(&mut a).await);
    assert_eq!(answer.await.unwrap(), Err(RequestError::NoAnswer));
    // an answer that is too big
    let answer = ask(Bytes::new(), PATIENCE);
    let (.., reply) = request(&mut a).await;
    assert_eq!(reply.answer(vec![0; RESPONSE_BYTES_MAX].into()), Err(AnswerError::TooLarge(RESPONSE_BYTES_MAX)));
    assert_eq!(answer.await.unwrap(), Err(RequestError::NoAnswer));
    // no answer in time, and the connection goes on
    let answer = ask(Bytes::new(), Duration::from_millis(50));
    let (.., reply) = request(&mut a).await;
    assert_eq!(answer.await.unwrap(), Err(RequestError::Timeout));
    drop(reply);
    // as many as there may be, and one more
    let waiting: Vec<_> = (0..REQUESTS_IN_FLIGHT_MAX).map(|_| ask(Bytes::new(), PATIENCE)).collect();
    let mut replies = Vec::new();
    for _ in 0..REQUESTS_IN_FLIGHT_MAX {
        replies.push(request(&mut a).await.2);
    }
    assert_eq!(b.net.request(&to, 5, Bytes::new(), PATIENCE).await, Err(RequestError::TooMany));
    for (n, reply) in replies.into_iter().enumerate() {
        reply.answer(vec![n as u8].into()).unwrap();
    }
    let mut answers = Vec::new();
    for answer in waiting {
        answers.push(answer.await.unwrap().unwrap()[0]);
    }
    answers.sort_unstable();
    assert_eq!(answers, (0..REQUESTS_IN_FLIGHT_MAX as u8).collect::<Vec<_>>());
    // the one who should answer goes away
    let answer = ask(Bytes::new(), PATIENCE);
    let (.., _reply) = request(&mut a).await;
    a.net.disconnect(&b.member, "test", PATIENCE);
    assert_eq!(answer.await.unwrap(), Err(RequestError::Disconnected));
}

#[tokio::test]
async fn requests_over_quic() {
    requests(Transport::Quic).await;
}

#[tokio::test]
async fn requests_over_tcp() {
    requests(Transport::Tcp).await;
}
