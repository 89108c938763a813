//! The chain of a node that runs in another process on this machine: its store is read, and its gateway takes what is sent.

use super::Ledger;
use crate::{
    LedgerError,
    connection::{LOOK, PATIENCE},
    gateway::{GatewayClient, GatewayError},
};
use async_recursion::async_recursion as boxed;
use async_trait::async_trait;
use countersign_ledger::{State, TransactionResult};
use countersign_messages::{Height, MemberId, QueryId, Transaction, Wire};
use countersign_store::{ChainStore, StoreUrl};
use reqwest::StatusCode;
use std::time::Duration;

/// Seconds a gateway is asked to wait for a block at a time.
const WAIT_SECONDS: u64 = 5;
/// Pause before a gateway that has no room is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long blocks are looked for that a gateway has told of.
const STORED: Duration = Duration::from_secs(10);

/// See the module's documentation.
#[derive(Debug)]
pub struct OtherProcess {
    store: ChainStore,
    state: State,
    client: GatewayClient,
}

impl OtherProcess {
    /// Opens the store for reading.
    ///
    /// # Errors
    /// There is no chain, or it is damaged.
    #[boxed]
    pub async fn open(url: &StoreUrl, client: GatewayClient) -> Result<Self, LedgerError> {
        let store = ChainStore::read(url).await?;
        let state = store.load().await?;
        Ok(Self { store, state, client })
    }

    /// Sends until the transaction stands in a block or never can.
    async fn send(&mut self, transaction: &Transaction) -> Result<(Height, TransactionResult), LedgerError> {
        let id = transaction.id();
        loop {
            if let Some(entry) = self.store.transaction(&id).await? {
                return Ok((entry.height, entry.result));
            }
            self.refresh().await?;
            if self.state.next_sequence(&transaction.signer) > transaction.sequence {
                // it may have come between the two looks
                return match self.store.transaction(&id).await? {
                    Some(entry) => Ok((entry.height, entry.result)),
                    None => Err(LedgerError::Overtaken(transaction.sequence)),
                };
            }
            match self.client.post(&format!("/v1/transactions?wait={WAIT_SECONDS}"), transaction.encode()).await {
                Ok(()) => {}
                Err(GatewayError::Problem(problem)) => match problem.status {
                    StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        let pause = problem.retry_seconds.map_or(PAUSE, Duration::from_secs).min(PATIENCE);
                        tokio::time::sleep(pause).await;
                    }
                    status if status.is_client_error() => return Err(LedgerError::Refused(problem.to_string())),
                    _ => return Err(GatewayError::from(problem).into()),
                },
                Err(other) => return Err(other.into()),
            }
        }
    }
}

#[async_trait]
impl Ledger for OtherProcess {
    fn state(&self) -> &State {
        &self.state
    }

    fn store(&self) -> &ChainStore {
        &self.store
    }

    /// Applies the blocks the node has stored since, each decided by the validators, with the verdicts it recorded.
    async fn refresh(&mut self) -> Result<(), LedgerError> {
        let last = self.store.last_height().await?;
        while self.state.tip().height < last {
            let height = self.state.tip().height.next();
            let wrong = |reason: String| LedgerError::Block { height, reason };
            let stored = self.store.block(height).await?.ok_or_else(|| wrong("it is missing".into()))?;
            stored.certificate.check(&stored.block.header, &self.state.validators()).map_err(|e| wrong(e.to_string()))?;
            let outcome = self.state.apply_recorded(&stored.block, &stored.results).map_err(|e| wrong(e.to_string()))?;
            self.state.commit(outcome).map_err(|e| wrong(e.to_string()))?;
        }
        Ok(())
    }

    async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), LedgerError> {
        let sent = tokio::time::timeout(PATIENCE, self.send(&transaction)).await;
        let (height, result) = sent.unwrap_or(Err(LedgerError::Undecided(PATIENCE)))?;
        // whoever goes on from here sees the block
        let reaching = async {
            while self.state.tip().height < height {
                tokio::time::sleep(LOOK).await;
                self.refresh().await?;
            }
            Ok(())
        };
        tokio::time::timeout(STORED, reaching).await.unwrap_or(Err(LedgerError::NotStored(height)))?;
        Ok((height, result))
    }

    async fn put_sealed(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<(), LedgerError> {
        Ok(self.client.put(&format!("/v1/blobs?query={query}&hospital={hospital}"), bytes.to_vec()).await?)
    }

    async fn close(self: Box<Self>) -> Result<(), LedgerError> {
        self.store.close().await;
        Ok(())
    }
}
