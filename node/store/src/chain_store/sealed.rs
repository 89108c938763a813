//! Sealed answers: ciphertexts by digest, of accepted answers only.
//!
//! A block names the digests of the answers it accepts, in the transaction that writes it. No other ciphertext is taken or given, whoever asks: one
//! of an answer that was rejected would tell the study team what the ledger kept from it.

use super::{ChainStore, decode_result, digest, height_of, integer};
use crate::StoreError;
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Effect, TransactionResult};
use countersign_messages::Height;
use sqlx::{AnyConnection, Row};

/// Bytes of a sealed answer: 256 cells and a wrapped key for each of 16 readers are about 10 KiB.
pub const BLOB_BYTES_MAX: usize = 256 << 10;

impl ChainStore {
    /// Keeps the sealed answer of an accepted answer and gives its digest. Writing it twice is harmless.
    ///
    /// # Errors
    /// It is too long, no accepted answer of the chain names it, or the database fails.
    #[boxed]
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<Digest32, StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::BlobTooLong(bytes.len()));
        }
        let digest = Digest32::of(bytes);
        let writer = self.writer()?;
        // before the writer is asked: it is not held up by what is refused
        if !self.names(&digest).await? {
            return Err(StoreError::BlobNotNamed(digest));
        }
        let mut unit = writer.begin().await?;
        sqlx::query("INSERT INTO blob (digest, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(digest.0.as_slice())
            .bind(bytes)
            .execute(unit.connection()?)
            .await?;
        unit.commit().await?;
        Ok(digest)
    }

    /// True if an accepted answer names a sealed answer with this digest.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn names(&self, digest: &Digest32) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT height FROM named WHERE digest = $1").bind(digest.0.as_slice());
        Ok(query.fetch_optional(&self.readers).await?.is_some())
    }

    /// The sealed answer of an accepted answer, by digest.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    #[boxed]
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query("SELECT blob.bytes FROM blob JOIN named ON named.digest = blob.digest WHERE blob.digest = $1");
        let Some(row) = query.bind(digest.0.as_slice()).fetch_optional(&self.readers).await? else { return Ok(None) };
        let bytes: Vec<u8> = row.try_get("bytes")?;
        if Digest32::of(&bytes) == *digest { Ok(Some(bytes)) } else { Err(StoreError::BlobDamaged(*digest)) }
    }

    /// Digests of all sealed answers that are here, ascending.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn blobs(&self) -> Result<Vec<Digest32>, StoreError> {
        let query = sqlx::query("SELECT blob.digest FROM blob JOIN named ON named.digest = blob.digest ORDER BY blob.digest");
        query.fetch_all(&self.readers).await?.iter().map(|r| digest(r, "digest", Height(0))).collect()
    }

    /// Digests of sealed answers that accepted answers name and that are not here, at most so many, those of the latest blocks first.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn blobs_missing(&self, max: usize) -> Result<Vec<Digest32>, StoreError> {
        let statement = "SELECT named.digest FROM named LEFT JOIN blob ON blob.digest = named.digest WHERE blob.digest IS NULL \
                         ORDER BY named.height DESC, named.digest LIMIT $1";
        let rows = sqlx::query(statement).bind(integer(max as u64)).fetch_all(&self.readers).await?;
        rows.iter().map(|r| digest(r, "digest", Height(0))).collect()
    }

    /// In a chain that was written before blocks named their sealed answers: names them, and forgets the ciphertexts that no accepted answer names.
    pub(super) async fn learn_named(&self) -> Result<(), StoreError> {
        if sqlx::query("SELECT digest FROM named LIMIT 1").fetch_optional(&self.readers).await?.is_some() {
            return Ok(());
        }
        let answers = sqlx::query("SELECT height, result FROM entry WHERE kind = 'answer' AND code IS NULL");
        let rows = answers.fetch_all(&self.readers).await?;
        let mut unit = self.writer()?.begin().await?;
        for row in &rows {
            let height = height_of(row)?;
            let result = decode_result(&row.try_get::<Vec<u8>, _>("result")?).map_err(|e| super::damaged("a result", height, e))?;
            name(unit.connection()?, height, &result).await?;
        }
        sqlx::query("DELETE FROM blob WHERE digest NOT IN (SELECT digest FROM named)").execute(unit.connection()?).await?;
        unit.commit().await
    }
}

/// Writes down which sealed answer a result accepts, if it is that of an answer.
pub(super) async fn name(connection: &mut AnyConnection, height: Height, result: &TransactionResult) -> Result<(), StoreError> {
    if let Some(Effect::Answered(answer)) = result.effect() {
        sqlx::query("INSERT INTO named (digest, height) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(answer.sealed.0.as_slice())
            .bind(integer(height.0))
            .execute(connection)
            .await?;
    }
    Ok(())
}
