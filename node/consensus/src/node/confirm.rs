//! Submitting a transaction and waiting until it stands in a block.

use super::Node;
use crate::mempool::SubmitError;
use crate::stop::stopped;
use async_recursion::async_recursion as boxed;
use countersign_ledger::TransactionResult;
use countersign_messages::{Height, Transaction};
use countersign_store::StoreError;
use std::time::Duration;

/// How often a transaction that waits is sent again: a validator that was restarted has lost it.
const AGAIN: Duration = Duration::from_secs(2);

/// A transaction did not get into a block.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// This node's mempool refuses it.
    #[error(transparent)]
    Refused(#[from] SubmitError),
    /// Something else used its sequence number.
    #[error("another transaction of this member used sequence {0}; sign it again with the next one")]
    Overtaken(u64),
    /// No block with it came in time.
    #[error(
        "no block with the transaction came within {0:?}; it may still come. Look at the node's status, then send the same bytes again"
    )]
    Timeout(Duration),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node is stopping.
    #[error("the node is stopping; send the same bytes again when it runs")]
    Stopping,
}

impl Node {
    /// Submits a transaction, or the same one again, and waits for its block. The result may be a rejection: it is on record.
    ///
    /// # Errors
    /// [`ConfirmError`].
    #[boxed]
    pub async fn confirm(&self, transaction: Transaction, patience: Duration) -> Result<(Height, TransactionResult), ConfirmError> {
        let (id, signer, sequence) = (transaction.id(), transaction.signer, transaction.sequence);
        let waiting = async {
            let (mut states, mut stop) = (self.subscribe(), self.shared.stop.subscribe());
            loop {
                if let Some(entry) = self.store().transaction(&id).await? {
                    return Ok((entry.height, entry.result));
                }
                if states.borrow_and_update().next_sequence(&signer) > sequence {
                    return Err(ConfirmError::Overtaken(sequence));
                }
                self.shared.pool.resubmit(transaction.clone())?;
                tokio::select! {
                    _ = states.changed() => {}
                    () = tokio::time::sleep(AGAIN) => {}
                    () = stopped(&mut stop) => return Err(ConfirmError::Stopping),
                }
            }
        };
        tokio::time::timeout(patience, waiting).await.unwrap_or(Err(ConfirmError::Timeout(patience)))
    }
}
