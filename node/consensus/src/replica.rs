//! This node's copy of the chain: the store, the state after its last block, and the proof checker.
//!
//! One task at a time moves it on: the validator's or the follower's. Everybody else reads.

use countersign_ledger::{CommitError, Outcome, ProofChecker, Proposed, State};
use countersign_messages::{Block, BlockError, BlockTime, Certificate, Transaction};
use countersign_store::{ChainStore, StoreError};
use std::{fmt, sync::Arc};
use tokio::sync::watch;

/// Blocks between two snapshots.
const SNAPSHOT_EVERY: u64 = 256;

/// Why a replica could not do something.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The block is no next block.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The outcome belongs to another state.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was cut off: the program is ending.
    #[error("executing a block was cut off; the program is ending")]
    Cancelled,
}

/// Who has decided a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// This node's engine, which goes on to the next height.
    Engine,
    /// Others; it was fetched.
    Others,
}

/// See the module's documentation.
pub struct Replica {
    store: ChainStore,
    state: watch::Sender<State>,
    checker: Arc<dyn ProofChecker>,
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("tip", &self.state().tip()).finish_non_exhaustive()
    }
}

impl Replica {
    /// Loads the state of a store.
    ///
    /// # Errors
    /// The chain is damaged, or the database fails.
    pub async fn open(store: ChainStore, checker: Arc<dyn ProofChecker>) -> Result<Self, ReplicaError> {
        let state = store.load().await?;
        Ok(Self { store, state: watch::Sender::new(state), checker })
    }

    /// The store.
    pub fn store(&self) -> &ChainStore {
        &self.store
    }

    /// The proof checker.
    pub fn checker(&self) -> &Arc<dyn ProofChecker> {
        &self.checker
    }

    /// The state after the last block.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Hears of every new state.
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Makes the next block of candidates, off the asynchronous threads.
    ///
    /// # Errors
    /// The time is not later than the last block's, or the circuit keys are not the network's.
    pub async fn propose(&self, time: BlockTime, candidates: Vec<Transaction>) -> Result<Proposed, ReplicaError> {
        let (state, checker) = (self.state(), Arc::clone(&self.checker));
        let run = move || state.propose(time, candidates, checker.as_ref());
        Ok(tokio::task::spawn_blocking(run).await.map_err(|_| ReplicaError::Cancelled)??)
    }

    /// Executes somebody's next block, every proof included, off the asynchronous threads.
    ///
    /// # Errors
    /// It is no next block.
    pub async fn validate(&self, block: Block) -> Result<Outcome, ReplicaError> {
        let (state, checker) = (self.state(), Arc::clone(&self.checker));
        let run = move || state.validate(&block, checker.as_ref());
        Ok(tokio::task::spawn_blocking(run).await.map_err(|_| ReplicaError::Cancelled)??)
    }

    /// Writes a decided block and moves on. When this returns, the block is on disk.
    ///
    /// # Errors
    /// The outcome belongs to another state, or the database fails; the state is what it was then.
    pub async fn commit(&self, outcome: Outcome, certificate: &Certificate, by: DecidedBy) -> Result<(), ReplicaError> {
        let mut state = self.state();
        let (block, results) = state.commit(outcome)?;
        match by {
            DecidedBy::Engine => self.store.append_decided(&block, &results, certificate).await?,
            DecidedBy::Others => self.store.append(&block, &results, certificate).await?,
        }
        metrics::gauge!("countersign_height").set(block.header.height.0 as f64);
        metrics::counter!("countersign_transactions_total").increment(block.transactions.len() as u64);
        let snapshot = block.header.height.0.is_multiple_of(SNAPSHOT_EVERY).then(|| state.clone());
        self.state.send_replace(state);
        // a snapshot only saves time: the block is on disk
        if let Some(state) = snapshot
            && let Err(error) = self.store.write_snapshot(&state).await
        {
            tracing::warn!(%error, "no snapshot was written");
        }
        Ok(())
    }

    /// Keeps a snapshot and closes the store.
    pub async fn close(&self) {
        if let Err(error) = self.store.write_snapshot(&self.state()).await {
            tracing::warn!(%error, "no snapshot was written; opening will take longer");
        }
        self.store.close().await;
    }
}
