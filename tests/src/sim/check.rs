//! What must hold, and the failures that say it did not.

mod agreement;
mod answers;
pub mod history;
mod liveness;
mod validity;
mod withdrawals;

pub(super) use agreement::Watch;

use countersign_messages::{CertificateError, Height, MemberId, QueryId, StudyId, TransactionId};

/// A property that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Two nodes committed different blocks.
    Disagreement {
        /// At.
        height: Height,
        /// The node that came later.
        node: usize,
    },
    /// A block was committed with a certificate that does not verify.
    Certificate {
        /// By.
        node: usize,
        /// Why.
        error: CertificateError,
    },
    /// A node committed heights out of order, or one height twice.
    Order {
        /// Which height.
        height: Height,
        /// Which node.
        node: usize,
    },
    /// A node's state is not what its block commits to.
    State {
        /// Which height.
        height: Height,
        /// Which node.
        node: usize,
    },
    /// A committed block does not validate on a fresh state.
    Invalid {
        /// Which height.
        height: Height,
        /// Why.
        why: String,
    },
    /// A transaction stands in the chain twice.
    Twice(TransactionId),
    /// Two answers of a hospital to a query, or to a statement of a study, were accepted.
    DoubleAnswer {
        /// Whose.
        hospital: MemberId,
        /// To.
        query: QueryId,
    },
    /// Something was asked, accepted or answered of a study while it was suspended, or after it had ended.
    NotHeld {
        /// Of which.
        study: StudyId,
        /// By what.
        transaction: TransactionId,
    },
    /// A board decided with one signature what takes two.
    OneSignature {
        /// About which.
        study: StudyId,
        /// By what.
        transaction: TransactionId,
    },
    /// A committed withdrawal is not in an active bitmap.
    LostWithdrawal {
        /// Whose.
        hospital: MemberId,
        /// Which.
        slot: u32,
        /// In the state of.
        height: Height,
    },
    /// A version of before a committed erasure can still be used.
    NotErased {
        /// Whose.
        hospital: MemberId,
        /// Which segment.
        index: u32,
        /// In the state of.
        height: Height,
    },
    /// An accepted answer counts slots that had left.
    CountsWhoLeft {
        /// Whose.
        hospital: MemberId,
        /// To.
        query: QueryId,
        /// How many slots.
        missed: u32,
    },
    /// An honest transaction is in no block.
    Missing {
        /// Which.
        transaction: TransactionId,
        /// Its kind.
        kind: &'static str,
    },
    /// After the faults had ended, nodes did not get to the same height with everything in it.
    NotLive {
        /// Where they are.
        heights: Vec<Height>,
        /// Transactions that are still on their way.
        waiting: Vec<String>,
    },
    /// A node saw a validator vote twice that has lost something, not its honesty.
    Accused {
        /// Which node.
        node: usize,
    },
    /// A node would have disconnected an honest peer.
    CutOff {
        /// Which node.
        node: usize,
        /// Whom.
        peer: usize,
    },
    /// Consensus stopped with an error.
    Stopped(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests;
