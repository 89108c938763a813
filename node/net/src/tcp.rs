//! A connection over TLS and TCP: all channels and requests on one stream, in pieces, the urgent ones first.

use crate::{
    connection::{Connection, TcpLink},
    frame::{Cutter, FrameError, HEADER_BYTES, Kind, Message},
    io::{Piece, Reader, write_message},
    limits::{ANSWER_TIME_MAX, FAREWELL_TIME_MAX},
    outbox::Lane,
    queue::{Item, Push},
    reason::{Reason, shorten},
    request::{RequestError, Status, with_first},
    shared::Shared,
};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::{sleep_until, timeout},
};

/// Runs until the connection ends.
pub(crate) async fn run<R, W>(shared: &Arc<Shared>, connection: &Arc<Connection>, link: &TcpLink, reader: R, writer: W) -> Reason
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut writer = Writer { shared, connection, link, stream: writer, patient: [const { None }; 4], turn: 0, pings: 0 };
    let mut writing = Box::pin(writer.run());
    tokio::select! {
        reason = read(shared, connection, link, reader) => {
            connection.stop(reason);
            // the writer says why and ends; a peer that does not listen is left
            let _ = timeout(FAREWELL_TIME_MAX, &mut writing).await;
        }
        () = &mut writing => {}
    }
    link.pending.clear();
    connection.stopped().await
}

struct Writer<'a, W> {
    shared: &'a Shared,
    connection: &'a Connection,
    link: &'a TcpLink,
    stream: W,
    /// Messages that are being written, for each of [`Lane::PATIENT`].
    patient: [Option<Cutter>; 4],
    turn: usize,
    pings: u32,
}

impl<W: AsyncWrite + Unpin> Writer<'_, W> {
    async fn run(&mut self) {
        let keep_alive = self.shared.limits.keep_alive;
        let mut ping_at = tokio::time::Instant::now();
        loop {
            if self.connection.is_stopped() {
                break;
            }
            if tokio::time::Instant::now() >= ping_at {
                self.ping();
                ping_at = tokio::time::Instant::now() + keep_alive;
            }
            let urgent = Lane::URGENT.into_iter().find_map(|lane| self.connection.outbox.try_pop(lane));
            let mut cutter = match urgent {
                // a cutter of its own: urgent messages are short
                Some(message) => {
                    count(&message);
                    Cutter::new(message)
                }
                None => match self.next_patient() {
                    Some((turn, cutter)) => {
                        if !self.piece_of(cutter, turn).await {
                            return;
                        }
                        continue;
                    }
                    None => {
                        tokio::select! {
                            () = self.connection.outbox.pushed() => continue,
                            () = sleep_until(ping_at) => continue,
                            _ = self.connection.stopped() => break,
                        }
                    }
                },
            };
            while !cutter.is_done() {
                if !self.write_piece(&mut cutter).await {
                    return;
                }
            }
        }
        // between two pieces, so the other end can read why
        let reason = self.connection.stopped().await;
        let farewell = write_message(&mut self.stream, Kind::Close, reason.farewell().into_bytes());
        if timeout(FAREWELL_TIME_MAX, farewell).await.is_ok() {
            // the other end may be gone first
            let _ = timeout(FAREWELL_TIME_MAX, self.stream.shutdown()).await;
        }
    }

    fn ping(&mut self) {
        self.pings = self.pings.wrapping_add(1);
        self.link.set_ping(self.pings);
        self.connection.outbox.push(Lane::Ping, Item { id: self.pings, bytes: Bytes::new() });
    }

    /// The message whose turn it is.
    fn next_patient(&mut self) -> Option<(usize, Cutter)> {
        for step in 0..Lane::PATIENT.len() {
            let turn = (self.turn + step) % Lane::PATIENT.len();
            let next = self.patient[turn].take().or_else(|| {
                let message = self.connection.outbox.try_pop(Lane::PATIENT[turn])?;
                count(&message);
                Some(Cutter::new(message))
            });
            if let Some(cutter) = next {
                self.turn = turn + 1;
                return Some((turn, cutter));
            }
        }
        None
    }

    /// Writes one piece and puts the rest back.
    async fn piece_of(&mut self, mut cutter: Cutter, turn: usize) -> bool {
        let written = self.write_piece(&mut cutter).await;
        if !cutter.is_done() {
            self.patient[turn] = Some(cutter);
        }
        written
    }

    /// Writes one piece; not if the connection is to end, and ends it if the other end takes nothing in.
    async fn write_piece(&mut self, cutter: &mut Cutter) -> bool {
        let Some((header, payload)) = cutter.next_piece() else { return true };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&payload);
        let stream = &mut self.stream;
        let write = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        let reason = tokio::select! {
            biased;
            written = timeout(self.shared.limits.write_timeout, write) => match written {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => Reason::Broken(shorten(&error.to_string())),
                Err(_) => Reason::SlowReader,
            },
            reason = self.connection.stopped() => reason,
        };
        self.connection.stop(reason);
        false
    }
}

fn count(message: &Message) {
    let kind = match message.kind {
        Kind::Channel(channel) => channel.name(),
        Kind::Response => "response",
        // requests were counted where they were asked
        _ => return,
    };
    crate::meter::message("out", kind, message.bytes.len());
}

async fn read<R: AsyncRead + Unpin>(shared: &Arc<Shared>, connection: &Arc<Connection>, link: &TcpLink, stream: R) -> Reason {
    let mut reader = Reader::new(stream);
    loop {
        let piece = match timeout(shared.limits.idle_timeout, reader.piece(|kind| kind != Kind::Hello)).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(reason)) => return reason,
            Err(_) => return Reason::TimedOut,
        };
        let result = match piece {
            Piece::Part(_) => Ok(()),
            Piece::Whole(message) => take(shared, connection, link, message).await,
            Piece::End => Err(Reason::Broken("it ended without a reason".into())),
        };
        if let Err(reason) = result {
            return reason;
        }
    }
}

async fn take(shared: &Arc<Shared>, connection: &Arc<Connection>, link: &TcpLink, message: Message) -> Result<(), Reason> {
    let Message { kind, id, bytes } = message;
    match kind {
        Kind::Hello => return Err(FrameError::OutOfPlace(kind).into()),
        Kind::Close => return Err(Reason::Closed(shorten(&String::from_utf8_lossy(&bytes)))),
        Kind::Ping => {
            connection.outbox.push(Lane::Pong, Item { id, bytes: Bytes::new() });
        }
        Kind::Pong => link.pong(id),
        Kind::Channel(channel) => shared.deliver(connection, channel, bytes).await?,
        Kind::Response => {
            crate::meter::message("in", "response", bytes.len());
            link.pending.answer(id, bytes);
        }
        Kind::Request => match connection.asked.clone().try_acquire_owned() {
            Err(_) => respond(connection, id, Status::Busy, &[])?,
            Ok(place) => {
                let waiting = shared.deliver_request(connection, bytes).await?;
                let connection = connection.clone();
                // ends with the connection, with the answer, or after its time
                tokio::spawn(async move {
                    let answer = tokio::select! {
                        answer = timeout(ANSWER_TIME_MAX, waiting) => answer.ok().and_then(Result::ok),
                        () = connection.gone() => return,
                    };
                    let result = match answer {
                        Some(bytes) => respond(&connection, id, Status::Answer, &bytes),
                        None => respond(&connection, id, Status::NoAnswer, &[]),
                    };
                    if let Err(reason) = result {
                        connection.stop(reason);
                    }
                    drop(place);
                });
            }
        },
    }
    Ok(())
}

/// Queues an answer; one that finds no place becomes a refusal.
fn respond(connection: &Connection, id: u32, status: Status, bytes: &[u8]) -> Result<(), Reason> {
    let push = |bytes| connection.outbox.push(Lane::Response, Item { id, bytes });
    if push(with_first(status as u8, bytes)) != Push::Full {
        return Ok(());
    }
    // a peer that asks on and on and takes no answer in
    if push(with_first(Status::Busy as u8, &[])) == Push::Full { Err(Reason::SlowReader) } else { Ok(()) }
}

/// Sends a request (method and bytes) and waits for its answer.
pub(crate) async fn ask(connection: &Connection, link: &TcpLink, request: Bytes) -> Result<Bytes, RequestError> {
    let (id, answer) = link.pending.add();
    let _forget = Forget(link, id);
    if connection.outbox.push(Lane::Request, Item { id, bytes: request }) == Push::Full {
        return Err(RequestError::TooMany);
    }
    tokio::select! {
        answer = answer => crate::request::read_answer(answer.map_err(|_| RequestError::Disconnected)?),
        () = connection.gone() => Err(RequestError::Disconnected),
    }
}

/// Forgets a request that is given up.
struct Forget<'a>(&'a TcpLink, u32);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.pending.forget(self.1);
    }
}

impl TcpLink {
    fn set_ping(&self, id: u32) {
        *self.ping.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((id, Instant::now()));
    }

    fn pong(&self, id: u32) {
        let mut ping = self.ping.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((sent, at)) = *ping
            && sent == id
        {
            let micros = u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
            self.round_trip.store(micros, Ordering::Relaxed);
            *ping = None;
        }
    }
}
