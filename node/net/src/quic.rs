//! A connection over QUIC: a stream for each channel, a stream for each request.

use crate::{
    channel::Channel,
    config::Limits,
    connection::Connection,
    frame::{Cutter, FrameError, Kind, Message},
    io::{Piece, Reader},
    limits::{ANSWER_TIME_MAX, REQUESTS_IN_FLIGHT_MAX, SMALL_BYTES_MAX},
    outbox::Lane,
    reason::{Reason, shorten},
    request::{RequestError, Status, read_answer, with_first},
    shared::Shared,
};
use bytes::Bytes;
use quinn::{ConnectionError, IdleTimeout, RecvStream, SendStream, TransportConfig, VarInt};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};

/// Bytes of one stream that arrived and were not read.
const STREAM_WINDOW: u32 = 512 << 10;
/// The same for all streams: more than all of them together can hold, so that none takes another's place.
const CONNECTION_WINDOW: u32 = 24 << 20;
/// Bytes that were sent and not acknowledged.
const SEND_WINDOW: u64 = 8 << 20;
/// The stream of the greeting, the requests, and some more: QUIC gives the place of a finished stream back only when an eighth of all are
/// finished, and a request must not wait for that. Whoever uses the spare ones for requests is told that this end is busy.
#[allow(clippy::cast_possible_truncation, reason = "20")]
const BIDI_STREAMS_MAX: u32 = REQUESTS_IN_FLIGHT_MAX as u32 + 4;
const _: () = assert!(BIDI_STREAMS_MAX - BIDI_STREAMS_MAX / 8 > REQUESTS_IN_FLIGHT_MAX as u32);
const UNI_STREAMS_MAX: u32 = Channel::ALL.len() as u32;

pub(crate) fn transport(limits: &Limits) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(BIDI_STREAMS_MAX.into())
        .max_concurrent_uni_streams(UNI_STREAMS_MAX.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        // a duration that does not fit the wire (2^62 ms) means none to QUIC as well
        .max_idle_timeout(IdleTimeout::try_from(limits.idle_timeout).ok())
        .keep_alive_interval(Some(limits.keep_alive));
    Arc::new(config)
}

/// Why QUIC ended a connection.
pub(crate) fn reason_of(error: &ConnectionError) -> Reason {
    match error {
        ConnectionError::TimedOut => Reason::TimedOut,
        ConnectionError::ApplicationClosed(close) => Reason::Closed(shorten(&String::from_utf8_lossy(&close.reason))),
        ConnectionError::LocallyClosed => Reason::Shutdown,
        error => Reason::Broken(shorten(&error.to_string())),
    }
}

pub(crate) fn close(quic: &quinn::Connection, reason: &Reason) {
    quic.close(VarInt::from_u32(u32::from(reason.is_fault())), reason.farewell().as_bytes());
}

/// Runs until the connection ends.
pub(crate) async fn run(shared: &Arc<Shared>, connection: &Arc<Connection>, quic: &quinn::Connection) -> Reason {
    let mut tasks = JoinSet::new();
    for channel in Channel::ALL {
        tasks.spawn(write_channel(shared.clone(), connection.clone(), quic.clone(), channel));
    }
    tasks.spawn(accept_channels(shared.clone(), connection.clone(), quic.clone()));
    tasks.spawn(accept_requests(shared.clone(), connection.clone(), quic.clone()));
    let reason = tokio::select! {
        reason = connection.stopped() => reason,
        Some(ended) = tasks.join_next() => ended.unwrap_or_else(|error| Reason::Broken(error.to_string())),
        error = quic.closed() => reason_of(&error),
    };
    // what QUIC says is nearer to the cause than what a stream saw of it
    let reason = match (&reason, quic.close_reason()) {
        (Reason::Broken(_), Some(error)) => reason_of(&error),
        _ => reason,
    };
    close(quic, &reason);
    reason
}

/// Writes a whole message; each piece must be taken in within the time.
async fn write(stream: &mut SendStream, message: Message, patience: Duration) -> Result<(), Reason> {
    let mut cutter = Cutter::new(message);
    while let Some((header, payload)) = cutter.next_piece() {
        let mut chunks = [Bytes::copy_from_slice(&header), payload];
        match timeout(patience, stream.write_all_chunks(&mut chunks)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Reason::Broken(shorten(&error.to_string()))),
            Err(_) => return Err(Reason::SlowReader),
        }
    }
    Ok(())
}

async fn write_channel(shared: Arc<Shared>, connection: Arc<Connection>, quic: quinn::Connection, channel: Channel) -> Reason {
    let patience = shared.limits.write_timeout;
    let mut stream = None;
    loop {
        let item = connection.outbox.pop(Lane::Channel(channel)).await;
        if stream.is_none() {
            let opened = match timeout(patience, quic.open_uni()).await {
                Ok(Ok(opened)) => opened,
                Ok(Err(error)) => return reason_of(&error),
                Err(_) => return Reason::SlowReader,
            };
            // only fails on a stream that is closed, which writing notices
            let _ = opened.set_priority(if channel.drops_oldest() { 2 } else { 0 });
            stream = Some(opened);
        }
        let Some(stream) = stream.as_mut() else { continue };
        crate::meter::message("out", channel.name(), item.bytes.len());
        let message = Message { kind: Kind::Channel(channel), id: 0, bytes: item.bytes };
        if let Err(reason) = write(stream, message, patience).await {
            return reason;
        }
    }
}

async fn accept_channels(shared: Arc<Shared>, connection: Arc<Connection>, quic: quinn::Connection) -> Reason {
    let mut readers = JoinSet::new();
    let taken: Arc<[AtomicBool; 4]> = Arc::default();
    loop {
        tokio::select! {
            stream = quic.accept_uni() => match stream {
                Ok(stream) => { readers.spawn(read_channel(shared.clone(), connection.clone(), stream, taken.clone())); }
                Err(error) => return reason_of(&error),
            },
            Some(ended) = readers.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => return reason,
                Err(error) => return Reason::Broken(error.to_string()),
            },
        }
    }
}

async fn read_channel(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    stream: RecvStream,
    taken: Arc<[AtomicBool; 4]>,
) -> Result<(), Reason> {
    let mut reader = Reader::new(stream);
    let mut channel = None;
    loop {
        // the first piece says which channel the stream is of
        let piece = reader.piece(|kind| match (kind, channel) {
            (Kind::Channel(_), None) => true,
            (Kind::Channel(kind), Some(channel)) => kind == channel,
            _ => false,
        });
        let piece = piece.await?;
        let (Piece::Part(kind) | Piece::Whole(Message { kind, .. })) = &piece else { return Ok(()) };
        if let (Kind::Channel(kind), None) = (*kind, channel) {
            if taken[kind.index()].swap(true, Ordering::Relaxed) {
                return Err(FrameError::SecondStream(kind).into());
            }
            channel = Some(kind);
        }
        if let (Piece::Whole(message), Some(channel)) = (piece, channel) {
            shared.deliver(&connection, channel, message.bytes).await?;
        }
    }
}

async fn accept_requests(shared: Arc<Shared>, connection: Arc<Connection>, quic: quinn::Connection) -> Reason {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            streams = quic.accept_bi() => match streams {
                Ok((send, receive)) => { tasks.spawn(answer(shared.clone(), connection.clone(), send, receive)); }
                Err(error) => return reason_of(&error),
            },
            Some(ended) = tasks.join_next() => match ended {
                // a request that was given up is the peer's right
                Ok(Ok(()) | Err(Reason::Broken(_))) => {}
                Ok(Err(reason)) => return reason,
                Err(error) => return Reason::Broken(error.to_string()),
            },
        }
    }
}

/// Reads the one message of a stream. Beyond a small size, one at a time of each peer.
async fn read_one(stream: RecvStream, kind: Kind, large: &Arc<Semaphore>) -> Result<Bytes, Reason> {
    let mut reader = Reader::new(stream);
    let mut permit: Option<OwnedSemaphorePermit> = None;
    let message = loop {
        match reader.piece(|k| k == kind).await? {
            Piece::Whole(message) => break message,
            Piece::Part(_) if permit.is_none() && reader.unfinished_bytes(kind) > SMALL_BYTES_MAX => {
                permit = large.clone().acquire_owned().await.ok();
            }
            Piece::Part(_) => {}
            Piece::End => return Err(FrameError::Truncated.into()),
        }
    };
    match reader.piece(|_| false).await? {
        Piece::End => Ok(message.bytes),
        Piece::Part(kind) | Piece::Whole(Message { kind, .. }) => Err(FrameError::OutOfPlace(kind).into()),
    }
}

async fn answer(shared: Arc<Shared>, connection: Arc<Connection>, mut send: SendStream, receive: RecvStream) -> Result<(), Reason> {
    let Ok(_place) = connection.asked.clone().try_acquire_owned() else {
        return finish(&mut send, with_first(Status::Busy as u8, &[]), shared.limits.write_timeout).await;
    };
    // a request that trickles in would hold its place for ever
    let request = timeout(ANSWER_TIME_MAX, read_one(receive, Kind::Request, &connection.large_requests)).await;
    let request = request.map_err(|_| Reason::TimedOut)??;
    let waiting = shared.deliver_request(&connection, request).await?;
    let answer = tokio::select! {
        answer = timeout(ANSWER_TIME_MAX, waiting) => answer.ok().and_then(Result::ok),
        _ = send.stopped() => return Ok(()),
    };
    let mut _bytes = None;
    let answer = match answer {
        None => with_first(Status::NoAnswer as u8, &[]),
        Some(bytes) => {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            _bytes = connection.answers.clone().try_acquire_many_owned(length).ok();
            if _bytes.is_some() { with_first(Status::Answer as u8, &bytes) } else { with_first(Status::Busy as u8, &[]) }
        }
    };
    crate::meter::message("out", "response", answer.len());
    finish(&mut send, answer, shared.limits.write_timeout).await
}

async fn finish(send: &mut SendStream, answer: Bytes, patience: Duration) -> Result<(), Reason> {
    write(send, Message { kind: Kind::Response, id: 0, bytes: answer }, patience).await?;
    // fails only if the peer gave the request up
    let _ = send.finish();
    Ok(())
}

/// Resets its stream when dropped half-way, as a message that is cut off would break the protocol.
struct Asking(Option<SendStream>);

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(stream) = self.0.as_mut() {
            // fails only on a stream that is closed already
            let _ = stream.reset(VarInt::from_u32(0));
        }
    }
}

/// Sends a request (method and bytes) and waits for its answer.
pub(crate) async fn ask(connection: &Connection, quic: &quinn::Connection, request: Bytes) -> Result<Bytes, RequestError> {
    let (send, receive) = quic.open_bi().await.map_err(|_| RequestError::Disconnected)?;
    let mut asking = Asking(Some(send));
    if let Some(send) = asking.0.as_mut() {
        // the caller's time is the only bound: the connection's writers notice a peer that takes in nothing
        let message = Message { kind: Kind::Request, id: 0, bytes: request };
        // a peer that is busy may answer before it has read all
        if write(send, message, ANSWER_TIME_MAX).await.is_ok() {
            let _ = send.finish();
            asking.0 = None;
        }
    }
    match read_one(receive, Kind::Response, &connection.large_answers).await {
        Ok(bytes) => read_answer(bytes),
        Err(Reason::Frame(error)) => Err(error.into()),
        Err(_) => Err(RequestError::Disconnected),
    }
}
