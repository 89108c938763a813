//! The chain of a node that runs in another process on this machine: its store is read, and its gateway takes what is sent.

use super::{LOOK, PATIENCE};
use crate::{
    client::{Client, ClientError},
    failure::Failure,
};
use anyhow::{Context, anyhow};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Height, MemberId, PairStatus, QueryId, State, Transaction, TransactionResult, Verdict, Wire};
use countersign_store::{BLOB_BYTES_MAX, ChainStore, StoreUrl};
use reqwest::StatusCode;
use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// Seconds a gateway is asked to wait for a block at a time.
const WAIT_SECONDS: u64 = 5;
/// Pause before a gateway that has no room is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long blocks are looked for that a gateway has told of.
const STORED: Duration = Duration::from_secs(10);

/// See the module's documentation.
#[derive(Debug)]
pub struct Beside {
    store: ChainStore,
    state: State,
    client: Client,
    /// Sealed answers that the gateway takes only once the answer stands in a block.
    outbox: PathBuf,
    me: MemberId,
}

impl Beside {
    /// Opens the store for reading and delivers sealed answers an earlier command left behind.
    ///
    /// # Errors
    /// There is no chain, or it is damaged.
    pub async fn open(url: &StoreUrl, client: Client, outbox: PathBuf, me: MemberId) -> Result<Self, Failure> {
        let store = ChainStore::read(url).await?;
        let state = store.load().await?;
        let beside = Self { store, state, client, outbox, me };
        beside.deliver().await?;
        Ok(beside)
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn store(&self) -> &ChainStore {
        &self.store
    }

    /// Applies the blocks the node has stored since, with the verdicts it recorded.
    pub(super) async fn refresh(&mut self) -> Result<(), Failure> {
        let last = self.store.last_height().await?;
        while self.state.tip().height < last {
            let height = self.state.tip().height.next();
            let stored = self.store.block(height).await?.ok_or_else(|| anyhow!("block {height} is missing in the node's store"))?;
            let outcome = self.state.apply_recorded(&stored.block, &stored.results).context("a block of the node's store")?;
            self.state.commit(outcome).context("a block of the node's store")?;
        }
        Ok(())
    }

    pub(super) async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), Failure> {
        let sent = tokio::time::timeout(PATIENCE, self.send(&transaction)).await;
        let timeout = || {
            anyhow!(
                "no block with the transaction came within {} seconds; it may still come. See `countersign status`, then run the same command again",
                PATIENCE.as_secs()
            )
        };
        let (height, result) = sent.unwrap_or_else(|_| Err(timeout().into()))?;
        // whoever goes on from here sees the block
        let reaching = async {
            while self.state.tip().height < height {
                tokio::time::sleep(LOOK).await;
                self.refresh().await?;
            }
            Ok(())
        };
        let late = || anyhow!("block {height} does not come into the node's store; see its log");
        tokio::time::timeout(STORED, reaching).await.unwrap_or_else(|_| Err(Failure::Other(late())))?;
        if matches!(result.verdict, Verdict::Accepted(_)) {
            self.deliver().await?;
        }
        Ok((height, result))
    }

    /// Sends until the transaction stands in a block or never can.
    async fn send(&mut self, transaction: &Transaction) -> Result<(Height, TransactionResult), Failure> {
        let id = transaction.id();
        loop {
            if let Some(entry) = self.store.transaction(&id).await? {
                return Ok((entry.height, entry.result));
            }
            self.refresh().await?;
            if self.state.next_sequence(&transaction.signer) > transaction.sequence {
                // it may have come between the two looks
                return match self.store.transaction(&id).await? {
                    Some(entry) => Ok((entry.height, entry.result)),
                    None => Err(Failure::Overtaken(transaction.sequence)),
                };
            }
            match self.client.post(&format!("/v1/transactions?wait={WAIT_SECONDS}"), transaction.encode()).await {
                Ok(()) => {}
                Err(ClientError::Problem(problem)) => match problem.status {
                    StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        let pause = problem.retry_seconds.map_or(PAUSE, Duration::from_secs).min(PATIENCE);
                        tokio::time::sleep(pause).await;
                    }
                    status if status.is_client_error() => return Err(Failure::Refused(problem.to_string())),
                    _ => return Err(Failure::Other(problem.into())),
                },
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Keeps a sealed answer here until the answer is accepted: the gateway takes no other.
    pub(super) fn keep_blob(&self, bytes: &[u8]) -> Result<Digest32, Failure> {
        let digest = Digest32::of(bytes);
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.outbox)?;
            let mut file = tempfile::Builder::new().prefix(".sealed-").tempfile_in(&self.outbox)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(self.outbox.join(format!("{digest}.sealed")))?;
            Ok(())
        };
        write().with_context(|| format!("cannot write to {}", self.outbox.display()))?;
        Ok(digest)
    }

    /// Gives the node the sealed answers whose answers are accepted. From there they spread with the next blocks.
    async fn deliver(&self) -> Result<(), Failure> {
        let Ok(entries) = std::fs::read_dir(&self.outbox) else { return Ok(()) };
        for path in entries.filter_map(|e| e.ok().map(|e| e.path())) {
            let Some(digest) = named(&path) else { continue };
            let Some(query) = self.answered(&digest) else { continue };
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if bytes.len() <= BLOB_BYTES_MAX && Digest32::of(&bytes) == digest {
                self.client.put(&format!("/v1/blobs?query={query}&hospital={}", self.me), bytes).await?;
            }
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// The query this member's accepted answer with a sealed answer belongs to.
    fn answered(&self, digest: &Digest32) -> Option<QueryId> {
        let names = |id: &QueryId| match self.state.pair(id, &self.me).map(|p| &p.status) {
            Some(PairStatus::Answered(answer)) => answer.sealed == *digest,
            _ => false,
        };
        self.state.queries().map(|(id, _)| *id).find(names)
    }
}

fn named(path: &Path) -> Option<Digest32> {
    path.file_name()?.to_str()?.strip_suffix(".sealed")?.parse().ok()
}
