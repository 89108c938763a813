//! Checking one answer with headers and Merkle paths, without the chain.
//!
//! An [`AnswerExport`] carries the genesis, every header up to the answer, and the transactions the answer depends on with paths to the
//! headers' roots: the dictionary, the anchors of both tables, the study with approval and acceptance, the query, the hospital's
//! withdrawals, the answer. [`AnswerExport::check`] runs the rules over this excerpt and verifies the proofs of its segments and of the answer
//! with real keys. What the excerpt leaves out cannot help a forger: the answer's statement digest binds segments, cut and active bits, so with
//! an anchor or a withdrawal missing the proof does not verify.
//!
//! Not checked here: that the headers are the network's. Compare [`AnswerFinding::block`] with what a member you trust says, or check commit
//! certificates. Budgets over other studies and queries are not checked either; an audit of the whole chain does.

use crate::{
    active::Leavers,
    block::{Block, BlockId, Header, transaction_leaves},
    checker::{AnswerCheck, AnswerVerdict, CircuitKeys, ProofChecker, ProofRefused, SegmentsCheck},
    codec::{DecodeError, Wire, bound},
    genesis::{Genesis, GenesisError, NetworkId},
    identity::MemberId,
    limits::BLOCK_TRANSACTIONS_MAX,
    merkle::Path,
    rejection::{EnvelopeError, Rejection},
    state::{AnswerRecord, Context, Effect, PairStatus, QueryRecord, SegmentKey, State, StudyRecord, TableKey, TransactionResult},
    time::{BlockTime, Height},
    transaction::{Payload, QueryId, Transaction, TransactionId},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, segment::SegmentId};
use std::collections::BTreeSet;

/// Bytes of an export: the anchors of two tables of a million rows, and millions of headers.
pub const EXPORT_BYTES_MAX: usize = 1 << 30;
/// Transactions of an export.
pub const INCLUSIONS_MAX: usize = 1 << 16;

/// Why an export does not hold. Whoever made it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// The genesis or the circuit keys.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The headers are no chain from the genesis.
    #[error("header {0} does not follow the one before it")]
    Headers(Height),
    /// A transaction that is not in its block.
    #[error("transaction {index} of the export is not in block {height}")]
    Path {
        /// Position in the export.
        index: usize,
        /// The block.
        height: Height,
    },
    /// Repeated, out of order, or not of a kind an answer depends on.
    #[error("transaction {0} of the export is out of order or does not belong there")]
    Order(usize),
    /// A signature.
    #[error("transaction {index} of the export: {reason}")]
    Envelope {
        /// Position in the export.
        index: usize,
        /// Why.
        reason: EnvelopeError,
    },
    /// Running a transaction gives another result than is on record.
    #[error("transaction {index} of the export: the record says otherwise than its rules ({found})")]
    Result {
        /// Position in the export.
        index: usize,
        /// What running it gives.
        found: String,
    },
    /// The last transaction is not an accepted answer.
    #[error("the export does not end with an accepted answer")]
    NoAnswer,
}

/// Checks that headers are a chain from the genesis, from height 1 on without gaps. Gives the last block.
///
/// # Errors
/// [`LightError::Headers`] with the first that does not follow.
pub fn check_headers(genesis: &Genesis, headers: &[Header]) -> Result<BlockId, LightError> {
    let network = genesis.network();
    let (mut previous, mut height, mut time) = (BlockId(network.0), Height(0), genesis.time);
    for header in headers {
        let follows = header.network == network && header.previous == previous && header.height == height.next();
        if !follows || header.time <= time || header.time > BlockTime::MAX {
            return Err(LightError::Headers(header.height));
        }
        (previous, height, time) = (header.id(), header.height, header.time);
    }
    Ok(previous)
}

/// A transaction and its result with their paths to a header's roots.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Inclusion {
    /// The block.
    pub height: Height,
    /// The transaction.
    pub transaction: Transaction,
    /// Its path.
    pub path: Path,
    /// Its result.
    pub result: TransactionResult,
    /// The result's path.
    pub result_path: Path,
}

impl Inclusion {
    /// The transaction at a position of a block, or `None` beyond it.
    pub fn new(block: &Block, results: &[TransactionResult], position: usize) -> Option<Self> {
        let leaves: Vec<Digest32> = results.iter().map(TransactionResult::leaf).collect();
        Some(Self {
            height: block.header.height,
            transaction: block.transactions.get(position)?.clone(),
            path: Path::new(&transaction_leaves(&block.transaction_ids()), position)?,
            result: results.get(position)?.clone(),
            result_path: Path::new(&leaves, position)?,
        })
    }

    /// True if transaction and result stand at the same position under the header's roots.
    pub fn holds(&self, header: &Header) -> bool {
        let id = self.transaction.id();
        let leaf = transaction_leaves(&[id]);
        header.height == self.height
            && self.result.transaction == id
            && (self.path.index, self.path.count) == (self.result_path.index, self.result_path.count)
            && leaf.first().is_some_and(|leaf| self.path.verify(leaf, &header.transactions_root))
            && self.result_path.verify(&self.result.leaf(), &header.results_root)
    }
}

/// One answer with all it takes to check it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnswerExport {
    /// What the network started from.
    pub genesis: Genesis,
    /// Headers from height 1 to the answer's block.
    pub headers: Vec<Header>,
    /// The transactions, in the chain's order; the answer is last.
    pub inclusions: Vec<Inclusion>,
}

impl Wire for AnswerExport {
    const WHAT: &'static str = "exported answer";
    const BYTES_MAX: usize = EXPORT_BYTES_MAX;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        self.genesis.check_bounds()?;
        bound(Self::WHAT, "transactions", self.inclusions.len(), INCLUSIONS_MAX)?;
        self.inclusions.iter().try_for_each(|i| {
            bound(Self::WHAT, "transactions of a block", i.path.count as usize, BLOCK_TRANSACTIONS_MAX)?;
            i.transaction.check_bounds()
        })
    }
}

/// What checking an export found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerFinding {
    /// The network.
    pub network: NetworkId,
    /// The answer's block: what remains to be compared with the network.
    pub block: BlockId,
    /// The answer.
    pub answer: AnswerRecord,
    /// The query. Its number counts only what the export holds.
    pub query: QueryRecord,
    /// The study. Its number and counters count only what the export holds.
    pub study: StudyRecord,
    /// Slots that had left at the height the answer names.
    pub left: Leavers,
}

/// The real checker for segments and for the answer; a stale answer counts as verified, for it is only refused again.
struct ExcerptChecker<'a> {
    checker: &'a dyn ProofChecker,
    answer: TransactionId,
}

impl ProofChecker for ExcerptChecker<'_> {
    fn keys(&self) -> CircuitKeys {
        self.checker.keys()
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        self.checker.check_segments(instance)
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        if instance.transaction == self.answer { self.checker.check_answer(instance) } else { Ok(AnswerVerdict::default()) }
    }
}

impl AnswerExport {
    /// Checks everything named in the module's documentation.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self, checker: &dyn ProofChecker) -> Result<AnswerFinding, LightError> {
        let mut state = State::new(self.genesis.clone())?;
        self.genesis.check_keys(&checker.keys())?;
        let block = check_headers(&self.genesis, &self.headers)?;
        self.check_inclusions()?;
        let last = self.inclusions.last().ok_or(LightError::NoAnswer)?;
        let Some(Effect::Answered(record)) = last.result.effect() else { return Err(LightError::NoAnswer) };
        if self.headers.last().map(|h| h.height) != Some(last.height) {
            return Err(LightError::NoAnswer);
        }
        let checker = ExcerptChecker { checker, answer: last.result.transaction };
        for (index, inclusion) in self.inclusions.iter().enumerate() {
            self.run(&mut state, &checker, index, inclusion)?;
        }
        let query = state.query(&record.query).ok_or(LightError::NoAnswer)?.clone();
        let study = state.study(&query.query.study).ok_or(LightError::NoAnswer)?.clone();
        let mut left = Leavers::default();
        state.withdrawals(record.hospital).filter(|(_, r)| r.height <= record.named).for_each(|(_, r)| left.count(r.by));
        Ok(AnswerFinding { network: state.network(), block, answer: record.as_ref().clone(), query, study, left })
    }

    fn header(&self, height: Height) -> Option<&Header> {
        self.headers.get(usize::try_from(height.0.checked_sub(1)?).ok()?)
    }

    fn check_inclusions(&self) -> Result<(), LightError> {
        let mut last = None;
        for (index, inclusion) in self.inclusions.iter().enumerate() {
            let height = inclusion.height;
            if !self.header(height).is_some_and(|h| inclusion.holds(h)) {
                return Err(LightError::Path { index, height });
            }
            let place = Some((height, inclusion.path.index));
            if place <= last {
                return Err(LightError::Order(index));
            }
            last = place;
            if inclusion.transaction.network != self.genesis.network() {
                return Err(LightError::Envelope { index, reason: EnvelopeError::Network });
            }
            inclusion.transaction.check_signature().map_err(|reason| LightError::Envelope { index, reason })?;
        }
        Ok(())
    }

    fn run(&self, state: &mut State, checker: &dyn ProofChecker, index: usize, inclusion: &Inclusion) -> Result<(), LightError> {
        let header = self.header(inclusion.height).ok_or(LightError::Order(index))?;
        let is_last = index + 1 == self.inclusions.len();
        if let Payload::Answer(answer) = &inclusion.transaction.payload {
            let time = if answer.height == Height(0) { Some(self.genesis.time) } else { self.header(answer.height).map(|h| h.time) };
            state.know_time(answer.height, time.ok_or(LightError::Order(index))?);
        }
        let stale = Rejection::WithdrawalSince { named: Height(0), withdrawn: Height(0) }.code();
        let allowed = match inclusion.result.rejection() {
            None => is_last || !matches!(inclusion.transaction.payload, Payload::Answer(_)),
            Some(code) => code == stale && !is_last,
        };
        if !allowed {
            return Err(LightError::Order(index));
        }
        let cx = Context {
            height: header.height,
            time: header.time,
            transaction: inclusion.result.transaction,
            signer: inclusion.transaction.signer,
            checker,
        };
        let found = state.run_excerpt(&cx, &inclusion.transaction);
        // numbers of studies and queries count the whole chain; for them it is enough that the rules accept
        let same = match (found.effect(), inclusion.result.effect()) {
            (Some(Effect::Submitted { .. }), Some(Effect::Submitted { .. })) | (Some(Effect::Asked { .. }), Some(Effect::Asked { .. })) => {
                true
            }
            _ => found.leaf() == inclusion.result.leaf(),
        };
        if same { Ok(()) } else { Err(LightError::Result { index, found: format!("{:?}", found.verdict) }) }
    }
}

impl State {
    /// The transactions an export of an answer needs, in no order; `None` if the site has not answered the query.
    pub fn answer_depends_on(&self, query: &QueryId, hospital: &MemberId) -> Option<BTreeSet<TransactionId>> {
        let pair = self.pair(query, hospital)?;
        let PairStatus::Answered(record) = &pair.status else { return None };
        let asked = self.query(query)?;
        let study = self.study(&asked.query.study)?;
        let cut = self.cut(&asked.query.study, hospital)?;
        let mut ids = BTreeSet::from([asked.query.study.0, query.0, cut.transaction, record.transaction]);
        ids.extend(study.approval.map(|(_, _, id)| id));
        ids.insert(self.dictionary(&study.submitted.dictionary)?.transaction);
        ids.extend(pair.stale.iter().copied());
        ids.extend(self.withdrawals(*hospital).filter(|(_, r)| r.height <= record.height).map(|(_, r)| r.transaction));
        for table in [study.submitted.dictionary, self.registry_digest()] {
            let table = TableKey { hospital: *hospital, table };
            let first = SegmentKey { table, id: SegmentId { index: 0, version: 0 } };
            let last = SegmentKey { table, id: SegmentId { index: u32::MAX, version: u32::MAX } };
            ids.extend(self.segment_range(first, last).filter(|r| r.height <= cut.height).map(|r| r.transaction));
        }
        Some(ids)
    }
}
