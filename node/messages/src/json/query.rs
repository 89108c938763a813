//! Queries, and what became of them at each site.

use super::{Gates, Id, Time};
use serde::{Deserialize, Serialize};

/// A query, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuerySummary {
    /// The transaction that asked it.
    pub id: Id,
    /// Counts queries from 1 (`Q-17`).
    pub number: u32,
    /// Its study.
    pub study: Id,
    /// The question as it was written.
    pub question: String,
    /// Asked at.
    pub height: u64,
    /// Time of that block.
    pub time: Time,
    /// Answers in blocks later than this are refused.
    pub deadline: Time,
    /// True until the deadline has passed. While its study is suspended and after that has ended nothing is answered all the same: see the standing of the study.
    pub open: bool,
    /// Sites asked.
    pub sites: usize,
}

/// What became of a query at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum SiteStatus {
    /// An answer may still come.
    Open {
        /// Answers whose proof failed.
        invalid: u8,
    },
    /// The deadline passed without an answer.
    Overdue,
    /// Too many answers of the site did not verify.
    Closed,
    /// Answered.
    Answered {
        /// Included at.
        height: u64,
        /// Included as.
        transaction: Id,
        /// Cells released and not.
        gates: Gates,
        /// True if the board should look at the hospital's own withdrawals.
        marked: bool,
    },
    /// Declined.
    Declined {
        /// The reason's code.
        #[cfg_attr(feature = "openapi", schema(pattern = "^Q[0-9]{2,5}$"))]
        code: String,
        /// In words.
        reason: String,
        /// At.
        height: u64,
        /// By.
        transaction: Id,
        /// True if the site had accepted the study before it was asked.
        after_acceptance: bool,
    },
}

/// A site and a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SiteOfQuery {
    /// The hospital.
    pub hospital: Id,
    /// Whether it was asked; one that was not may have declined all the same.
    pub asked: bool,
    /// What became of it.
    #[serde(flatten)]
    pub status: SiteStatus,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Query {
    /// In short.
    #[serde(flatten)]
    pub summary: QuerySummary,
    /// Who asked.
    pub asker: Id,
    /// Digest of the statement's canonical bytes.
    pub statement: Id,
    /// What became of it at each site.
    pub status_by_site: Vec<SiteOfQuery>,
}
