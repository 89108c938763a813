//! What tests of the proofs share: a small world of one hospital with an anchored table, seeded, and keys made once a process; an oracle of
//! the release rule; cheating provers. It needs circuits, prover and verifier only, so that a mutant of them ([`mutants`]) is built soon.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fixture fails by panicking")]

pub mod cheats;
mod kept;
pub mod mutants;
pub mod plain;
pub mod scene;
pub mod world;
