//! Tests of statistics, in one program: each file a module.

#![allow(missing_docs, unreachable_pub, reason = "tests may panic")]

mod against_rows;
mod common;
mod heart_data;
mod intervals;
mod results;
