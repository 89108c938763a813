//! States at some heights, so that opening a long chain is fast.

use super::{ChainStore, damaged, height_of, integer};
use crate::StoreError;
use async_recursion::async_recursion as boxed;
use countersign_ledger::State;
use countersign_messages::{Height, limits::SNAPSHOT_BYTES_MAX};
use sqlx::Row;

/// Snapshots above this are not kept (both databases carry values up to about 10^9 bytes); such a chain is replayed.
const SNAPSHOT_KEPT_BYTES_MAX: usize = 900 << 20;

impl ChainStore {
    /// Keeps a snapshot of the state after a stored block; only the newest two are kept. A state too large for the database is not kept.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn write_snapshot(&self, state: &State) -> Result<(), StoreError> {
        let (height, bytes) = (state.tip().height, state.snapshot());
        if height == Height(0) || bytes.len() > SNAPSHOT_KEPT_BYTES_MAX.min(SNAPSHOT_BYTES_MAX) {
            return Ok(());
        }
        let mut unit = self.writer()?.begin().await?;
        sqlx::query("INSERT INTO snapshot (height, bytes) VALUES ($1, $2) ON CONFLICT (height) DO UPDATE SET bytes = excluded.bytes")
            .bind(integer(height.0))
            .bind(bytes)
            .execute(unit.connection()?)
            .await?;
        sqlx::query("DELETE FROM snapshot WHERE height NOT IN (SELECT height FROM snapshot ORDER BY height DESC LIMIT 2)")
            .execute(unit.connection()?)
            .await?;
        unit.commit().await
    }

    /// The newest snapshot that is the state of its header, or the state before the first block.
    async fn newest_snapshot(&self) -> Result<State, StoreError> {
        let heights = sqlx::query("SELECT height FROM snapshot ORDER BY height DESC").fetch_all(&self.readers).await?;
        for row in heights {
            let height = height_of(&row)?;
            let Some(header) = self.header(height).await? else { continue };
            // one at a time: a snapshot may have hundreds of MiB
            let kept = sqlx::query("SELECT bytes FROM snapshot WHERE height = $1").bind(integer(height.0));
            let Some(row) = kept.fetch_optional(&self.readers).await? else { continue };
            match State::from_snapshot(self.genesis.clone(), &header, &row.try_get::<Vec<u8>, _>("bytes")?) {
                Ok(state) => return Ok(state),
                Err(error) => tracing::warn!(%height, %error, "a snapshot is not used"),
            }
        }
        Ok(State::new(self.genesis.clone())?)
    }

    /// The state after the last block: from the newest good snapshot, or else from genesis, by executing every later block again with the
    /// recorded verdicts on proofs and comparing every commitment of its header. Every block from the snapshot on, and every change of validators before it, must be
    /// decided by a certificate: who can write to the database alone cannot make a chain of its own. (An audit looks at all of them.)
    ///
    /// # Errors
    /// A block is damaged or not decided, or the database fails.
    #[boxed]
    pub async fn load(&self) -> Result<State, StoreError> {
        let mut state = self.newest_snapshot().await?;
        self.check_succession(&state).await?;
        let last = self.last_height().await?;
        while state.tip().height < last {
            let height = state.tip().height.next();
            let (block, results) = self.executed(height).await?.ok_or_else(|| damaged("the block", height, "it is missing"))?;
            self.check_decided(&block.header, &state.validators()).await?;
            let outcome = state.apply_recorded(&block, &results)?;
            state.commit(outcome)?;
        }
        Ok(state)
    }
}
