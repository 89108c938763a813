//! Validators and followers.

pub mod mempool;
