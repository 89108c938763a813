//! Why a transaction may stand in no block.

use crate::{
    class::Class,
    codec::DecodeError,
    identity::{MemberId, Role},
};

/// Why a transaction cannot be attributed to its signer or used again. Such a transaction stands in no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Over a bound.
    #[error(transparent)]
    Bounds(#[from] DecodeError),
    /// Encodes to more bytes than a transaction may have.
    #[error("the transaction has {0} bytes; at most {max}", max = crate::limits::TRANSACTION_BYTES_MAX)]
    TooLong(usize),
    /// Signed for another network.
    #[error("the transaction is signed for another network")]
    Network,
    /// The signer is nobody here.
    #[error("the signer {0:?} is not a member of this network")]
    Signer(MemberId),
    /// Not the signer's next sequence number: a replay, or something is missing before it.
    #[error("sequence {found} of this signer, the next is {next}: {}", if found < next { "this number has been used" } else { "send the ones before it first" })]
    Sequence {
        /// The transaction's.
        found: u64,
        /// The signer's next.
        next: u64,
    },
    /// The signer may not send this.
    #[error("only a member with the role {0} may do this")]
    Role(Role),
    /// No key that is enrolled for a slot in force.
    #[error("this key stands for no slot in force of that hospital: it was never enrolled, or the slot has left already")]
    NoSlot,
    /// Too much of what the signer sent today was rejected.
    #[error(
        "too many of your {class} were rejected today, so no more of them are taken until 00:00 UTC; see in their results what is wrong"
    )]
    DayClosed {
        /// What is closed.
        class: Class,
    },
    /// The signature does not verify.
    #[error("the signature does not verify under the signer's key")]
    Signature,
}
