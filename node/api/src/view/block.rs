//! Blocks and headers.

use super::{time, transaction};
use countersign_messages::{Header, json};
use countersign_store::StoredBlock;

/// What a block commits to.
pub(crate) fn header(header: &Header) -> json::Header {
    json::Header {
        height: header.height.0,
        time: time(header.time),
        id: header.id().into(),
        network: header.network.into(),
        previous: header.previous.into(),
        transactions_root: header.transactions_root.into(),
        results_root: header.results_root.into(),
        state_digest: header.state_digest.into(),
        validators: header.validators.into(),
    }
}

/// A block.
pub(crate) fn block(stored: &StoredBlock) -> json::Block {
    json::Block {
        header: header(&stored.block.header),
        certificate: (&stored.certificate).into(),
        transactions: transaction::summaries(stored),
    }
}
