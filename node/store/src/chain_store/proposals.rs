//! Proposals that are not decided, for a validator that starts again in the middle of a height.

use super::{ChainStore, damaged, digest, height_of, integer, last_height};
use crate::StoreError;
use async_recursion::async_recursion as boxed;
use countersign_messages::{Block, BlockId, Height, Wire};
use sqlx::Row;

/// Proposals kept for a height. Past it the lowest round gives way: a block that can still be decided is proposed again in later rounds.
pub const PROPOSALS_MAX: usize = 32;
/// Bytes of a proposal: a largest block, and room for what a validator writes around it.
const PROPOSAL_BYTES_MAX: usize = Block::BYTES_MAX + (64 << 10);

/// A proposal as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProposal {
    /// Height it is for.
    pub height: Height,
    /// Round it was made in.
    pub round: u32,
    /// The proposed block.
    pub block: BlockId,
    /// The proposal as the validator encoded it.
    pub bytes: Vec<u8>,
}

impl ChainStore {
    /// Keeps a proposal for the next height. When this returns, it is on disk. Writing it twice is harmless; one for a height that is decided
    /// is not kept.
    ///
    /// # Errors
    /// It is too long, it is for a height after the next, or the database fails.
    #[boxed]
    pub async fn put_proposal(&self, height: Height, round: u32, block: BlockId, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() > PROPOSAL_BYTES_MAX {
            return Err(StoreError::ProposalTooLong { found: bytes.len(), max: PROPOSAL_BYTES_MAX });
        }
        let mut unit = self.writer()?.begin().await?;
        let next = last_height(unit.connection()?).await?.next();
        if height < next {
            return unit.leave().await;
        }
        if height > next {
            unit.leave().await?;
            return Err(StoreError::ProposalHeight { found: height, next });
        }
        sqlx::query("INSERT INTO proposal (height, round, block, bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(integer(height.0))
            .bind(i64::from(round))
            .bind(block.0.0.as_slice())
            .bind(bytes)
            .execute(unit.connection()?)
            .await?;
        let rows = sqlx::query("SELECT round, block FROM proposal WHERE height = $1 ORDER BY round DESC, block LIMIT 1 OFFSET $2")
            .bind(integer(height.0))
            .bind(integer(PROPOSALS_MAX as u64))
            .fetch_optional(unit.connection()?)
            .await?;
        if let Some(row) = rows {
            sqlx::query("DELETE FROM proposal WHERE height = $1 AND round = $2 AND block = $3")
                .bind(integer(height.0))
                .bind(row.try_get::<i64, _>("round")?)
                .bind(row.try_get::<Vec<u8>, _>("block")?)
                .execute(unit.connection()?)
                .await?;
        }
        unit.commit().await
    }

    /// The proposals kept for a height, by round: at most [`PROPOSALS_MAX`].
    ///
    /// # Errors
    /// One is damaged, or the database fails.
    #[boxed]
    pub async fn proposals(&self, height: Height) -> Result<Vec<StoredProposal>, StoreError> {
        let rows = sqlx::query("SELECT height, round, block, bytes FROM proposal WHERE height = $1 ORDER BY round, block")
            .bind(integer(height.0))
            .fetch_all(&self.readers)
            .await?;
        let mut proposals = Vec::with_capacity(rows.len());
        for row in &rows {
            let round = u32::try_from(row.try_get::<i64, _>("round")?).map_err(|e| damaged("a proposal's round", height, e))?;
            let (block, bytes) = (BlockId(digest(row, "block", height)?), row.try_get("bytes")?);
            proposals.push(StoredProposal { height: height_of(row)?, round, block, bytes });
        }
        Ok(proposals)
    }
}
