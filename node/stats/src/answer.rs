//! What came from the sites, as verified.

use serde::Serialize;
use std::fmt;

/// Why a hospital withheld a block (rule D7, D9, or one of its own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WithholdReason {
    /// Too close to a cell released earlier.
    Overlap,
    /// One or two people make up most of a sum.
    Dominance,
    /// A stricter rule of the hospital's own.
    Local,
}

impl WithholdReason {
    /// What it means, and what to ask instead.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Overlap => {
                "too few people lie between it and a number that was released earlier, or another of this table. Ask for the groups of the earlier question, or \
                 give all your questions one analysis set (IS NOT NULL on every value you need)"
            }
            Self::Dominance => {
                "one or two people make up most of a sum, or nearly all have the same value. Ask for counts in bands (HISTOGRAM, MEDIAN) or for larger groups"
            }
            Self::Local => "a rule of the hospital's own; ask the hospital",
        }
    }
}

impl fmt::Display for WithholdReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlap => "overlap",
            Self::Dominance => "dominance",
            Self::Local => "local",
        })
    }
}

/// One cell of a site's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellStatus {
    /// Released.
    Exact(u64),
    /// Hidden: a count of its block is below the minimum (proved).
    Small,
    /// Hidden by the hospital.
    Withheld(WithholdReason),
    /// Never released by this statement (products without meaning, missing counts).
    NotReleased,
}

/// A site's released cells, in the order of [`countersign_circuits::statement::Wiring::cells`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteTable {
    /// One status for each cell of the wiring.
    pub cells: Vec<CellStatus>,
}

/// What became of the question at one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteState {
    /// The answer's proof was verified.
    Accepted(SiteTable),
    /// The site refused, with a machine-readable code (`Q30`) and words.
    Refused {
        /// The stable code.
        code: String,
        /// In words.
        reason: String,
    },
    /// The site answered and the answer did not verify.
    Rejected {
        /// Which check failed.
        reason: String,
    },
    /// No answer by the deadline.
    Missing,
}

/// One site and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAnswer {
    /// The site's name.
    pub site: String,
    /// What came.
    pub state: SiteState,
}
