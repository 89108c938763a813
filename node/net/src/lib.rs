//! Connections between members: mutual TLS 1.3 over QUIC, or over TCP where UDP is blocked.
//!
//! A member is its Ed25519 key; its certificate is made with that key by itself. [`Net::start`] listens and dials; [`Events`] tells what
//! comes in; [`Net::send`] and [`Net::request`] send. The protocol is written down in docs/protocol/transport.md. This crate knows members,
//! channels and requests, and nothing of what they are about.

mod admission;
mod ask;
mod backoff;
mod channel;
mod config;
mod connection;
mod dialer;
mod event;
pub mod frame;
pub mod hello;
mod identity;
mod io;
pub mod limits;
mod listen;
mod meter;
mod net;
mod outbox;
mod queue;
mod quic;
mod quiet;
mod reason;
mod refused;
mod registry;
mod request;
mod session;
mod shared;
mod tcp;
#[cfg(test)]
mod tests;
mod tie;
mod tls;
mod verifier;

pub use channel::Channel;
pub use config::{Carrier, Clock, Limits, NetConfig, PeerAddress, Transport, system_clock};
pub use connection::Direction;
pub use event::{AnswerError, Event, Events, Responder};
pub use net::{ConnectionStatus, Members, Net, NetError, PeerStatus, Sent};
pub use reason::Reason;
pub use request::RequestError;
pub use verifier::{CertificateRefusal, member_of_certificate};
