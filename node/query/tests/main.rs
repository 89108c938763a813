//! Tests of questions, in one program: each file a module.

#![allow(missing_docs, unreachable_pub, reason = "tests may panic")]

mod common;
mod constructs;
mod refusals;
mod semantics;
