//! A transaction whose bounds, size and signature hold: what is dear to check, and needs nothing of the mempool.

use super::{MEMBER_TRANSACTIONS_MAX, SubmitError};
use bytes::Bytes;
use countersign_ledger::State;
use countersign_messages::{EnvelopeError, Transaction, Wire};

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub(super) transaction: Transaction,
    encoded: Bytes,
}

impl Admitted {
    /// Checks a transaction against a state. Costs an encoding, a SHA-256 over it and an Ed25519 verification: tens of milliseconds for the largest.
    ///
    /// # Errors
    /// [`SubmitError::Envelope`] or [`SubmitError::Ahead`].
    pub fn check(state: &State, transaction: Transaction) -> Result<Self, SubmitError> {
        match state.admission(&transaction) {
            Ok(_) => {
                let encoded = transaction.encode().into();
                Ok(Self { transaction, encoded })
            }
            Err(EnvelopeError::Sequence { found, next }) if found > next => {
                Err(SubmitError::Ahead { found, next, window: MEMBER_TRANSACTIONS_MAX })
            }
            Err(refused) => Err(SubmitError::Envelope(refused)),
        }
    }

    /// Its bytes.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }
}
