//! Blocks, results, certificates, proposals, snapshots and sealed answers in a database.

mod certificates;
mod proposals;
mod sealed;
mod serving;
mod snapshots;
mod voting;

pub use proposals::{PROPOSALS_MAX, StoredProposal};
pub use sealed::BLOB_BYTES_MAX;
pub use serving::EncodedBlock;
pub use voting::VotingRecord;

use crate::{
    StoreError, StoreUrl,
    database::Database,
    writer::{Unit, Writer},
};
use async_recursion::async_recursion as boxed;
use borsh::BorshDeserialize;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{
    State, TransactionResult,
    light::{AnswerExport, Attestation, Inclusion},
};
use countersign_messages::{Block, Certificate, Genesis, Header, Height, MemberId, QueryId, Transaction, TransactionId, Wire};
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Row, any::AnyRow};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Bytes of a stored result: an answer's record is below 1 KiB.
pub(crate) const RESULT_BYTES_MAX: usize = 16 << 10;
/// Transactions written with one statement: a block takes few round trips to a server, and stays far below its limit of 65,535 values.
const ROWS_AT_ONCE: usize = 64;

/// A block as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// The block.
    pub block: Block,
    /// What became of its transactions.
    pub results: Vec<TransactionResult>,
    /// Who decided it.
    pub certificate: Certificate,
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

/// A chain in a SQLite file or a PostgreSQL database.
///
/// At most one store that writes is open at a time, in any process; any number may read beside it. A write that fails or is cut off is on
/// disk or it is not: open the chain again and look.
#[derive(Debug, Clone)]
pub struct ChainStore {
    readers: AnyPool,
    writer: Option<Arc<Writer>>,
    genesis: Genesis,
}

impl ChainStore {
    /// Makes a new chain, and holds it for writing. A SQLite file is made if it is missing; a PostgreSQL database must be there.
    ///
    /// # Errors
    /// There is a chain, another process writes there, the genesis breaks a rule, or the database fails.
    #[boxed]
    pub async fn create(url: &StoreUrl, genesis: &Genesis) -> Result<Self, StoreError> {
        genesis.check()?;
        let database = Database::new(url);
        let writer = Writer::open(database.clone(), true).await?;
        let mut unit = writer.begin().await?;
        if let Some(row) = sqlx::query("SELECT network FROM genesis").fetch_optional(unit.connection()?).await? {
            return Err(StoreError::Exists(digest(&row, "network", Height(0))?));
        }
        sqlx::query("INSERT INTO genesis (\"only\", network, bytes) VALUES (1, $1, $2)")
            .bind(genesis.network().0.0.as_slice())
            .bind(genesis.encode())
            .execute(unit.connection()?)
            .await?;
        unit.commit().await?;
        Ok(Self { readers: database.readers().await?, writer: Some(Arc::new(writer)), genesis: genesis.clone() })
    }

    /// Opens a chain and holds it for writing.
    ///
    /// # Errors
    /// There is no chain, another process writes there, the genesis is damaged, or the database fails.
    #[boxed]
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        let database = Database::new(url);
        let writer = Writer::open(database.clone(), false).await?;
        let store = Self::with(database.readers().await?, Some(Arc::new(writer))).await?;
        store.learn_named().await?;
        Ok(store)
    }

    /// Opens a chain for reading, beside a process that writes or without one. A SQLite file that may not be written is read as it stands, if nobody
    /// writes to it and it is whole.
    ///
    /// # Errors
    /// There is no chain, the genesis is damaged, the schema is old and may not be brought up to date, or the database fails.
    #[boxed]
    pub async fn read(url: &StoreUrl) -> Result<Self, StoreError> {
        let database = Database::for_reading(url).await?;
        Self::with(database.readers().await?, None).await
    }

    async fn with(readers: AnyPool, writer: Option<Arc<Writer>>) -> Result<Self, StoreError> {
        let row = sqlx::query("SELECT network, bytes FROM genesis").fetch_optional(&readers).await?.ok_or(StoreError::Empty)?;
        let genesis = Genesis::decode(&row.try_get::<Vec<u8>, _>("bytes")?)?;
        genesis.check()?;
        if genesis.network().0 != digest(&row, "network", Height(0))? {
            return Err(damaged("the genesis", Height(0), "its hash is another"));
        }
        Ok(Self { readers, writer, genesis })
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_deref().ok_or(StoreError::ReadOnly)
    }

    /// What the network started from.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Writes a block, its results and its certificate, and forgets the proposals for its height, in one transaction. When this returns, they
    /// are on disk. That the certificate names the block is checked here; its signatures are the caller's to check.
    ///
    /// # Errors
    /// The block is not the next one, the certificate is about another, or the database fails; nothing is written then.
    #[boxed]
    pub async fn append(&self, block: &Block, results: &[TransactionResult], certificate: &Certificate) -> Result<(), StoreError> {
        let unit = self.written(block, results, certificate).await?;
        unit.commit().await
    }

    /// Like [`Self::append`], for a block that this node's engine has decided: that the engine goes on to the next height is on disk with it.
    ///
    /// # Errors
    /// As [`Self::append`].
    #[boxed]
    pub async fn append_decided(&self, block: &Block, results: &[TransactionResult], certificate: &Certificate) -> Result<(), StoreError> {
        let mut unit = self.written(block, results, certificate).await?;
        voting::goes_on(unit.connection()?, block.header.height).await?;
        unit.commit().await
    }

    async fn written(&self, block: &Block, results: &[TransactionResult], certificate: &Certificate) -> Result<Unit<'_>, StoreError> {
        let height = block.header.height;
        if results.len() != block.transactions.len() {
            return Err(damaged("the list of results", height, "it does not fit the transactions"));
        }
        certificates::check_names(certificate, height, &block.header.id())?;
        let mut unit = self.writer()?.begin().await?;
        let last = last_height(unit.connection()?).await?;
        if height != last.next() {
            unit.leave().await?;
            return Err(StoreError::NotNext { found: height, last });
        }
        sqlx::query("INSERT INTO block (height, id, time_ms, header) VALUES ($1, $2, $3, $4)")
            .bind(integer(height.0))
            .bind(block.header.id().0.0.as_slice())
            .bind(integer(block.header.time.0))
            .bind(block.header.encode())
            .execute(unit.connection()?)
            .await?;
        let rows = block.transactions.chunks(ROWS_AT_ONCE).zip(results.chunks(ROWS_AT_ONCE));
        for (part, (transactions, results)) in rows.enumerate() {
            write_entries(unit.connection()?, height, part * ROWS_AT_ONCE, transactions, results).await?;
        }
        for result in results {
            sealed::name(unit.connection()?, height, result).await?;
        }
        certificates::write(unit.connection()?, certificate).await?;
        sqlx::query("DELETE FROM proposal WHERE height <= $1").bind(integer(height.0)).execute(unit.connection()?).await?;
        Ok(unit)
    }

    /// Height of the last block; 0 before the first.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn last_height(&self) -> Result<Height, StoreError> {
        Ok(last_height(&self.readers).await?)
    }

    /// The header at a height.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    #[boxed]
    pub async fn header(&self, height: Height) -> Result<Option<Header>, StoreError> {
        let row = sqlx::query("SELECT header FROM block WHERE height = $1").bind(integer(height.0)).fetch_optional(&self.readers).await?;
        row.map(|r| Header::decode(&r.try_get::<Vec<u8>, _>("header")?).map_err(|e| damaged("the header", height, e))).transpose()
    }

    /// The headers from one height to another, both included, at most as many as there are.
    ///
    /// # Errors
    /// One is damaged, or the database fails.
    #[boxed]
    pub async fn headers(&self, from: Height, to: Height) -> Result<Vec<Header>, StoreError> {
        let rows = sqlx::query("SELECT height, header FROM block WHERE height BETWEEN $1 AND $2 ORDER BY height")
            .bind(integer(from.0))
            .bind(integer(to.0))
            .fetch_all(&self.readers)
            .await?;
        let decode = |row: &AnyRow| {
            let (height, bytes) = (height_of(row)?, row.try_get::<Vec<u8>, _>("header")?);
            Header::decode(&bytes).map_err(|e| damaged("the header", height, e))
        };
        rows.iter().map(decode).collect()
    }

    /// The block at a height with its results and certificate.
    ///
    /// # Errors
    /// It is damaged, it has no certificate, or the database fails.
    #[boxed]
    pub async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        let Some((block, results)) = self.executed(height).await? else { return Ok(None) };
        let certificate = self.certificate(height).await?.ok_or(StoreError::NoCertificate(height))?;
        Ok(Some(StoredBlock { block, results, certificate }))
    }

    async fn executed(&self, height: Height) -> Result<Option<(Block, Vec<TransactionResult>)>, StoreError> {
        let Some(header) = self.header(height).await? else { return Ok(None) };
        let rows = sqlx::query("SELECT height, position, bytes, result FROM entry WHERE height = $1 ORDER BY position")
            .bind(integer(height.0))
            .fetch_all(&self.readers)
            .await?;
        let (mut transactions, mut results) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            let entry = entry(row)?;
            transactions.push(entry.transaction);
            results.push(entry.result);
        }
        Ok(Some((Block { header, transactions }, results)))
    }

    /// A transaction by id.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    #[boxed]
    pub async fn transaction(&self, id: &TransactionId) -> Result<Option<StoredEntry>, StoreError> {
        let query = sqlx::query("SELECT height, position, bytes, result FROM entry WHERE id = $1").bind(id.0.0.as_slice());
        query.fetch_optional(&self.readers).await?.as_ref().map(entry).transpose()
    }

    /// Everything it takes to check one answer without the chain.
    ///
    /// # Errors
    /// The site has not answered the query, a block is damaged or has no certificate, or the database fails.
    #[boxed]
    pub async fn export_answer(&self, state: &State, query: &QueryId, hospital: &MemberId) -> Result<AnswerExport, StoreError> {
        let ids = state.answer_depends_on(query, hospital).ok_or(StoreError::NotFound("answer of this site to this query"))?;
        let mut places = BTreeMap::<Height, Vec<u32>>::new();
        for id in ids {
            let entry = self.transaction(&id).await?.ok_or(StoreError::NotFound("transaction an answer depends on"))?;
            places.entry(entry.height).or_default().push(entry.position);
        }
        let heights: BTreeSet<Height> = places.keys().copied().collect();
        let mut inclusions = Vec::new();
        for (height, mut positions) in places {
            let (block, results) = self.executed(height).await?.ok_or(StoreError::NotFound("block of this height"))?;
            positions.sort_unstable();
            inclusions.extend(positions.iter().filter_map(|p| Inclusion::new(&block, &results, *p as usize)));
        }
        let named: Vec<Height> = inclusions.iter().filter_map(Inclusion::named_height).collect();
        let (mut headers, mut attestations) = (Vec::new(), Vec::new());
        for (height, validators) in state.answer_heights(query, hospital, &heights, &named) {
            headers.push(self.header(height).await?.ok_or(StoreError::NotFound("block of this height"))?);
            let certificate = self.certificate(height).await?.ok_or(StoreError::NoCertificate(height))?;
            attestations.push(Attestation { certificate, validators });
        }
        Ok(AnswerExport { genesis: self.genesis.clone(), headers, attestations, inclusions })
    }

    /// Closes the connections, and lets another process write.
    #[boxed]
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

async fn write_entries(
    connection: &mut AnyConnection,
    height: Height,
    first: usize,
    transactions: &[Transaction],
    results: &[TransactionResult],
) -> Result<(), StoreError> {
    let rows: Vec<String> = (0..transactions.len())
        .map(|row| format!("({})", (1..=8).map(|column| format!("${}", row * 8 + column)).collect::<Vec<_>>().join(", ")))
        .collect();
    let statement = format!("INSERT INTO entry (height, position, id, signer, kind, code, bytes, result) VALUES {}", rows.join(", "));
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (row, (transaction, result)) in transactions.iter().zip(results).enumerate() {
        query = query
            .bind(integer(height.0))
            .bind(integer((first + row) as u64))
            .bind(result.transaction.0.0.to_vec())
            .bind(transaction.signer.0.to_vec())
            .bind(transaction.payload.kind())
            .bind(result.rejection().map(|c| i64::from(c.0)))
            .bind(transaction.encode())
            .bind(borsh::to_vec(result)?);
    }
    query.execute(connection).await?;
    Ok(())
}

async fn last_height<'e>(executor: impl sqlx::Executor<'e, Database = Any>) -> Result<Height, sqlx::Error> {
    height_of(&sqlx::query("SELECT COALESCE(MAX(height), 0) AS height FROM block").fetch_one(executor).await?)
}

/// The databases' integers are signed; heights and block times stay far below 2^63.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn height_of(row: &AnyRow) -> Result<Height, sqlx::Error> {
    Ok(Height(u64::try_from(row.try_get::<i64, _>("height")?).unwrap_or_default()))
}

fn damaged(what: &'static str, height: Height, reason: impl ToString) -> StoreError {
    StoreError::Damaged { what, height, reason: reason.to_string() }
}

fn digest(row: &AnyRow, column: &str, height: Height) -> Result<Digest32, StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map(Digest32).map_err(|_| damaged("a digest", height, "it has not 32 bytes"))
}

fn entry(row: &AnyRow) -> Result<StoredEntry, StoreError> {
    let height = height_of(row)?;
    let transaction = Transaction::decode(&row.try_get::<Vec<u8>, _>("bytes")?).map_err(|e| damaged("a transaction", height, e))?;
    let result = decode_result(&row.try_get::<Vec<u8>, _>("result")?).map_err(|e| damaged("a result", height, e))?;
    let position = row.try_get::<i64, _>("position")?;
    let position = u32::try_from(position).map_err(|e| damaged("a position", height, e))?;
    Ok(StoredEntry { height, position, transaction, result })
}

/// Decodes a stored result within its bound.
fn decode_result(bytes: &[u8]) -> std::io::Result<TransactionResult> {
    if bytes.len() > RESULT_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "too long"));
    }
    TransactionResult::try_from_slice(bytes)
}
