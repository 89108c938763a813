//! Sealed answers: stored at validators before the answer that names them, and fetched by whoever lacks them.

use super::{Node, Shared};
use crate::request::Method;
use crate::stop::stopped;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Effect, Height, MemberId, TransactionResult};
use countersign_store::StoreError;
use std::{sync::Arc, time::Duration};

/// How long a member may take to store or give a sealed answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Sealed answers that are looked for again with the next block.
const MISSING_MAX: usize = 4_096;

/// A sealed answer could not be stored or found.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The own store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too few validators have it.
    #[error(
        "{stored} validators stored the sealed answer, {needed} are needed so that one of them is honest; check the connections and try again"
    )]
    TooFew {
        /// Validators that stored it.
        stored: usize,
        /// More than may be faulty.
        needed: usize,
    },
}

impl Node {
    /// Stores a sealed answer here and at validators: at more of them than may be faulty.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<Digest32, BlobError> {
        let digest = self.store().put_blob(bytes).await?;
        let set = self.state().validators();
        let needed = set.members().len() - set.quorum() + 1;
        let mut stored = 0;
        for member in set.members() {
            stored += usize::from(*member == self.me() || self.shared.stores(member, &digest, bytes).await);
        }
        if stored < needed { Err(BlobError::TooFew { stored, needed }) } else { Ok(digest) }
    }

    /// A sealed answer, from here or from whoever has it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.find(digest).await
    }
}

impl Shared {
    async fn stores(&self, member: &MemberId, digest: &Digest32, bytes: &[u8]) -> bool {
        let answer = self.net.request(member, Method::PutBlob as u8, bytes.to_vec().into(), TIMEOUT).await;
        answer.is_ok_and(|a| a.as_ref() == digest.0)
    }

    /// Looks here, then asks everybody who is connected. What comes is checked against its digest.
    async fn find(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(bytes) = self.replica.store().blob(digest).await? {
            return Ok(Some(bytes));
        }
        for peer in self.net.peers().iter().filter(|p| p.connection.is_some()) {
            let answer = self.net.request(&peer.member, Method::Blob as u8, digest.0.to_vec().into(), TIMEOUT).await;
            if let Ok(bytes) = answer
                && Digest32::of(&bytes) == *digest
            {
                self.replica.store().put_blob(&bytes).await?;
                return Ok(Some(bytes.into()));
            }
        }
        Ok(None)
    }
}

/// Fetches the sealed answers of new blocks that are not here.
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut states, mut stop) = (shared.replica.subscribe(), shared.stop.subscribe());
    let mut seen = states.borrow_and_update().tip().height;
    let mut missing: Vec<Digest32> = Vec::new();
    loop {
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = stopped(&mut stop) => return,
        }
        let tip = states.borrow_and_update().tip().height;
        while seen < tip {
            seen = seen.next();
            missing.extend(named(&shared, seen).await);
        }
        missing.truncate(MISSING_MAX);
        let mut still = Vec::new();
        for digest in missing.drain(..) {
            if *stop.borrow() {
                return;
            }
            if !matches!(shared.find(&digest).await, Ok(Some(_))) {
                still.push(digest);
            }
        }
        missing = still;
    }
}

/// The sealed answers a block's accepted answers name.
async fn named(shared: &Shared, height: Height) -> Vec<Digest32> {
    let sealed = |result: &TransactionResult| match result.effect() {
        Some(Effect::Answered(answer)) => Some(answer.sealed),
        _ => None,
    };
    match shared.replica.store().block(height).await {
        Ok(Some(stored)) => stored.results.iter().filter_map(sealed).collect(),
        _ => Vec::new(),
    }
}
