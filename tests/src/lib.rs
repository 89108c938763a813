//! What the whole-system tests share: decoders for the fuzz corpus, loopback addresses, a simulated network. A hospital with proofs is in
//! `countersign-testkit`.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fixture fails by panicking")]

pub mod fuzz;
pub mod loopback;
pub mod sim;
