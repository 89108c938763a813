//! One live connection with a member.

use crate::{
    config::Carrier,
    hello::Instance,
    limits::{ANSWERS_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX},
    outbox::Outbox,
    reason::Reason,
    request::Pending,
    tie::Claim,
};
use countersign_messages::MemberId;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, watch};

/// Which end dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The other end.
    Inbound,
    /// This end.
    Outbound,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) member: MemberId,
    pub(crate) direction: Direction,
    pub(crate) address: SocketAddr,
    pub(crate) since: Instant,
    pub(crate) claim: Claim,
    pub(crate) outbox: Outbox,
    pub(crate) link: Link,
    /// Places for our requests.
    pub(crate) asking: Arc<Semaphore>,
    /// Places for the peer's requests.
    pub(crate) asked: Arc<Semaphore>,
    /// Bytes of our answers that wait to be sent.
    pub(crate) answers: Arc<Semaphore>,
    /// The place of the one big request, and of the one big answer, that is being read.
    pub(crate) large_requests: Arc<Semaphore>,
    pub(crate) large_answers: Arc<Semaphore>,
    /// Places and bytes for what arrived and was not taken.
    pub(crate) inbox_messages: Arc<Semaphore>,
    pub(crate) inbox_bytes: Arc<Semaphore>,
    stop: watch::Sender<Option<Reason>>,
    gone: watch::Sender<bool>,
}

/// What carries it.
#[derive(Debug)]
pub(crate) enum Link {
    Quic(quinn::Connection),
    Tcp(TcpLink),
}

/// The state of a TCP connection that others than its tasks look at.
#[derive(Debug, Default)]
pub(crate) struct TcpLink {
    pub(crate) pending: Pending,
    /// In microseconds; 0 before the first measurement.
    pub(crate) round_trip: AtomicU64,
    /// The last sign of life that was asked for, and when.
    pub(crate) ping: Mutex<Option<(u32, Instant)>>,
}

/// What a connection is made from.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) member: MemberId,
    pub(crate) me: MemberId,
    pub(crate) instance: Instance,
    pub(crate) direction: Direction,
    pub(crate) address: SocketAddr,
    pub(crate) inbox_messages_max: usize,
}

impl Connection {
    pub(crate) fn new(made: Made, link: Link) -> Self {
        let dialled_by = match made.direction {
            Direction::Inbound => made.member,
            Direction::Outbound => made.me,
        };
        Self {
            member: made.member,
            direction: made.direction,
            address: made.address,
            since: Instant::now(),
            claim: Claim { instance: made.instance, dialled_by },
            outbox: Outbox::new(),
            link,
            asking: Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX)),
            asked: Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX)),
            answers: Arc::new(Semaphore::new(ANSWERS_BYTES_MAX)),
            large_requests: Arc::new(Semaphore::new(1)),
            large_answers: Arc::new(Semaphore::new(1)),
            inbox_messages: Arc::new(Semaphore::new(made.inbox_messages_max.max(1))),
            inbox_bytes: Arc::new(Semaphore::new(crate::limits::INBOX_BYTES_MAX)),
            stop: watch::Sender::new(None),
            gone: watch::Sender::new(false),
        }
    }

    pub(crate) fn carrier(&self) -> Carrier {
        match self.link {
            Link::Quic(_) => Carrier::Quic,
            Link::Tcp(_) => Carrier::Tcp,
        }
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        match &self.link {
            Link::Quic(connection) => Some(connection.rtt()),
            Link::Tcp(link) => match link.round_trip.load(Ordering::Relaxed) {
                0 => None,
                micros => Some(Duration::from_micros(micros)),
            },
        }
    }

    /// Ends the connection. The first reason stays.
    pub(crate) fn stop(&self, reason: Reason) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(reason);
            }
            first
        });
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Completes when the connection is to end.
    pub(crate) async fn stopped(&self) -> Reason {
        let mut stop = self.stop.subscribe();
        match stop.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(Reason::Shutdown),
            Err(_) => Reason::Shutdown,
        }
    }

    pub(crate) fn set_gone(&self) {
        self.gone.send_replace(true);
    }

    /// Completes when its tasks have ended and the program was told.
    pub(crate) async fn gone(&self) {
        // it cannot fail: the sender is ours
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }
}
