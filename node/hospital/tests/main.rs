//! Tests of a hospital's node, in one program: each file a module.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod common;
mod content;
mod crash;
mod damage;
mod departed;
mod histories;
mod hospital_store;
mod memory;
mod plain;
mod slots;
mod source;
mod world;
