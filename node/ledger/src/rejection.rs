//! Why a transaction is refused.

mod erasure;
mod person;
mod study;

pub use erasure::ErasureRefused;
pub use person::PersonRefused;
pub use study::StudyRefused;

use crate::state::{ProposalStatus, StudyStatus};
use countersign_circuits::consent::Day;
use countersign_messages::RejectionCode;
use countersign_messages::{BlockTime, Height, Name, QueryId, RefusalCode, Role};

/// A rule that a properly signed transaction breaks. The signer is at fault unless the message says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Executing it panicked: a fault of this program. Every validator finds the same.
    #[error("this program failed on the transaction, and nothing of it stands; please report it")]
    Panicked,

    /// The signer has not the role.
    #[error("only a member with the role {0} may do this")]
    Role(Role),

    /// Not a dictionary.
    #[error("the dictionary is refused: {0}")]
    DictionaryInvalid(String),
    /// The same bytes are there.
    #[error("this dictionary is already published")]
    DictionaryKnown,
    /// Another dictionary has this id and version.
    #[error("another dictionary is published as {0}; raise the version")]
    DictionaryTaken(String),
    /// Nobody published it.
    #[error("the dictionary is not published on this network")]
    DictionaryUnknown,

    /// Never in force here.
    #[error("the scope registry was never in force on this network")]
    RegistryUnknown,

    /// No segment, or not contiguous after the known ones.
    #[error("segments must be contiguous and start at or before the table's next index {next}; found index {found:?}")]
    SegmentOrder {
        /// The table's next index.
        next: u32,
        /// The offending index; none if there is no segment.
        found: Option<u32>,
    },
    /// The slot register is full.
    #[error("a table has at most {max} segments", max = countersign_circuits::segment::SEGMENTS_MAX)]
    SegmentCount,
    /// Not the next version.
    #[error("segment {index}: version {found}, the next is {expected}")]
    SegmentVersion {
        /// Segment.
        index: u32,
        /// Version in the transaction.
        found: u32,
        /// The next version.
        expected: u32,
    },
    /// Not whole, or not canonical points.
    #[error("the commitments are refused: {0}")]
    SegmentBytes(#[from] countersign_circuits::segment::SegmentError),
    /// A commitment that is the identity: made without a blinder.
    #[error("segment {index}: commitment {row} is the identity; every row needs a fresh blinder")]
    CommitmentIdentity {
        /// Segment.
        index: u32,
        /// Matrix row.
        row: u32,
    },
    /// A commitment seen before: a reused blinder shows which bins changed.
    #[error("segment {index}: commitment {row} was used before; a segment is anchored again whole, every blinder fresh")]
    CommitmentReused {
        /// Segment.
        index: u32,
        /// Matrix row.
        row: u32,
    },
    /// The day's allowance is used up.
    #[error("{found} commitments on one day; a hospital anchors at most {max}. Go on tomorrow")]
    PointsADay {
        /// With this transaction.
        found: u64,
        /// A day's allowance.
        max: u64,
    },
    /// More segments than any proof of them.
    #[error("the anchor has {found} segments; one proof carries {max} of this table")]
    SegmentsOfProof {
        /// Segments.
        found: usize,
        /// Most segments.
        max: usize,
    },
    /// The S1 proof.
    #[error("the proof of the segments {0}")]
    SegmentsProof(String),

    /// An erasure.
    #[error(transparent)]
    Erasure(#[from] ErasureRefused),

    /// A person of an ethics board, or what they signed.
    #[error(transparent)]
    Person(#[from] PersonRefused),

    /// A study, or a decision about one.
    #[error(transparent)]
    Study(#[from] StudyRefused),

    /// No slot, or not ascending.
    #[error("slots must be one or more, strictly ascending")]
    SlotOrder,
    /// Beyond the register.
    #[error("slot {slot}: this hospital's register has {slots} slots")]
    SlotUnknown {
        /// The slot.
        slot: u32,
        /// Slots of the register.
        slots: u32,
    },
    /// Withdrawn before.
    #[error("slot {0} is already out of force; it never comes back")]
    SlotInactive(u32),

    /// The day's withdrawals are made.
    #[error("a hospital makes at most {max} withdrawals a day, each of many slots; put several patients into one", max = countersign_messages::limits::WITHDRAWALS_A_DAY_MAX)]
    WithdrawalsADay,
    /// A day that is not there yet.
    #[error("the withdrawal is said to have been received on a day after its block's")]
    ReceivedLater,
    /// A slot has one key for ever.
    #[error("slot {0} has a patient's key already; a slot has one, and a new slot gets a new one")]
    SlotHasKey(u32),
    /// A key stands for one slot on the whole network, and is no member's.
    #[error("the key for slot {0} is a member's, or stands for another slot on this network")]
    KeyTaken(u32),
    /// Nobody showed the secret.
    #[error("the key for slot {0} comes without a proof that somebody has its secret")]
    KeyPossession(u32),
    /// The day's enrolments are made.
    #[error("a hospital makes at most {max} enrolments a day, each of many keys", max = countersign_messages::limits::ENROLMENTS_A_DAY_MAX)]
    EnrolmentsADay,

    /// Purpose or categories.
    #[error("the study's scopes are refused: {0}")]
    StudyScopes(String),
    /// Below the least allowed.
    #[error("k_min {found} is refused: from {least} to {max}", max = countersign_messages::K_MIN_MAX)]
    KMin {
        /// Asked for.
        found: u32,
        /// Least.
        least: u32,
    },
    /// No researcher, not ascending, or one who is none.
    #[error("researchers must be one or more members with the researcher role, ascending by key")]
    Researchers,
    /// The sealing keys.
    #[error(
        "sealing keys must ascend and be those the ledger lists, at least one of a researcher of the study and one of a board that neither submits it nor takes part"
    )]
    SealingKeys,
    /// No title or summary.
    #[error("a study has a title and a plain-language summary")]
    StudyText,
    /// In the past or too far.
    #[error("a study ends from today to {max} days from now", max = countersign_messages::limits::STUDY_DAYS_MAX)]
    StudyExpiry,
    /// No such study.
    #[error("there is no such study")]
    StudyUnknown,
    /// Not in the state this needs.
    #[error("the study is {0}")]
    StudyStatus(StudyStatus),
    /// Its last day is over.
    #[error("the study expired after {0}")]
    StudyExpired(Day),
    /// This site accepted before; a new cut is an amendment.
    #[error("this site has accepted the study already; a new cut needs an amendment")]
    StudyAccepted,
    /// Nothing anchored.
    #[error("this site has anchored no {0} table for the study")]
    NoTable(&'static str),
    /// Data and consent cover other slots.
    #[error("data has {data} segments and consent {consent}; both must cover the same slots")]
    TablesDiffer {
        /// Data segments.
        data: u32,
        /// Consent segments.
        consent: u32,
    },
    /// Segments read by different mappings or policies.
    #[error("the segments were read with different {0}; anchor the whole table again")]
    Mixed(&'static str),
    /// Too little has changed.
    #[error("the research cut is renewed with {found} rows new, gone or changed; at least {least} (rule D12)")]
    CutChange {
        /// As stated.
        found: u32,
        /// The network's least number of people.
        least: u32,
    },
    /// Too much work for verifiers.
    #[error("the cut has {found} commitments; at most {max}")]
    CutTooLarge {
        /// Rows times segments.
        found: u64,
        /// The network's bound.
        max: u64,
    },

    /// The key is not on the study (Q25).
    #[error("Q25: your key is not on this study")]
    NotOnStudy,
    /// No site has accepted.
    #[error("no site has accepted the study yet")]
    NoSite,
    /// Not a statement of the study's dictionary.
    #[error("the statement is refused: {0}")]
    Statement(String),
    /// An attribute's category is not in the study (Q21).
    #[error("Q21: attribute \"{attribute}\" is category {category}, which the study was not approved for")]
    Category {
        /// Attribute.
        attribute: String,
        /// Its category.
        category: String,
    },
    /// Past, or too far.
    #[error("the deadline {found:?} must lie after the block's time and at most 30 days ahead")]
    Deadline {
        /// Asked for.
        found: BlockTime,
    },
    /// The statement was asked before and its answers stand or are awaited (D11).
    #[error("the study has asked this statement before; its answers are those of query {0}")]
    Repeated(QueryId),
    /// The study's budget of statements is used up (D11).
    #[error("the study has asked {0} statements, all it may")]
    StatementBudget(u32),

    /// No such query.
    #[error("there is no such query")]
    QueryUnknown,
    /// After the deadline (Q33).
    #[error("Q33: the query's deadline has passed")]
    QueryClosed,
    /// The site had not accepted the study when it was asked.
    #[error("Q30: this site had not accepted the study when the query was asked")]
    NotAsked,
    /// An answer is there.
    #[error("this site has answered the query")]
    Answered,
    /// A refusal is there.
    #[error("this site has declined the query ({0})")]
    Declined(RefusalCode),
    /// Three invalid answers.
    #[error("closed: {max} answers of this site did not verify", max = countersign_messages::limits::INVALID_ANSWERS_MAX)]
    ClosedInvalid,
    /// Not a height from the query to the block before.
    #[error("the answer names height {found}; it must lie from the query's height {query} to {last}")]
    HeightRange {
        /// Named.
        found: Height,
        /// The query's.
        query: Height,
        /// The last decided height.
        last: Height,
    },
    /// Too old.
    #[error("the answer names height {0}, more than 10 minutes ago; make it anew")]
    HeightTooOld(Height),
    /// A patient left meanwhile.
    #[error("a withdrawal at this site lies between the answer's height {named} and now ({withdrawn}); make the answer anew")]
    WithdrawalSince {
        /// Height named.
        named: Height,
        /// Height of the latest withdrawal.
        withdrawn: Height,
    },
    /// The S2 proof.
    #[error("the answer's proof {0}")]
    AnswerProof(String),
    /// The same statement on the same cut has an answer (D11).
    #[error("this site has answered the same statement on the same cut, as query {0}")]
    AnsweredBefore(QueryId),
    /// The table's budget of cells is used up (D11).
    #[error("with {found} cells in 365 days the table's budget of {max} is exceeded")]
    CellBudget {
        /// With this answer.
        found: u32,
        /// Budget.
        max: u32,
    },

    /// What an answer depends on was changed by vote meanwhile.
    #[error(
        "the rules, the circuit keys in force or the conditions of the study changed at height {since}, after the answer's height {named}; make the answer anew"
    )]
    ChangedSince {
        /// Height named.
        named: Height,
        /// First height of what is in force now.
        since: Height,
    },

    /// Not a code for sites.
    #[error("{0} is not a code a site refuses with; use Q30 to Q39")]
    RefusalCode(RefusalCode),

    /// A key nobody can sign with.
    #[error("the member's key is not an Ed25519 key, is of small order, or is a person's of an ethics board")]
    MemberKey,
    /// A key nothing can be sealed to.
    #[error("the member's sealing key is not a proper X25519 key")]
    MemberSealing,
    /// No role, or not in order.
    #[error("a member's roles are one or more, ascending")]
    MemberRoles,
    /// Two members of one name.
    #[error("another member is named \"{0}\"")]
    NameTaken(Name),
    /// The list is full.
    #[error("a network has at most {max} members", max = countersign_messages::limits::MEMBERS_MAX)]
    MembersFull,
    /// Nobody to be removed.
    #[error("there is no such member")]
    MemberUnknown,
    /// Nobody would verify.
    #[error("the change would leave no validator")]
    NoValidator,
    /// Nobody could change anything again.
    #[error("the change would leave no governance member")]
    NoGovernance,
    /// It is so already.
    #[error("the change changes nothing: this is in force already")]
    NothingChanges,
    /// A malformed registry.
    #[error("the scope registry is refused: {0}")]
    Registry(#[from] countersign_circuits::consent::ScopeError),
    /// Below the disclosure floor.
    #[error("rules with k_min {found} are refused: from {least} to {max}", max = countersign_messages::K_MIN_MAX)]
    RulesKMin {
        /// Asked for.
        found: u32,
        /// Least for this kind of network.
        least: u32,
    },
    /// Whoever made development keys can forge answers.
    #[error("development circuit keys are refused on a network that is not a development one; use keys from a ceremony")]
    DevelopmentKeys,

    /// A height nobody will live to see.
    #[error("the change is to be in force at height {found}; at most {last}")]
    InForceTooFar {
        /// Asked for.
        found: Height,
        /// The last allowed.
        last: Height,
    },
    /// Nothing said.
    #[error("a proposal says why in plain words")]
    ProposalText,
    /// One member's share of the list is used up.
    #[error("you have {max} proposals pending, all you may; wait until one is decided and in force", max = countersign_messages::limits::PROPOSALS_A_MEMBER_MAX)]
    ProposalsOfMember,
    /// The list is full.
    #[error("{max} proposals are pending, all there may be; wait until some are decided and in force", max = countersign_messages::limits::PROPOSALS_PENDING_MAX)]
    ProposalsPending,
    /// No such proposal.
    #[error("there is no such proposal")]
    ProposalUnknown,
    /// Decided.
    #[error("the proposal is {0}; it takes no votes")]
    ProposalClosed(ProposalStatus),
    /// One vote each.
    #[error("you have voted on this proposal; a vote stands")]
    Voted,
    /// After the closing time.
    #[error("voting on this proposal ended at {closes:?}")]
    VoteLate {
        /// When.
        closes: BlockTime,
    },
}

impl Rejection {
    /// The stable code.
    pub fn code(&self) -> RejectionCode {
        RejectionCode(match self {
            Self::Role(_) => 100,
            Self::DictionaryInvalid(_) => 110,
            Self::DictionaryKnown => 111,
            Self::DictionaryTaken(_) => 112,
            Self::DictionaryUnknown => 113,
            Self::RegistryUnknown => 114,
            Self::SegmentOrder { .. } => 120,
            Self::SegmentCount => 121,
            Self::SegmentVersion { .. } => 122,
            Self::SegmentBytes(_) => 123,
            Self::CommitmentIdentity { .. } => 124,
            Self::CommitmentReused { .. } => 125,
            Self::PointsADay { .. } => 126,
            Self::SegmentsProof(_) => 127,
            Self::SegmentsOfProof { .. } => 128,
            Self::Erasure(refused) => refused.code(),
            Self::Person(refused) => refused.code(),
            Self::Study(refused) => refused.code(),
            Self::SlotOrder => 130,
            Self::SlotUnknown { .. } => 131,
            Self::SlotInactive(_) => 132,
            Self::WithdrawalsADay => 133,
            Self::ReceivedLater => 134,
            Self::SlotHasKey(_) => 135,
            Self::KeyTaken(_) => 136,
            Self::KeyPossession(_) => 137,
            Self::EnrolmentsADay => 138,
            Self::StudyScopes(_) => 140,
            Self::KMin { .. } => 141,
            Self::Researchers => 142,
            Self::SealingKeys => 143,
            Self::Panicked => 240,
            Self::StudyText => 144,
            Self::StudyExpiry => 145,
            Self::StudyUnknown => 146,
            Self::StudyStatus(_) => 147,
            Self::StudyExpired(_) => 148,
            Self::StudyAccepted => 149,
            Self::NoTable(_) => 150,
            Self::TablesDiffer { .. } => 151,
            Self::Mixed(_) => 152,
            Self::CutTooLarge { .. } => 153,
            Self::CutChange { .. } => 154,
            Self::NotOnStudy => 160,
            Self::NoSite => 161,
            Self::Statement(_) => 162,
            Self::Category { .. } => 163,
            Self::Deadline { .. } => 164,
            Self::Repeated(_) => 165,
            Self::StatementBudget(_) => 166,
            Self::QueryUnknown => 170,
            Self::QueryClosed => 171,
            Self::NotAsked => 172,
            Self::Answered => 173,
            Self::Declined(_) => 174,
            Self::ClosedInvalid => 175,
            Self::HeightRange { .. } => 176,
            Self::HeightTooOld(_) => 177,
            Self::WithdrawalSince { .. } => 178,
            Self::AnswerProof(_) => 179,
            Self::AnsweredBefore(_) => 180,
            Self::CellBudget { .. } => 181,
            Self::ChangedSince { .. } => 182,
            Self::RefusalCode(_) => 190,
            Self::MemberKey => 200,
            Self::MemberRoles => 201,
            Self::NameTaken(_) => 202,
            Self::MembersFull => 203,
            Self::MemberUnknown => 204,
            Self::NoValidator => 205,
            Self::NoGovernance => 206,
            Self::NothingChanges => 207,
            Self::Registry(_) => 208,
            Self::RulesKMin { .. } => 209,
            Self::DevelopmentKeys => 210,
            Self::MemberSealing => 211,
            Self::InForceTooFar { .. } => 220,
            Self::ProposalText => 221,
            Self::ProposalsOfMember => 222,
            Self::ProposalsPending => 223,
            Self::ProposalUnknown => 224,
            Self::ProposalClosed(_) => 225,
            Self::Voted => 226,
            Self::VoteLate { .. } => 227,
        })
    }
}
