//! Requests and their answers.

use crate::frame::FrameError;
use bytes::{BufMut, Bytes, BytesMut};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The member is away.
    #[error("the member is not connected")]
    NotConnected,
    /// As many requests as there may be wait for this member.
    #[error("too many requests to this member wait for an answer: wait for some")]
    TooMany,
    /// Too big.
    #[error("the request has {0} bytes, more than may be sent")]
    TooLarge(usize),
    /// No answer in time.
    #[error("the member did not answer in time")]
    Timeout,
    /// The member has as much to do as it takes on.
    #[error("the member has too many requests to answer: try again later")]
    Busy,
    /// The member does not answer this.
    #[error("the member has no answer to this request")]
    NoAnswer,
    /// The connection ended before the answer came.
    #[error("the connection ended before the answer came")]
    Disconnected,
    /// The answer was not one.
    #[error("the member's answer breaks the protocol: {0}")]
    Frame(#[from] FrameError),
}

/// The first byte of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Answer = 0,
    NoAnswer = 1,
    Busy = 2,
}

/// A byte before the bytes.
pub(crate) fn with_first(byte: u8, bytes: &[u8]) -> Bytes {
    let mut all = BytesMut::with_capacity(bytes.len() + 1);
    all.put_u8(byte);
    all.put_slice(bytes);
    all.freeze()
}

/// Reads what an answer says.
pub(crate) fn read_answer(mut bytes: Bytes) -> Result<Bytes, RequestError> {
    let kind = crate::frame::Kind::Response;
    let (&status, rest) = bytes.split_first().ok_or(FrameError::Empty(kind))?;
    match status {
        s if s == Status::Answer as u8 => Ok(bytes.split_off(1)),
        s if s == Status::NoAnswer as u8 && rest.is_empty() => Err(RequestError::NoAnswer),
        s if s == Status::Busy as u8 && rest.is_empty() => Err(RequestError::Busy),
        s => Err(FrameError::UnknownStatus(s).into()),
    }
}

/// Requests over TCP that wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u32,
    answers: HashMap<u32, oneshot::Sender<Bytes>>,
}

impl Pending {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new id and where its answer will come. Bounded by the places for our requests.
    pub(crate) fn add(&self) -> (u32, oneshot::Receiver<Bytes>) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        let id = waiting.next;
        waiting.next = id.wrapping_add(1);
        waiting.answers.insert(id, sender);
        (id, receiver)
    }

    /// Passes an answer on; one that nobody waits for any more is dropped.
    pub(crate) fn answer(&self, id: u32, bytes: Bytes) {
        if let Some(sender) = self.waiting().answers.remove(&id) {
            // the one who asked may be gone
            let _ = sender.send(bytes);
        }
    }

    pub(crate) fn forget(&self, id: u32) {
        self.waiting().answers.remove(&id);
    }

    /// After the end: nobody will be answered.
    pub(crate) fn clear(&self) {
        self.waiting().answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Kind;

    #[test]
    fn an_answer_says_what_it_is() {
        assert_eq!(read_answer(with_first(0, b"yes")), Ok(Bytes::from_static(b"yes")));
        assert_eq!(read_answer(with_first(1, b"")), Err(RequestError::NoAnswer));
        assert_eq!(read_answer(with_first(2, b"")), Err(RequestError::Busy));
        assert_eq!(read_answer(Bytes::new()), Err(FrameError::Empty(Kind::Response).into()));
        assert_eq!(read_answer(with_first(1, b"x")), Err(FrameError::UnknownStatus(1).into()));
        assert_eq!(read_answer(with_first(3, b"")), Err(FrameError::UnknownStatus(3).into()));
    }

    #[test]
    fn answers_find_the_one_who_asked_and_late_ones_nobody() {
        let pending = Pending::default();
        let ((a, mut for_a), (b, mut for_b)) = (pending.add(), pending.add());
        pending.answer(b, Bytes::from_static(b"b"));
        assert_eq!(for_b.try_recv(), Ok(Bytes::from_static(b"b")));
        pending.forget(a);
        pending.answer(a, Bytes::from_static(b"late"));
        assert!(for_a.try_recv().is_err());
        pending.clear();
        assert!(pending.waiting().answers.is_empty());
    }
}
