//! Transactions, and what became of them.

use super::{Id, Leavers, ProposalStanding, Tally, Time};
use serde::{Deserialize, Serialize};

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It kept every rule.
    Accepted {
        /// What it did.
        effect: Effect,
    },
    /// It broke a rule and changed nothing.
    Rejected {
        /// The rule's stable code.
        #[cfg_attr(feature = "openapi", schema(pattern = "^L[0-9]{3}$"))]
        code: String,
        /// The rule in words, and who is at fault.
        words: String,
    },
}

/// What an accepted transaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
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
    /// Slots out of force are empty in all versions of a segment that can be used.
    Erased {
        /// Position of the segment.
        index: u32,
        /// Slots emptied, whether they held anything or not.
        slots: u32,
        /// Versions replaced, of all tables.
        versions: u32,
    },
    /// Patients' keys stand for slots.
    Enrolled {
        /// How many.
        keys: u32,
    },
    /// A study is submitted.
    Submitted {
        /// The study.
        study: Id,
        /// Its number.
        number: u32,
    },
    /// A first signature of a person of an ethics board waits for a second.
    Signed {
        /// Digest of what is said.
        statement: Id,
    },
    /// Somebody signs for an ethics board, or is changed.
    PersonAdmitted {
        /// Their key.
        person: Id,
    },
    /// Somebody signs no more.
    PersonEnded {
        /// Their key.
        person: Id,
    },
    /// A person of a board takes no part in a study.
    Recused {
        /// The study.
        study: Id,
        /// Their key.
        person: Id,
    },
    /// A decision about a study stands.
    Decided {
        /// The study.
        study: Id,
        /// `approve`, `reject`, `suspend`, `lift`, `stop` or `close`.
        act: String,
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

/// A transaction of a block, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransactionSummary {
    /// Hash of the signed transaction.
    pub id: Id,
    /// Place in the block, from 0.
    pub position: u32,
    /// Kind of payload.
    pub kind: String,
    /// The member who signed, or the key of a patient.
    pub signer: Id,
    /// The signer's sequence number.
    pub sequence: u64,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Where a leaf stands under a header's root (docs/protocol/ledger.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MerklePath {
    /// The leaf.
    pub leaf: Id,
    /// Its position.
    pub index: u32,
    /// Leaves of the tree.
    pub count: u32,
    /// Sibling hashes, nearest to the leaf first.
    pub siblings: Vec<Id>,
}

/// A transaction in its block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transaction {
    /// In short.
    #[serde(flatten)]
    pub summary: TransactionSummary,
    /// Height of its block.
    pub height: u64,
    /// Time of its block.
    pub time: Time,
    /// Id of its block.
    pub block: Id,
    /// To the header's `transactions_root`.
    pub transaction_path: MerklePath,
    /// To the header's `results_root`.
    pub result_path: MerklePath,
}

/// A transaction that was taken and is in no block yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queued {
    /// Hash of the signed transaction: ask for it by this.
    pub id: Id,
    /// Always `queued`.
    pub status: String,
}

/// A transaction as JSON. Anything above some mebibytes is better sent as `application/octet-stream`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TransactionBytes {
    /// The canonical bytes of the signed transaction, in hexadecimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^([0-9a-fA-F]{2})*$"))]
    pub bytes: String,
}
