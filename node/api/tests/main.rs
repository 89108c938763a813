//! Tests of the gateway, in one program: each file a module.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic")]

mod common;
mod connections;
mod document;
mod events;
mod refusals;
mod routes;
