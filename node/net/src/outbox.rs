//! What waits to be sent on one connection: a bounded queue a lane.

use crate::{
    channel::Channel,
    frame::{Kind, Message},
    limits::{ANSWERS_BYTES_MAX, REQUESTS_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX},
    queue::{Item, Push, Queue},
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Signs of life that wait; more are not needed.
const SIGNS_MAX: usize = 4;

/// A queue of its own for each kind of message, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Ping,
    Pong,
    Channel(Channel),
    Request,
    Response,
}

impl Lane {
    /// Before all others, in this order.
    pub(crate) const URGENT: [Self; 4] = [Self::Ping, Self::Pong, Self::Channel(Channel::Consensus), Self::Channel(Channel::Status)];
    /// In turns.
    pub(crate) const PATIENT: [Self; 4] =
        [Self::Request, Self::Channel(Channel::Parts), Self::Response, Self::Channel(Channel::Transactions)];

    fn index(self) -> usize {
        match self {
            Self::Channel(channel) => channel.index(),
            Self::Ping => 4,
            Self::Pong => 5,
            Self::Request => 6,
            Self::Response => 7,
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Ping => Kind::Ping,
            Self::Pong => Kind::Pong,
            Self::Channel(channel) => Kind::Channel(channel),
            Self::Request => Kind::Request,
            Self::Response => Kind::Response,
        }
    }

    fn queue(self) -> Queue {
        match self {
            Self::Channel(channel) => Queue::new(channel.queue_messages_max(), channel.queue_bytes_max(), channel.drops_oldest()),
            Self::Ping | Self::Pong => Queue::new(SIGNS_MAX, 0, true),
            Self::Request => Queue::new(REQUESTS_IN_FLIGHT_MAX, REQUESTS_BYTES_MAX, false),
            // a refused request is answered at once: as many again
            Self::Response => Queue::new(4 * REQUESTS_IN_FLIGHT_MAX, ANSWERS_BYTES_MAX + 4 * REQUESTS_IN_FLIGHT_MAX, false),
        }
    }
}

const LANES: usize = 8;

#[derive(Debug)]
pub(crate) struct Outbox {
    queues: Mutex<[Queue; LANES]>,
    /// Wakes the writer of one lane (QUIC has one for each channel).
    lanes: [Notify; LANES],
    /// Wakes the writer of all lanes (TCP has one).
    any: Notify,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        let mut queues = [(); LANES].map(|()| Queue::new(0, 0, false));
        for lane in Lane::URGENT.into_iter().chain(Lane::PATIENT) {
            queues[lane.index()] = lane.queue();
        }
        Self { queues: Mutex::new(queues), lanes: Default::default(), any: Notify::new() }
    }

    fn queues(&self) -> MutexGuard<'_, [Queue; LANES]> {
        // a queue is whole between any two statements
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, lane: Lane, item: Item) -> Push {
        let push = self.queues()[lane.index()].push(item);
        if push != Push::Full {
            self.lanes[lane.index()].notify_one();
            self.any.notify_one();
        }
        push
    }

    /// The next message of one lane. Safe to drop.
    pub(crate) async fn pop(&self, lane: Lane) -> Item {
        loop {
            if let Some(item) = self.queues()[lane.index()].pop() {
                return item;
            }
            self.lanes[lane.index()].notified().await;
        }
    }

    /// The next message of a lane if there is one.
    pub(crate) fn try_pop(&self, lane: Lane) -> Option<Message> {
        self.queues()[lane.index()].pop().map(|Item { id, bytes }| Message { kind: lane.kind(), id, bytes })
    }

    /// Waits until something was pushed since the last wait.
    pub(crate) async fn pushed(&self) {
        self.any.notified().await;
    }

    /// Messages and bytes that wait on a channel.
    pub(crate) fn waiting(&self, channel: Channel) -> (usize, usize) {
        let queues = self.queues();
        let queue = &queues[Lane::Channel(channel).index()];
        (queue.len(), queue.bytes())
    }

    /// Takes over what waits on the channels of a connection that this one replaces.
    pub(crate) fn adopt(&self, other: &Self) {
        for channel in Channel::ALL {
            let lane = Lane::Channel(channel);
            while let Some(message) = other.try_pop(lane) {
                self.push(lane, Item { id: 0, bytes: message.bytes });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connection_takes_over_what_waits_in_order_but_no_requests() {
        let (old, new) = (Outbox::new(), Outbox::new());
        for n in 0..3u8 {
            for lane in [Lane::Channel(Channel::Consensus), Lane::Channel(Channel::Parts), Lane::Request] {
                assert_eq!(old.push(lane, Item { id: 0, bytes: vec![n].into() }), Push::Queued);
            }
        }
        new.adopt(&old);
        for channel in [Channel::Consensus, Channel::Parts] {
            assert_eq!((old.waiting(channel), new.waiting(channel)), ((0, 0), (3, 3)));
            for n in 0..3u8 {
                assert_eq!(new.try_pop(Lane::Channel(channel)).unwrap().bytes, vec![n]);
            }
        }
        assert_eq!(new.try_pop(Lane::Request), None);
    }
}
