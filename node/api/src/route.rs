//! The handlers, one noun a file.

pub(crate) mod blobs;
pub(crate) mod blocks;
pub(crate) mod dictionaries;
pub(crate) mod events;
pub(crate) mod members;
pub(crate) mod node;
pub(crate) mod patients;
pub(crate) mod proposals;
pub(crate) mod queries;
pub(crate) mod studies;
pub(crate) mod transactions;
