//! The parts of the `countersign` program.
//!
//! [`command`] holds one file for each command: arguments, a call of a library, words. [`keyed_connection`] is a connection to a chain with the keys of whoever runs a
//! command: of one member, or of everybody on a [development network](development). A hospital's work is `countersign-hospital`, a researcher's and a board's
//! `countersign-study`, what members decide together `countersign-consortium`, an auditor's `countersign-audit`, the running node `countersign-service`.

pub mod command;
pub mod development;
pub mod failure;
pub mod keyed_connection;
pub mod keys_folder;
pub mod screen;
