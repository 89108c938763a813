//! Sealed answers: ciphertexts by digest.

use super::{ChainStore, digest};
use crate::StoreError;
use countersign_circuits::hash::Digest32;
use countersign_ledger::Height;
use sqlx::Row;

/// Bytes of a sealed answer: 256 cells and a wrapped key for each of 16 readers are about 10 KiB.
pub const BLOB_BYTES_MAX: usize = 256 << 10;

impl ChainStore {
    /// Keeps a sealed answer and gives its digest. Writing it twice is harmless.
    ///
    /// # Errors
    /// It is too long, or the database fails.
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<Digest32, StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::BlobTooLong(bytes.len()));
        }
        let digest = Digest32::of(bytes);
        let mut connection = self.writer()?.hold().await?;
        sqlx::query("INSERT INTO blob (digest, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(digest.0.as_slice())
            .bind(bytes)
            .execute(&mut *connection)
            .await?;
        Ok(digest)
    }

    /// A sealed answer by digest.
    ///
    /// # Errors
    /// It is damaged, or the database fails.
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT bytes FROM blob WHERE digest = $1").bind(digest.0.as_slice()).fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let bytes: Vec<u8> = row.try_get("bytes")?;
        if Digest32::of(&bytes) == *digest { Ok(Some(bytes)) } else { Err(StoreError::BlobDamaged(*digest)) }
    }

    /// Digests of all sealed answers, ascending.
    ///
    /// # Errors
    /// The database fails.
    pub async fn blobs(&self) -> Result<Vec<Digest32>, StoreError> {
        let rows = sqlx::query("SELECT digest FROM blob ORDER BY digest").fetch_all(&self.readers).await?;
        rows.iter().map(|r| digest(r, "digest", Height(0))).collect()
    }
}
