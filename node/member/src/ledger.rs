//! A chain as its members see it.

mod alone;
mod other_process;

pub use alone::Alone;
pub use other_process::OtherProcess;

use crate::LedgerError;
use async_trait::async_trait;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{State, TransactionResult};
use countersign_messages::{Height, MemberId, QueryId, Transaction};
use countersign_store::ChainStore;
use std::fmt::Debug;

/// A chain: read here, and sent to.
#[async_trait]
pub trait Ledger: Debug + Send + Sync {
    /// The state as far as it is known here: after the last block this process has made, sent a transaction for, or looked at.
    fn state(&self) -> &State;

    /// The store.
    fn store(&self) -> &ChainStore;

    /// True if nobody else makes blocks: what is not there now does not come by waiting.
    fn is_alone(&self) -> bool {
        false
    }

    /// Looks for blocks others have made.
    ///
    /// # Errors
    /// The store cannot be read, or holds what the validators have not decided.
    async fn refresh(&mut self) -> Result<(), LedgerError>;

    /// The sequence number a member signs with next.
    fn next_sequence(&self, member: &MemberId) -> u64 {
        self.state().next_sequence(member)
    }

    /// Sends a transaction and waits for its block. The result may be a rejection: it is on record.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] and [`LedgerError::Overtaken`]: it can stand in no block. Any other: it may still come; send the same bytes again.
    async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), LedgerError>;

    /// Gives the chain the sealed answer of an answer that was accepted. Doing it again is harmless.
    ///
    /// # Errors
    /// The answer does not stand in the chain as accepted, or names another ciphertext; or it cannot be stored here, or at too few validators.
    async fn put_sealed(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<(), LedgerError>;

    /// A sealed answer, if it is here now.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn sealed(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.store().blob(digest).await?)
    }

    /// Lets go of the chain.
    ///
    /// # Errors
    /// A snapshot cannot be written; the chain is whole all the same.
    async fn close(self: Box<Self>) -> Result<(), LedgerError>;
}
