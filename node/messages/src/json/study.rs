//! Studies.

use super::Id;
use serde::{Deserialize, Serialize};

/// Where a study stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Waits for a board.
    Submitted,
    /// Approved; no site has accepted it yet.
    Approved,
    /// At least one site has accepted it.
    Open,
    /// Nothing is asked or answered for now.
    Suspended,
    /// A board did not approve it.
    Rejected,
    /// The board that approved it ended it.
    Stopped,
    /// Whoever submitted it ended it.
    Closed,
    /// Its last day is over.
    Expired,
}

/// A study, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StudySummary {
    /// The transaction that submitted it.
    pub id: Id,
    /// Counts studies from 1 (`S-3`).
    pub number: u32,
    /// Title.
    pub title: String,
    /// Where it stands.
    pub standing: Standing,
    /// Height it was submitted at.
    pub height: u64,
    /// Last day.
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub expiry: String,
    /// Sites that have accepted.
    pub sites: u32,
    /// Statements asked so far.
    pub statements: u32,
}

/// A key answers are sealed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealingKey {
    /// `team` or `board`.
    pub party: String,
    /// Whose it is.
    pub member: Id,
    /// The X25519 public key.
    pub key: Id,
}

/// A person's signature under a board's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonSignature {
    /// Their key.
    pub person: Id,
    /// `chair`, `deputy`, `secretary` or `assessor`.
    pub office: String,
    /// The day they signed.
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub day: String,
    /// The transaction that carries the signature.
    pub transaction: Id,
}

/// What an approval asks for beyond what was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conditions {
    /// The last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub until: Option<String>,
    /// Nothing is asked before this day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub not_before: Option<String>,
    /// Least number of people behind a released cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k_min: Option<u32>,
    /// The only hospitals that may take part; all if there are none.
    pub sites: Vec<Id>,
    /// What else is asked for.
    pub words: String,
}

/// A statement of a board that waits for a second signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// The board.
    pub board: Id,
    /// `approve`, `reject`, `lift`, `stop` or `recuse`.
    pub act: String,
    /// What a signature under it means.
    pub meaning: String,
    /// What an approval asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// Why.
    pub reason: String,
    /// Who has signed it.
    pub signatures: Vec<PersonSignature>,
    /// The last day a second signature decides.
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub until: String,
}

/// A decision about the study that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// `approve`, `reject`, `suspend`, `stop` or `close`.
    pub act: String,
    /// Who decided.
    pub by: Id,
    /// `team` or `board`.
    pub party: String,
    /// Why.
    pub reason: String,
    /// What an approval asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// Who signed it for a board.
    pub signatures: Vec<PersonSignature>,
    /// At.
    pub height: u64,
    /// By.
    pub transaction: Id,
}

/// A site that has accepted the study, with the tables its answers are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Site {
    /// The hospital.
    pub hospital: Id,
    /// Identity of the cut.
    pub cut: Id,
    /// Least number of people behind a cell this site releases.
    pub k_min: u32,
    /// Segments of data, and as many of consent.
    pub segments: usize,
    /// Digest of the import report.
    pub report: Id,
    /// The study whose acceptance made these tables the site's research cut: this one, or an earlier one.
    pub origin: Id,
    /// Rows that the site said were new, gone or changed when it renewed its research cut with this study.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<u32>,
    /// Accepted at.
    pub height: u64,
    /// Accepted by.
    pub transaction: Id,
}

/// A study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Study {
    /// In short.
    #[serde(flatten)]
    pub summary: StudySummary,
    /// What patients read.
    pub plain_summary: String,
    /// Who submitted it.
    pub submitter: Id,
    /// Version; amendments raise it.
    pub version: u32,
    /// The dictionary of its statements.
    pub dictionary: Id,
    /// The purpose scope.
    pub purpose: String,
    /// The category scopes.
    pub categories: Vec<String>,
    /// Least number of people behind a released cell.
    pub k_min: u32,
    /// Keys that may ask.
    pub researchers: Vec<Id>,
    /// Keys answers are sealed to.
    pub sealing: Vec<SealingKey>,
    /// Decisions that stand: approvals, suspensions, and what ended it.
    pub decisions: Vec<Decision>,
    /// Statements that wait for a second signature.
    pub waiting: Vec<Waiting>,
    /// Persons of boards who take no part in it.
    pub recused: Vec<Id>,
    /// The sites.
    pub accepted_by: Vec<Site>,
}
