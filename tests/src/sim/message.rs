//! What travels between validators.

use arc_malachitebft_core_consensus::{LivenessMsg, SignedConsensusMsg};
use arc_malachitebft_core_types::Round;
use countersign_consensus::malachite::context::{Address, Chain};
use countersign_messages::{Block, BlockId, Certificate, Height, Transaction};
use std::sync::Arc;

/// A proposed block, as its parts put together.
#[derive(Debug, Clone)]
pub(super) struct Streamed {
    pub(super) height: Height,
    pub(super) round: Round,
    pub(super) pol_round: Round,
    pub(super) proposer: Address,
    pub(super) id: BlockId,
    pub(super) block: Arc<Block>,
}

/// A message.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Consensus(SignedConsensusMsg<Chain>),
    Liveness(LivenessMsg<Chain>),
    Block(Arc<Streamed>),
    Transaction(Arc<Transaction>),
    /// The sender's last height.
    Status(Height),
    /// Asks for the decided block of a height.
    SyncRequest(Height),
    SyncResponse(Arc<Block>, Certificate),
    /// There is none.
    NothingFurther,
}
