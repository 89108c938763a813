//! Connections to either database.
//!
//! All statements are written once: the driver carries integers, texts and bytes to both, `$1` is a placeholder in both. What differs is here.

use crate::{
    StoreError, StoreUrl,
    error::sqlite_code,
    url::{Access, Location, resolved},
};
use async_recursion::async_recursion as boxed;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Row, any::AnyPoolOptions, migrate::Migrator};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long opening waits for the writer before: a server takes a moment to notice that a killed process is gone.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// Name of the writer's lock among the advisory locks of a PostgreSQL database: "counters" in ASCII.
const POSTGRES_LOCK: i64 = 0x636f_756e_7465_7273;
/// SQLite's codes for a file that may not be written, and for one of its companions that cannot be made.
const SQLITE_READONLY: u32 = 8;
/// See [`SQLITE_READONLY`].
const SQLITE_CANTOPEN: u32 = 14;
/// Connections for reading.
const READERS_MAX: u32 = 4;

/// For every SQLite connection: the log survives a loss of power at any point once a transaction is committed.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
/// For SQLite connections that read: nothing that writes, or a copy that may not be written could not be opened.
const SQLITE_READS: &str = "PRAGMA busy_timeout = 10000; PRAGMA query_only = ON";
/// For the writer: commits are on disk whatever the server's defaults, and a client that lost its power frees the lock within a minute.
const POSTGRES_SETTINGS: &str =
    "SET synchronous_commit = on; SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
const POSTGRES_READS: &str = "SET default_transaction_read_only = on";

/// A database, reachable or not.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    url: StoreUrl,
    access: Access,
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
        Self { url: url.clone(), access: Access::Shared }
    }

    /// One that is read only, with its schema up to date.
    pub(crate) async fn for_reading(url: &StoreUrl) -> Result<Self, StoreError> {
        let mut database = Self::new(url);
        match database.migrate_for_reading().await {
            Err(error) if database.is_sqlite() && is_forbidden(&error) => {
                database.check_still()?;
                database.access = Access::Still;
                database.migrate_for_reading().await?;
            }
            other => other?,
        }
        Ok(database)
    }

    /// That a SQLite file that may not be written can be read as it stands: nobody writes to it, and nothing of it is in a log beside it.
    fn check_still(&self) -> Result<(), StoreError> {
        let Location::Sqlite(path) = self.url.location() else { return Ok(()) };
        let file = beside(path, "-wal")?;
        if std::fs::metadata(&file).is_ok_and(|log| log.len() > 0) {
            return Err(StoreError::UnfinishedCopy { log: file });
        }
        match File::open(beside(path, "-writer")?).map(|file| file.try_lock_shared()) {
            Ok(Err(TryLockError::WouldBlock)) => Err(StoreError::InUse(self.url.clone())),
            // no lock, or none that may be looked at: no writer of this program's user
            _ => Ok(()),
        }
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
        let mut connection = self.url.options(if create { Access::Made } else { Access::Shared })?.connect().await?;
        let settings = if self.is_sqlite() { SQLITE_SETTINGS } else { POSTGRES_SETTINGS };
        sqlx::raw_sql(settings).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Connections for reading.
    pub(crate) async fn readers(&self) -> Result<AnyPool, StoreError> {
        let settings = if self.is_sqlite() { SQLITE_READS } else { POSTGRES_READS };
        let pool = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .after_connect(move |connection, _| Box::pin(async move { sqlx::raw_sql(settings).execute(&mut *connection).await.map(drop) }));
        Ok(pool.connect_with(self.url.options(self.access)?).await?)
    }

    /// Takes the writer's lock, or says that another holds it.
    pub(crate) async fn lock(&self, connection: &mut AnyConnection) -> Result<WriterLock, StoreError> {
        let file = match self.url.location() {
            Location::Sqlite(path) => {
                let open = File::options().create(true).truncate(false).write(true).open(beside(path, "-writer")?);
                Some(open.map_err(|e| StoreError::Database(sqlx::Error::Io(e)))?)
            }
            Location::Postgres { .. } => None,
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
    #[boxed]
    pub(crate) async fn migrate(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        // `run` asks for more than a connection can be inside of a boxed future ("implementation of Acquire is not general enough")
        Ok(self.migrations().run_direct(None, connection, false).await?)
    }

    /// Brings the schema up to date if it is not, for a reader. A database without any schema stays as it is.
    async fn migrate_for_reading(&self) -> Result<(), StoreError> {
        let mut connection = self.url.options(self.access)?.connect().await?;
        let settings = if self.is_sqlite() { "PRAGMA busy_timeout = 10000" } else { POSTGRES_SETTINGS };
        sqlx::raw_sql(settings).execute(&mut connection).await?;
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
            if self.access == Access::Still {
                return Err(StoreError::OldCopy);
            }
            let _lock = self.lock(&mut connection).await?;
            self.migrate(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }
}

/// A file that belongs to a SQLite file.
fn beside(path: &Path, suffix: &str) -> Result<PathBuf, StoreError> {
    let mut name = resolved(path)?.into_os_string();
    name.push(suffix);
    Ok(PathBuf::from(name))
}

/// True if the database could not be opened because this process may not write where it is.
fn is_forbidden(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Io(error)) => error.kind() == std::io::ErrorKind::PermissionDenied,
        StoreError::Database(error) => sqlite_code(error).is_some_and(|code| [SQLITE_READONLY, SQLITE_CANTOPEN].contains(&code)),
        _ => false,
    }
}
