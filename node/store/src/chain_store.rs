//! Blocks, results, snapshots and sealed answers in SQLite.

use crate::StoreError;
use borsh::BorshDeserialize;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{
    Block, Genesis, Header, Height, MemberId, QueryId, State, Transaction, TransactionId, TransactionResult, Wire,
    light::{AnswerExport, Inclusion},
    limits::SNAPSHOT_BYTES_MAX,
};
use sqlx::{
    Row, Sqlite, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Bytes of a sealed answer: 256 cells and a wrapped key for each of 16 readers are about 10 KiB.
pub const BLOB_BYTES_MAX: usize = 256 << 10;
/// Bytes of a stored result: an answer's record is below 1 KiB.
pub(crate) const RESULT_BYTES_MAX: usize = 16 << 10;
/// Snapshots above this are not kept (SQLite carries values up to 10^9 bytes); such a chain is replayed.
const SNAPSHOT_KEPT_BYTES_MAX: usize = 900 << 20;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// A block as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// The block.
    pub block: Block,
    /// What became of its transactions.
    pub results: Vec<TransactionResult>,
}

/// A transaction as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its block.
    pub height: Height,
    /// Its position in the block.
    pub position: u32,
    /// The transaction.
    pub transaction: Transaction,
    /// What became of it.
    pub result: TransactionResult,
}

/// A chain in a SQLite file.
#[derive(Debug, Clone)]
pub struct ChainStore {
    pool: SqlitePool,
    genesis: Genesis,
}

impl ChainStore {
    /// Makes a new chain.
    ///
    /// # Errors
    /// The file holds a chain, the genesis breaks a rule, or the database fails.
    pub async fn create(path: &Path, genesis: &Genesis) -> Result<Self, StoreError> {
        genesis.check()?;
        let pool = connect(path, true).await?;
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(row) = sqlx::query("SELECT network FROM genesis").fetch_optional(&mut *tx).await? {
            return Err(StoreError::Exists(digest(&row, "network", Height(0))?));
        }
        sqlx::query("INSERT INTO genesis (only, network, bytes) VALUES (1, ?, ?)")
            .bind(genesis.network().0.0.to_vec())
            .bind(genesis.encode())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Self { pool, genesis: genesis.clone() })
    }

    /// Opens a chain.
    ///
    /// # Errors
    /// The file holds no chain, its genesis is damaged, or the database fails.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let pool = connect(path, false).await?;
        let row = sqlx::query("SELECT network, bytes FROM genesis").fetch_optional(&pool).await?.ok_or(StoreError::Empty)?;
        let genesis = Genesis::decode(&row.try_get::<Vec<u8>, _>("bytes")?)?;
        genesis.check()?;
        if genesis.network().0 != digest(&row, "network", Height(0))? {
            return Err(damaged("the genesis", Height(0), "its hash is another"));
        }
        Ok(Self { pool, genesis })
    }

    /// What the network started from.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Writes a block and its results in one transaction. When this returns, they are on disk.
    ///
    /// # Errors
    /// The block is not the next one, or the database fails; nothing is written then.
    pub async fn append(&self, block: &Block, results: &[TransactionResult]) -> Result<(), StoreError> {
        let height = block.header.height;
        if results.len() != block.transactions.len() {
            return Err(damaged("the list of results", height, "it does not fit the transactions"));
        }
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let last = last_height(&mut *tx).await?;
        if height != last.next() {
            return Err(StoreError::NotNext { found: height, last });
        }
        sqlx::query("INSERT INTO block (height, id, time_ms, header) VALUES (?, ?, ?, ?)")
            .bind(integer(height.0))
            .bind(block.header.id().0.0.to_vec())
            .bind(integer(block.header.time.0))
            .bind(block.header.encode())
            .execute(&mut *tx)
            .await?;
        for (position, (transaction, result)) in block.transactions.iter().zip(results).enumerate() {
            sqlx::query("INSERT INTO entry (height, position, id, signer, kind, code, bytes, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(integer(height.0))
                .bind(integer(position as u64))
                .bind(result.transaction.0.0.to_vec())
                .bind(transaction.signer.0.to_vec())
                .bind(transaction.payload.kind())
                .bind(result.rejection().map(|c| i64::from(c.0)))
                .bind(transaction.encode())
                .bind(borsh::to_vec(result).map_err(StoreError::File)?)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Height of the last block; 0 before the first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn last_height(&self) -> Result<Height, StoreError> {
        Ok(last_height(&self.pool).await?)
    }

    /// The header at a height.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    pub async fn header(&self, height: Height) -> Result<Option<Header>, StoreError> {
        let row = sqlx::query("SELECT header FROM block WHERE height = ?").bind(integer(height.0)).fetch_optional(&self.pool).await?;
        row.map(|r| Header::decode(&r.try_get::<Vec<u8>, _>("header")?).map_err(|e| damaged("the header", height, e))).transpose()
    }

    /// The headers from one height to another, both included, at most as many as there are.
    ///
    /// # Errors
    /// One is damaged, or the database fails.
    pub async fn headers(&self, from: Height, to: Height) -> Result<Vec<Header>, StoreError> {
        let rows = sqlx::query("SELECT height, header FROM block WHERE height BETWEEN ? AND ? ORDER BY height")
            .bind(integer(from.0))
            .bind(integer(to.0))
            .fetch_all(&self.pool)
            .await?;
        let decode = |row: &SqliteRow| {
            let height = Height(row.try_get::<i64, _>("height")? as u64);
            Header::decode(&row.try_get::<Vec<u8>, _>("header")?).map_err(|e| damaged("the header", height, e))
        };
        rows.iter().map(decode).collect()
    }

    /// The block at a height with its results.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    pub async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        let Some(header) = self.header(height).await? else { return Ok(None) };
        let rows = sqlx::query("SELECT height, position, bytes, result FROM entry WHERE height = ? ORDER BY position")
            .bind(integer(height.0))
            .fetch_all(&self.pool)
            .await?;
        let mut stored = StoredBlock { block: Block { header, transactions: Vec::with_capacity(rows.len()) }, results: Vec::new() };
        for row in &rows {
            let entry = entry(row)?;
            stored.block.transactions.push(entry.transaction);
            stored.results.push(entry.result);
        }
        Ok(Some(stored))
    }

    /// A transaction by id.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    pub async fn transaction(&self, id: &TransactionId) -> Result<Option<StoredEntry>, StoreError> {
        let query = sqlx::query("SELECT height, position, bytes, result FROM entry WHERE id = ?").bind(id.0.0.to_vec());
        query.fetch_optional(&self.pool).await?.as_ref().map(entry).transpose()
    }

    /// Everything it takes to check one answer without the chain.
    ///
    /// # Errors
    /// The site has not answered the query, a block is damaged, or the database fails.
    pub async fn export_answer(&self, state: &State, query: &QueryId, hospital: &MemberId) -> Result<AnswerExport, StoreError> {
        let ids = state.answer_depends_on(query, hospital).ok_or(StoreError::NotFound("answer of this site to this query"))?;
        let mut places = BTreeMap::<Height, Vec<u32>>::new();
        for id in ids {
            let entry = self.transaction(&id).await?.ok_or(StoreError::NotFound("transaction an answer depends on"))?;
            places.entry(entry.height).or_default().push(entry.position);
        }
        let last = places.keys().next_back().copied().unwrap_or_default();
        let mut inclusions = Vec::new();
        for (height, mut positions) in places {
            let stored = self.block(height).await?.ok_or(StoreError::NotFound("block of this height"))?;
            positions.sort_unstable();
            inclusions.extend(positions.iter().filter_map(|p| Inclusion::new(&stored.block, &stored.results, *p as usize)));
        }
        Ok(AnswerExport { genesis: self.genesis.clone(), headers: self.headers(Height(1), last).await?, inclusions })
    }

    /// Keeps a snapshot of the state after a stored block; only the newest two are kept. A state too large for the database is not kept.
    ///
    /// # Errors
    /// The database fails.
    pub async fn write_snapshot(&self, state: &State) -> Result<(), StoreError> {
        let (height, bytes) = (state.tip().height, state.snapshot());
        if height == Height(0) || bytes.len() > SNAPSHOT_KEPT_BYTES_MAX.min(SNAPSHOT_BYTES_MAX) {
            return Ok(());
        }
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT OR REPLACE INTO snapshot (height, bytes) VALUES (?, ?)")
            .bind(integer(height.0))
            .bind(bytes)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM snapshot WHERE height NOT IN (SELECT height FROM snapshot ORDER BY height DESC LIMIT 2)")
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The newest snapshot that is the state of its header, or the state before the first block.
    async fn newest_snapshot(&self) -> Result<State, StoreError> {
        let rows = sqlx::query("SELECT height, bytes FROM snapshot ORDER BY height DESC").fetch_all(&self.pool).await?;
        for row in rows {
            let height = Height(row.try_get::<i64, _>("height")? as u64);
            let Some(header) = self.header(height).await? else { continue };
            match State::from_snapshot(self.genesis.clone(), &header, &row.try_get::<Vec<u8>, _>("bytes")?) {
                Ok(state) => return Ok(state),
                Err(error) => tracing::warn!(%height, %error, "a snapshot is not used"),
            }
        }
        Ok(State::new(self.genesis.clone())?)
    }

    /// The state after the last block: from the newest good snapshot, or else from genesis, by executing every later block again with the
    /// recorded verdicts on proofs and comparing every commitment of its header.
    ///
    /// # Errors
    /// A block is damaged, or the database fails.
    pub async fn load(&self) -> Result<State, StoreError> {
        let mut state = self.newest_snapshot().await?;
        let last = self.last_height().await?;
        while state.tip().height < last {
            let height = state.tip().height.next();
            let stored = self.block(height).await?.ok_or_else(|| damaged("the block", height, "it is missing"))?;
            let outcome = state.apply_recorded(&stored.block, &stored.results)?;
            state.commit(outcome)?;
        }
        Ok(state)
    }

    /// Keeps a sealed answer and gives its digest. Writing it twice is harmless.
    ///
    /// # Errors
    /// It is too long, or the database fails.
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<Digest32, StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::BlobTooLong(bytes.len()));
        }
        let digest = Digest32::of(bytes);
        sqlx::query("INSERT OR IGNORE INTO blob (digest, bytes) VALUES (?, ?)")
            .bind(digest.0.to_vec())
            .bind(bytes.to_vec())
            .execute(&self.pool)
            .await?;
        Ok(digest)
    }

    /// A sealed answer by digest.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT bytes FROM blob WHERE digest = ?").bind(digest.0.to_vec()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let bytes: Vec<u8> = row.try_get("bytes")?;
        if Digest32::of(&bytes) == *digest { Ok(Some(bytes)) } else { Err(StoreError::BlobDamaged(*digest)) }
    }

    /// Digests of all sealed answers, ascending.
    ///
    /// # Errors
    /// The database fails.
    pub async fn blobs(&self) -> Result<Vec<Digest32>, StoreError> {
        let rows = sqlx::query("SELECT digest FROM blob ORDER BY digest").fetch_all(&self.pool).await?;
        rows.iter().map(|r| digest(r, "digest", Height(0))).collect()
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn connect(path: &Path, create: bool) -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10));
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
    MIGRATIONS.run(&pool).await?;
    Ok(pool)
}

async fn last_height<'e>(executor: impl sqlx::Executor<'e, Database = Sqlite>) -> Result<Height, sqlx::Error> {
    let row = sqlx::query("SELECT COALESCE(MAX(height), 0) AS height FROM block").fetch_one(executor).await?;
    Ok(Height(row.try_get::<i64, _>("height")? as u64))
}

/// SQLite's integers are signed; heights and block times stay far below 2^63.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn damaged(what: &'static str, height: Height, reason: impl ToString) -> StoreError {
    StoreError::Damaged { what, height, reason: reason.to_string() }
}

fn digest(row: &SqliteRow, column: &str, height: Height) -> Result<Digest32, StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map(Digest32).map_err(|_| damaged("a digest", height, "it has not 32 bytes"))
}

fn entry(row: &SqliteRow) -> Result<StoredEntry, StoreError> {
    let height = Height(row.try_get::<i64, _>("height")? as u64);
    let transaction = Transaction::decode(&row.try_get::<Vec<u8>, _>("bytes")?).map_err(|e| damaged("a transaction", height, e))?;
    let result = decode_result(&row.try_get::<Vec<u8>, _>("result")?).map_err(|e| damaged("a result", height, e))?;
    let position = row.try_get::<i64, _>("position")?;
    let position = u32::try_from(position).map_err(|e| damaged("a position", height, e))?;
    Ok(StoredEntry { height, position, transaction, result })
}

/// Decodes a stored result within its bound.
pub(crate) fn decode_result(bytes: &[u8]) -> std::io::Result<TransactionResult> {
    if bytes.len() > RESULT_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "too long"));
    }
    TransactionResult::try_from_slice(bytes)
}
