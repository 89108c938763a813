//! What the measurements share: a table of the size asked for, keys, and a baseline.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a measurement fails by panicking")]

pub mod baseline;
pub mod chain;
pub mod cohort;
pub mod loopback;
pub mod process;
pub mod table;
