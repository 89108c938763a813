//! A whole chain in one file.
//!
//! The file starts with [`MAGIC`]; then come frames: one byte of kind, the length as four bytes little-endian, and that many bytes. Frame
//! 0 is the genesis; then every block from height 1, each followed by its results and its commit certificate; then, if wanted, the sealed answers, ascending by
//! digest; last an end frame with the height of the last block, so that a cut-off file is noticed.

use crate::{BLOB_BYTES_MAX, ChainStore, StoreError, StoredBlock, chain_store::RESULT_BYTES_MAX};
use borsh::BorshDeserialize;
use countersign_ledger::TransactionResult;
use countersign_messages::{Block, Certificate, Genesis, Height, Wire, limits::BLOCK_TRANSACTIONS_MAX};
use std::io::{Read, Write};

/// First bytes of an archive of any version; the version and the end of the line follow.
pub const NAME: &[u8] = b"countersign-archive/";
/// First bytes of an archive. Version 1 had no certificates.
pub const MAGIC: &[u8] = b"countersign-archive/2\n";
/// Bytes of one frame.
const FRAME_BYTES_MAX: usize = Block::BYTES_MAX;

const GENESIS: u8 = 0;
const BLOCK: u8 = 1;
const RESULTS: u8 = 2;
const BLOB: u8 = 3;
const CERTIFICATE: u8 = 4;
const END: u8 = 255;

/// Whether sealed answers go into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blobs {
    /// With the ciphertexts.
    Include,
    /// The chain alone.
    Leave,
}

/// One part of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A block with its results and certificate.
    Block(Box<StoredBlock>),
    /// A sealed answer.
    Blob(Vec<u8>),
}

/// Writes a chain to a file.
///
/// # Errors
/// The chain is damaged, or reading or writing fails.
pub async fn export(store: &ChainStore, blobs: Blobs, out: &mut (impl Write + Send)) -> Result<Height, StoreError> {
    out.write_all(MAGIC)?;
    frame(out, GENESIS, &store.genesis().encode())?;
    let last = store.last_height().await?;
    for height in (1..=last.0).map(Height) {
        let stored = store.block(height).await?.ok_or(StoreError::NotFound("block of this height"))?;
        frame(out, BLOCK, &stored.block.encode())?;
        frame(out, RESULTS, &borsh::to_vec(&stored.results)?)?;
        frame(out, CERTIFICATE, &stored.certificate.encode())?;
    }
    if blobs == Blobs::Include {
        for digest in store.blobs().await? {
            if let Some(bytes) = store.blob(&digest).await? {
                frame(out, BLOB, &bytes)?;
            }
        }
    }
    frame(out, END, &borsh::to_vec(&last)?)?;
    out.flush()?;
    Ok(last)
}

fn frame(out: &mut impl Write, kind: u8, bytes: &[u8]) -> Result<(), StoreError> {
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    out.write_all(&[kind])?;
    out.write_all(&length.to_le_bytes())?;
    Ok(out.write_all(bytes)?)
}

/// Reads an archive part by part. Checks the form only: whether the chain is valid is for [`crate::Auditor`].
#[derive(Debug)]
pub struct ArchiveReader<R> {
    input: R,
    frame: u64,
    genesis: Genesis,
    blocks: u64,
    ended: bool,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads the genesis.
    ///
    /// # Errors
    /// Not an archive, or reading fails.
    pub fn new(mut input: R) -> Result<Self, StoreError> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic)?;
        if magic != MAGIC {
            if let Some(version) = magic.strip_prefix(NAME) {
                return Err(StoreError::ArchiveVersion(String::from_utf8_lossy(version).trim_end().to_owned()));
            }
            return Err(StoreError::Archive { frame: 0, reason: "not an archive of this format".into() });
        }
        let (kind, bytes) = read_frame(&mut input, 0)?;
        if kind != GENESIS {
            return Err(StoreError::Archive { frame: 0, reason: "it does not start with a genesis".into() });
        }
        let genesis = Genesis::decode(&bytes).map_err(|e| StoreError::Archive { frame: 0, reason: e.to_string() })?;
        Ok(Self { input, frame: 1, genesis, blocks: 0, ended: false })
    }

    /// What the network started from.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The next part, or `None` at the end.
    ///
    /// # Errors
    /// The file is damaged, goes on after its end, or reading fails.
    pub fn next_part(&mut self) -> Result<Option<Part>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let (kind, bytes) = self.read()?;
        match kind {
            BLOCK => {
                let block = Block::decode(&bytes).map_err(|e| self.damaged(e))?;
                let (kind, bytes) = self.read()?;
                if kind != RESULTS || bytes.len() > BLOCK_TRANSACTIONS_MAX * RESULT_BYTES_MAX {
                    return Err(self.damaged("results should follow the block"));
                }
                let results = Vec::<TransactionResult>::try_from_slice(&bytes).map_err(|e| self.damaged(e))?;
                let (kind, bytes) = self.read()?;
                if kind != CERTIFICATE {
                    return Err(self.damaged("a certificate should follow the results"));
                }
                let certificate = Certificate::decode(&bytes).map_err(|e| self.damaged(e))?;
                self.blocks += 1;
                Ok(Some(Part::Block(Box::new(StoredBlock { block, results, certificate }))))
            }
            BLOB if bytes.len() <= BLOB_BYTES_MAX => Ok(Some(Part::Blob(bytes))),
            END => {
                let last = u64::try_from_slice(&bytes).map_err(|e| self.damaged(e))?;
                if last != self.blocks || self.input.read(&mut [0])? != 0 {
                    return Err(self.damaged("blocks are missing, or the file goes on after its end"));
                }
                self.ended = true;
                Ok(None)
            }
            _ => Err(self.damaged("unknown kind of frame, or too long")),
        }
    }

    fn read(&mut self) -> Result<(u8, Vec<u8>), StoreError> {
        let read = read_frame(&mut self.input, self.frame)?;
        self.frame += 1;
        Ok(read)
    }

    fn damaged(&self, reason: impl ToString) -> StoreError {
        StoreError::Archive { frame: self.frame.saturating_sub(1), reason: reason.to_string() }
    }
}

fn read_frame(input: &mut impl Read, frame: u64) -> Result<(u8, Vec<u8>), StoreError> {
    let mut head = [0; 5];
    input.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(StoreError::Archive { frame, reason: format!("{length} bytes announced; at most {FRAME_BYTES_MAX}") });
    }
    let mut bytes = Vec::new();
    // grows with what is really there, not with what is announced
    if input.take(length as u64).read_to_end(&mut bytes)? != length {
        return Err(StoreError::Archive { frame, reason: "the file ends inside it".into() });
    }
    Ok((kind, bytes))
}
