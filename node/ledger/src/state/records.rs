//! What the state keeps.

use super::signing::SignatureRecord;
use crate::{
    active::Leavers,
    rejection::{Rejection, StudyRefused},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    aggregate::GateCounts,
    consent::Day,
    dictionary::Dictionary,
    hash::Digest32,
    segment::{Segment, SegmentId, TableContext},
    tag,
};
use countersign_messages::{
    Act, BlockTime, Conditions, Height, MemberId, PatientKey, PersonKey, Query, QueryId, RefusalCode, SealingParty, StudyId, StudySubmit,
    TransactionId, codec::bytes_of, limits::WAITING_DAYS, study_version,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::OnceLock,
};

/// A published dictionary.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct DictionaryRecord {
    /// Canonical bytes.
    pub bytes: Vec<u8>,
    /// The first block it may be used in.
    pub height: Height,
    /// Proposed by.
    pub transaction: TransactionId,
    #[borsh(skip)]
    pub(super) parsed: OnceLock<Dictionary>,
}

impl DictionaryRecord {
    /// The layout.
    ///
    /// # Panics
    /// Never: only bytes that parse are recorded.
    pub fn dictionary(&self) -> &Dictionary {
        self.parsed.get_or_init(|| Dictionary::from_canonical(&self.bytes).expect("only bytes that parse are recorded"))
    }
}

/// A table of a hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct TableKey {
    /// The hospital.
    pub hospital: MemberId,
    /// The dictionary (data) or the scope registry (consent).
    pub table: Digest32,
}

/// An anchored table.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TableRecord {
    /// Current version of each segment, by index.
    pub versions: Vec<u32>,
    /// Matrix rows of its segments.
    pub rows: u32,
    /// Import report of the last anchor; zero for consents.
    pub report: Digest32,
    /// Source root of the last anchor; zero for consents.
    pub source_root: Digest32,
    /// Last anchored at.
    pub height: Height,
    /// Last anchored by.
    pub transaction: TransactionId,
}

impl TableRecord {
    /// Number of segments.
    pub fn segment_count(&self) -> u32 {
        self.versions.len() as u32
    }

    /// The current segments in order.
    pub fn current(&self) -> impl Iterator<Item = SegmentId> {
        self.versions.iter().enumerate().map(|(index, version)| SegmentId { index: index as u32, version: *version })
    }
}

/// A segment in a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct SegmentKey {
    /// Its table.
    pub table: TableKey,
    /// Its place and version.
    pub id: SegmentId,
}

/// An anchored segment.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct SegmentRecord {
    /// Compressed commitments.
    pub bytes: Vec<u8>,
    /// Network, hospital and table.
    pub context: TableContext,
    /// Its place and version.
    pub id: SegmentId,
    /// Matrix rows.
    pub rows: u32,
    /// [`Segment::digest`].
    pub digest: Digest32,
    /// Hash of the mapping (data) or policy (consent) its rows were read with.
    pub provenance: Digest32,
    /// Anchored at.
    pub height: Height,
    /// Anchored by.
    pub transaction: TransactionId,
    #[borsh(skip)]
    pub(super) decoded: OnceLock<Segment>,
}

impl SegmentRecord {
    /// The commitments as points; decoded on first use after a restart.
    ///
    /// # Panics
    /// Never: only segments that decode are recorded.
    pub fn segment(&self) -> &Segment {
        let decode =
            || Segment::decode(&self.context, self.id, &self.bytes, self.rows as usize).expect("only segments that decode are recorded");
        self.decoded.get_or_init(decode)
    }
}

/// Where a study stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum StudyStatus {
    /// Waits for a board.
    Submitted,
    /// Approved; no hospital has accepted it yet.
    Approved,
    /// At least one hospital has accepted it.
    Open,
    /// Nothing is asked or answered for now.
    Suspended,
    /// A board did not approve it.
    Rejected,
    /// The board that approved it ended it.
    Stopped,
    /// Whoever submitted it ended it.
    Closed,
}

impl StudyStatus {
    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Rejected => "rejected",
            Self::Stopped => "stopped",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for StudyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submitted => "submitted and not approved yet",
            Self::Approved => "approved already",
            Self::Open => "approved already and open",
            Self::Suspended => "suspended",
            Self::Rejected => "rejected by its ethics board",
            Self::Stopped => "stopped by its ethics board",
            Self::Closed => "closed by who submitted it",
        })
    }
}

/// A decision about a study that stands.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Decision {
    /// Whose.
    pub by: MemberId,
    /// For whom.
    pub party: SealingParty,
    /// What was decided.
    pub act: Act,
    /// Why.
    pub reason: String,
    /// Who signed it for a board, in order; the last signature is this decision's transaction.
    pub signatures: Vec<SignatureRecord>,
    /// Decided at.
    pub height: Height,
    /// Decided by.
    pub transaction: TransactionId,
}

impl Decision {
    /// What an approval asks for.
    pub fn conditions(&self) -> Option<&Conditions> {
        self.act.conditions()
    }

    /// The transactions it rests on, its own among them.
    pub fn transactions(&self) -> impl Iterator<Item = TransactionId> {
        self.signatures.iter().map(|signature| signature.transaction).chain([self.transaction])
    }
}

/// A study.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StudyRecord {
    /// Counts studies from 1, for people (`S-3`).
    pub number: u32,
    /// As submitted.
    pub submitted: StudySubmit,
    /// Who submitted it.
    pub submitter: MemberId,
    /// Submitted at.
    pub height: Height,
    /// Version; amendments raise it.
    pub version: u32,
    /// The scope registry that was in force when it was submitted; its consent tables are laid out by it.
    pub registry: Digest32,
    /// Indices of purpose and categories in the registry, ascending.
    pub scopes: Vec<u16>,
    /// Approvals, by board.
    pub approvals: BTreeMap<MemberId, Decision>,
    /// How often each board has decided about it. A signature names the number, so that it serves one decision.
    pub decisions: BTreeMap<MemberId, u32>,
    /// Persons of boards who take no part in it.
    pub recused: BTreeSet<PersonKey>,
    /// Hospitals that have accepted.
    pub accepted: u32,
    /// Statements asked so far.
    pub statements: u32,
    /// Day of the submission.
    pub day: Day,
    /// Suspensions that stand, by whom: at most one of each board and one of who submitted it.
    pub suspensions: BTreeMap<MemberId, Decision>,
    /// The decision that ended it.
    pub ended: Option<Decision>,
}

impl StudyRecord {
    /// The last day on which a board may approve it: what nobody approved by then is forgotten.
    pub fn waits_until(&self) -> Day {
        self.submitted.expiry.min(Day(self.day.0.saturating_add(WAITING_DAYS)))
    }

    /// Its last day: the one submitted, or an earlier one that a board asked for.
    pub fn last_day(&self) -> Day {
        self.conditions().filter_map(|conditions| conditions.until).fold(self.submitted.expiry, Day::min)
    }

    /// The first day on which something may be asked, if a board asked for one.
    pub fn not_before(&self) -> Option<Day> {
        self.conditions().filter_map(|conditions| conditions.not_before).max()
    }

    /// Least number of people behind a released cell: the one submitted, or a greater one that a board asked for.
    pub fn k_min(&self) -> u32 {
        self.conditions().filter_map(|conditions| conditions.k_min).fold(self.submitted.k_min, u32::max)
    }

    /// Whether every board that has approved it lets this hospital take part.
    pub fn allows(&self, hospital: &MemberId) -> bool {
        self.conditions().all(|conditions| conditions.sites.is_empty() || conditions.sites.contains(hospital))
    }

    /// What its approvals ask for.
    pub fn conditions(&self) -> impl Iterator<Item = &Conditions> {
        self.approvals.values().filter_map(Decision::conditions)
    }

    /// How often a board has decided about it.
    pub fn decisions_of(&self, board: &MemberId) -> u32 {
        self.decisions.get(board).copied().unwrap_or_default()
    }

    /// Digest of its approvals: of each the board, what it asks for, who signed and when.
    pub fn approvals_digest(&self) -> Digest32 {
        Digest32::tagged(tag::STUDY_APPROVALS, [bytes_of(&self.approvals).as_slice()])
    }

    /// Digest of all that boards decide about: who signs names it.
    pub fn version_digest(&self) -> Digest32 {
        study_version(&self.submitter, self.version, &self.registry, &self.submitted)
    }

    /// Where it stands. Whether it is in date depends on the day: see [`Self::last_day`].
    pub fn status(&self) -> StudyStatus {
        match (self.ended.as_ref().map(|decision| &decision.act), self.approvals.is_empty(), self.accepted) {
            (Some(Act::Reject), ..) => StudyStatus::Rejected,
            (Some(Act::Stop), ..) => StudyStatus::Stopped,
            (Some(_), ..) => StudyStatus::Closed,
            (None, true, _) => StudyStatus::Submitted,
            (None, false, _) if !self.suspensions.is_empty() => StudyStatus::Suspended,
            (None, false, 0) => StudyStatus::Approved,
            (None, false, _) => StudyStatus::Open,
        }
    }

    /// True if nothing can be asked or answered of it any more: it was ended, or its last day is before this one.
    pub fn is_over(&self, today: Day) -> bool {
        self.ended.is_some() || today > self.last_day()
    }

    /// What refuses everything that is asked, answered or accepted of an approved study now, whatever the day.
    pub(super) fn check_going_on(&self) -> Result<(), Rejection> {
        if self.ended.is_some() {
            return Err(Rejection::StudyStatus(self.status()));
        }
        match self.suspensions.values().next() {
            Some(decision) => Err(StudyRefused::Suspended(decision.reason.clone()).into()),
            None => Ok(()),
        }
    }
}

/// A cut's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct CutId(pub Digest32);

/// The tables of a hospital that every query of a study is answered from.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DataCut {
    /// Its identity.
    pub id: CutId,
    /// The study.
    pub study: StudyId,
    /// The hospital.
    pub hospital: MemberId,
    /// Data segments, in order.
    pub data: Vec<SegmentId>,
    /// Consent segments, in order; as many.
    pub consent: Vec<SegmentId>,
    /// Mapping of all data segments.
    pub mapping: Digest32,
    /// Policy of all consent segments.
    pub policy: Digest32,
    /// Import report of the data.
    pub report: Digest32,
    /// The hospital's least number of people.
    pub k_min: u32,
    /// The study whose acceptance made these tables the research cut: this one, or an earlier one.
    pub origin: StudyId,
    /// Rows that the hospital said were new, gone or changed when it renewed the research cut with this study.
    pub changed: Option<u32>,
    /// Fixed at.
    pub height: Height,
    /// Fixed by.
    pub transaction: TransactionId,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QueryRecord {
    /// Counts queries from 1, for people (`Q-17`).
    pub number: u32,
    /// As asked.
    pub query: Query,
    /// Digest of the statement's canonical bytes.
    pub statement: Digest32,
    /// Who asked.
    pub asker: MemberId,
    /// Asked at.
    pub height: Height,
    /// Block time of that height.
    pub time: BlockTime,
    /// Hospitals that had accepted the study and so were asked.
    pub hospitals: Vec<MemberId>,
}

/// An accepted answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnswerRecord {
    /// The query.
    pub query: QueryId,
    /// The hospital.
    pub hospital: MemberId,
    /// The cut it was made from.
    pub cut: CutId,
    /// Height whose withdrawals and date it counts with.
    pub named: Height,
    /// UTC date of that height.
    pub day: Day,
    /// Included at.
    pub height: Height,
    /// Included as.
    pub transaction: TransactionId,
    /// Least number of people behind a released cell.
    pub k_min: u32,
    /// Salted digest of the released cells.
    pub cells_digest: [u8; 32],
    /// Gates released, small, withheld.
    pub counts: GateCounts,
    /// Digest of the ciphertext with the cells.
    pub sealed: Digest32,
    /// Slots that left since the cut.
    pub left_since_cut: Leavers,
    /// Slots that left since the query.
    pub left_since_query: Leavers,
    /// True if more slots left since the query, or by the hospital's hand since the cut, than the network lets pass unmarked.
    pub marked: bool,
    /// [`StudyRecord::approvals_digest`] when it was included: whoever shows the answer cannot leave an approval or its conditions out.
    pub approvals: Digest32,
    /// Digest of governance when it was included: members, validator sets, registries, rules, circuit keys, proposals and votes.
    pub governance: Digest32,
}

/// A patient's key that stands for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyRecord {
    /// The key.
    pub key: PatientKey,
    /// Enrolled at.
    pub height: Height,
    /// Enrolled by.
    pub transaction: TransactionId,
}

/// What became of a query at a hospital.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum PairStatus {
    /// Waiting, until the deadline.
    Open,
    /// Answered.
    Answered(Box<AnswerRecord>),
    /// Declined.
    Declined {
        /// Why.
        code: RefusalCode,
        /// In words.
        reason: String,
        /// Declined at.
        height: Height,
        /// Declined by.
        transaction: TransactionId,
        /// True if the hospital had accepted the study before it was asked; such refusals are shown to the board.
        after_acceptance: bool,
    },
}

/// A query at a hospital.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PairRecord {
    /// Where it stands.
    pub status: PairStatus,
    /// Answers whose proof failed. At [`countersign_messages::limits::INVALID_ANSWERS_MAX`] the pair is closed.
    pub invalid: u8,
}

impl PairRecord {
    pub(super) fn open() -> Self {
        Self { status: PairStatus::Open, invalid: 0 }
    }

    /// True if an answer may still come (before the deadline).
    pub fn is_open(&self) -> bool {
        self.status == PairStatus::Open && self.invalid < countersign_messages::limits::INVALID_ANSWERS_MAX
    }
}

/// Cells released of a table, by day.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct CellBudget {
    pub(crate) days: Vec<(Day, u32)>,
}
