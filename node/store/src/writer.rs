//! The one connection that writes.

use crate::{
    StoreError,
    database::{Database, WriterLock},
};
use sqlx::{AnyConnection, Connection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

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

impl Writer {
    /// Connects, takes the lock, and brings the schema up to date.
    pub(crate) async fn open(database: Database, create: bool) -> Result<Self, StoreError> {
        let mut connection = database.connect(create).await?;
        let lock = database.lock(&mut connection).await?;
        database.migrate(&mut connection).await?;
        Ok(Self { database, slot: Mutex::new(Slot::Open(Box::new(connection), lock)) })
    }

    /// What starts a transaction.
    pub(crate) fn begin(&self) -> &'static str {
        self.database.begin()
    }

    /// The connection, for one transaction at a time. One that broke is made again, once a call.
    pub(crate) async fn hold(&self) -> Result<MappedMutexGuard<'_, AnyConnection>, StoreError> {
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
        MutexGuard::try_map(slot, |slot| match slot {
            Slot::Open(connection, _) => Some(connection.as_mut()),
            Slot::Lost | Slot::Closed => None,
        })
        .map_err(|_| StoreError::Database(sqlx::Error::PoolClosed))
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
