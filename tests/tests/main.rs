//! Tests of the whole system, in one program: each file a module.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "tests may panic")]

mod batches_of_blocks;
mod corpus;
mod ring_of_keys;
mod roles;
mod simulation;
mod simulation_sabotage;
