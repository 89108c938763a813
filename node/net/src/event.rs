//! What the program hears from its connections.

use crate::{channel::Channel, limits::RESPONSE_BYTES_MAX, reason::Reason};
use bytes::Bytes;
use countersign_messages::MemberId;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Something that happened. For one member the order is: `Connected`, messages and requests, `Disconnected`, `Connected`, ...; messages
/// sent but not received before `Disconnected` are lost.
#[derive(Debug)]
pub enum Event {
    /// A member is there.
    Connected(MemberId),
    /// A member is gone, or its connection was replaced by a newer one.
    Disconnected {
        /// Who.
        member: MemberId,
        /// Why.
        reason: Reason,
    },
    /// A message came.
    Message {
        /// Who sent it.
        from: MemberId,
        /// What it is for.
        channel: Channel,
        /// Its bytes, at most [`Channel::message_bytes_max`].
        bytes: Bytes,
    },
    /// A request came.
    Request {
        /// Who asks.
        from: MemberId,
        /// What for; its meaning is the program's.
        method: u8,
        /// Its bytes, at most [`crate::limits::REQUEST_BYTES_MAX`] less one.
        bytes: Bytes,
        /// Where the answer goes. Dropping it answers that there is none.
        reply: Responder,
    },
}

/// What a peer's message holds of its share of the inbox.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) _message: OwnedSemaphorePermit,
    pub(crate) _bytes: OwnedSemaphorePermit,
}

/// The events of all connections. A member whose messages are not taken is not read from: it waits, the others go on.
#[derive(Debug)]
pub struct Events(pub(crate) mpsc::Receiver<(Event, Option<Share>)>);

impl Events {
    /// The next event; none after the end of all connections.
    pub async fn recv(&mut self) -> Option<Event> {
        self.0.recv().await.map(|(event, _share)| event)
    }

    /// The next event if there is one already.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.0.try_recv().ok().map(|(event, _share)| event)
    }
}

/// Takes the answer to a request.
#[derive(Debug)]
pub struct Responder {
    pub(crate) answer: oneshot::Sender<Bytes>,
    pub(crate) _share: Share,
}

/// An answer that cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Too big.
    #[error("the answer has {0} bytes, more than {max}: send less at a time", max = RESPONSE_BYTES_MAX - 1)]
    TooLarge(usize),
    /// Nobody waits for it.
    #[error("the member that asked is gone or waits no longer")]
    Gone,
}

impl Responder {
    /// Sends the answer.
    ///
    /// # Errors
    /// If it is too big (the member that asked is told that there is no answer), or nobody waits for it.
    pub fn answer(self, bytes: Bytes) -> Result<(), AnswerError> {
        // one byte is the answer's status
        if bytes.len() >= RESPONSE_BYTES_MAX {
            return Err(AnswerError::TooLarge(bytes.len()));
        }
        self.answer.send(bytes).map_err(|_| AnswerError::Gone)
    }

    /// Completes when nobody waits for the answer any more.
    pub async fn gone(&mut self) {
        self.answer.closed().await;
    }
}
