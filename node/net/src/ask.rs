//! Asking a member.

use crate::{
    connection::{Connection, Link},
    limits::REQUEST_BYTES_MAX,
    quic,
    reason::Reason,
    request::{RequestError, with_first},
    tcp,
};
use bytes::Bytes;
use std::time::Duration;

/// Sends a request and waits for its answer, but not longer than `timeout`.
pub(crate) async fn ask(connection: &Connection, method: u8, bytes: &Bytes, timeout: Duration) -> Result<Bytes, RequestError> {
    // one byte is the method
    if bytes.len() >= REQUEST_BYTES_MAX {
        return Err(RequestError::TooLarge(bytes.len()));
    }
    let _place = connection.asking.try_acquire().map_err(|_| RequestError::TooMany)?;
    let request = with_first(method, bytes);
    crate::meter::message("out", "request", request.len());
    let answer = async {
        match &connection.link {
            Link::Quic(quic) => quic::ask(connection, quic, request).await,
            Link::Tcp(link) => tcp::ask(connection, link, request).await,
        }
    };
    let answer = tokio::time::timeout(timeout, answer).await.unwrap_or(Err(RequestError::Timeout));
    if let Err(RequestError::Frame(error)) = &answer {
        connection.stop(Reason::Frame(error.clone()));
    }
    answer
}
