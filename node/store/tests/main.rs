//! Tests of the stores, in one program: each file a module.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic")]

mod certificates;
mod chain;
mod crash;
mod databases;
mod places;
