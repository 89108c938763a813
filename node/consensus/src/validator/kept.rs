//! What is on disk of the height being decided: proposals that may be voted for, and decided blocks from others.
//!
//! Each is written before the engine hears that it is good. The engine remembers what it heard, so a validator that is killed finds every block it may
//! have voted for, and every block that the engine will not ask for again.

use super::{Validator, judge::Fresh};
use crate::{
    alert::AlertCode,
    malachite::{context::BlockId, part::Opening},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_messages::{Block, Height, Wire};
use countersign_store::StoreError;
use std::borrow::Cow;

/// Where synchronised blocks are kept among the proposals of a height: behind every round, so that no proposal takes their place.
const SYNCED_ROUND: u32 = u32::MAX >> 1;

#[derive(BorshSerialize, BorshDeserialize)]
enum Kept<'a> {
    /// A proposal: what its proposer signed, and the block's bytes.
    Proposed(Cow<'a, Opening>, Cow<'a, [u8]>),
    /// The bytes of a block that others have decided.
    Synced(Cow<'a, [u8]>),
}

impl Validator {
    /// Keeps a proposal.
    pub(super) async fn keep_proposed(&self, opening: &Opening, bytes: &[u8]) -> Result<(), StoreError> {
        let round = opening.round.as_u32().unwrap_or(0);
        let kept = Kept::Proposed(Cow::Borrowed(opening), Cow::Borrowed(bytes));
        self.keep(opening.height.into(), round, &opening.block, &kept).await
    }

    /// Keeps a decided block from another validator.
    pub(super) async fn keep_synced(&self, height: Height, id: &BlockId, bytes: &[u8]) -> Result<(), StoreError> {
        self.keep(height, SYNCED_ROUND, id, &Kept::Synced(Cow::Borrowed(bytes))).await
    }

    async fn keep(&self, height: Height, round: u32, id: &BlockId, kept: &Kept<'_>) -> Result<(), StoreError> {
        let encoded = borsh::to_vec(kept).expect("writing to memory does not fail");
        self.parts.replica.store().put_proposal(height, round, id.0, &encoded).await
    }

    /// Reads what is kept for the current height, and executes it again.
    pub(super) async fn recover(&mut self, height: Height) {
        if height != self.current() {
            return;
        }
        let stored = match self.parts.replica.store().proposals(height).await {
            Ok(stored) => stored,
            Err(error) => return self.parts.alerts.raise(AlertCode::Storage, error.to_string()),
        };
        for proposal in stored {
            match borsh::from_slice::<Kept<'_>>(&proposal.bytes) {
                Ok(Kept::Proposed(opening, bytes)) => {
                    if self.proposal(opening.round, &opening.block).is_none() {
                        self.examine(opening.into_owned(), bytes.into_owned(), Fresh::No).await;
                    }
                }
                Ok(Kept::Synced(bytes)) => {
                    if let Ok(block) = Block::decode(&bytes)
                        && let Err(error) = self.execute(block, &bytes).await
                    {
                        tracing::error!(%height, %error, "a decided block that was kept does not execute");
                    }
                }
                Err(error) => tracing::error!(%height, %error, "a stored proposal does not decode"),
            }
        }
    }
}
