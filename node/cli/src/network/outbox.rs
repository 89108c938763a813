//! Sealed answers that wait on this machine until the ledger has accepted their answers: none leaves before.

use crate::failure::Failure;
use anyhow::Context;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{MemberId, PairRecord, QueryId, State};
use countersign_store::{BLOB_BYTES_MAX, ChainStore};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// How a waiting sealed answer's file ends.
const SUFFIX: &str = ".sealed";

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
}

/// A sealed answer whose answer was accepted.
#[derive(Debug)]
pub(super) struct Due {
    /// The query.
    pub(super) query: QueryId,
    /// Whose answer.
    pub(super) hospital: MemberId,
    /// The ciphertext.
    pub(super) bytes: Vec<u8>,
    path: PathBuf,
}

impl Outbox {
    /// The one in a folder, which is made when something is put in.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Puts the sealed answer of an answer in that is not sent yet. When this returns, it is on disk.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(super) fn hold(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<Digest32, Failure> {
        let digest = Digest32::of(bytes);
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::Builder::new().prefix(".sealed-").tempfile_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(self.folder.join(format!("{query}-{}-{digest}{SUFFIX}", hospital.digest())))?;
            Ok(())
        };
        write().with_context(|| format!("cannot write to {}", self.folder.display()))?;
        Ok(digest)
    }

    /// What may be sent, by a chain and its state. What waits of an answer that was not accepted, and never can be, is forgotten.
    ///
    /// # Errors
    /// The folder cannot be read or written, or the store cannot be read.
    pub(super) async fn due(&self, state: &State, store: &ChainStore) -> Result<Vec<Due>, Failure> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(Vec::new()) };
        let mut due = Vec::new();
        for path in entries.filter_map(|e| e.ok().map(|e| e.path())) {
            let Some((query, hospital, digest)) = named(&path) else { continue };
            let accepted = store.names(&digest).await?;
            if !accepted && state.pair(&query, &hospital).is_none_or(PairRecord::is_open) {
                continue;
            }
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if accepted && bytes.len() <= BLOB_BYTES_MAX && Digest32::of(&bytes) == digest {
                due.push(Due { query, hospital, bytes, path });
            } else {
                remove(&path)?;
            }
        }
        Ok(due)
    }

    /// It was taken.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(super) fn sent(&self, due: &Due) -> Result<(), Failure> {
        remove(&due.path)
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    Ok(std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?)
}

fn named(path: &Path) -> Option<(QueryId, MemberId, Digest32)> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let mut parts = name.split('-').map(str::parse::<Digest32>);
    let mut next = || parts.next()?.ok();
    let (query, hospital, digest) = (next()?, next()?, next()?);
    Some((QueryId(countersign_ledger::TransactionId(query)), MemberId(hospital.0), digest))
}
