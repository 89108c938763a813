//! Placeholder while the query crate is written.
