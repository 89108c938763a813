//! What makes a transaction attributable to a member, and how far its sequence number is from the next.

use countersign_ledger::{EnvelopeError, MemberId, State, Transaction, Wire};

/// Where a transaction stands in its signer's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The next one.
    Ready,
    /// One after that.
    Future {
        /// Numbers between the next one and this.
        gap: u64,
    },
}

/// Checks everything about the envelope but that the number is exactly the next. Cheap checks first, the signature last.
pub(crate) fn admission(state: &State, transaction: &Transaction) -> Result<Admission, EnvelopeError> {
    transaction.check_bounds()?;
    if transaction.network != state.network() {
        return Err(EnvelopeError::Network);
    }
    if !is_member(state, &transaction.signer) {
        return Err(EnvelopeError::Signer(transaction.signer));
    }
    let next = state.next_sequence(&transaction.signer);
    let Some(gap) = transaction.sequence.checked_sub(next) else {
        return Err(EnvelopeError::Sequence { found: transaction.sequence, next });
    };
    transaction.check_signature()?;
    Ok(if gap == 0 { Admission::Ready } else { Admission::Future { gap } })
}

/// True if somebody is a member now.
pub(crate) fn is_member(state: &State, member: &MemberId) -> bool {
    state.genesis().member(member).is_some()
}
