//! A compiled question: the statement, and how its cells are to be read.

use crate::refusal::{Code, Refusal, TextPosition};
use countersign_circuits::{
    consent::{Eligibility, ScopeRegistry},
    dictionary::Dictionary,
    statement::{Statement, StatementError, Wiring},
};
use rust_decimal::Decimal;

/// What one column of the result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The band of a grouping attribute.
    Group {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `COUNT(*)`.
    Rows,
    /// `COUNT(x)`.
    Known {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `SUM(x)`.
    Sum {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `AVG(x)`.
    Mean {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `VARIANCE(x)`, with denominator n - 1.
    Variance {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `STDDEV(x)`, with denominator n - 1.
    StdDev {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `COVAR(x, y)` over complete pairs, with denominator n - 1.
    Covariance {
        /// The first attribute.
        x: u16,
        /// The second attribute.
        y: u16,
    },
    /// `CORR(x, y)` over complete pairs.
    Correlation {
        /// The first attribute.
        x: u16,
        /// The second attribute.
        y: u16,
    },
    /// `SHARE(x = 'level')`: among those where x is known.
    Share {
        /// Index into the dictionary.
        attribute: u16,
        /// The level's bin.
        bin: u16,
    },
    /// `HISTOGRAM(x)`: people in each band.
    Histogram {
        /// Index into the dictionary.
        attribute: u16,
    },
    /// `MEDIAN(x)` (p = 0.5) and `PERCENTILE(x, p)`.
    Quantile {
        /// Index into the dictionary.
        attribute: u16,
        /// Between 0 and 1, both excluded.
        p: Decimal,
    },
}

impl Ask {
    /// The attribute whose bands must be counted for it.
    pub fn distribution(&self) -> Option<u16> {
        match self {
            Self::Histogram { attribute } | Self::Quantile { attribute, .. } => Some(*attribute),
            _ => None,
        }
    }
}

/// One column of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputItem {
    /// Column title: the alias, or the item as it was written.
    pub title: String,
    /// What it shows.
    pub ask: Ask,
}

/// Why an attribute divides the people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisRole {
    /// GROUP BY: its bands are rows of the result.
    Grouping,
    /// HISTOGRAM, MEDIAN, PERCENTILE: its bands are read together.
    Distribution,
}

/// A band of an axis; the same place as in the statement's grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisBand {
    /// For people: a level, `40-49`, or `missing`.
    pub label: String,
    /// Lowest and highest level inside; `None` for the missing ones.
    pub levels: Option<(u32, u32)>,
}

/// One grouping of the statement, with words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Index into the dictionary.
    pub attribute: u16,
    /// Its role in the result.
    pub role: AxisRole,
    /// Bands in the statement's order.
    pub bands: Vec<AxisBand>,
}

/// A query, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The canonical statement; its bytes are what the ledger holds.
    pub statement: Statement,
    /// What was asked for, in the order it was asked.
    pub items: Vec<OutputItem>,
    /// One for each grouping of the statement, in the same order.
    pub groups: Vec<Axis>,
    /// Places in `groups` of the GROUP BY attributes, in the order they were written.
    pub grouping_order: Vec<usize>,
    /// Attributes the statement reads, ascending.
    pub attributes: Vec<u16>,
    /// Data categories of these attributes, sorted: a study needs the consent scope of each.
    pub categories: Vec<String>,
    /// Position of the query's first word, for refusals about the whole.
    pub at: TextPosition,
}

impl Question {
    /// Wires the statement for a study's consent scopes.
    ///
    /// # Errors
    /// Too many cells (Q10), too high a degree with these scopes (Q17), or malformed scopes (Q19).
    pub fn wiring(&self, dictionary: &Dictionary, registry: &ScopeRegistry, eligibility: &Eligibility) -> Result<Wiring, Refusal> {
        Wiring::new(dictionary, &self.statement, registry, eligibility).map_err(|e| statement_refusal(&e, self.at))
    }

    /// True if the question reads an attribute that only approved items may read.
    pub fn reads_outcome(&self, dictionary: &Dictionary) -> bool {
        self.attributes.iter().any(|a| dictionary.attribute(*a).is_some_and(countersign_circuits::dictionary::Attribute::is_outcome))
    }
}

/// The asker's words for a refusal by the wiring.
pub(crate) fn statement_refusal(error: &StatementError, at: TextPosition) -> Refusal {
    match error {
        StatementError::Limit { what: "cells" | "groups", found, max } => Refusal::too_many_cells(at, *found, *max),
        StatementError::Limit { what: "clauses", found, max } => Refusal::too_many_clauses(at, &found.to_string(), *max),
        StatementError::Limit { what: "grouping attributes", found, max } => Refusal::too_many_groupings(at, *found, *max),
        StatementError::Degree { .. } => Refusal::new(Code::Q17, at, format!("{error}.")),
        other => Refusal::new(Code::Q19, at, format!("{other}.")),
    }
}
