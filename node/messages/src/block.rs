//! Blocks and headers.

use crate::{
    circuit_keys::KeysError,
    codec::{DecodeError, Wire, bound, bytes_of},
    envelope::EnvelopeError,
    genesis::NetworkId,
    limits::{BLOCK_BYTES_MAX, BLOCK_PROOFS_MAX, BLOCK_TRANSACTIONS_MAX},
    merkle,
    time::{BlockTime, Height},
    transaction::{Transaction, TransactionId},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use std::fmt;

/// Hash of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct BlockId(pub Digest32);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a block commits to. Everything in it follows from the block before, the time and the transactions: two honest nodes make the
/// same header. Commit certificates differ between nodes and are kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The network.
    pub network: NetworkId,
    /// Position, from 1.
    pub height: Height,
    /// Agreed time, later than the block before.
    pub time: BlockTime,
    /// Id of the block before; the genesis hash for the first block.
    pub previous: BlockId,
    /// Merkle root over the transactions' ids.
    pub transactions_root: Digest32,
    /// Merkle root over the results, in the same order.
    pub results_root: Digest32,
    /// Digest of the state after the block.
    pub state_digest: Digest32,
    /// Digest of the validator set that decides the next block.
    pub validators: Digest32,
}

/// Bytes of a header.
pub const HEADER_BYTES: usize = 6 * 32 + 2 * 8;

impl Wire for Header {
    const WHAT: &'static str = "header";
    const BYTES_MAX: usize = HEADER_BYTES;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

impl Header {
    /// The block's id.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn id(&self) -> BlockId {
        BlockId(Digest32::tagged(tag::HEADER, [bytes_of(self).as_slice()]))
    }
}

/// A header and its transactions.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions, in order of execution.
    pub transactions: Vec<Transaction>,
}

impl Wire for Block {
    const WHAT: &'static str = "block";
    const BYTES_MAX: usize = BLOCK_BYTES_MAX + HEADER_BYTES + 4;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "transactions", self.transactions.len(), BLOCK_TRANSACTIONS_MAX)?;
        self.transactions.iter().try_for_each(Wire::check_bounds)
    }
}

impl Block {
    /// Ids of the transactions, in order.
    pub fn transaction_ids(&self) -> Vec<TransactionId> {
        self.transactions.iter().map(Transaction::id).collect()
    }
}

/// Merkle leaves of transactions.
pub fn transaction_leaves(ids: &[TransactionId]) -> Vec<Digest32> {
    ids.iter().map(|id| merkle::leaf(&id.0.0)).collect()
}

/// Why a block is not the next one. Whoever proposed (or stored) it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Made for another network.
    #[error("the block belongs to another network")]
    Network,
    /// Not the next height.
    #[error("height {found} does not follow {last}")]
    Height {
        /// The block's.
        found: Height,
        /// The state's.
        last: Height,
    },
    /// It does not name the last block.
    #[error("block {0} does not name the block before it")]
    Previous(Height),
    /// Time stands still, runs backwards or leaves the calendar.
    #[error("block time {found:?} is not later than {last:?}, or beyond the year 9999")]
    Time {
        /// The block's.
        found: BlockTime,
        /// The last block's.
        last: BlockTime,
    },
    /// Over a bound.
    #[error(transparent)]
    Bounds(#[from] DecodeError),
    /// Over the size of a block.
    #[error("the block's transactions have {0} bytes; at most {BLOCK_BYTES_MAX}")]
    TooLong(usize),
    /// Over the number of proofs.
    #[error("the block has {0} transactions with a proof; at most {BLOCK_PROOFS_MAX}")]
    Proofs(usize),
    /// The transactions are not those the header commits to.
    #[error("block {0}: its transactions root is not that of its transactions")]
    Transactions(Height),
    /// A transaction that may stand in no block.
    #[error("transaction {index}: {reason}")]
    Envelope {
        /// Position.
        index: usize,
        /// Why.
        reason: EnvelopeError,
    },
    /// A commitment of the header is not what execution gives.
    #[error("block {height}: its {what} is not what executing it gives")]
    Commitment {
        /// The block.
        height: Height,
        /// Which commitment.
        what: &'static str,
    },
    /// The node does not hold the circuit keys in force. It is at fault, not the block.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl BlockError {
    /// True if the transactions are not those of the header. If the header is decided, whoever sent them with it is at fault, not its proposer.
    pub fn is_tampered(&self) -> bool {
        matches!(self, Self::Bounds(_) | Self::TooLong(_) | Self::Transactions(_))
    }
}
