//! Executing blocks: propose, validate, replay, commit. None of the first three changes the state it is called on.

use super::{
    Context, Known, State,
    records::PairRecord,
    result::{Effect, TransactionResult, Verdict},
};
use crate::{
    checker::{AnswerVerdict, ProofChecker, RecordedChecker},
    rejection::{ErasureRefused, Rejection},
};
use countersign_messages::{
    Block, BlockError, BlockTime, Header, Height, Payload, Transaction, TransactionId,
    codec::{Wire, length_of},
    limits::{BLOCK_BYTES_MAX, BLOCK_PROOFS_MAX, BLOCK_TRANSACTIONS_MAX, TRANSACTION_BYTES_MAX},
    merkle, transaction_leaves,
};
use countersign_messages::{Class, EnvelopeError};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A block, what became of its transactions, and the state after it.
#[derive(Debug, Clone)]
pub struct Outcome {
    block: Block,
    results: Vec<TransactionResult>,
    state: State,
}

impl Outcome {
    /// The block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Results, in the order of the transactions.
    pub fn results(&self) -> &[TransactionResult] {
        &self.results
    }

    /// The state after the block.
    pub fn state(&self) -> &State {
        &self.state
    }
}

/// What [`State::propose`] made of the candidates.
#[derive(Debug)]
pub struct Proposed {
    /// The block and its outcome.
    pub outcome: Outcome,
    /// Candidates that may stand in no block now, with the reason. A gap in a signer's sequence may close later.
    pub refused: Vec<(Transaction, EnvelopeError)>,
    /// Candidates for which the block had no room.
    pub deferred: Vec<Transaction>,
}

/// An outcome that does not start from this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outcome of block {outcome} was computed from another state than this one at height {state}; compute it again")]
pub struct CommitError {
    /// Height of the outcome.
    pub outcome: Height,
    /// Height of the state.
    pub state: Height,
}

impl State {
    /// Executes candidates in order on top of this state and makes the block.
    ///
    /// # Errors
    /// The time is not later than the last block's, or the checker does not hold the circuit keys in force.
    pub fn propose(&self, time: BlockTime, candidates: Vec<Transaction>, checker: &dyn ProofChecker) -> Result<Proposed, BlockError> {
        self.check_keys(checker)?;
        let mut run = Run::new(self, self.tip.height.next(), time, checker)?;
        let (candidates, mut deferred) = within_proofs(candidates);
        self.prepare_quietly(&candidates, time, checker);
        let mut refused = Vec::new();
        let mut transactions = Vec::new();
        for candidate in candidates {
            match run.step(&candidate) {
                Ok(()) => transactions.push(candidate),
                Err(StepError::Full) => deferred.push(candidate),
                Err(StepError::Envelope(reason)) => refused.push((candidate, reason)),
            }
        }
        Ok(Proposed { outcome: run.finish(transactions), refused, deferred })
    }

    /// Executes a block somebody else made and compares everything its header commits to.
    ///
    /// # Errors
    /// The block is not a next block of this state, or the checker does not hold the circuit keys in force.
    pub fn validate(&self, block: &Block, checker: &dyn ProofChecker) -> Result<Outcome, BlockError> {
        self.check_keys(checker)?;
        self.replay(block, checker)
    }

    /// Like [`Self::validate`], but believes the recorded results about proofs: for a chain this machine has verified before. All other
    /// rules are executed again and every commitment of the header, the results' root among them, is compared.
    ///
    /// # Errors
    /// The block is not a next block of this state, or the results are not its results.
    pub fn apply_recorded(&self, block: &Block, results: &[TransactionResult]) -> Result<Outcome, BlockError> {
        let checker = RecordedChecker { verdicts: recorded_verdicts(results) };
        let mut outcome = self.replay(block, &checker)?;
        // the messages are not committed to: keep those of the time, if they belong to the same verdicts
        if results.iter().map(TransactionResult::leaf).eq(outcome.results.iter().map(TransactionResult::leaf)) {
            outcome.results = results.to_vec();
            Ok(outcome)
        } else {
            Err(BlockError::Commitment { height: block.header.height, what: "recorded results" })
        }
    }

    /// Takes the outcome of a decided block.
    ///
    /// # Errors
    /// The outcome was computed from another state.
    pub fn commit(&mut self, outcome: Outcome) -> Result<(Block, Vec<TransactionResult>), CommitError> {
        let header = &outcome.block.header;
        if header.network != self.network || header.previous != self.tip.block || header.height != self.tip.height.next() {
            return Err(CommitError { outcome: header.height, state: self.tip.height });
        }
        *self = outcome.state;
        Ok((outcome.block, outcome.results))
    }

    /// Preparing changes no verdict, so a panic in it costs nothing but the preparation: the transaction at fault is met again when it is executed.
    fn prepare_quietly(&self, transactions: &[Transaction], time: BlockTime, checker: &dyn ProofChecker) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.prepare(transactions, time, checker)));
    }

    fn replay(&self, block: &Block, checker: &dyn ProofChecker) -> Result<Outcome, BlockError> {
        let header = &block.header;
        if header.network != self.network {
            return Err(BlockError::Network);
        }
        if header.height != self.tip.height.next() {
            return Err(BlockError::Height { found: header.height, last: self.tip.height });
        }
        if header.previous != self.tip.block {
            return Err(BlockError::Previous(header.height));
        }
        block.check_bounds()?;
        let bytes = block.transactions.iter().map(length_of).sum();
        if bytes > BLOCK_BYTES_MAX {
            return Err(BlockError::TooLong(bytes));
        }
        let wrong = |what| BlockError::Commitment { height: header.height, what };
        // cheap before dear: a block whose transactions were tampered with is not executed
        if merkle::root(&transaction_leaves(&block.transaction_ids())) != header.transactions_root {
            return Err(BlockError::Transactions(header.height));
        }
        let proofs = block.transactions.iter().filter(|t| t.payload.has_proof()).count();
        if proofs > BLOCK_PROOFS_MAX {
            return Err(BlockError::Proofs(proofs));
        }
        let mut run = Run::new(self, header.height, header.time, checker)?;
        self.prepare_quietly(&block.transactions, header.time, checker);
        for (index, transaction) in block.transactions.iter().enumerate() {
            run.step(transaction).map_err(|e| match e {
                StepError::Envelope(reason) => BlockError::Envelope { index, reason },
                StepError::Full => BlockError::TooLong(bytes),
            })?;
        }
        let outcome = run.finish(block.transactions.clone());
        let made = &outcome.block.header;
        let pairs = [
            ("results root", made.results_root == header.results_root),
            ("state digest", made.state_digest == header.state_digest),
            ("validator set", made.validators == header.validators),
            ("header", made == header),
        ];
        match pairs.into_iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(wrong(what)),
            None => Ok(outcome),
        }
    }
}

/// Parts candidates into those a block has room to verify, and the others. What a signer sent behind one that is deferred waits with it.
fn within_proofs(candidates: Vec<Transaction>) -> (Vec<Transaction>, Vec<Transaction>) {
    let (mut proofs, mut waiting) = (0, BTreeSet::new());
    candidates.into_iter().partition(|t| {
        let proof = t.payload.has_proof();
        if waiting.contains(&t.signer) || (proof && proofs >= BLOCK_PROOFS_MAX) {
            waiting.insert(t.signer);
            return false;
        }
        proofs += usize::from(proof);
        true
    })
}

/// Verdicts on proofs, as far as results tell: accepted anchors and answers, and those that were refused for something else.
fn recorded_verdicts(results: &[TransactionResult]) -> BTreeMap<TransactionId, AnswerVerdict> {
    let failed =
        [Rejection::AnswerProof(String::new()), Rejection::SegmentsProof(String::new()), ErasureRefused::Proof(String::new()).into()];
    let failed = failed.map(|rejection| rejection.code());
    let verdict = |r: &TransactionResult| match &r.verdict {
        Verdict::Accepted(Effect::Answered(a)) => Some((r.transaction, AnswerVerdict { cells_digest: a.cells_digest, counts: a.counts })),
        Verdict::Rejected { code, .. } if failed.contains(code) => None,
        _ => Some((r.transaction, AnswerVerdict::default())),
    };
    results.iter().filter_map(verdict).collect()
}

enum StepError {
    Envelope(EnvelopeError),
    Full,
}

/// One block being executed.
struct Run<'a> {
    base: &'a State,
    state: State,
    height: Height,
    time: BlockTime,
    checker: &'a dyn ProofChecker,
    ids: Vec<TransactionId>,
    results: Vec<TransactionResult>,
    bytes: usize,
}

impl<'a> Run<'a> {
    fn new(base: &'a State, height: Height, time: BlockTime, checker: &'a dyn ProofChecker) -> Result<Self, BlockError> {
        if time <= base.tip.time || time > BlockTime::MAX {
            return Err(BlockError::Time { found: time, last: base.tip.time });
        }
        Ok(Self { base, state: base.clone(), height, time, checker, ids: Vec::new(), results: Vec::new(), bytes: 0 })
    }

    fn step(&mut self, transaction: &Transaction) -> Result<(), StepError> {
        let encoded = length_of(transaction);
        if encoded > TRANSACTION_BYTES_MAX {
            return Err(StepError::Envelope(EnvelopeError::TooLong(encoded)));
        }
        if self.ids.len() >= BLOCK_TRANSACTIONS_MAX || self.bytes + encoded > BLOCK_BYTES_MAX {
            return Err(StepError::Full);
        }
        self.state.check_envelope_on(transaction, self.time.day()).map_err(StepError::Envelope)?;
        self.bytes += encoded;
        let id = transaction.id();
        let result = self.state.run(
            &Context {
                height: self.height,
                time: self.time,
                transaction: id,
                signer: transaction.signer,
                known: Known::Everything,
                checker: self.checker,
            },
            transaction,
        );
        self.ids.push(id);
        self.results.push(result);
        Ok(())
    }

    fn finish(mut self, transactions: Vec<Transaction>) -> Outcome {
        self.state.advance(self.height, self.time);
        self.state.settle(self.height, self.time);
        let leaves: Vec<_> = self.results.iter().map(TransactionResult::leaf).collect();
        let header = Header {
            network: self.state.network,
            height: self.height,
            time: self.time,
            previous: self.base.tip.block,
            transactions_root: merkle::root(&transaction_leaves(&self.ids)),
            results_root: merkle::root(&leaves),
            state_digest: self.state.seal(),
            validators: self.state.validators().digest(),
        };
        self.state.tip.block = header.id();
        Outcome { block: Block { header, transactions }, results: self.results, state: self.state }
    }
}

impl State {
    /// Runs one attributable transaction: its rules on a copy, which is kept only if they accept.
    fn run(&mut self, cx: &Context<'_>, transaction: &Transaction) -> TransactionResult {
        // what a patient's key may do once ends with its slot
        if !matches!(transaction.payload, Payload::WithdrawByKey(_)) {
            self.sequences.insert(transaction.signer, transaction.sequence.saturating_add(1));
        }
        let mut copy = self.clone();
        // a panic must not keep every proposer from this transaction and the chain from the next: it is a rejection like another, the same at all,
        // and the copy is thrown away
        let applied = catch_unwind(AssertUnwindSafe(|| copy.apply(cx, &transaction.payload))).unwrap_or(Err(Rejection::Panicked));
        match applied {
            Ok(effect) => {
                *self = copy;
                TransactionResult { transaction: cx.transaction, verdict: Verdict::Accepted(effect) }
            }
            Err(rejection) => {
                self.strike(transaction, &rejection);
                self.charge(cx, Class::of(&transaction.payload), length_of(transaction) as u64, &rejection);
                TransactionResult::rejected(cx.transaction, &rejection)
            }
        }
    }

    /// Counts an answer whose proof fails against its pair. Only answers that passed every other rule get so far.
    fn strike(&mut self, transaction: &Transaction, rejection: &Rejection) {
        let (Payload::Answer(answer), Rejection::AnswerProof(_)) = (&transaction.payload, rejection) else { return };
        let key = (answer.query, transaction.signer);
        let mut pair = self.pairs.get(&key).map_or_else(PairRecord::open, |p| p.as_ref().clone());
        pair.invalid = pair.invalid.saturating_add(1);
        self.pairs.insert(key, pair);
    }

    /// Runs an included transaction outside its block, for a light client: sequences are not looked at, and a withdrawal may be of slots of
    /// a table the excerpt leaves out.
    pub(crate) fn run_excerpt(&mut self, cx: &Context<'_>, transaction: &Transaction) -> TransactionResult {
        match &transaction.payload {
            Payload::Withdraw(withdraw) => {
                let effect = self.record_withdrawal(cx, withdraw, u32::MAX);
                effect.map_or_else(
                    |rejection| TransactionResult::rejected(cx.transaction, &rejection),
                    |effect| TransactionResult { transaction: cx.transaction, verdict: Verdict::Accepted(effect) },
                )
            }
            // by a key that the block's validators found enrolled: the excerpt has its signature and their result
            _ => self.run(cx, transaction),
        }
    }

    /// Makes the time of a height known to a light client's excerpt.
    pub(crate) fn know_time(&mut self, height: Height, time: BlockTime) {
        self.recent.insert(height, time);
    }
}
