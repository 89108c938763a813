//! Large answers: held in memory once, sent in pieces, given up after a while.

use crate::{app::App, config::ms, problem::Problem};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::stream;
use std::io;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// Bytes handed to the connection at once.
const PIECE_BYTES: usize = 64 << 10;

/// Media type of raw bytes.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// A place for a download, to be taken before the bytes are made.
pub(crate) struct Download(OwnedSemaphorePermit);

struct Sending {
    rest: Bytes,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Download {
    pub(crate) fn begin(app: &App) -> Result<Self, Problem> {
        app.downloads.take().map(Self)
    }

    /// The answer. The place is free again when all is sent, the client is gone, or the time is over.
    pub(crate) fn send(self, app: &App, bytes: Vec<u8>) -> Response {
        let length = bytes.len();
        let sending = Sending { rest: bytes.into(), until: Instant::now() + ms(app.limits.download_ms), _place: self.0 };
        let pieces = stream::unfold(sending, |mut sending| async move {
            if sending.rest.is_empty() {
                return None;
            }
            if Instant::now() > sending.until {
                sending.rest.clear();
                return Some((Err(io::Error::from(io::ErrorKind::TimedOut)), sending));
            }
            let piece = sending.rest.split_to(PIECE_BYTES.min(sending.rest.len()));
            Some((Ok(piece), sending))
        });
        let mut response = Response::new(Body::from_stream(pieces));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        response
    }
}
