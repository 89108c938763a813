//! The chain of a node that runs in this process.

use super::PATIENCE;
use crate::failure::Failure;
use anyhow::anyhow;
use countersign_circuits::hash::Digest32;
use countersign_consensus::{ConfirmError, Node, mempool::SubmitError};
use countersign_ledger::{EnvelopeError, Height, MemberId, State, Transaction, TransactionResult};
use countersign_store::ChainStore;
use std::time::Duration;

/// Pause before a transaction is sent again that the mempool has no room for now.
const PAUSE: Duration = Duration::from_millis(200);

/// A handle on a node, and the state as it was last looked at.
#[derive(Debug)]
pub struct Running {
    node: Node,
    state: State,
}

impl Running {
    pub(super) fn new(node: Node) -> Self {
        let state = node.state();
        Self { node, state }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn store(&self) -> &ChainStore {
        self.node.store()
    }

    pub(super) fn refresh(&mut self) {
        self.state = self.node.state();
    }

    pub(super) fn next_sequence(&self, member: &MemberId) -> u64 {
        self.node.next_sequence(member)
    }

    pub(super) async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), Failure> {
        let sequence = transaction.sequence;
        let sending = async {
            loop {
                match self.node.confirm(transaction.clone(), PATIENCE).await {
                    Ok(confirmed) => return Ok(confirmed),
                    Err(ConfirmError::Overtaken(_)) => return Err(Failure::Overtaken(sequence)),
                    // used up since it was signed, or room again after a block
                    Err(ConfirmError::Refused(SubmitError::Envelope(EnvelopeError::Sequence { found, next }))) if found < next => {
                        return match self.node.store().transaction(&transaction.id()).await? {
                            Some(entry) => Ok((entry.height, entry.result)),
                            None => Err(Failure::Overtaken(sequence)),
                        };
                    }
                    Err(ConfirmError::Refused(SubmitError::Envelope(error))) => return Err(Failure::Refused(error.to_string())),
                    Err(ConfirmError::Refused(_)) => tokio::time::sleep(PAUSE).await,
                    Err(error) => return Err(Failure::Other(error.into())),
                }
            }
        };
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        self.refresh();
        sent.unwrap_or_else(|_| {
            Err(anyhow!("no room for the transaction in {} seconds; run the same command again", PATIENCE.as_secs()).into())
        })
    }

    pub(super) async fn put_blob(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.node.put_blob(bytes).await.map(drop).map_err(|e| Failure::Other(e.into()))
    }

    pub(super) async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.node.blob(digest).await?)
    }
}
