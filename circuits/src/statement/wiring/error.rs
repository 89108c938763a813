//! Why a statement is refused.

use crate::{consent::ScopeError, statement::DEGREE_MAX};

/// Why a statement is refused. The asker is at fault; messages carry the query language's codes where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// An attribute index beyond the dictionary.
    #[error("the statement names attribute #{0}, which the dictionary does not have")]
    Attribute(u16),
    /// A bin set that is empty, unordered, out of range, always true, or not made of governed bands.
    #[error("bins of \"{attribute}\": {reason}")]
    Bins {
        /// The attribute's name.
        attribute: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Not the canonical order, or a repetition.
    #[error("the statement is not in canonical form: {0}")]
    Canonical(&'static str),
    /// A measure its attribute does not allow.
    #[error("\"{attribute}\": {reason}")]
    Measure {
        /// The attribute's name.
        attribute: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Over one of the fixed limits.
    #[error("the statement has {found} {what}; at most {max}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// Too many factors.
    #[error(
        "the statement needs degree {degree} ({scopes} consent scopes, {filter} filter conditions, {groups} groups, {terms} for values, 1 for withdrawals); circuit 1 carries {DEGREE_MAX}. Drop a condition, or ask for counts and means of one-block attributes"
    )]
    Degree {
        /// Degree needed.
        degree: usize,
        /// Consent scopes.
        scopes: usize,
        /// Literals of the filter.
        filter: usize,
        /// Grouping attributes.
        groups: usize,
        /// Value columns.
        terms: usize,
    },
    /// The consent side is malformed.
    #[error(transparent)]
    Scope(#[from] ScopeError),
}
