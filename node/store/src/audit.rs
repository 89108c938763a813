//! Checking a chain from genesis, trusting nothing that is stored.

mod fault;

pub use fault::AuditFault;

use crate::{
    ChainStore, StoreError, StoreUrl, StoredBlock,
    archive::{ArchiveReader, Part},
};
use countersign_ledger::{Effect, Outcome, ProofChecker, State, Tip};
use countersign_messages::{Block, Certificate, Genesis};
use std::io::Read;

/// What an audit found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// The last block: compare its id with what another member says.
    pub tip: Tip,
    /// Validators' signatures verified: a quorum or more a block.
    pub signatures: u64,
    /// Transactions accepted.
    pub accepted: u64,
    /// Transactions rejected, with the reason on record.
    pub rejected: u64,
    /// Segments whose proof of validity was verified again.
    pub segments: u64,
    /// Answers whose proof was verified again.
    pub answers: u64,
    /// Sealed answers whose digest was computed again.
    pub blobs: u64,
}

/// Executes a chain again, block by block, every certificate and proof included.
pub struct Auditor<'a> {
    state: State,
    checker: &'a dyn ProofChecker,
    report: AuditReport,
}

impl std::fmt::Debug for Auditor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auditor").field("report", &self.report).finish_non_exhaustive()
    }
}

impl<'a> Auditor<'a> {
    /// Starts from a genesis.
    ///
    /// # Errors
    /// The genesis breaks a rule, or the checker's keys are not the network's.
    pub fn new(genesis: Genesis, checker: &'a dyn ProofChecker) -> Result<Self, StoreError> {
        countersign_ledger::check_genesis_keys(&genesis, checker)?;
        let state = State::new(genesis)?;
        let report = AuditReport { tip: state.tip(), signatures: 0, accepted: 0, rejected: 0, segments: 0, answers: 0, blobs: 0 };
        Ok(Self { state, checker, report })
    }

    /// Checks the next block, its certificate against the validators of the state before it, and its recorded results.
    ///
    /// # Errors
    /// The first thing that is wrong with it: [`StoreError::Audit`] says where.
    pub fn check(&mut self, stored: &StoredBlock) -> Result<(), StoreError> {
        // cheap before dear
        stored.certificate.check(&stored.block.header, &self.state.validators()).map_err(AuditFault::Certificate)?;
        // not the chain's fault
        self.state.check_keys(self.checker)?;
        let outcome =
            self.state.validate(&stored.block, self.checker).map_err(|e| AuditFault::of_block(e, &self.state, stored, self.checker))?;
        if let Some(fault) = AuditFault::of_results(stored, outcome.results()) {
            return Err(fault.into());
        }
        self.commit(outcome, &stored.certificate)
    }

    /// Checks the next block and its certificate where nothing is recorded beside them, as a node sends them: executing it gives the
    /// results, and the header commits to them.
    ///
    /// # Errors
    /// The first thing that is wrong with it: [`StoreError::Audit`] says where.
    pub fn check_sent(&mut self, block: Block, certificate: &Certificate) -> Result<(), StoreError> {
        certificate.check(&block.header, &self.state.validators()).map_err(AuditFault::Certificate)?;
        self.state.check_keys(self.checker)?;
        let outcome = self.state.validate(&block, self.checker).map_err(|e| AuditFault::of_sent(e, &block))?;
        self.commit(outcome, certificate)
    }

    fn commit(&mut self, outcome: Outcome, certificate: &Certificate) -> Result<(), StoreError> {
        let (_, results) = self.state.commit(outcome)?;
        self.report.tip = self.state.tip();
        self.report.signatures += certificate.signatures.len() as u64;
        for result in &results {
            match result.effect() {
                None => self.report.rejected += 1,
                Some(effect) => {
                    self.report.accepted += 1;
                    match effect {
                        Effect::Anchored { segments, .. } => self.report.segments += u64::from(*segments),
                        Effect::Answered(_) => self.report.answers += 1,
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// The state after the blocks so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was found.
    pub fn report(&self) -> &AuditReport {
        &self.report
    }

    /// Checks a whole archive. `progress` hears of every block.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn archive(input: impl Read, checker: &'a dyn ProofChecker, mut progress: impl FnMut(&AuditReport)) -> Result<Self, StoreError> {
        let mut reader = ArchiveReader::new(input)?;
        let mut auditor = Self::new(reader.genesis().clone(), checker)?;
        while let Some(part) = reader.next_part()? {
            match part {
                Part::Block(stored) => auditor.check(&stored)?,
                Part::Blob(_) => auditor.report.blobs += 1,
            }
            progress(&auditor.report);
        }
        Ok(auditor)
    }

    /// Checks a whole store. `progress` hears of every block.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn store(
        store: &ChainStore,
        checker: &'a dyn ProofChecker,
        mut progress: impl FnMut(&AuditReport),
    ) -> Result<Self, StoreError> {
        let mut auditor = Self::new(store.genesis().clone(), checker)?;
        let last = store.last_height().await?;
        while auditor.state.tip().height < last {
            let stored = store.block(auditor.state.tip().height.next()).await?.ok_or(StoreError::NotFound("block of this height"))?;
            auditor.check(&stored)?;
            progress(&auditor.report);
        }
        for digest in store.blobs().await? {
            store.blob(&digest).await?;
            auditor.report.blobs += 1;
        }
        Ok(auditor)
    }

    /// Checks a whole archive and makes a store of it.
    ///
    /// # Errors
    /// The first thing that is wrong; the store then holds the chain up to there.
    pub async fn import(input: impl Read, url: &StoreUrl, checker: &'a dyn ProofChecker) -> Result<(ChainStore, AuditReport), StoreError> {
        let mut reader = ArchiveReader::new(input)?;
        let mut auditor = Self::new(reader.genesis().clone(), checker)?;
        let store = ChainStore::create(url, reader.genesis()).await?;
        while let Some(part) = reader.next_part()? {
            match part {
                Part::Block(stored) => {
                    auditor.check(&stored)?;
                    store.append(&stored.block, &stored.results, &stored.certificate).await?;
                }
                Part::Blob(bytes) => {
                    store.put_blob(&bytes).await?;
                    auditor.report.blobs += 1;
                }
            }
        }
        Ok((store, auditor.report))
    }
}
