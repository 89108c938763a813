//! Tests of consensus, in one program: each file a module.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic")]

mod actors;
mod behind;
mod byzantine;
mod cluster;
mod clusters;
mod sealed;
