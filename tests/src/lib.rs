//! What the whole-system tests share: a small world of one hospital with an anchored table, seeded, and keys made once a process.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fixture fails by panicking")]

pub mod cheats;
pub mod fuzz;
pub mod loopback;
pub mod plain;
pub mod scene;
pub mod sim;
pub mod world;
