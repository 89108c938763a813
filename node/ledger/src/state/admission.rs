//! Which transactions may stand in a block, now or soon.

use super::State;
use countersign_circuits::consent::Day;
use countersign_messages::EnvelopeError;
use countersign_messages::{
    Payload, Transaction,
    codec::{Wire, length_of},
    limits::{FUTURE_SEQUENCES_MAX, TRANSACTION_BYTES_MAX},
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
    /// Checks what makes a transaction attributable, allowed and new: whether it may stand in the next block, if that is of the last block's day.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn check_envelope(&self, transaction: &Transaction) -> Result<(), EnvelopeError> {
        self.admit(transaction, 0, self.tip.time.day()).map(|_| ())
    }

    /// Checks a transaction for a pool of waiting ones: everything [`Self::check_envelope`] does, except that others of the same signer
    /// may be missing before it, at most [`FUTURE_SEQUENCES_MAX`].
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn admission(&self, transaction: &Transaction) -> Result<Admission, EnvelopeError> {
        self.admit(transaction, FUTURE_SEQUENCES_MAX, self.tip.time.day())
    }

    /// [`Self::check_envelope`] for a block of a day.
    pub(super) fn check_envelope_on(&self, transaction: &Transaction, day: Day) -> Result<(), EnvelopeError> {
        self.admit(transaction, 0, day).map(|_| ())
    }

    /// True if the signer may send such a transaction today, whatever its sequence and signature: what a pool asks again after every block.
    pub fn may_send(&self, transaction: &Transaction) -> bool {
        self.check_allowed(transaction, self.tip.time.day()).is_ok()
    }

    fn check_allowed(&self, transaction: &Transaction, day: Day) -> Result<(), EnvelopeError> {
        if let Payload::WithdrawByKey(withdraw) = &transaction.payload {
            return self.check_key(&transaction.signer, withdraw);
        }
        let member = self.member(&transaction.signer).ok_or(EnvelopeError::Signer(transaction.signer))?;
        if let Some(role) = transaction.payload.role().filter(|role| !member.has_role(*role)) {
            return Err(EnvelopeError::Role(role));
        }
        self.check_account(transaction, day)
    }

    /// Cheap before dear: the signature comes last.
    fn admit(&self, transaction: &Transaction, gap_max: u64, day: Day) -> Result<Admission, EnvelopeError> {
        transaction.check_bounds()?;
        let bytes = length_of(transaction);
        if bytes > TRANSACTION_BYTES_MAX {
            return Err(EnvelopeError::TooLong(bytes));
        }
        if transaction.network != self.network {
            return Err(EnvelopeError::Network);
        }
        self.check_allowed(transaction, day)?;
        // a patient's key has one transaction, whoever else has been known under it
        let by_key = matches!(transaction.payload, Payload::WithdrawByKey(_));
        let (next, gap_max) = if by_key { (0, 0) } else { (self.next_sequence(&transaction.signer), gap_max) };
        let found = transaction.sequence;
        let gap = found.checked_sub(next).filter(|gap| *gap <= gap_max).ok_or(EnvelopeError::Sequence { found, next })?;
        transaction.check_signature()?;
        Ok(if gap == 0 { Admission::Ready } else { Admission::Future { gap } })
    }
}
