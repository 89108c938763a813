//! Validators and followers: the ledger's state machine driven by Byzantine fault tolerant consensus.
//!
//! A [`Node`] holds a copy of the chain. If its key is in the validator set, it runs the consensus engine (Malachite) and takes part in deciding
//! blocks; otherwise it follows: it fetches decided blocks, checks their certificates and executes them. Everything a peer sends is bounded,
//! decoded strictly, and checked before it is used or passed on; what a peer does wrong is recorded under its name ([`alert`]).
//!
//! | module | what it does |
//! |---|---|
//! | [`node`] | starts and stops the parts, and is the handle on them |
//! | [`validator`] | the application Malachite drives: proposing, checking, deciding |
//! | [`follower`] | fetches decided blocks |
//! | [`voting`] | whether a validator may vote after a start |
//! | [`horizon`] | how far others say they are |
//! | [`malachite`] | Malachite's context, signatures, parts of blocks, codec and network actor |
//! | [`mempool`], [`pool`] | transactions that wait; their gossip |
//! | [`replica`] | the copy of the chain |
//! | [`server`], [`request`] | what members ask each other |
//! | [`alert`], [`clock`] | what operators must know; block time |
//!
//! What is signed and verified, and where this deviates from the paper, is written down in docs/protocol/consensus.md.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests may panic"))]

pub mod alert;
mod bucket;
pub mod clock;
#[cfg(test)]
mod fixture;
pub mod follower;
pub mod horizon;
pub mod malachite;
pub mod mempool;
pub mod node;
pub mod pool;
pub mod replica;
pub mod request;
pub mod server;
mod stop;
pub mod validator;
pub mod voting;

pub use alert::{Accusation, AlertCode, Alerts, Offence};
pub use clock::Clock;
pub use node::{BlobError, ConfirmError, Node, NodeConfig, NodeError, NodeStatus, RoleNow};
pub use validator::{Conduct, Honest, Pace};
