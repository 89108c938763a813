//! Sealed answers: left at validators after the answer that names them was accepted, and fetched by whoever lacks them.

use super::{Node, Shared};
use crate::request::{Method, PutBlobAnswer};
use crate::stop::stopped;
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_messages::{Height, MemberId, Wire};
use countersign_store::StoreError;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How long a member may take to store or give a sealed answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a validator is told again of a sealed answer whose block it may not have yet.
const TOLD_MAX: u32 = 5;
/// Pause in between: blocks reach validators that are not behind in far less.
const PAUSE: Duration = Duration::from_millis(500);
/// Sealed answers that are looked for after each block.
const MISSING_MAX: usize = 256;
/// Pause before a new one is asked for again; doubled with each try.
const SOON: Duration = Duration::from_millis(50);
/// How often one is asked for before it waits for the next block: for some seconds.
const TRIES_SOON: u32 = 8;

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

/// Fetches the sealed answers that are not here: all after each block, new ones again soon after it. A hospital hands an answer's over when it has heard of the block that
/// accepted it, and the next block may be long in coming.
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut states, mut stop) = (shared.replica.subscribe(), shared.stop.subscribe());
    let mut soon = Soon::default();
    loop {
        // first: a block that comes while the store is read is seen as new afterwards
        let height = states.borrow_and_update().tip().height;
        let missing = shared.replica.store().blobs_missing(MISSING_MAX).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "which sealed answers are missing is not known");
            Vec::new()
        });
        for digest in soon.due(&missing, height) {
            if *stop.borrow() {
                return;
            }
            match shared.find(&digest).await {
                Ok(Some(_)) => drop(soon.tries.remove(&digest)),
                Ok(None) => {}
                Err(error) => tracing::warn!(%digest, %error, "a sealed answer was not kept"),
            }
        }
        let pause = soon.pause();
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = async { tokio::time::sleep(pause.unwrap_or_default()).await }, if pause.is_some() => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Sealed answers that are asked for again before the next block.
#[derive(Debug, Default)]
struct Soon {
    height: Option<Height>,
    /// How often each has been asked for; at most [`MISSING_MAX`] of them.
    tries: BTreeMap<Digest32, u32>,
}

impl Soon {
    /// Which of the missing are asked for now.
    fn due(&mut self, missing: &[Digest32], height: Height) -> Vec<Digest32> {
        let is_new_block = self.height.replace(height) != Some(height);
        self.tries.retain(|digest, _| missing.contains(digest));
        let mut due = Vec::new();
        for digest in missing {
            let tries = self.tries.entry(*digest).or_default();
            if is_new_block || *tries < TRIES_SOON {
                due.push(*digest);
            }
            *tries += 1;
        }
        due
    }

    /// Until the newest of those that are still missing is asked for again; `None`: with the next block.
    fn pause(&self) -> Option<Duration> {
        let tries = self.tries.values().copied().filter(|tries| *tries < TRIES_SOON).min()?;
        Some(SOON * (1 << tries.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::{SOON, Soon, TRIES_SOON};
    use countersign_circuits::hash::Digest32;
    use countersign_messages::Height;

    #[test]
    fn what_is_missing_is_asked_for_again_soon_and_ever_less_until_the_next_block() {
        let (old, new) = (Digest32([1; 32]), Digest32([2; 32]));
        let mut soon = Soon::default();
        assert_eq!((soon.due(&[], Height(1)), soon.pause()), (vec![], None));
        assert_eq!(soon.due(&[old], Height(2)), [old]);
        let mut pauses = Vec::new();
        while let Some(pause) = soon.pause() {
            pauses.push(pause);
            assert_eq!(soon.due(&[old], Height(2)), [old]);
        }
        assert_eq!(pauses.len() as u32, TRIES_SOON - 1);
        assert!(pauses.windows(2).all(|p| p[1] == 2 * p[0]) && pauses[0] == SOON, "{pauses:?}");
        // one that nobody has, and a new one: the new one alone is asked for soon
        assert_eq!(soon.due(&[old, new], Height(3)), [old, new]);
        assert_eq!(soon.pause(), Some(SOON));
        assert_eq!(soon.due(&[old, new], Height(3)), [new]);
        // it came; the other waits for blocks
        assert_eq!((soon.due(&[old], Height(3)), soon.pause()), (vec![], None));
        assert_eq!(soon.due(&[old], Height(4)), [old]);
    }
}
