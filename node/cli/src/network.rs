//! The network as a command sees it: a chain, and the keys of whoever runs the command.

mod consortium;
mod holder;

pub use consortium::{BOARD, DataFolder, NetworkOptions, RESEARCHER, VALIDATOR, registry};
pub use holder::{Holder, MemberFolder};

use crate::{chain::Chain, failure::Failure, member::Member};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{
    BlockTime, Height, MemberId, Payload, ProofChecker, QueryId, Role, State, Transaction, TransactionId, TransactionResult, Verdict,
};
use countersign_store::ChainStore;
use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// How often a payload is signed again because something else of the member used the sequence number.
const SIGN_MAX: usize = 5;

/// Milliseconds of the clock.
#[allow(clippy::disallowed_methods, reason = "the program's edge is where the clock is read")]
pub fn now() -> BlockTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    BlockTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A chain, with keys of members.
pub struct Network {
    holder: Holder,
    chain: Chain,
    checker: Arc<dyn ProofChecker>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("holder", &self.holder).field("tip", &self.state().tip()).finish_non_exhaustive()
    }
}

impl Network {
    /// A chain for whoever holds some keys.
    pub fn new(holder: Holder, chain: Chain, checker: Arc<dyn ProofChecker>) -> Self {
        Self { holder, chain, checker }
    }

    /// Whose keys are here.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// The state after the last block that was looked at.
    pub fn state(&self) -> &State {
        self.chain.state()
    }

    /// The store.
    pub fn store(&self) -> &ChainStore {
        self.chain.store()
    }

    /// The proof checker.
    pub fn checker(&self) -> &dyn ProofChecker {
        self.checker.as_ref()
    }

    /// A member whose keys are here.
    ///
    /// # Errors
    /// There are no keys of that name.
    pub fn member(&self, name: &str) -> Result<Member, Failure> {
        self.holder.member(name)
    }

    /// Where a hospital keeps its own file.
    pub fn keeping(&self, site: &str) -> PathBuf {
        self.holder.keeping(site)
    }

    /// Names of members, by identity.
    pub fn site_name(&self, id: &MemberId) -> String {
        self.state().member(id).map_or_else(|| "unknown".to_owned(), |m| m.name.as_str().to_owned())
    }

    /// Names of all hospitals.
    pub fn sites(&self) -> Vec<String> {
        let members = self.state().members();
        members.filter(|m| m.roles.contains(&Role::Hospital)).map(|m| m.name.as_str().to_owned()).collect()
    }

    /// Looks for blocks others have made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn refresh(&mut self) -> Result<(), Failure> {
        self.chain.refresh().await
    }

    /// Waits until the state is as wanted.
    ///
    /// # Errors
    /// It does not come to that in time.
    pub async fn until(&mut self, what: &str, is: impl Fn(&State) -> bool) -> Result<(), Failure> {
        self.chain.until(what, is).await
    }

    /// The sequence number a member signs with next.
    pub fn next_sequence(&self, member: &MemberId) -> u64 {
        self.chain.next_sequence(member)
    }

    /// Signs a payload with the member's next sequence number.
    pub fn sign(&self, member: &Member, payload: Payload) -> Transaction {
        Transaction::sign(member.signing(), self.state().network(), self.next_sequence(&member.id()), payload)
    }

    /// Sends a transaction and waits for its block. The result may be a rejection: it is on record.
    ///
    /// # Errors
    /// [`Failure::Refused`] and [`Failure::Overtaken`]: it can stand in no block. Any other: it may still come.
    pub async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), Failure> {
        self.chain.submit(transaction).await
    }

    /// Signs and submits, and insists on acceptance.
    ///
    /// # Errors
    /// The transaction is rejected, with the ledger's words.
    pub async fn accepted(&mut self, member: &Member, payload: Payload) -> Result<(Height, TransactionResult), Failure> {
        let mut signed = 1;
        let (height, result) = loop {
            let transaction = self.sign(member, payload.clone());
            match self.submit(transaction).await {
                // the member's own node signs too
                Err(Failure::Overtaken(_)) if signed < SIGN_MAX => signed += 1,
                other => break other?,
            }
        };
        match &result.verdict {
            Verdict::Accepted(_) => Ok((height, result)),
            Verdict::Rejected { code, detail } => Err(Failure::Refused(format!("{code}: {detail}"))),
        }
    }

    /// What the ledger knows of a transaction that may have been sent.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn known(&self, id: &TransactionId) -> Result<Option<(Height, TransactionResult)>, Failure> {
        Ok(self.chain.find(id).await?.map(|entry| (entry.height, entry.result)))
    }

    /// Gives the chain the sealed answer of an answer that was accepted: none leaves before. Doing it again is harmless.
    ///
    /// # Errors
    /// The answer does not stand in the chain as accepted, or names another ciphertext; or it cannot be stored, here or at enough validators.
    pub async fn put_sealed(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<(), Failure> {
        self.chain.put_blob(query, hospital, bytes).await
    }

    /// A sealed answer.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blob(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, Failure> {
        self.chain.blob(digest).await
    }

    /// Lets go of the chain.
    ///
    /// # Errors
    /// A snapshot cannot be written; the chain is whole all the same.
    pub async fn close(self) -> Result<(), Failure> {
        self.chain.close().await
    }
}
