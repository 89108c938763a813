//! Blocks for members that catch up.

use super::{ChainStore, damaged, height_of, integer};
use crate::StoreError;
use async_recursion::async_recursion as boxed;
use countersign_messages::{Header, Height, Wire};
use sqlx::Row;
use std::collections::BTreeMap;

/// A block and its certificate as they are encoded. Results are left out: whoever receives it executes the block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedBlock {
    /// The block's height.
    pub height: Height,
    /// Canonical bytes of the block.
    pub block: Vec<u8>,
    /// Canonical bytes of its certificate.
    pub certificate: Vec<u8>,
}

impl ChainStore {
    /// The blocks from a height on, at most so many and, after the first, at most so many bytes together. Nothing is decoded: the encoding of
    /// a block is its header, the number of its transactions, and their encodings. Memory is bounded by `bytes_max` or one block.
    ///
    /// # Errors
    /// A block has no certificate, or the database fails.
    #[boxed]
    pub async fn blocks_from(&self, first: Height, blocks_max: usize, bytes_max: usize) -> Result<Vec<EncodedBlock>, StoreError> {
        let Some(last) = self.reach(first, blocks_max, bytes_max).await? else { return Ok(Vec::new()) };
        let heads = "SELECT block.height, block.header, certificate.bytes FROM block LEFT JOIN certificate ON certificate.height = block.height \
                     WHERE block.height BETWEEN $1 AND $2 ORDER BY block.height";
        let heads = sqlx::query(heads).bind(integer(first.0)).bind(integer(last.0)).fetch_all(&self.readers).await?;
        let bodies = "SELECT height, bytes FROM entry WHERE height BETWEEN $1 AND $2 ORDER BY height, position";
        let bodies = sqlx::query(bodies).bind(integer(first.0)).bind(integer(last.0)).fetch_all(&self.readers).await?;
        let mut transactions = BTreeMap::<Height, (u32, Vec<u8>)>::new();
        for row in &bodies {
            let (count, bytes) = transactions.entry(height_of(row)?).or_default();
            *count += 1;
            bytes.extend(row.try_get::<Vec<u8>, _>("bytes")?);
        }
        let mut blocks = Vec::with_capacity(heads.len());
        for row in &heads {
            let height = height_of(row)?;
            let certificate: Option<Vec<u8>> = row.try_get("bytes")?;
            let certificate = certificate.ok_or(StoreError::NoCertificate(height))?;
            let mut block: Vec<u8> = row.try_get("header")?;
            if block.len() != Header::BYTES_MAX {
                return Err(damaged("the header", height, "its length is another"));
            }
            let (count, bytes) = transactions.remove(&height).unwrap_or_default();
            block.extend(count.to_le_bytes());
            block.extend(bytes);
            blocks.push(EncodedBlock { height, block, certificate });
        }
        Ok(blocks)
    }

    /// The last height of a run that fits, looking at lengths only.
    async fn reach(&self, first: Height, blocks_max: usize, bytes_max: usize) -> Result<Option<Height>, StoreError> {
        let lengths = "SELECT block.height, COALESCE(SUM(length(entry.bytes)), 0) AS length FROM block LEFT JOIN entry \
                       ON entry.height = block.height WHERE block.height BETWEEN $1 AND $2 GROUP BY block.height ORDER BY block.height";
        let end = first.0.saturating_add(blocks_max as u64);
        let rows = sqlx::query(lengths).bind(integer(first.0)).bind(integer(end) - 1).fetch_all(&self.readers).await?;
        let (mut reach, mut bytes) = (None, 0_u64);
        for row in &rows {
            let length = u64::try_from(row.try_get::<i64, _>("length")?).unwrap_or_default();
            bytes = bytes.saturating_add(length).saturating_add(Header::BYTES_MAX as u64 + 4);
            if reach.is_some() && bytes > bytes_max as u64 {
                break;
            }
            reach = Some(height_of(row)?);
        }
        Ok(reach)
    }
}
