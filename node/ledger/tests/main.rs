//! Tests of the ledger, in one program: each file a module.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic")]

mod blocks;
mod bounds;
mod codes;
mod conditions;
mod deciding;
mod deciding_lives;
mod erasing;
mod governance;
mod governance_orders;
mod leaving;
mod light;
mod orders;
mod persons;
mod rejections;
