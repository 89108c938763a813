//! What became of a transaction that was sent to the mempool.

use countersign_messages::{EnvelopeError, MemberId};

/// Taken in, or known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// New, and nothing is missing before it.
    Ready,
    /// New, and waits for earlier ones.
    Held {
        /// Sequence numbers of the signer that are missing before it.
        missing: u64,
    },
    /// The same bytes are held already. Harmless: several peers pass on the same transaction.
    Known,
}

impl Inserted {
    /// True if the transaction was not held before, and so is to be passed on.
    pub fn is_new(self) -> bool {
        self != Self::Known
    }
}

/// Who is at fault for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Whoever sent it here: it should have checked before it passed it on.
    Sender,
    /// The member who signed it.
    Signer,
    /// Nobody: try again later.
    Nobody,
}

/// A transaction that is not held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Not attributable to a member, too long, or used.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The first stays.
    #[error("another transaction of {signer:?} with sequence {sequence} is held and stays; sign with the next free sequence number")]
    Taken {
        /// Who signed both.
        signer: MemberId,
        /// Their number.
        sequence: u64,
    },
    /// Beyond the window.
    #[error(
        "sequence {found}, the signer's next is {next}: only {window} are held ahead; send the ones before it and wait for their block"
    )]
    Ahead {
        /// The transaction's.
        found: u64,
        /// The signer's next.
        next: u64,
        /// How many are held.
        window: u64,
    },
    /// Too large to wait for something else.
    #[error("{missing} transactions of {signer:?} are missing before this one, which exceeds its own share; send those first")]
    Gap {
        /// The signer.
        signer: MemberId,
        /// Missing before it.
        missing: u64,
    },
    /// The signer has its share.
    #[error("{signer:?} has {bytes} bytes waiting; with this one it would have more than {max}. Wait until some stand in a block")]
    Share {
        /// The signer.
        signer: MemberId,
        /// Bytes waiting.
        bytes: usize,
        /// Most bytes of one member.
        max: usize,
    },
    /// A hospital's patients have their share.
    #[error("as many withdrawals by patients of this hospital wait as are held; nobody is at fault, send it again in a few blocks")]
    Patients,
    /// The reserve is used up.
    #[error("the reserve for large transactions is in use by others; nobody is at fault, send it again in a few blocks")]
    Busy,
}

impl SubmitError {
    /// Who is at fault. Used sequence numbers are nobody's: a block may have overtaken the transaction on its way. Nor are signers unknown here: this
    /// node or the sender may be behind, and the other know of a member that has come or left. Either costs no signature.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Envelope(
                EnvelopeError::Sequence { .. }
                | EnvelopeError::Signer(_)
                | EnvelopeError::Role(_)
                | EnvelopeError::NoSlot
                | EnvelopeError::DayClosed { .. },
            )
            | Self::Patients
            | Self::Busy => Fault::Nobody,
            Self::Envelope(_) => Fault::Sender,
            Self::Taken { .. } | Self::Ahead { .. } | Self::Gap { .. } | Self::Share { .. } => Fault::Signer,
        }
    }
}
