//! The chain of one validator, written by this process alone: development networks.

use super::Ledger;
use crate::LedgerError;
use async_trait::async_trait;
use countersign_ledger::{State, TransactionResult};
use countersign_messages::{BlockTime, Height, MemberId, QueryId, Transaction};
use countersign_store::{ChainStore, LocalChain};

/// See the module's documentation.
#[derive(Debug)]
pub struct Alone {
    chain: LocalChain,
    clock: fn() -> BlockTime,
}

impl Alone {
    /// A chain, and what tells the time of its blocks.
    pub fn new(chain: LocalChain, clock: fn() -> BlockTime) -> Self {
        Self { chain, clock }
    }
}

#[async_trait]
impl Ledger for Alone {
    fn state(&self) -> &State {
        self.chain.state()
    }

    fn store(&self) -> &ChainStore {
        self.chain.store()
    }

    fn is_alone(&self) -> bool {
        true
    }

    async fn refresh(&mut self) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), LedgerError> {
        let submitted = self.chain.submit(vec![transaction], (self.clock)()).await?;
        if let Some((_, reason)) = submitted.refused.first() {
            return Err(LedgerError::Refused(reason.to_string()));
        }
        let no_room = || LedgerError::Refused("the block had no room for the transaction; try again".into());
        let result = submitted.results.into_iter().next().ok_or_else(no_room)?;
        Ok((submitted.block.header.height, result))
    }

    async fn put_sealed(&self, _: &QueryId, _: &MemberId, bytes: &[u8]) -> Result<(), LedgerError> {
        Ok(self.chain.store().put_blob(bytes).await.map(drop)?)
    }

    async fn close(self: Box<Self>) -> Result<(), LedgerError> {
        Ok(self.chain.close().await?)
    }
}
