//! Which transactions may stand in a block, now or soon.

use super::State;
use crate::{
    codec::{Wire, length_of},
    limits::{FUTURE_SEQUENCES_MAX, TRANSACTION_BYTES_MAX},
    rejection::EnvelopeError,
    transaction::Transaction,
};

/// What a pool of waiting transactions may do with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may stand in the next block.
    Ready,
    /// Others of its signer must come first.
    Future {
        /// How many.
        gap: u64,
    },
}

impl State {
    /// Checks what makes a transaction attributable and new: whether it may stand in the next block.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn check_envelope(&self, transaction: &Transaction) -> Result<(), EnvelopeError> {
        self.admit(transaction, 0).map(|_| ())
    }

    /// Checks a transaction for a pool of waiting ones: everything [`Self::check_envelope`] does, except that others of the same signer
    /// may be missing before it, at most [`FUTURE_SEQUENCES_MAX`].
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn admission(&self, transaction: &Transaction) -> Result<Admission, EnvelopeError> {
        self.admit(transaction, FUTURE_SEQUENCES_MAX)
    }

    /// Cheap before dear: the signature comes last.
    fn admit(&self, transaction: &Transaction, gap_max: u64) -> Result<Admission, EnvelopeError> {
        transaction.check_bounds()?;
        let bytes = length_of(transaction);
        if bytes > TRANSACTION_BYTES_MAX {
            return Err(EnvelopeError::TooLong(bytes));
        }
        if transaction.network != self.network {
            return Err(EnvelopeError::Network);
        }
        if self.member(&transaction.signer).is_none() {
            return Err(EnvelopeError::Signer(transaction.signer));
        }
        let (found, next) = (transaction.sequence, self.next_sequence(&transaction.signer));
        let gap = found.checked_sub(next).filter(|gap| *gap <= gap_max).ok_or(EnvelopeError::Sequence { found, next })?;
        transaction.check_signature()?;
        Ok(if gap == 0 { Admission::Ready } else { Admission::Future { gap } })
    }
}
