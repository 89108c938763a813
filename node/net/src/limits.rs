//! Sizes and counts that both ends of a connection must agree on.

use countersign_messages::tag;
use std::time::Duration;

/// The protocol's name in the TLS handshake (ALPN).
pub const ALPN: &[u8] = tag::TRANSPORT.as_bytes();

/// Payload bytes of one piece of a message: with its header it fills one TLS record.
pub const PIECE_BYTES_MAX: usize = (16 << 10) - crate::frame::HEADER_BYTES;

/// A request with its method: the biggest transaction and its envelope.
pub const REQUEST_BYTES_MAX: usize = 17 << 20;

/// An answer with its status: the biggest block with its certificate.
pub const RESPONSE_BYTES_MAX: usize = 33 << 20;

/// Requests of one member to another that wait for an answer.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 16;

/// A request is forgotten by the one who answers it after so long. Requests that wait for news must be answered earlier.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// Messages and requests above this size are taken in one at a time from a peer.
pub(crate) const SMALL_BYTES_MAX: usize = 256 << 10;

/// Bytes of one peer that arrived and that the program has not taken yet. At least the biggest message.
pub(crate) const INBOX_BYTES_MAX: usize = 40 << 20;

/// Bytes of answers that wait to be sent to one peer: two of the biggest.
pub(crate) const ANSWERS_BYTES_MAX: usize = 2 * RESPONSE_BYTES_MAX;

/// Bytes of requests that wait to be sent to one peer over TCP.
pub(crate) const REQUESTS_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;

/// Text of a reason for closing, on the wire and in logs.
pub(crate) const REASON_BYTES_MAX: usize = 200;

/// How long the other end is given to read the reason why a connection is closed.
pub(crate) const FAREWELL_TIME_MAX: Duration = Duration::from_secs(1);

/// A connection that lived so long was good: the next failure starts with the shortest pause again.
pub(crate) const LIVED: Duration = Duration::from_secs(10);

/// How long a certificate is valid. Short, as nobody has to renew it by hand.
pub(crate) const CERTIFICATE_VALIDITY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A certificate is valid from a little before it was made: clocks differ.
pub(crate) const CERTIFICATE_CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// A certificate is made anew when so much of its time is left.
pub(crate) const CERTIFICATE_RENEWAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
