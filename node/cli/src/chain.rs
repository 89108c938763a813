//! The chain a command works on: written by this process alone, by the node in this process, or by a node that runs beside it.

pub mod beside;
mod running;

use crate::failure::Failure;
use anyhow::anyhow;
use beside::Beside;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Height, MemberId, QueryId, State, Transaction, TransactionId, TransactionResult};
use countersign_store::{ChainStore, LocalChain, StoredEntry};
use running::Running;
use std::time::Duration;

/// How long a transaction may take to get into a block: a network without a quorum is noticed, a slow one is not given up.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks at what another process writes.
const LOOK: Duration = Duration::from_millis(50);

/// A chain.
#[derive(Debug)]
pub enum Chain {
    /// One validator, in this process.
    Local(Box<LocalChain>),
    /// A node of this process.
    Running(Box<Running>),
    /// A node of another process on this machine: its store is read, and it is spoken to through its gateway.
    Beside(Box<Beside>),
}

impl Chain {
    /// A node's chain.
    pub fn of_node(node: countersign_consensus::Node) -> Self {
        Self::Running(Box::new(Running::new(node)))
    }

    /// The state as far as it is known here: after the last block this process has made, sent a transaction for, or looked at.
    pub fn state(&self) -> &State {
        match self {
            Self::Local(chain) => chain.state(),
            Self::Running(node) => node.state(),
            Self::Beside(node) => node.state(),
        }
    }

    /// The store.
    pub fn store(&self) -> &ChainStore {
        match self {
            Self::Local(chain) => chain.store(),
            Self::Running(node) => node.store(),
            Self::Beside(node) => node.store(),
        }
    }

    /// Looks for blocks others have made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn refresh(&mut self) -> Result<(), Failure> {
        match self {
            Self::Local(_) => {}
            Self::Running(node) => node.refresh(),
            Self::Beside(node) => node.refresh().await?,
        }
        Ok(())
    }

    /// Waits until the state is as wanted.
    ///
    /// # Errors
    /// It does not come to that within [`PATIENCE`], or the store cannot be read.
    pub async fn until(&mut self, what: &str, is: impl Fn(&State) -> bool) -> Result<(), Failure> {
        let waiting = async {
            loop {
                self.refresh().await?;
                if is(self.state()) {
                    return Ok(());
                }
                if matches!(self, Self::Local(_)) {
                    return Err(Failure::Other(anyhow!("the ledger does not show {what}")));
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let timeout = || anyhow!("the ledger does not show {what} after {} seconds; see `countersign status`", PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| Failure::Other(timeout()))?
    }

    /// The sequence number a member signs with next.
    pub fn next_sequence(&self, member: &MemberId) -> u64 {
        match self {
            Self::Running(node) => node.next_sequence(member),
            _ => self.state().next_sequence(member),
        }
    }

    /// Sends a transaction and waits for its block. The result may be a rejection: it is on record.
    ///
    /// # Errors
    /// [`Failure::Refused`] and [`Failure::Overtaken`]: it can stand in no block. Any other: it may still come; send the same bytes again.
    pub async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), Failure> {
        match self {
            Self::Local(chain) => {
                let submitted = chain.submit(vec![transaction], crate::network::now()).await?;
                if let Some((_, reason)) = submitted.refused.first() {
                    return Err(Failure::Refused(reason.to_string()));
                }
                let no_room = || anyhow!("the block had no room for the transaction; try again");
                let result = submitted.results.into_iter().next().ok_or_else(no_room)?;
                Ok((submitted.block.header.height, result))
            }
            Self::Running(node) => node.submit(transaction).await,
            Self::Beside(node) => node.submit(transaction).await,
        }
    }

    /// A transaction that stands in a block.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn find(&self, id: &TransactionId) -> Result<Option<StoredEntry>, Failure> {
        Ok(self.store().transaction(id).await?)
    }

    /// Gives the chain the sealed answer of an answer that was accepted. Doing it again is harmless.
    ///
    /// # Errors
    /// The answer does not stand in the chain as accepted, or names another ciphertext; or it cannot be stored here, or at too few validators.
    pub async fn put_blob(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Local(chain) => Ok(chain.store().put_blob(bytes).await.map(drop)?),
            Self::Running(node) => node.put_blob(bytes).await,
            Self::Beside(node) => node.put_blob(query, hospital, bytes).await,
        }
    }

    /// A sealed answer. On a network it may come a moment after the block that names it: it is waited for.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, Failure> {
        let waiting = async {
            loop {
                let found = match self {
                    Self::Running(node) => node.blob(digest).await?,
                    _ => self.store().blob(digest).await?,
                };
                if found.is_some() || matches!(self, Self::Local(_)) {
                    return Ok::<_, Failure>(found);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or(Ok(None))
    }

    /// Lets go of the chain. A node goes on running.
    ///
    /// # Errors
    /// A snapshot cannot be written; the chain is whole all the same.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Local(chain) => Ok(chain.close().await?),
            Self::Running(_) => Ok(()),
            Self::Beside(node) => {
                node.store().close().await;
                Ok(())
            }
        }
    }
}
