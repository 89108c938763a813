//! Studies.

use super::{Id, date};
use countersign_ledger::{DataCut, State, StudyRecord, StudyStatus};
use countersign_messages::{BlockTime, SealingParty, StudyId};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a study stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// Waits for a board.
    Submitted,
    /// Approved; no site has accepted it yet.
    Approved,
    /// At least one site has accepted it.
    Open,
    /// Its last day is over.
    Expired,
}

impl Standing {
    fn of(record: &StudyRecord, now: BlockTime) -> Self {
        match record.status() {
            _ if now.day() > record.submitted.expiry => Self::Expired,
            StudyStatus::Submitted => Self::Submitted,
            StudyStatus::Approved => Self::Approved,
            StudyStatus::Open => Self::Open,
        }
    }
}

/// A study, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StudySummary {
    /// The transaction that submitted it.
    id: Id,
    /// Counts studies from 1 (`S-3`).
    number: u32,
    /// Title.
    title: String,
    /// Where it stands.
    standing: Standing,
    /// Height it was submitted at.
    height: u64,
    /// Last day.
    #[schema(format = Date)]
    expiry: String,
    /// Sites that have accepted.
    sites: u32,
    /// Statements asked so far.
    statements: u32,
}

impl StudySummary {
    pub(crate) fn new(id: &StudyId, record: &StudyRecord, now: BlockTime) -> Self {
        Self {
            id: Id::of(id),
            number: record.number,
            title: record.submitted.title.clone(),
            standing: Standing::of(record, now),
            height: record.height.0,
            expiry: date(record.submitted.expiry),
            sites: record.accepted,
            statements: record.statements,
        }
    }
}

/// A key answers are sealed to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SealingKey {
    /// `team` or `board`.
    party: &'static str,
    /// Whose it is.
    member: Id,
    /// The X25519 public key.
    key: Id,
}

/// A board's approval.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Approval {
    /// The board.
    board: Id,
    /// At.
    height: u64,
    /// By.
    transaction: Id,
}

/// A site that has accepted the study, with the tables its answers are made from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Site {
    /// The hospital.
    hospital: Id,
    /// Identity of the cut.
    cut: Id,
    /// Least number of people behind a cell this site releases.
    k_min: u32,
    /// Segments of data, and as many of consent.
    segments: usize,
    /// Digest of the import report.
    report: Id,
    /// The study whose acceptance made these tables the site's research cut: this one, or an earlier one.
    origin: Id,
    /// Rows that the site said were new, gone or changed when it renewed its research cut with this study.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<u32>,
    /// Accepted at.
    height: u64,
    /// Accepted by.
    transaction: Id,
}

impl From<&DataCut> for Site {
    fn from(cut: &DataCut) -> Self {
        Self {
            hospital: Id::of(cut.hospital),
            cut: Id::of(cut.id.0),
            k_min: cut.k_min,
            segments: cut.data.len(),
            report: Id::of(cut.report),
            origin: Id::of(cut.origin.0.0),
            changed: cut.changed,
            height: cut.height.0,
            transaction: Id::of(cut.transaction),
        }
    }
}

/// A study.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Study {
    /// In short.
    #[serde(flatten)]
    summary: StudySummary,
    /// What patients read.
    plain_summary: String,
    /// Who submitted it.
    submitter: Id,
    /// Version; amendments raise it.
    version: u32,
    /// The dictionary of its statements.
    dictionary: Id,
    /// The purpose scope.
    purpose: String,
    /// The category scopes.
    categories: Vec<String>,
    /// Least number of people behind a released cell.
    k_min: u32,
    /// Keys that may ask.
    researchers: Vec<Id>,
    /// Keys answers are sealed to.
    sealing: Vec<SealingKey>,
    /// The approval; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Approval>,
    /// The sites.
    accepted_by: Vec<Site>,
}

impl Study {
    pub(crate) fn new(id: &StudyId, record: &StudyRecord, state: &State) -> Self {
        let submitted = &record.submitted;
        let party = |p| match p {
            SealingParty::Team => "team",
            SealingParty::Board => "board",
        };
        Self {
            summary: StudySummary::new(id, record, state.tip().time),
            plain_summary: submitted.summary.clone(),
            submitter: Id::of(record.submitter),
            version: record.version,
            dictionary: Id::of(submitted.dictionary),
            purpose: submitted.purpose.clone(),
            categories: submitted.categories.clone(),
            k_min: submitted.k_min,
            researchers: submitted.researchers.iter().map(Id::of).collect(),
            sealing: submitted
                .sealing
                .iter()
                .map(|k| SealingKey { party: party(k.party), member: Id::of(k.member), key: Id::of_bytes(&k.key) })
                .collect(),
            approval: record.approval.map(|(board, height, transaction)| Approval {
                board: Id::of(board),
                height: height.0,
                transaction: Id::of(transaction),
            }),
            accepted_by: state.cuts(id).map(Site::from).collect(),
        }
    }
}
