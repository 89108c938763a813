//! Connections to either database.
//!
//! All statements are written once: the driver carries integers, texts and bytes to both, `$1` is a placeholder in both. What differs is here.

use crate::{
    StoreError, StoreUrl,
    url::{Place, resolved},
};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Row, any::AnyPoolOptions, migrate::Migrator};
use std::{
    fs::{File, TryLockError},
    path::PathBuf,
    time::Duration,
};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long opening waits for the writer before: a server takes a moment to notice that a killed process is gone.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// Name of the writer's lock among the advisory locks of a PostgreSQL database: "counters" in ASCII.
const POSTGRES_LOCK: i64 = 0x636f_756e_7465_7273;
/// Connections for reading.
const READERS_MAX: u32 = 4;

/// For every SQLite connection: the log survives a loss of power at any point once a transaction is committed.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
const SQLITE_READS: &str = "PRAGMA query_only = ON";
/// For the writer: commits are on disk whatever the server's defaults, and a client that lost its power frees the lock within a minute.
const POSTGRES_SETTINGS: &str =
    "SET synchronous_commit = on; SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
const POSTGRES_READS: &str = "SET default_transaction_read_only = on";

/// A database, reachable or not.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    url: StoreUrl,
}

/// Held by the one process that may write; given up when it is dropped or its connection ends.
#[derive(Debug)]
pub(crate) struct WriterLock {
    /// SQLite: a locked file beside the database. (Locks on the database file itself are SQLite's own.) PostgreSQL: the connection's session.
    _file: Option<File>,
}

impl Database {
    pub(crate) fn new(url: &StoreUrl) -> Self {
        sqlx::any::install_default_drivers();
        Self { url: url.clone() }
    }

    pub(crate) fn url(&self) -> &StoreUrl {
        &self.url
    }

    fn is_sqlite(&self) -> bool {
        self.url.file().is_some()
    }

    fn migrations(&self) -> &'static Migrator {
        if self.is_sqlite() { &SQLITE_MIGRATIONS } else { &POSTGRES_MIGRATIONS }
    }

    /// Starts a transaction that writes.
    pub(crate) fn begin(&self) -> &'static str {
        if self.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" }
    }

    /// One connection for writing.
    pub(crate) async fn connect(&self, create: bool) -> Result<AnyConnection, StoreError> {
        let mut connection = self.url.options(create)?.connect().await?;
        let settings = if self.is_sqlite() { SQLITE_SETTINGS } else { POSTGRES_SETTINGS };
        sqlx::raw_sql(settings).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Connections for reading.
    pub(crate) async fn readers(&self) -> Result<AnyPool, StoreError> {
        let settings: &[&str] = if self.is_sqlite() { &[SQLITE_SETTINGS, SQLITE_READS] } else { &[POSTGRES_READS] };
        let pool = AnyPoolOptions::new().max_connections(READERS_MAX).after_connect(move |connection, _| {
            Box::pin(async move {
                for setting in settings {
                    sqlx::raw_sql(*setting).execute(&mut *connection).await?;
                }
                Ok(())
            })
        });
        Ok(pool.connect_with(self.url.options(false)?).await?)
    }

    /// Takes the writer's lock, or says that another holds it.
    pub(crate) async fn lock(&self, connection: &mut AnyConnection) -> Result<WriterLock, StoreError> {
        let file = match self.url.place() {
            Place::Sqlite(path) => {
                let mut name = resolved(path)?.into_os_string();
                name.push("-writer");
                let open = File::options().create(true).truncate(false).write(true).open(PathBuf::from(name));
                Some(open.map_err(|e| StoreError::Database(sqlx::Error::Io(e)))?)
            }
            Place::Postgres { .. } => None,
        };
        let mut waited = Duration::ZERO;
        loop {
            let taken = match &file {
                Some(file) => match file.try_lock() {
                    Ok(()) => true,
                    Err(TryLockError::WouldBlock) => false,
                    Err(TryLockError::Error(e)) => return Err(StoreError::Database(sqlx::Error::Io(e))),
                },
                None => {
                    let row =
                        sqlx::query("SELECT pg_try_advisory_lock($1) AS taken").bind(POSTGRES_LOCK).fetch_one(&mut *connection).await?;
                    row.try_get("taken")?
                }
            };
            if taken {
                return Ok(WriterLock { _file: file });
            }
            if waited >= LOCK_WAIT {
                return Err(StoreError::InUse(self.url.clone()));
            }
            tokio::time::sleep(LOCK_RETRY).await;
            waited += LOCK_RETRY;
        }
    }

    /// Brings the schema up to date. For the holder of the lock only.
    pub(crate) async fn migrate(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        Ok(self.migrations().run(connection).await?)
    }

    /// Brings the schema up to date if it is not, for a reader. A database without any schema stays as it is.
    pub(crate) async fn migrate_for_reading(&self) -> Result<(), StoreError> {
        let mut connection = self.connect(false).await?;
        let tables = if self.is_sqlite() {
            "SELECT COUNT(*) AS found FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        } else {
            "SELECT COUNT(*) AS found FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'"
        };
        let found: i64 = sqlx::query(tables).fetch_one(&mut connection).await?.try_get("found")?;
        if found == 0 {
            return Err(StoreError::Empty);
        }
        let rows = sqlx::query("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version").fetch_all(&mut connection).await?;
        let applied = rows.iter().map(|r| r.try_get("version")).collect::<Result<Vec<i64>, _>>()?;
        if !self.migrations().iter().map(|m| m.version).eq(applied) {
            let _lock = self.lock(&mut connection).await?;
            self.migrate(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }
}
