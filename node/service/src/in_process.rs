//! The chain of a node that runs in this process.

use async_trait::async_trait;
use countersign_circuits::hash::Digest32;
use countersign_consensus::{ConfirmError, Node, mempool::SubmitError};
use countersign_ledger::{State, TransactionResult};
use countersign_member::{Ledger, LedgerError, PATIENCE};
use countersign_messages::{EnvelopeError, Height, MemberId, QueryId, Transaction};
use countersign_store::ChainStore;
use std::time::Duration;

/// Pause before a transaction is sent again that the mempool has no room for now.
const PAUSE: Duration = Duration::from_millis(200);

/// A handle on a node, and the state as it was last looked at.
#[derive(Debug)]
pub struct InProcess {
    node: Node,
    state: State,
}

impl InProcess {
    /// A node's chain.
    pub fn new(node: Node) -> Self {
        let state = node.state();
        Self { node, state }
    }
}

#[async_trait]
impl Ledger for InProcess {
    fn state(&self) -> &State {
        &self.state
    }

    fn store(&self) -> &ChainStore {
        self.node.store()
    }

    async fn refresh(&mut self) -> Result<(), LedgerError> {
        self.state = self.node.state();
        Ok(())
    }

    fn next_sequence(&self, member: &MemberId) -> u64 {
        self.node.next_sequence(member)
    }

    async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), LedgerError> {
        let sequence = transaction.sequence;
        let sending = async {
            loop {
                match self.node.confirm(transaction.clone(), PATIENCE).await {
                    Ok(confirmed) => return Ok(confirmed),
                    Err(ConfirmError::Overtaken(_)) => return Err(LedgerError::Overtaken(sequence)),
                    // used up since it was signed, or room again after a block
                    Err(ConfirmError::Refused(SubmitError::Envelope(EnvelopeError::Sequence { found, next }))) if found < next => {
                        return match self.node.store().transaction(&transaction.id()).await? {
                            Some(entry) => Ok((entry.height, entry.result)),
                            None => Err(LedgerError::Overtaken(sequence)),
                        };
                    }
                    Err(ConfirmError::Refused(SubmitError::Envelope(error))) => return Err(LedgerError::Refused(error.to_string())),
                    Err(ConfirmError::Refused(_)) => tokio::time::sleep(PAUSE).await,
                    Err(error) => return Err(LedgerError::Node(error.into())),
                }
            }
        };
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        self.state = self.node.state();
        sent.unwrap_or(Err(LedgerError::NoRoom(PATIENCE)))
    }

    async fn put_sealed(&self, _: &QueryId, _: &MemberId, bytes: &[u8]) -> Result<(), LedgerError> {
        self.node.put_blob(bytes).await.map(drop).map_err(|e| LedgerError::Node(e.into()))
    }

    async fn sealed(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, LedgerError> {
        self.node.blob(digest).await.map_err(|e| LedgerError::Node(e.into()))
    }

    /// The node goes on running.
    async fn close(self: Box<Self>) -> Result<(), LedgerError> {
        Ok(())
    }
}
