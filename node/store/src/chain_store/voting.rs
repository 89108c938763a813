//! What a validator's database says of its votes: see docs/protocol/consensus.md.

use super::{ChainStore, integer};
use crate::StoreError;
use async_recursion::async_recursion as boxed;
use countersign_messages::Height;
use sqlx::{AnyConnection, Row};

/// What is known of the votes made with this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VotingRecord {
    /// The height the engine was last told to work on: votes at it, and at none above, may have been made. 0: at none.
    pub engine: Height,
    /// The height its write-ahead log was for when that was written: the engine may have been killed before the log was begun anew.
    pub before: Height,
    /// No vote may be made at this height or below, whatever the log says. `None`: not known yet, as in a new database.
    pub silent_until: Option<Height>,
}

impl ChainStore {
    /// What is known of this validator's votes.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn voting(&self) -> Result<VotingRecord, StoreError> {
        let row = sqlx::query("SELECT engine, before, silent_until FROM voting").fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(VotingRecord::default()) };
        let height = |value: i64| Height(u64::try_from(value).unwrap_or_default());
        Ok(VotingRecord {
            engine: height(row.try_get("engine")?),
            before: height(row.try_get("before")?),
            silent_until: row.try_get::<Option<i64>, _>("silent_until")?.map(height),
        })
    }

    /// Keeps it. When this returns, it is on disk.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn set_voting(&self, record: &VotingRecord) -> Result<(), StoreError> {
        let mut unit = self.writer()?.begin().await?;
        let statement = "INSERT INTO voting (\"only\", engine, before, silent_until) VALUES (1, $1, $2, $3) ON CONFLICT (\"only\") DO UPDATE \
                         SET engine = excluded.engine, before = excluded.before, silent_until = excluded.silent_until";
        sqlx::query(statement)
            .bind(integer(record.engine.0))
            .bind(integer(record.before.0))
            .bind(record.silent_until.map(|height| integer(height.0)))
            .execute(unit.connection()?)
            .await?;
        unit.commit().await
    }
}

/// The engine has decided a height and goes on to the next.
pub(super) async fn goes_on(connection: &mut AnyConnection, decided: Height) -> Result<(), StoreError> {
    sqlx::query("UPDATE voting SET engine = $1, before = $2")
        .bind(integer(decided.next().0))
        .bind(integer(decided.0))
        .execute(connection)
        .await?;
    Ok(())
}
