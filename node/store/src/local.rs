//! A chain with one validator.

use crate::{ChainStore, StoreError, StoreUrl};
use async_recursion::async_recursion as boxed;
use countersign_ledger::{ProofChecker, State, TransactionResult};
use countersign_messages::{Block, BlockTime, Certificate, EnvelopeError, Genesis, MemberId, Transaction, ValidatorSet};
use ed25519_dalek::SigningKey;
use std::sync::Arc;

/// Blocks between two snapshots.
const SNAPSHOT_EVERY: u64 = 256;

/// What became of submitted transactions.
#[derive(Debug)]
pub struct Submitted {
    /// The block they went into.
    pub block: Block,
    /// Results, in the order of the block's transactions.
    pub results: Vec<TransactionResult>,
    /// Transactions that may stand in no block now, with the reason.
    pub refused: Vec<(Transaction, EnvelopeError)>,
    /// Transactions the block had no room for: submit them again.
    pub deferred: Vec<Transaction>,
}

/// A store, the state after its last block, the key of the network's only validator, and a proof checker.
pub struct LocalChain {
    store: ChainStore,
    state: State,
    key: SigningKey,
    checker: Arc<dyn ProofChecker>,
}

impl std::fmt::Debug for LocalChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalChain").field("network", &self.state.network()).field("tip", &self.state.tip()).finish_non_exhaustive()
    }
}

impl LocalChain {
    /// Makes a new chain.
    ///
    /// # Errors
    /// There is a chain, the genesis breaks a rule, the key is not that of its only validator, or the checker's keys are not the network's or
    /// not fit for it.
    #[boxed]
    pub async fn create(url: &StoreUrl, genesis: Genesis, key: SigningKey, checker: Arc<dyn ProofChecker>) -> Result<Self, StoreError> {
        countersign_ledger::check_genesis_keys(&genesis, checker.as_ref())?;
        let state = State::new(genesis)?;
        check_alone(&state, &key)?;
        let store = ChainStore::create(url, state.genesis()).await?;
        Ok(Self { store, state, key, checker })
    }

    /// Opens a chain. Proofs were verified when their blocks were made and are not verified again; everything else is.
    ///
    /// # Errors
    /// There is no chain or a damaged one, another process writes to it, the key is not that of its only validator, or the checker's keys are
    /// not the network's.
    #[boxed]
    pub async fn open(url: &StoreUrl, key: SigningKey, checker: Arc<dyn ProofChecker>) -> Result<Self, StoreError> {
        let store = ChainStore::open(url).await?;
        let state = store.load().await?;
        state.check_keys(checker.as_ref())?;
        check_alone(&state, &key)?;
        Ok(Self { store, state, key, checker })
    }

    /// The state after the last block.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The store.
    pub fn store(&self) -> &ChainStore {
        &self.store
    }

    /// Executes transactions in order, writes the block, and moves on. If the clock did not move forward, the block takes the first
    /// millisecond after the block before.
    ///
    /// The future is to be run to its end. If it is dropped, the block is on disk or it is not; open the chain again then.
    ///
    /// # Errors
    /// The block could not be made or written. The state is what it was.
    #[boxed]
    pub async fn submit(&mut self, transactions: Vec<Transaction>, time: BlockTime) -> Result<Submitted, StoreError> {
        let time = time.max(self.state.tip().time.plus_ms(1));
        let (state, checker) = (self.state.clone(), Arc::clone(&self.checker));
        let run = move || state.propose(time, transactions, checker.as_ref());
        let proposed = tokio::task::spawn_blocking(run).await.map_err(|_| StoreError::Cancelled)??;
        check_alone(&self.state, &self.key)?;
        let certificate = Certificate::sign_alone(&self.key, &proposed.outcome.block().header);
        self.store.append(proposed.outcome.block(), proposed.outcome.results(), &certificate).await?;
        let (block, results) = self.state.commit(proposed.outcome)?;
        if block.header.height.0.is_multiple_of(SNAPSHOT_EVERY) {
            // a snapshot only saves time: the block is on disk
            if let Err(error) = self.store.write_snapshot(&self.state).await {
                tracing::warn!(%error, "no snapshot was written");
            }
        }
        Ok(Submitted { block, results, refused: proposed.refused, deferred: proposed.deferred })
    }

    /// Keeps a snapshot and closes the store.
    ///
    /// # Errors
    /// The snapshot could not be written; the chain is whole all the same.
    #[boxed]
    pub async fn close(self) -> Result<(), StoreError> {
        let written = self.store.write_snapshot(&self.state).await;
        self.store.close().await;
        written
    }
}

/// That a key decides the next block alone.
fn check_alone(state: &State, key: &SigningKey) -> Result<(), StoreError> {
    let alone = ValidatorSet::new([MemberId::from(&key.verifying_key())]);
    if state.validators() == alone { Ok(()) } else { Err(StoreError::NotAlone) }
}
