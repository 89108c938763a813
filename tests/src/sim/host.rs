//! What the application does: builds, executes and commits blocks, and keeps a mempool.

mod sync;

use super::{
    disk::Undecided,
    harness::{START, Script},
    message::{Message, Streamed},
    node::{Committed, NodeEvent, Shell, To},
    sabotage::Sabotage,
};
use arc_malachitebft_core_consensus::{LocallyProposedValue, ProposedValue};
use arc_malachitebft_core_types::{CommitCertificate, Context as _, Round, Validator as _, Validity, ValueOrigin};
use countersign_circuits::hash::Digest32;
use countersign_consensus::{
    clock::Clock,
    malachite::{
        codec::to_ledger,
        context::{Address, BlockId as ValueId, Chain, Validators},
    },
    mempool::{Allowance, Mempool, Standing, SubmitError},
    voting,
};
use countersign_ledger::{
    AnswerCheck, AnswerVerdict, CachingChecker, ErasureCheck, Outcome, ProofChecker, ProofRefused, SegmentsCheck, State,
};
use countersign_messages::{
    Block, BlockId, Certificate, CircuitKeys, Height, MemberId, Transaction, Wire,
    limits::{BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// An empty block is proposed after so long, so that the chain does not stand still.
const IDLE_MS: u64 = 400;
/// Blocks of heights to come that are kept until their height starts.
const PENDING_MAX: usize = 16;

/// Who sent a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sender {
    Peer(usize),
    Member(MemberId),
}

/// The application's state. All but `ledger` is lost when the process dies, and `ledger` follows from the decided blocks.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) ledger: State,
    checker: Arc<CachingChecker<Script>>,
    pub(super) mempool: Mempool,
    allowances: BTreeMap<Sender, Allowance>,
    outcomes: BTreeMap<BlockId, Outcome>,
    pending: Vec<Arc<Streamed>>,
    /// When the last block was asked for.
    asked: Option<u64>,
    /// Honest peers that would have been cut off.
    pub(super) cut_off: Vec<usize>,
}

/// Sabotage: takes every proof for good.
struct Believes;

impl ProofChecker for Believes {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        Script::default().keys(digest)
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Ok(AnswerVerdict::default())
    }
}

impl Host {
    pub(super) fn new(ledger: State, checker: Arc<CachingChecker<Script>>) -> Self {
        Self {
            ledger,
            checker,
            mempool: Mempool::default(),
            allowances: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            pending: Vec::new(),
            asked: None,
            cut_off: Vec::new(),
        }
    }

    /// The engine has ended, the process lives.
    pub(super) fn stop_engine(&mut self) {
        self.outcomes.clear();
        self.pending.clear();
        self.asked = None;
    }

    pub(super) fn crash(&mut self) {
        self.mempool = Mempool::default();
        self.allowances.clear();
        self.outcomes.clear();
        self.pending.clear();
        self.asked = None;
    }
}

impl Shell {
    /// The node's own clock, ahead of virtual time by its skew.
    fn clock(&self) -> Clock {
        let now = START.plus_ms(60_000 + self.now + self.skew);
        Clock::new(move || now)
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    fn checker(&self) -> Arc<dyn ProofChecker> {
        if self.sabotage == Sabotage::BelievesProofs { Arc::new(Believes) } else { self.host.checker.clone() }
    }

    /// False, and the engine stops before anything else leaves it, if nothing can be written.
    pub(super) fn may_write(&mut self) -> bool {
        if self.disk.full && !self.stopped {
            self.out.notes.push("cannot write: its engine stops".into());
            self.stopped = true;
        }
        !self.stopped
    }

    /// Keeps a proposal; false if it cannot.
    fn keep(&mut self, undecided: Undecided) -> bool {
        let kept = self.may_write();
        if kept {
            self.disk.put(undecided);
        }
        kept
    }

    /// A transaction has come: into the mempool, and on to the others if it is new.
    pub(super) fn take(&mut self, sender: Sender, transaction: &Arc<Transaction>) {
        let now = self.uptime();
        let allowance = self.host.allowances.entry(sender).or_insert_with(|| Allowance::new(now));
        if self.sabotage.drops(transaction) || allowance.arrived(transaction.encode().len(), now).is_err() {
            return;
        }
        let verdict = self.host.mempool.insert(&self.host.ledger, transaction.as_ref().clone(), now);
        let allowance = self.host.allowances.entry(sender).or_insert_with(|| Allowance::new(now));
        if let (Standing::Disconnect, Sender::Peer(peer)) = (allowance.judged(&verdict, now), sender) {
            self.host.cut_off.push(peer);
        }
        match verdict {
            Ok(inserted) if inserted.is_new() => self.out.sends.push((To::All, Message::Transaction(transaction.clone()))),
            Ok(_) | Err(SubmitError::Envelope(_) | SubmitError::Taken { .. } | SubmitError::Ahead { .. }) => {}
            Err(refused) => self.out.notes.push(format!("mempool: {refused}")),
        }
    }

    pub(super) fn pause_before_proposing(&self) -> u64 {
        let ledger = &self.host.ledger;
        let ready = self.host.mempool.iter().any(|t| t.sequence == ledger.next_sequence(&t.signer));
        if ready { 10 } else { IDLE_MS }
    }

    /// Builds the block for a round, or finds the one it has built for it before.
    pub(super) fn build(&mut self, height: Height, round: Round) -> Option<LocallyProposedValue<Chain>> {
        if height != self.host.ledger.tip().height.next() {
            return None;
        }
        let me = self.keys().address();
        let mine = |u: &&Undecided| (u.part.height, u.part.round, u.part.proposer) == (height, round, me);
        let part = match self.disk.undecided.iter().find(mine) {
            Some(held) => held.part.clone(),
            None => self.build_new(height, round, me)?,
        };
        self.out.sends.push((To::All, Message::Block(part.clone())));
        Some(LocallyProposedValue::new(height.into(), round, ValueId(part.id)))
    }

    fn build_new(&mut self, height: Height, round: Round, me: Address) -> Option<Arc<Streamed>> {
        let time = self.clock().after(self.host.ledger.tip().time);
        let candidates = self.host.mempool.candidates(&self.host.ledger, BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX);
        let proposed = self.host.ledger.propose(time, candidates, self.checker().as_ref()).ok()?;
        if let Some((transaction, reason)) = proposed.refused.first() {
            self.broken = Some(format!("the mempool offered a transaction that stands in no block: {} {reason}", transaction.id()));
        }
        let mut block = proposed.outcome.block().clone();
        if self.sabotage == Sabotage::ExecutesTwice {
            block = super::check::history::with_replay(block, &self.disk.decided);
        }
        let (id, block) = (block.header.id(), Arc::new(block));
        self.host.outcomes.insert(id, proposed.outcome);
        let part = Arc::new(Streamed { height, round, pol_round: Round::Nil, proposer: me, id, block });
        self.keep(Undecided { part: part.clone(), validity: Validity::Valid }).then_some(part)
    }

    /// Sends a block again, for another round.
    pub(super) fn restream(&mut self, round: Round, pol_round: Round, proposer: Address, id: BlockId) {
        if let Some(held) = self.disk.undecided.iter().find(|u| u.part.id == id) {
            let part = Streamed { round, pol_round, proposer, ..held.part.as_ref().clone() };
            self.out.sends.push((To::All, Message::Block(Arc::new(part))));
        }
    }

    /// A proposed block has come. Blocks of heights to come wait; those of the past are of no use.
    pub(super) fn on_block(&mut self, part: Arc<Streamed>) {
        let next = self.host.ledger.tip().height.next();
        if part.height == next {
            self.consider(part);
        } else if part.height > next && self.host.pending.len() < PENDING_MAX {
            self.host.pending.push(part);
        }
    }

    fn consider(&mut self, part: Arc<Streamed>) {
        let set = Validators::from(&self.host.ledger.validators());
        if *Chain.select_proposer(&set, part.height.into(), part.round).address() != part.proposer {
            return;
        }
        let timely = self.clock().accepts(part.block.header.time, part.pol_round.is_defined());
        let valid = timely && self.execute(&part.block, part.id);
        let validity = if valid { Validity::Valid } else { Validity::Invalid };
        if !valid {
            self.out.notes.push(format!("finds block {} of height {} invalid", part.id.0.short(), part.height));
        }
        if !self.keep(Undecided { part: part.clone(), validity }) {
            return;
        }
        if valid && self.sabotage == Sabotage::CommitsWithoutQuorum {
            let signatures = vec![];
            return self.commit(Certificate { height: part.height, round: 0, block: part.id, signatures });
        }
        let value = self.value_of(&part, validity);
        self.out.later.push((2, NodeEvent::Value(Box::new(value), ValueOrigin::Consensus)));
    }

    fn value_of(&self, part: &Streamed, validity: Validity) -> ProposedValue<Chain> {
        ProposedValue {
            height: part.height.into(),
            round: part.round,
            valid_round: part.pol_round,
            proposer: part.proposer,
            value: ValueId(part.id),
            validity,
        }
    }

    /// Executes a block, once; true if it is a next block.
    fn execute(&mut self, block: &Block, id: BlockId) -> bool {
        if self.host.outcomes.contains_key(&id) {
            return true;
        }
        let checker = self.checker();
        let mut outcome = self.host.ledger.validate(block, checker.as_ref()).ok();
        if self.sabotage == Sabotage::ExecutesTwice && outcome.is_none() {
            // takes what it can of it
            let proposed = self.host.ledger.propose(block.header.time, block.transactions.clone(), checker.as_ref());
            outcome = proposed.ok().map(|p| p.outcome);
        }
        let valid = outcome.is_some();
        if let Some(outcome) = outcome {
            self.host.outcomes.insert(id, outcome);
        }
        valid
    }

    /// After a start: what was proposed for the next height is executed again.
    pub(super) fn execute_undecided(&mut self) {
        let next = self.host.ledger.tip().height.next();
        for held in self.disk.undecided.clone() {
            if held.part.height == next && held.validity.is_valid() {
                self.execute(&held.part.block, held.part.id);
            }
        }
    }

    pub(super) fn on_start_round(&mut self, height: Height, round: Round) {
        self.host.pending.retain(|p| p.height >= height);
        let (ready, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.host.pending).into_iter().partition(|p| p.height == height);
        self.host.pending = later;
        ready.into_iter().for_each(|part| self.on_block(part));
        let known = |u: &&Undecided| (u.part.height, u.part.round) == (height, round);
        let values: Vec<_> = self.disk.undecided.iter().filter(known).map(|u| self.value_of(&u.part, u.validity)).collect();
        self.out.later.extend(values.into_iter().map(|v| (0, NodeEvent::Value(Box::new(v), ValueOrigin::Consensus))));
    }

    pub(super) fn on_decided(&mut self, certificate: &CommitCertificate<Chain>) {
        match to_ledger(certificate) {
            Some(certificate) => self.commit(certificate),
            None => self.broken = Some("a certificate without a round".into()),
        }
    }

    fn commit(&mut self, certificate: Certificate) {
        let Some(held) = self.disk.undecided.iter().find(|u| u.part.id == certificate.block) else {
            return self.broken = Some(format!("decided block {} without having it", certificate.height));
        };
        let block = held.part.block.clone();
        if !self.may_write() {
            return;
        }
        let height = certificate.height;
        self.take_decided(block, certificate);
        self.disk.record = voting::begins(self.disk.record, height.next(), height);
    }

    /// A decided block that was executed is written.
    fn take_decided(&mut self, block: Arc<Block>, certificate: Certificate) {
        let Some(outcome) = self.host.outcomes.remove(&certificate.block) else {
            return self.broken = Some(format!("decided block {} without having executed it", certificate.height));
        };
        let results = outcome.results().to_vec();
        if let Err(error) = self.host.ledger.commit(outcome) {
            return self.broken = Some(error.to_string());
        }
        self.disk.decided.push((block.clone(), certificate.clone()));
        self.disk.undecided.retain(|u| u.part.height > certificate.height);
        self.host.outcomes.clear();
        self.host.mempool.committed(&self.host.ledger);
        self.host.asked = None;
        self.out.committed.push(Committed { block, certificate, results });
    }
}
