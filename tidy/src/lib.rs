//! Checks of the repository itself, run as a test (`tests/workspace.rs`).
//!
//! Each module is one check: a function from a [`Repository`] to its [`Finding`]s, tested on small repositories that it must find
//! something in and on others that must pass. What is let pass stands in `exceptions.toml`, and nowhere else.

pub mod arrows;
pub mod clauses;
pub mod dependencies;
pub mod documents;
pub mod exceptions;
pub mod features;
pub mod gadgets;
pub mod items;
pub mod links;
pub mod lints;
pub mod manifest;
pub mod modules;
pub mod repository;
pub mod rules;
pub mod sizes;
pub mod source;
pub mod tags;

pub use exceptions::Exceptions;
pub use repository::Repository;

use std::fmt;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, with a line where there is one.
    pub place: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl Finding {
    /// A finding at a place.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
