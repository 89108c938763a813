//! Headers and blocks.

use super::{Certificate, Id, Time, TransactionSummary};
use serde::{Deserialize, Serialize};

/// What a block commits to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Header {
    /// Position, from 1.
    pub height: u64,
    /// Agreed time.
    pub time: Time,
    /// Hash of the header.
    pub id: Id,
    /// The network.
    pub network: Id,
    /// Id of the block before; the genesis hash for the first block.
    pub previous: Id,
    /// Merkle root over the transactions' ids.
    pub transactions_root: Id,
    /// Merkle root over the results.
    pub results_root: Id,
    /// Digest of the state after the block.
    pub state_digest: Id,
    /// Digest of the validator set that decides the next block.
    pub validators: Id,
}

/// Headers in order of height.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Headers {
    /// The headers.
    pub items: Vec<Header>,
    /// Height of the last block of the chain.
    pub last: u64,
    /// `from` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The precommits that decided it.
    pub certificate: Certificate,
    /// The transactions, in order of execution.
    pub transactions: Vec<TransactionSummary>,
}
