//! The parts of the `countersign` program.
//!
//! [`network`] is a connection to a chain with the keys of whoever runs a command: of one member, or of everybody on a development network.
//! [`service`] runs a node as [`config`] says. [`study`] is what researchers and boards do, [`answers`] collects what came back. [`command`] holds one file for
//! each command. A hospital's whole work is `countersign-hospital`, a member's line to the chain `countersign-member`.

pub mod answers;
pub mod circuit_keys;
pub mod command;
pub mod config;
pub mod failure;
pub mod governed;
pub mod log;
pub mod network;
pub mod questions;
pub mod screen;
pub mod service;
pub mod study;
