//! Blocks and headers.

use super::{Id, Time, transaction::TransactionSummary};
use countersign_messages as messages;
use countersign_store::StoredBlock;
use serde::Serialize;
use utoipa::ToSchema;

/// What a block commits to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Header {
    /// Position, from 1.
    height: u64,
    /// Agreed time.
    time: Time,
    /// Hash of the header.
    id: Id,
    /// The network.
    network: Id,
    /// Id of the block before; the genesis hash for the first block.
    previous: Id,
    /// Merkle root over the transactions' ids.
    transactions_root: Id,
    /// Merkle root over the results.
    results_root: Id,
    /// Digest of the state after the block.
    state_digest: Id,
    /// Digest of the validator set that decides the next block.
    validators: Id,
}

impl From<&messages::Header> for Header {
    fn from(header: &messages::Header) -> Self {
        Self {
            height: header.height.0,
            time: header.time.into(),
            id: Id::of(header.id()),
            network: Id::of(header.network),
            previous: Id::of(header.previous),
            transactions_root: Id::of(header.transactions_root),
            results_root: Id::of(header.results_root),
            state_digest: Id::of(header.state_digest),
            validators: Id::of(header.validators),
        }
    }
}

/// Headers in order of height.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Headers {
    /// The headers.
    pub(crate) items: Vec<Header>,
    /// Height of the last block of the chain.
    pub(crate) last: u64,
    /// `from` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u64>,
}

/// A validator's precommit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CommitSignature {
    /// The validator.
    validator: Id,
    /// Ed25519 over the vote, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    signature: String,
}

/// The precommits that decided a block, as this node has them; another node may have others.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Certificate {
    /// The round it was decided in.
    round: u32,
    /// A quorum of precommits, ascending by validator.
    signatures: Vec<CommitSignature>,
}

impl From<&messages::Certificate> for Certificate {
    fn from(certificate: &messages::Certificate) -> Self {
        let signature = |(validator, signature): &(messages::MemberId, messages::Signature)| CommitSignature {
            validator: Id::of(validator),
            signature: hex::encode(signature.0),
        };
        Self { round: certificate.round, signatures: certificate.signatures.iter().map(signature).collect() }
    }
}

/// A block.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Block {
    /// The header.
    header: Header,
    /// The precommits that decided it.
    certificate: Certificate,
    /// The transactions, in order of execution.
    transactions: Vec<TransactionSummary>,
}

impl From<&StoredBlock> for Block {
    fn from(stored: &StoredBlock) -> Self {
        Self {
            header: (&stored.block.header).into(),
            certificate: (&stored.certificate).into(),
            transactions: TransactionSummary::of_block(stored),
        }
    }
}
