//! One transaction of a block, with paths to its header.

use crate::state::TransactionResult;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use countersign_messages::{Block, Header, Height, Payload, Transaction, merkle::Path, transaction_leaves};

/// A transaction and its result with their paths to a header's roots.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Inclusion {
    /// The block.
    pub height: Height,
    /// The transaction.
    pub transaction: Transaction,
    /// Its path.
    pub path: Path,
    /// Its result.
    pub result: TransactionResult,
    /// The result's path.
    pub result_path: Path,
}

impl Inclusion {
    /// The transaction at a position of a block, or `None` beyond it.
    pub fn new(block: &Block, results: &[TransactionResult], position: usize) -> Option<Self> {
        let leaves: Vec<Digest32> = results.iter().map(TransactionResult::leaf).collect();
        Some(Self {
            height: block.header.height,
            transaction: block.transactions.get(position)?.clone(),
            path: Path::new(&transaction_leaves(&block.transaction_ids()), position)?,
            result: results.get(position)?.clone(),
            result_path: Path::new(&leaves, position)?,
        })
    }

    /// The height an answer names: its header is needed beside that of its block.
    pub fn named_height(&self) -> Option<Height> {
        if let Payload::Answer(answer) = &self.transaction.payload { Some(answer.height) } else { None }
    }

    /// True if transaction and result stand at the same position under the header's roots.
    pub fn holds(&self, header: &Header) -> bool {
        let id = self.transaction.id();
        let leaf = transaction_leaves(&[id]);
        header.height == self.height
            && self.result.transaction == id
            && (self.path.index, self.path.count) == (self.result_path.index, self.result_path.count)
            && leaf.first().is_some_and(|leaf| self.path.verify(leaf, &header.transactions_root))
            && self.result_path.verify(&self.result.leaf(), &header.results_root)
    }
}
