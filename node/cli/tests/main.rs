//! Tests of the command line, in one program: each file a module.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests may panic")]

mod backups;
mod common;
mod failures;
mod joining;
mod kills;
mod leaving;
mod opt_outs;
mod organisations;
mod patients;
mod processes;
mod real_data;
mod separately;
mod steps;
mod tour;
