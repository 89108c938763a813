//! Answers what other members ask of this node: blocks, transactions, sealed answers.

use crate::{
    alert::{Alerts, Offence},
    malachite::codec::BlockRun,
    mempool::{Fault, SubmitError},
    pool::Pool,
    replica::Replica,
    request::{BLOCKS_MAX, BlocksWanted, Method, Taken, WAIT_MS_MAX, blob, digest},
};
use bytes::Bytes;
use countersign_ledger::{DecodeError, Height, MemberId, Role, Transaction, Wire};
use countersign_net::Responder;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Bytes of blocks in one answer, below what an answer may have.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Sealed answers a hospital may store while none of its answers has been decided: a day's answers to a large study.
const UNNAMED_BLOBS_MAX: u32 = 4_096;

/// What is known of sealed answers that came in.
type Stored = BTreeMap<MemberId, (Height, u32)>;

/// See the module's documentation.
#[derive(Debug)]
pub struct Server {
    replica: Arc<Replica>,
    pool: Arc<Pool>,
    alerts: Arc<Alerts>,
    stored: Mutex<Stored>,
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
    Store(#[from] countersign_store::StoreError),
}

impl Server {
    /// A server over this node's parts.
    pub fn new(replica: Arc<Replica>, pool: Arc<Pool>, alerts: Arc<Alerts>) -> Self {
        Self { replica, pool, alerts, stored: Mutex::default() }
    }

    /// Answers a request; a request that cannot be answered ends without one.
    pub async fn answer(&self, from: MemberId, method: u8, bytes: Bytes, mut reply: Responder) {
        let answer = tokio::select! {
            answer = self.work(from, method, &bytes) => answer,
            // nobody waits any more
            () = reply.gone() => return,
        };
        match answer {
            Ok(bytes) => drop(reply.answer(bytes)),
            Err(NoAnswer::Malformed(error)) => {
                let height = self.replica.state().tip().height.next();
                self.alerts.accuse(from, Offence::InvalidMessage, height, format!("request {method}: {error}"));
            }
            Err(error) => tracing::info!(%from, method, %error, "a request was not answered"),
        }
    }

    async fn work(&self, from: MemberId, method: u8, bytes: &Bytes) -> Result<Bytes, NoAnswer> {
        match Method::of(method).ok_or(NoAnswer::Method)? {
            Method::Blocks => self.blocks(BlocksWanted::decode(bytes)?).await,
            Method::Submit => Ok(self.submit(Transaction::decode(bytes)?).encode().into()),
            Method::Blob => {
                let found = self.replica.store().blob(&digest(bytes)?).await?;
                found.map(Bytes::from).ok_or(NoAnswer::Refused("this sealed answer is not here"))
            }
            Method::PutBlob => self.put_blob(from, blob(bytes)?).await,
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

    fn submit(&self, transaction: Transaction) -> Taken {
        match self.pool.submit(transaction) {
            Ok(_) => Taken::Waiting,
            Err(error) => Taken::Refused { again: may_come_again(&error), reason: error.to_string() },
        }
    }

    /// Stores a sealed answer of a hospital. It comes before the answer that names it, so what is bounded is the number that nothing names yet.
    async fn put_blob(&self, from: MemberId, bytes: &[u8]) -> Result<Bytes, NoAnswer> {
        let state = self.replica.state();
        if !state.has_role(&from, Role::Hospital) {
            return Err(NoAnswer::Refused("only hospitals store sealed answers"));
        }
        let height = state.tip().height;
        {
            let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            let (since, count) = stored.entry(from).or_insert((height, 0));
            // decided answers make room: the count begins anew with every thousand blocks
            if height.0.saturating_sub(since.0) > 1_000 {
                (*since, *count) = (height, 0);
            }
            if *count >= UNNAMED_BLOBS_MAX {
                return Err(NoAnswer::Refused("too many sealed answers from this hospital; wait for blocks"));
            }
            *count += 1;
        }
        Ok(self.replica.store().put_blob(bytes).await?.0.to_vec().into())
    }
}

fn may_come_again(error: &SubmitError) -> bool {
    match error {
        SubmitError::Envelope(_) => false,
        other => {
            other.fault() == Fault::Nobody
                || matches!(other, SubmitError::Ahead { .. } | SubmitError::Share { .. } | SubmitError::Gap { .. })
        }
    }
}
