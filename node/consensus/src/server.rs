//! Answers what other members ask of this node: blocks and sealed answers.

use crate::{
    bucket::Bucket,
    malachite::codec::BlockRun,
    replica::Replica,
    request::{BLOCKS_MAX, BlocksWanted, Method, PutBlobAnswer, WAIT_MS_MAX, blob, digest},
};
use async_recursion::async_recursion as boxed;
use bytes::Bytes;
use countersign_messages::{DecodeError, MemberId, Role, Wire};
use countersign_net::Responder;
use countersign_store::StoreError;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Bytes of blocks in one answer, below what an answer may have.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Bytes of sealed answers a hospital may store at once: those of a large study, at about 10 KiB each.
const BLOBS_BURST: u64 = 64 << 20;
/// Bytes in a thousand seconds in the long run: some 35,000 sealed answers a day.
const BLOBS_PER_1000_SECONDS: u64 = 1_000 * (4 << 10);
/// Bytes a sealed answer is charged at least.
const BLOB_LEAST: u64 = 4 << 10;

/// See the module's documentation.
#[derive(Debug)]
pub struct Server {
    replica: Arc<Replica>,
    start: Instant,
    hospitals: Mutex<BTreeMap<MemberId, Bucket>>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    #[error("there is no such request")]
    Method,
    #[error("{0}")]
    Refused(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Server {
    /// A server over this node's parts.
    #[allow(clippy::disallowed_methods, reason = "how much a hospital stores in what time is measured from here")]
    pub fn new(replica: Arc<Replica>) -> Self {
        Self { replica, start: Instant::now(), hospitals: Mutex::default() }
    }

    /// Answers a request; a request that cannot be answered ends without one.
    ///
    /// # Errors
    /// The request does not decode: the sender is at fault.
    #[boxed]
    pub async fn answer(&self, from: MemberId, method: u8, bytes: Bytes, mut reply: Responder) -> Result<(), DecodeError> {
        let answer = tokio::select! {
            answer = self.work(from, method, &bytes) => answer,
            // nobody waits any more
            () = reply.gone() => return Ok(()),
        };
        match answer {
            Ok(bytes) => drop(reply.answer(bytes)),
            Err(NoAnswer::Malformed(error)) => return Err(error),
            Err(error) => tracing::info!(%from, method, %error, "a request was not answered"),
        }
        Ok(())
    }

    async fn work(&self, from: MemberId, method: u8, bytes: &Bytes) -> Result<Bytes, NoAnswer> {
        match Method::of(method).ok_or(NoAnswer::Method)? {
            Method::Blocks => self.blocks(BlocksWanted::decode(bytes)?).await,
            Method::Blob => {
                let found = self.replica.store().blob(&digest(bytes)?).await?;
                found.map(Bytes::from).ok_or(NoAnswer::Refused("this sealed answer is not here"))
            }
            Method::PutBlob => Ok(self.put_blob(from, blob(bytes)?).await?.encode().into()),
        }
    }

    async fn blocks(&self, wanted: BlocksWanted) -> Result<Bytes, NoAnswer> {
        let mut states = self.replica.subscribe();
        let wait = Duration::from_millis(u64::from(wanted.wait_ms.min(WAIT_MS_MAX)));
        let reached = states.wait_for(|state| state.tip().height >= wanted.from);
        // an empty answer says there is none yet
        let _ = tokio::time::timeout(wait, reached).await;
        let count = wanted.count.clamp(1, BLOCKS_MAX) as usize;
        let found = self.replica.store().blocks_from(wanted.from, count, ANSWER_BYTES_MAX).await?;
        let blocks = found.into_iter().map(|b| (b.block, b.certificate)).collect();
        Ok(BlockRun { first: wanted.from, blocks }.encode().into())
    }

    /// Stores the sealed answer of an accepted answer. What one hospital may send is bounded, and counted whether it is kept or not: looking at it costs.
    async fn put_blob(&self, from: MemberId, bytes: &[u8]) -> Result<PutBlobAnswer, NoAnswer> {
        if !self.replica.state().has_role(&from, Role::Hospital) {
            return Ok(PutBlobAnswer::NoHospital);
        }
        {
            let now = self.start.elapsed();
            let mut hospitals = self.hospitals.lock().unwrap_or_else(PoisonError::into_inner);
            let bucket = hospitals.entry(from).or_insert_with(|| Bucket::full(BLOBS_BURST, BLOBS_PER_1000_SECONDS, now));
            let size = BLOB_LEAST.max(bytes.len() as u64);
            if !bucket.wait(size, now).is_zero() {
                return Ok(PutBlobAnswer::TooMuch);
            }
            bucket.take(size);
        }
        match self.replica.store().put_blob(bytes).await {
            Ok(digest) => Ok(PutBlobAnswer::Kept(digest)),
            Err(StoreError::BlobNotNamed(_)) => Ok(PutBlobAnswer::NotAccepted),
            Err(error) => Err(error.into()),
        }
    }
}
