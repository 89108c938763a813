//! The HTTP gateway: everything that is public on the ledger, and the door for signed transactions.
//!
//! A gateway node gives the crate a [`Node`] and a [`GatewayConfig`]; [`Gateway::bind`] opens the port and [`Gateway::run`] serves until it is
//! told to stop. The crate knows nothing of consensus and of the network: the trait is all it sees of the node.
//!
//! Whoever sends a request is a stranger. There is a limit on every body, rate, connection, stream and wait ([`Limits`]), each with its default and
//! reason. Every error is a problem of RFC 9457 with a stable `type` ([`ProblemKind`]). The OpenAPI document ([`openapi`]) is made from the
//! handlers, checked in as `openapi.json`, and compared in a test.
//!
//! What is not here: TLS (a proxy in front terminates it), accounts (a transaction is signed by a member; reading needs nobody), CORS (no
//! page of another origin may use the gateway), personal data and secrets (the ledger holds none).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests may panic"))]

mod app;
mod config;
mod connections;
mod download;
mod event;
mod extract;
mod gateway;
mod guard;
mod measure;
mod node;
mod page;
mod problem;
mod rate;
mod route;
mod router;
mod stall;
mod view;

pub use config::{ConfigError, GatewayConfig, Limits};
pub use gateway::{Gateway, GatewayError, serve};
pub use node::{Alert, MempoolStatus, Node, NodeStatus, Peer, Progress, SubmitRefused};
pub use problem::ProblemKind;
pub use router::openapi;
