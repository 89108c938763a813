//! Transactions and what became of them.

use super::{
    Id, Time,
    proposal::{ProposalStanding, Tally},
};
use countersign_ledger::{Effect, Leavers as LedgerLeavers, Verdict as LedgerVerdict, light::Inclusion};
use countersign_messages::{Transaction as LedgerTransaction, merkle};
use countersign_store::StoredBlock;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a transaction.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It kept every rule.
    Accepted {
        /// What it did.
        effect: EffectView,
    },
    /// It broke a rule and changed nothing.
    Rejected {
        /// The rule's stable code.
        #[schema(pattern = "^L[0-9]{3}$")]
        code: String,
        /// The rule in words, and who is at fault.
        words: String,
    },
}

/// Slots that left, by cause. Slots are numbers of a hospital's register; nobody but the hospital knows whose they are.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Leavers {
    /// By wish of the patient.
    patient: u32,
    /// By the hospital.
    hospital: u32,
}

impl From<LedgerLeavers> for Leavers {
    fn from(leavers: LedgerLeavers) -> Self {
        Self { patient: leavers.patient, hospital: leavers.hospital }
    }
}

/// What an accepted transaction did.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[schema(as = Effect)]
pub(crate) enum EffectView {
    /// A change is proposed.
    Proposed {
        /// The proposal.
        proposal: Id,
        /// Its number.
        number: u32,
        /// Where it stands with the proposer's vote.
        standing: ProposalStanding,
    },
    /// A vote is cast.
    Voted {
        /// The proposal.
        proposal: Id,
        /// True for, false against.
        approve: bool,
        /// The votes now.
        tally: Tally,
        /// Where it stands with them.
        standing: ProposalStanding,
    },
    /// Segments are anchored.
    Anchored {
        /// Dictionary or scope registry of the table.
        table: Id,
        /// How many.
        segments: u32,
    },
    /// Slots are out of force.
    Withdrawn {
        /// How many.
        slots: Leavers,
    },
    /// A study is submitted.
    Submitted {
        /// The study.
        study: Id,
        /// Its number.
        number: u32,
    },
    /// A study is approved.
    Approved {
        /// The study.
        study: Id,
    },
    /// A site accepted a study.
    Accepted {
        /// The study.
        study: Id,
        /// Its cut at the site.
        cut: Id,
    },
    /// A query is open.
    Asked {
        /// The query.
        query: Id,
        /// Its number.
        number: u32,
        /// Sites asked.
        sites: u32,
    },
    /// An answer is recorded.
    Answered {
        /// The query.
        query: Id,
        /// The site.
        hospital: Id,
    },
    /// A refusal is recorded.
    Declined {
        /// The query.
        query: Id,
        /// True if the site had accepted the study before it was asked.
        after_acceptance: bool,
    },
}

impl From<&Effect> for EffectView {
    fn from(effect: &Effect) -> Self {
        match effect {
            Effect::Proposed { proposal, number, status } => {
                Self::Proposed { proposal: Id::of(proposal), number: *number, standing: (*status).into() }
            }
            Effect::Voted { proposal, approve, tally, status } => {
                Self::Voted { proposal: Id::of(proposal), approve: *approve, tally: (*tally).into(), standing: (*status).into() }
            }
            Effect::Anchored { table, segments } => Self::Anchored { table: Id::of(table.table), segments: *segments },
            Effect::Withdrawn(leavers) => Self::Withdrawn { slots: (*leavers).into() },
            Effect::Submitted { study, number } => Self::Submitted { study: Id::of(study), number: *number },
            Effect::Approved(study) => Self::Approved { study: Id::of(study) },
            Effect::Accepted { study, cut } => Self::Accepted { study: Id::of(study), cut: Id::of(cut.0) },
            Effect::Asked { query, number, hospitals } => Self::Asked { query: Id::of(query), number: *number, sites: *hospitals },
            Effect::Answered(record) => Self::Answered { query: Id::of(record.query), hospital: Id::of(record.hospital) },
            Effect::Declined { query, after_acceptance } => Self::Declined { query: Id::of(query), after_acceptance: *after_acceptance },
        }
    }
}

impl From<&LedgerVerdict> for Verdict {
    fn from(verdict: &LedgerVerdict) -> Self {
        match verdict {
            LedgerVerdict::Accepted(effect) => Self::Accepted { effect: effect.into() },
            LedgerVerdict::Rejected { code, detail } => Self::Rejected { code: code.to_string(), words: detail.clone() },
        }
    }
}

/// A transaction of a block, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TransactionSummary {
    /// Hash of the signed transaction.
    pub(crate) id: Id,
    /// Place in the block, from 0.
    pub(crate) position: u32,
    /// Kind of payload.
    pub(crate) kind: &'static str,
    /// The member who signed.
    pub(crate) signer: Id,
    /// The signer's sequence number.
    pub(crate) sequence: u64,
    /// What became of it.
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

impl TransactionSummary {
    /// The transactions of a block in order.
    pub(crate) fn of_block(stored: &StoredBlock) -> Vec<Self> {
        let pairs = stored.block.transactions.iter().zip(&stored.results);
        let summary = |(position, (transaction, result)): (u32, (&LedgerTransaction, &countersign_ledger::TransactionResult))| Self {
            id: Id::of(result.transaction),
            position,
            kind: transaction.payload.kind(),
            signer: Id::of(transaction.signer),
            sequence: transaction.sequence,
            verdict: (&result.verdict).into(),
        };
        (0..).zip(pairs).map(summary).collect()
    }
}

/// Where a leaf stands under a header's root (docs/protocol/ledger.md).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MerklePath {
    /// The leaf.
    leaf: Id,
    /// Its position.
    index: u32,
    /// Leaves of the tree.
    count: u32,
    /// Sibling hashes, nearest to the leaf first.
    siblings: Vec<Id>,
}

impl MerklePath {
    fn new(leaf: countersign_circuits::hash::Digest32, path: &merkle::Path) -> Self {
        Self { leaf: Id::of(leaf), index: path.index, count: path.count, siblings: path.siblings.iter().map(Id::of).collect() }
    }
}

/// A transaction in its block.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Transaction {
    /// In short.
    #[serde(flatten)]
    summary: TransactionSummary,
    /// Height of its block.
    height: u64,
    /// Time of its block.
    time: Time,
    /// Id of its block.
    block: Id,
    /// To the header's `transactions_root`.
    transaction_path: MerklePath,
    /// To the header's `results_root`.
    result_path: MerklePath,
}

impl Transaction {
    /// The transaction at a position of a block, or `None` beyond it.
    pub(crate) fn new(stored: &StoredBlock, position: u32) -> Option<Self> {
        let inclusion = Inclusion::new(&stored.block, &stored.results, position as usize)?;
        let header = &stored.block.header;
        Some(Self {
            summary: TransactionSummary::of_block(stored).into_iter().nth(position as usize)?,
            height: header.height.0,
            time: header.time.into(),
            block: Id::of(header.id()),
            transaction_path: MerklePath::new(merkle::leaf(&inclusion.result.transaction.0.0), &inclusion.path),
            result_path: MerklePath::new(inclusion.result.leaf(), &inclusion.result_path),
        })
    }
}

/// A transaction that was taken and is in no block yet.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Hash of the signed transaction: ask for it by this.
    pub(crate) id: Id,
    /// Always `queued`.
    pub(crate) status: &'static str,
}
