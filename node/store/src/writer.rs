//! The one connection that writes.

use crate::{
    StoreError,
    database::{Database, WriterLock},
};
use sqlx::{AnyConnection, Connection};
use tokio::sync::{Mutex, MutexGuard};

/// One connection and the writer's lock. On PostgreSQL the lock belongs to the connection's session: whoever lost the connection lost the
/// lock, and cannot write before it has taken it again.
#[derive(Debug)]
pub(crate) struct Writer {
    database: Database,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
enum Slot {
    Open(Box<AnyConnection>, WriterLock),
    Lost,
    Closed,
}

/// What is written together. If it is dropped before it ends, by an error or because nobody waits for it any more, its connection is given up: what
/// the driver and the database believe of a transaction that failed need not be the same (a full disk ends it in SQLite alone), and a new connection
/// knows of none.
pub(crate) struct Unit<'a> {
    slot: MutexGuard<'a, Slot>,
    ended: bool,
}

impl Unit<'_> {
    /// The connection to write with.
    pub(crate) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        match &mut *self.slot {
            Slot::Open(connection, _) => Ok(connection),
            Slot::Lost | Slot::Closed => Err(StoreError::Database(sqlx::Error::PoolClosed)),
        }
    }

    /// Ends it: when this returns, what was written is on disk.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    /// Ends it with nothing written.
    pub(crate) async fn leave(self) -> Result<(), StoreError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), StoreError> {
        sqlx::raw_sql(how).execute(self.connection()?).await?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        if !self.ended && matches!(*self.slot, Slot::Open(..)) {
            *self.slot = Slot::Lost;
        }
    }
}

impl Writer {
    /// Connects, takes the lock, and brings the schema up to date.
    pub(crate) async fn open(database: Database, create: bool) -> Result<Self, StoreError> {
        let mut connection = database.connect(create).await?;
        let lock = database.lock(&mut connection).await?;
        database.migrate(&mut connection).await?;
        Ok(Self { database, slot: Mutex::new(Slot::Open(Box::new(connection), lock)) })
    }

    /// Begins to write: what is done until [`Unit::commit`] is on disk together, or not at all. A connection that broke is made again, once a call.
    pub(crate) async fn begin(&self) -> Result<Unit<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        if let Slot::Open(connection, _) = &mut *slot
            && let Err(error) = connection.ping().await
        {
            tracing::warn!(url = %self.database.url(), %error, "the connection to the chain's database broke; connecting again");
            *slot = Slot::Lost;
        }
        if matches!(*slot, Slot::Lost) {
            let mut connection = self.database.connect(false).await?;
            let lock = self.database.lock(&mut connection).await?;
            *slot = Slot::Open(Box::new(connection), lock);
        }
        let mut unit = Unit { slot, ended: false };
        sqlx::raw_sql(self.database.begin()).execute(unit.connection()?).await?;
        Ok(unit)
    }

    /// Closes the connection and gives up the lock.
    pub(crate) async fn close(&self) {
        let before = std::mem::replace(&mut *self.slot.lock().await, Slot::Closed);
        if let Slot::Open(connection, _lock) = before
            && let Err(error) = connection.close().await
        {
            tracing::warn!(url = %self.database.url(), %error, "the connection to the chain's database was not closed properly");
        }
    }
}
