//! The chain of a node that runs in another process on this machine: its store is read, and its gateway takes what is sent.

use super::{LOOK, PATIENCE};
use crate::{
    client::{Client, ClientError},
    failure::Failure,
};
use anyhow::{Context, anyhow};
use countersign_ledger::{Height, MemberId, QueryId, State, Transaction, TransactionResult, Wire};
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
pub struct Beside {
    store: ChainStore,
    state: State,
    client: Client,
}

impl Beside {
    /// Opens the store for reading.
    ///
    /// # Errors
    /// There is no chain, or it is damaged.
    pub async fn open(url: &StoreUrl, client: Client) -> Result<Self, Failure> {
        let store = ChainStore::read(url).await?;
        let state = store.load().await?;
        Ok(Self { store, state, client })
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn store(&self) -> &ChainStore {
        &self.store
    }

    /// Applies the blocks the node has stored since, each decided by the validators, with the verdicts it recorded.
    pub(super) async fn refresh(&mut self) -> Result<(), Failure> {
        let last = self.store.last_height().await?;
        while self.state.tip().height < last {
            let height = self.state.tip().height.next();
            let stored = self.store.block(height).await?.ok_or_else(|| anyhow!("block {height} is missing in the node's store"))?;
            stored.certificate.check(&stored.block.header, &self.state.validators()).context("a block of the node's store")?;
            let outcome = self.state.apply_recorded(&stored.block, &stored.results).context("a block of the node's store")?;
            self.state.commit(outcome).context("a block of the node's store")?;
        }
        Ok(())
    }

    pub(super) async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), Failure> {
        let sent = tokio::time::timeout(PATIENCE, self.send(&transaction)).await;
        let timeout = || {
            anyhow!(
                "no block with the transaction came within {} seconds; it may still come. See `countersign status`, then run the same command again",
                PATIENCE.as_secs()
            )
        };
        let (height, result) = sent.unwrap_or_else(|_| Err(timeout().into()))?;
        // whoever goes on from here sees the block
        let reaching = async {
            while self.state.tip().height < height {
                tokio::time::sleep(LOOK).await;
                self.refresh().await?;
            }
            Ok(())
        };
        let late = || anyhow!("block {height} does not come into the node's store; see its log");
        tokio::time::timeout(STORED, reaching).await.unwrap_or_else(|_| Err(Failure::Other(late())))?;
        Ok((height, result))
    }

    /// Sends until the transaction stands in a block or never can.
    async fn send(&mut self, transaction: &Transaction) -> Result<(Height, TransactionResult), Failure> {
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
                    None => Err(Failure::Overtaken(transaction.sequence)),
                };
            }
            match self.client.post(&format!("/v1/transactions?wait={WAIT_SECONDS}"), transaction.encode()).await {
                Ok(()) => {}
                Err(ClientError::Problem(problem)) => match problem.status {
                    StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        let pause = problem.retry_seconds.map_or(PAUSE, Duration::from_secs).min(PATIENCE);
                        tokio::time::sleep(pause).await;
                    }
                    status if status.is_client_error() => return Err(Failure::Refused(problem.to_string())),
                    _ => return Err(Failure::Other(problem.into())),
                },
                Err(other) => return Err(other.into()),
            }
        }
    }

    pub(super) async fn put_blob(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.client.put(&format!("/v1/blobs?query={query}&hospital={hospital}"), bytes.to_vec()).await?)
    }
}
