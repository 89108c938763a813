//! Sealed answers: left at validators after the answer that names them was accepted, and fetched by whoever lacks them.

use super::{Node, Shared};
use crate::request::{Method, PutBlobAnswer};
use crate::stop::stopped;
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_messages::{MemberId, Wire};
use countersign_store::StoreError;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How long a member may take to store or give a sealed answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a validator is told again of a sealed answer whose block it may not have yet.
const TOLD_MAX: u32 = 5;
/// Pause in between: blocks reach validators that are not behind in far less.
const PAUSE: Duration = Duration::from_millis(500);
/// Sealed answers that are looked for after each block.
const MISSING_MAX: usize = 256;

/// A sealed answer could not be stored or found.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The own store; also if no accepted answer names it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too few validators have it.
    #[error(
        "{stored} validators stored the sealed answer, {needed} are needed so that one of them is honest ({refused}); check the connections and send \
         it again"
    )]
    TooFew {
        /// Validators that stored it.
        stored: usize,
        /// More than may be faulty.
        needed: usize,
        /// What one of the others said.
        refused: String,
    },
}

impl Node {
    /// Stores the sealed answer of an accepted answer here and at validators: at more of them than may be faulty. To be called when the block
    /// with the answer is here; calling it again is harmless.
    ///
    /// # Errors
    /// [`BlobError`]: no accepted answer names it, or too few validators could be reached.
    #[boxed]
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<Digest32, BlobError> {
        let digest = self.store().put_blob(bytes).await?;
        let set = self.state().validators();
        let needed = set.members().len() - set.quorum() + 1;
        let (mut left, mut refused): (BTreeSet<MemberId>, _) =
            (set.members().iter().copied().collect(), String::from("they do not answer"));
        left.remove(&self.me());
        for told in 0..TOLD_MAX {
            for member in left.clone() {
                match self.shared.leave(&member, bytes).await {
                    Some(PutBlobAnswer::Kept(kept)) if kept == digest => drop(left.remove(&member)),
                    Some(answer) => refused = format!("{member} says: {answer}"),
                    None => {}
                }
            }
            if set.members().len() - left.len() >= needed {
                return Ok(digest);
            }
            if told + 1 < TOLD_MAX {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(BlobError::TooFew { stored: set.members().len() - left.len(), needed, refused })
    }

    /// A sealed answer, from here or from whoever has it.
    ///
    /// # Errors
    /// The database fails.
    #[boxed]
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.find(digest).await
    }
}

impl Shared {
    async fn leave(&self, member: &MemberId, bytes: &[u8]) -> Option<PutBlobAnswer> {
        let answer = self.net.request(member, Method::PutBlob as u8, bytes.to_vec().into(), TIMEOUT).await;
        PutBlobAnswer::decode(&answer.ok()?).ok()
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

/// Fetches, after each block, the sealed answers that are not here.
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut states, mut stop) = (shared.replica.subscribe(), shared.stop.subscribe());
    loop {
        let missing = shared.replica.store().blobs_missing(MISSING_MAX).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "which sealed answers are missing is not known");
            Vec::new()
        });
        for digest in missing {
            if *stop.borrow() {
                return;
            }
            if let Err(error) = shared.find(&digest).await {
                tracing::warn!(%digest, %error, "a sealed answer was not kept");
            }
        }
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = stopped(&mut stop) => return,
        }
    }
}
