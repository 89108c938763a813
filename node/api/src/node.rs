//! The seam to the node.

use countersign_ledger::{State, Tip};
use countersign_messages::{BlockTime, EnvelopeError, Height, MemberId, NetworkId, Transaction};
use countersign_store::ChainStore;
use tokio::sync::watch;

/// What the gateway needs of the node it runs in.
#[async_trait::async_trait]
pub trait Node: Send + Sync + 'static {
    /// The state after the last block. Cheap: states share what they have in common.
    fn state(&self) -> State;

    /// Changes at every block, after the block is stored: whoever sees a tip finds its block in the store and in [`Self::state`].
    fn tips(&self) -> watch::Receiver<Tip>;

    /// The chain on disk.
    fn store(&self) -> &ChainStore;

    /// Takes a transaction into the mempool. When this returns `Ok`, the transaction is queued here; whether it gets into a block is not said.
    ///
    /// # Errors
    /// [`SubmitRefused`].
    async fn submit(&self, transaction: Transaction) -> Result<(), SubmitRefused>;

    /// How the node is.
    fn status(&self) -> NodeStatus;
}

/// Why the mempool does not take a transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefused {
    /// Not attributable to its signer, or a replay. The sender is at fault.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The same transaction waits already. Harmless: the gateway answers as if it had been taken.
    #[error("the transaction waits in the mempool already")]
    Known,
    /// The signer has as many transactions waiting as one member may.
    #[error("this signer has {waiting} transactions waiting, all it may; wait for a block")]
    SignerQuota {
        /// How many wait.
        waiting: usize,
    },
    /// The mempool is full.
    #[error("the mempool is full; send the transaction again in a while")]
    Full,
    /// The node has not caught up with the network and cannot judge the transaction.
    #[error("the node is catching up with the network; send the transaction again when it is ready")]
    Syncing,
    /// The node is shutting down.
    #[error("the node is shutting down; send the transaction to another one")]
    Stopping,
}

/// Where the node stands with respect to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It follows the network block by block.
    Current,
    /// It is fetching blocks it lacks.
    Syncing,
    /// No block came for longer than the node thinks possible; a person has to look.
    Stuck {
        /// Since when, in milliseconds since 1970 UTC of the node's clock.
        since_ms: u64,
    },
}

/// How a node is.
#[derive(Debug, Clone)]
pub struct NodeStatus {
    /// The member's or node's name.
    pub name: String,
    /// What it does, in words (`gateway`, `validator`, ..).
    pub roles: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// The network.
    pub network: NetworkId,
    /// Height of its last block.
    pub height: Height,
    /// Time of that block.
    pub time: BlockTime,
    /// Blocks it knows of and does not have.
    pub behind: u64,
    /// Whether it is current, syncing or stuck.
    pub progress: Progress,
    /// The members it connects to or is connected with.
    pub peers: Vec<Peer>,
    /// Transactions that wait.
    pub mempool: MempoolStatus,
    /// What a person should look at.
    pub alerts: Vec<Alert>,
}

/// A member the node talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The member.
    pub member: MemberId,
    /// True if a connection stands.
    pub connected: bool,
    /// What it runs over (`quic`, `tcp`); the last one if there is none now.
    pub transport: String,
}

/// Transactions that wait for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MempoolStatus {
    /// How many.
    pub transactions: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Something a person should look at. It holds no secret and no patient's value: the gateway shows it to everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Stable code; docs/operating.md says what to do.
    pub code: String,
    /// In words.
    pub words: String,
    /// Since when, in milliseconds since 1970 UTC of the node's clock.
    pub since_ms: u64,
}
