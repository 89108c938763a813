//! The parts of the `countersign` program.
//!
//! [`network`] is a [`chain`] with the keys of whoever runs a command: of one member, or of everybody on a development network. A chain is
//! written by this process alone, by the node in it, or by a node beside it ([`client`]). [`service`] runs a node as [`config`] says. [`site`]
//! is a hospital: it imports, anchors, accepts studies and answers. [`study`] is what researchers and boards do, [`answers`] collects what came
//! back. [`command`] holds one file for each command.

pub mod answers;
pub mod card;
pub mod chain;
pub mod circuit_keys;
pub mod client;
pub mod command;
pub mod config;
pub mod failure;
pub mod governed;
pub mod log;
pub mod member;
pub mod network;
pub mod questions;
pub mod screen;
pub mod service;
pub mod site;
pub mod study;
