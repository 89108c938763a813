//! Validators and followers.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests may panic"))]

pub mod malachite;
pub mod mempool;
