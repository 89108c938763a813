//! Queries, answers and refusals.

use super::{StudyId, TransactionId};
use crate::{
    codec::{DecodeError, bound, bytes_of, plain},
    limits::{ANSWER_PROOF_BYTES_MAX, STATEMENT_BYTES_MAX, TEXT_BYTES_MAX},
    time::{BlockTime, Height},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, statement::Statement};
use std::fmt;

/// A query's identity: the transaction that asked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct QueryId(pub TransactionId);

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Asks every site that has accepted the study.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Query {
    /// The study.
    pub study: StudyId,
    /// What is asked, in canonical form.
    pub statement: Statement,
    /// The question as it was written, for people.
    pub question: String,
    /// Answers in blocks later than this are refused.
    pub deadline: BlockTime,
}

impl Query {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("query", "question bytes", self.question.len(), TEXT_BYTES_MAX)?;
        plain("query", "question", &self.question)?;
        bound("query", "statement bytes", bytes_of(&self.statement).len(), STATEMENT_BYTES_MAX)
    }
}

/// Answers a query.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// The query.
    pub query: QueryId,
    /// The height whose withdrawals and UTC date the answer counts with.
    pub height: Height,
    /// The S2 answer: proof, gate counts, digest of the cells.
    pub proof: Vec<u8>,
    /// Digest of the ciphertext that carries the released cells.
    pub sealed: Digest32,
}

impl Answer {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("answer", "proof bytes", self.proof.len(), ANSWER_PROOF_BYTES_MAX)
    }
}

/// Reason code of a refusal by a site: `Q30` to `Q39` of the query language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct RefusalCode(pub u16);

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Q{:02}", self.0)
    }
}

/// Declines to answer a query. The pair of query and site is closed by it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Refusal {
    /// The query.
    pub query: QueryId,
    /// Reason code.
    pub code: RefusalCode,
    /// The reason in words. It must not say how small a number is (rule D14).
    pub reason: String,
}

impl Refusal {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("refusal", "reason bytes", self.reason.len(), TEXT_BYTES_MAX)?;
        plain("refusal", "reason", &self.reason)
    }
}
