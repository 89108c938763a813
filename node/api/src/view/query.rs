//! Queries, what became of them at each site, and answers.

use super::{Id, Time, date, transaction::Leavers};
use countersign_ledger::{AnswerRecord, GateCounts, Lag as LedgerLag, PairStatus, QueryRecord, State};
use countersign_messages::{BlockTime, MemberId, QueryId, Role};
use serde::Serialize;
use utoipa::ToSchema;

/// A query, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct QuerySummary {
    /// The transaction that asked it.
    id: Id,
    /// Counts queries from 1 (`Q-17`).
    number: u32,
    /// Its study.
    study: Id,
    /// The question as it was written.
    question: String,
    /// Asked at.
    height: u64,
    /// Time of that block.
    time: Time,
    /// Answers in blocks later than this are refused.
    deadline: Time,
    /// True until the deadline has passed.
    open: bool,
    /// Sites asked.
    sites: usize,
}

impl QuerySummary {
    pub(crate) fn new(id: &QueryId, record: &QueryRecord, now: BlockTime) -> Self {
        Self {
            id: Id::of(id),
            number: record.number,
            study: Id::of(record.query.study),
            question: record.query.question.clone(),
            height: record.height.0,
            time: record.time.into(),
            deadline: record.query.deadline.into(),
            open: now <= record.query.deadline,
            sites: record.hospitals.len(),
        }
    }
}

/// Cells of an answer, by what the release rule said.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Gates {
    /// Released.
    released: u32,
    /// Below the least number of people.
    small: u32,
    /// Withheld: they overlap with what was released before.
    withheld_overlap: u32,
    /// Withheld: one person dominates.
    withheld_dominance: u32,
    /// Withheld by the site.
    withheld_local: u32,
}

impl From<GateCounts> for Gates {
    fn from(counts: GateCounts) -> Self {
        let [released, small, withheld_overlap, withheld_dominance, withheld_local] = counts.list();
        Self { released, small, withheld_overlap, withheld_dominance, withheld_local }
    }
}

/// Between the withdrawals an answer counts with and those in force when it was included.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Lag {
    /// Block time, in milliseconds.
    ms: u64,
    /// Slots that left in between and are still counted.
    slots: Leavers,
}

impl From<LedgerLag> for Lag {
    fn from(lag: LedgerLag) -> Self {
        Self { ms: lag.ms, slots: lag.slots.into() }
    }
}

/// An accepted answer. The cells themselves are in the ciphertext, for the study team and its board.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Answer {
    /// The query.
    query: Id,
    /// The site.
    hospital: Id,
    /// The cut it was made from.
    cut: Id,
    /// Height whose withdrawals and date it counts with.
    named_height: u64,
    /// UTC date of that height.
    #[schema(format = Date)]
    day: String,
    /// Included at.
    height: u64,
    /// Included as.
    transaction: Id,
    /// Least number of people behind a released cell.
    k_min: u32,
    /// Salted digest of the released cells.
    cells_digest: Id,
    /// Cells released and not.
    gates: Gates,
    /// Digest of the ciphertext with the cells: see `/blobs/{digest}`.
    sealed: Id,
    /// Present if a withdrawal lies between the named height and inclusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<Lag>,
    /// Slots that left since the cut.
    left_since_cut: Leavers,
    /// Slots that left since the query.
    left_since_query: Leavers,
    /// True if the hospital took out more slots since the cut than the network lets pass unmarked.
    marked: bool,
}

impl From<&AnswerRecord> for Answer {
    fn from(record: &AnswerRecord) -> Self {
        Self {
            query: Id::of(record.query),
            hospital: Id::of(record.hospital),
            cut: Id::of(record.cut.0),
            named_height: record.named.0,
            day: date(record.day),
            height: record.height.0,
            transaction: Id::of(record.transaction),
            k_min: record.k_min,
            cells_digest: Id::of_bytes(&record.cells_digest),
            gates: record.counts.into(),
            sealed: Id::of(record.sealed),
            lag: record.lag.map(Lag::from),
            left_since_cut: record.left_since_cut.into(),
            left_since_query: record.left_since_query.into(),
            marked: record.marked,
        }
    }
}

/// What became of a query at a site.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub(crate) enum SiteStatus {
    /// An answer may still come.
    Open {
        /// Answers whose proof failed.
        invalid: u8,
        /// Answers refused for a withdrawal in between.
        stale: usize,
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
        /// Present if a withdrawal lies between the named height and inclusion.
        #[serde(skip_serializing_if = "Option::is_none")]
        lag: Option<Lag>,
        /// True if the board should look at the hospital's own withdrawals.
        marked: bool,
    },
    /// Declined.
    Declined {
        /// The reason's code.
        #[schema(pattern = "^Q[0-9]{2,5}$")]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SiteOfQuery {
    /// The hospital.
    hospital: Id,
    /// Whether it was asked; one that was not may have declined all the same.
    asked: bool,
    /// What became of it.
    #[serde(flatten)]
    status: SiteStatus,
}

impl SiteStatus {
    fn of(id: &QueryId, hospital: &MemberId, state: &State, over: bool) -> Self {
        let Some(pair) = state.pair(id, hospital) else {
            return if over { Self::Overdue } else { Self::Open { invalid: 0, stale: 0 } };
        };
        match &pair.status {
            PairStatus::Open if over => Self::Overdue,
            PairStatus::Open if !pair.is_open() => Self::Closed,
            PairStatus::Open => Self::Open { invalid: pair.invalid, stale: pair.stale.len() },
            PairStatus::Answered(record) => Self::Answered {
                height: record.height.0,
                transaction: Id::of(record.transaction),
                gates: record.counts.into(),
                lag: record.lag.map(Lag::from),
                marked: record.marked,
            },
            PairStatus::Declined { code, reason, height, transaction, after_acceptance } => Self::Declined {
                code: code.to_string(),
                reason: reason.clone(),
                height: height.0,
                transaction: Id::of(transaction),
                after_acceptance: *after_acceptance,
            },
        }
    }
}

/// A query.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Query {
    /// In short.
    #[serde(flatten)]
    summary: QuerySummary,
    /// Who asked.
    asker: Id,
    /// Digest of the statement's canonical bytes.
    statement: Id,
    /// What became of it at each site.
    status_by_site: Vec<SiteOfQuery>,
}

impl Query {
    pub(crate) fn new(id: &QueryId, record: &QueryRecord, state: &State) -> Self {
        let now = state.tip().time;
        let over = now > record.query.deadline;
        let others = state.members().filter(|m| m.roles.contains(&Role::Hospital) && !record.hospitals.contains(&m.id));
        let unasked = others.map(|m| m.id).filter(|m| state.pair(id, m).is_some()).map(|m| (m, false));
        let sites = record.hospitals.iter().map(|m| (*m, true)).chain(unasked);
        let site =
            |(hospital, asked)| SiteOfQuery { hospital: Id::of(hospital), asked, status: SiteStatus::of(id, &hospital, state, over) };
        Self {
            summary: QuerySummary::new(id, record, now),
            asker: Id::of(record.asker),
            statement: Id::of(record.statement),
            status_by_site: sites.map(site).collect(),
        }
    }
}
