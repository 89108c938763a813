//! Tests of generated data, in one program: each file a module.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod consents;
mod export;
mod table;
