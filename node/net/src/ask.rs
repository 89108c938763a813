//! Asking a member.

use crate::{connection::Connection, request::RequestError};
use bytes::Bytes;
use std::time::Duration;

pub(crate) async fn ask(_: &Connection, _: u8, _: &Bytes, _: Duration) -> Result<Bytes, RequestError> {
    Err(RequestError::NotConnected)
}
