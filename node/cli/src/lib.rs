//! The parts of the `countersign` program.
//!
//! [`network`] is a development consortium in a data folder: members, their keys, and a chain with one validator. [`site`] is a
//! hospital: it imports, anchors, accepts studies and answers. [`study`] is what researchers and boards do, [`answers`] collects what came
//! back. [`command`] holds one file for each command.

pub mod answers;
pub mod circuit_keys;
pub mod command;
pub mod failure;
pub mod member;
pub mod network;
pub mod screen;
pub mod site;
pub mod study;
