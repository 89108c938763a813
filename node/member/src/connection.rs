//! A member's connection to a chain: reading it, and signing and sending what changes it.

use crate::{Ledger, LedgerError, Member};
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{ProofChecker, State, TransactionResult, Verdict};
use countersign_messages::{Height, MemberId, Payload, QueryId, Role, Transaction, TransactionId};
use countersign_store::ChainStore;
use std::{fmt, sync::Arc, time::Duration};

/// How long a transaction may take to get into a block: a network without a quorum is noticed, a slow one is not given up.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks at what others write.
pub(crate) const LOOK: Duration = Duration::from_millis(50);
/// How often a payload is signed again because something else of the member used the sequence number.
const SIGN_MAX: usize = 5;

/// A chain with a proof checker.
pub struct Connection {
    ledger: Box<dyn Ledger>,
    checker: Arc<dyn ProofChecker>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("tip", &self.state().tip()).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection through a ledger.
    pub fn new(ledger: impl Ledger + 'static, checker: Arc<dyn ProofChecker>) -> Self {
        Self { ledger: Box::new(ledger), checker }
    }

    /// The state after the last block that was looked at.
    pub fn state(&self) -> &State {
        self.ledger.state()
    }

    /// The store.
    pub fn store(&self) -> &ChainStore {
        self.ledger.store()
    }

    /// The proof checker.
    pub fn checker(&self) -> &dyn ProofChecker {
        self.checker.as_ref()
    }

    /// True if proofs are made and verified by development keys now: whoever made those could forge proofs.
    pub fn development(&self) -> bool {
        // keys that are not held are believed to be the worse ones
        self.checker.keys(&self.state().circuit_keys()).is_none_or(|keys| keys.development)
    }

    /// A member's name, by its identity.
    pub fn member_name(&self, id: &MemberId) -> String {
        self.state().member(id).map_or_else(|| "unknown".to_owned(), |m| m.name.as_str().to_owned())
    }

    /// Names of all hospitals.
    pub fn hospitals(&self) -> Vec<String> {
        let members = self.state().members();
        members.filter(|m| m.roles.contains(&Role::Hospital)).map(|m| m.name.as_str().to_owned()).collect()
    }

    /// Looks for blocks others have made.
    ///
    /// # Errors
    /// The store cannot be read.
    #[boxed]
    pub async fn refresh(&mut self) -> Result<(), LedgerError> {
        self.ledger.refresh().await
    }

    /// Waits until the state is as wanted.
    ///
    /// # Errors
    /// It does not come to that within [`PATIENCE`], or the store cannot be read.
    pub async fn until(&mut self, what: &str, is: impl Fn(&State) -> bool) -> Result<(), LedgerError> {
        let not_shown = |after| LedgerError::NotShown { what: what.to_owned(), after };
        let waiting = async {
            loop {
                self.ledger.refresh().await?;
                if is(self.ledger.state()) {
                    return Ok(());
                }
                if self.ledger.is_alone() {
                    return Err(not_shown(None));
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| not_shown(Some(PATIENCE)))?
    }

    /// The sequence number a member signs with next.
    pub fn next_sequence(&self, member: &MemberId) -> u64 {
        self.ledger.next_sequence(member)
    }

    /// Signs a payload with the member's next sequence number.
    pub fn sign(&self, member: &Member, payload: Payload) -> Transaction {
        Transaction::sign(member.signing(), self.state().network(), self.next_sequence(&member.id()), payload)
    }

    /// Sends a transaction and waits for its block. The result may be a rejection: it is on record.
    ///
    /// # Errors
    /// As [`Ledger::submit`].
    #[boxed]
    pub async fn submit(&mut self, transaction: Transaction) -> Result<(Height, TransactionResult), LedgerError> {
        self.ledger.submit(transaction).await
    }

    /// Signs and submits, and insists on acceptance.
    ///
    /// # Errors
    /// As [`Self::submit`], and [`LedgerError::Rejected`] with the ledger's words.
    #[boxed]
    pub async fn accepted(&mut self, member: &Member, payload: Payload) -> Result<(Height, TransactionResult), LedgerError> {
        let mut signed = 1;
        let (height, result) = loop {
            let transaction = self.sign(member, payload.clone());
            match self.submit(transaction).await {
                // the member's own node signs too
                Err(LedgerError::Overtaken(_)) if signed < SIGN_MAX => signed += 1,
                other => break other?,
            }
        };
        match result.verdict {
            Verdict::Rejected { code, detail } => Err(LedgerError::Rejected { code, detail }),
            Verdict::Accepted(_) => Ok((height, result)),
        }
    }

    /// What the ledger knows of a transaction that may have been sent.
    ///
    /// # Errors
    /// The store cannot be read.
    #[boxed]
    pub async fn known(&self, id: &TransactionId) -> Result<Option<(Height, TransactionResult)>, LedgerError> {
        Ok(self.store().transaction(id).await?.map(|entry| (entry.height, entry.result)))
    }

    /// Gives the chain the sealed answer of an answer that was accepted: none leaves before. Doing it again is harmless.
    ///
    /// # Errors
    /// As [`Ledger::put_sealed`].
    #[boxed]
    pub async fn put_sealed(&self, query: &QueryId, hospital: &MemberId, bytes: &[u8]) -> Result<(), LedgerError> {
        self.ledger.put_sealed(query, hospital, bytes).await
    }

    /// A sealed answer. On a network it may come a moment after the block that names it: it is waited for.
    ///
    /// # Errors
    /// The store cannot be read.
    #[boxed]
    pub async fn sealed(&self, digest: &Digest32) -> Result<Option<Vec<u8>>, LedgerError> {
        let waiting = async {
            loop {
                let found = self.ledger.sealed(digest).await?;
                if found.is_some() || self.ledger.is_alone() {
                    return Ok::<_, LedgerError>(found);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or(Ok(None))
    }

    /// Lets go of the chain.
    ///
    /// # Errors
    /// A snapshot cannot be written; the chain is whole all the same.
    #[boxed]
    pub async fn close(self) -> Result<(), LedgerError> {
        self.ledger.close().await
    }
}
