//! The chain that was agreed on, beyond what all seeds start from, and everything that must hold of it.

use super::{Failure, answers, validity, withdrawals};
use crate::sim::{harness, people::prefix};
use countersign_ledger::TransactionResult;
use countersign_messages::{Block, Certificate, Height, Transaction};
use std::sync::Arc;

/// Blocks after the common beginning.
#[derive(Debug, Clone, Default)]
pub struct History {
    blocks: Vec<Arc<Block>>,
}

/// Blocks and what became of their transactions.
pub(super) type Executed = Vec<(Arc<Block>, Vec<TransactionResult>)>;

impl History {
    pub(super) fn block(&self, height: Height) -> Option<&Arc<Block>> {
        let start = prefix().state.tip().height.0;
        self.blocks.get(usize::try_from(height.0.checked_sub(start + 1)?).ok()?)
    }

    pub(super) fn push(&mut self, block: Arc<Block>) {
        self.blocks.push(block);
    }

    /// The blocks.
    pub fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// A history made by hand, to check the checks with.
    pub fn of(blocks: Vec<Arc<Block>>) -> Self {
        Self { blocks }
    }

    /// Checks validity, answers and withdrawals; from genesis, or from the common beginning only.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self, from_genesis: bool) -> Result<(), Failure> {
        let executed = validity::check(self, from_genesis)?;
        answers::check(&executed)?;
        withdrawals::check_answers(&executed)
    }
}

/// A block whose proposer adds a transaction that stands in the chain already, with a header that commits to it.
pub(in crate::sim) fn with_replay(mut block: Block, decided: &[(Arc<Block>, Certificate)]) -> Block {
    if let Some(old) = decided.iter().rev().find_map(|(b, _)| b.transactions.first()) {
        replay(&mut block, old.clone());
    }
    block
}

/// Adds a transaction to a block and makes its header name it.
pub fn replay(block: &mut Block, transaction: Transaction) {
    block.transactions.push(transaction);
    let leaves: Vec<_> = block.transaction_ids().iter().map(|id| countersign_messages::merkle::leaf(&id.0.0)).collect();
    block.header.transactions_root = countersign_messages::merkle::root(&leaves);
}

/// A certificate of all four validators for a block, good or not.
pub fn certificate(block: &Block) -> Certificate {
    harness::decided_by(&block.header, &prefix().state.validators())
}
