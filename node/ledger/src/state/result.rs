//! What became of the transactions of a block.

use super::{
    proposal::{ProposalStatus, Tally},
    records::{AnswerRecord, CutId, TableKey},
};
use crate::{active::Leavers, rejection::Rejection};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use countersign_messages::RejectionCode;
use countersign_messages::{Act, PersonKey, ProposalId, QueryId, StudyId, TransactionId, codec::bytes_of, merkle};

/// What an accepted transaction did.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Effect {
    /// A change is proposed.
    Proposed {
        /// The proposal.
        proposal: ProposalId,
        /// Its number.
        number: u32,
        /// Where it stands with the proposer's vote.
        status: ProposalStatus,
    },
    /// A vote is cast.
    Voted {
        /// The proposal.
        proposal: ProposalId,
        /// True for, false against.
        approve: bool,
        /// The votes now.
        tally: Tally,
        /// Where it stands with them.
        status: ProposalStatus,
    },
    /// Segments are anchored.
    Anchored {
        /// Their table.
        table: TableKey,
        /// How many.
        segments: u32,
    },
    /// Slots are out of force.
    Withdrawn(Leavers),
    /// So many keys of patients stand for slots.
    Enrolled(u32),
    /// A study is submitted.
    Submitted {
        /// The study.
        study: StudyId,
        /// Its number.
        number: u32,
    },
    /// A first signature waits for a second, under a statement of this digest.
    Signed(Digest32),
    /// Somebody signs for an ethics board, or is changed.
    PersonAdmitted(PersonKey),
    /// Somebody signs no more.
    PersonEnded(PersonKey),
    /// A person of a board takes no part in a study.
    Recused {
        /// The study.
        study: StudyId,
        /// Who.
        person: PersonKey,
    },
    /// A site accepted a study.
    Accepted {
        /// The study.
        study: StudyId,
        /// Its cut at the site.
        cut: CutId,
    },
    /// A query is open.
    Asked {
        /// The query.
        query: QueryId,
        /// Its number.
        number: u32,
        /// Hospitals asked.
        hospitals: u32,
    },
    /// An answer is recorded.
    Answered(Box<AnswerRecord>),
    /// A refusal is recorded.
    Declined {
        /// The query.
        query: QueryId,
        /// True if the site had accepted the study before it was asked.
        after_acceptance: bool,
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
    /// A decision about a study stands.
    Decided {
        /// The study.
        study: StudyId,
        /// What was decided.
        act: Act,
    },
}

/// Accepted or rejected.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// Accepted, with its effect.
    Accepted(Effect),
    /// Rejected; nothing but the signer's sequence and, for answers, the pair's counters changed.
    Rejected {
        /// The stable code; committed to.
        code: RejectionCode,
        /// The message. For people: not committed to, so that its wording may improve.
        detail: String,
    },
}

/// A transaction's result.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TransactionResult {
    /// The transaction.
    pub transaction: TransactionId,
    /// What became of it.
    pub verdict: Verdict,
}

impl TransactionResult {
    pub(crate) fn rejected(transaction: TransactionId, rejection: &Rejection) -> Self {
        let mut detail = rejection.to_string();
        if detail.len() > countersign_messages::limits::DETAIL_BYTES_MAX {
            let cut = (0..=countersign_messages::limits::DETAIL_BYTES_MAX).rev().find(|i| detail.is_char_boundary(*i)).unwrap_or(0);
            detail.truncate(cut);
        }
        Self { transaction, verdict: Verdict::Rejected { code: rejection.code(), detail } }
    }

    /// The effect, if it was accepted.
    pub fn effect(&self) -> Option<&Effect> {
        match &self.verdict {
            Verdict::Accepted(effect) => Some(effect),
            Verdict::Rejected { .. } => None,
        }
    }

    /// The code, if it was rejected.
    pub fn rejection(&self) -> Option<RejectionCode> {
        match &self.verdict {
            Verdict::Accepted(_) => None,
            Verdict::Rejected { code, .. } => Some(*code),
        }
    }

    /// The Merkle leaf: everything but the message.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn leaf(&self) -> Digest32 {
        let bytes = match &self.verdict {
            Verdict::Accepted(effect) => bytes_of(&(self.transaction, true, effect)),
            Verdict::Rejected { code, .. } => bytes_of(&(self.transaction, false, code)),
        };
        merkle::leaf(&bytes)
    }
}
