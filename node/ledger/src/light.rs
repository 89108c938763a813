//! Checking one answer with headers, commit certificates and Merkle paths, without the chain.
//!
//! An [`AnswerExport`] carries the genesis, the headers of the blocks that matter with their commit certificates, and the transactions the answer
//! depends on with paths to the headers' roots: every proposal and vote so far, everything that changed who signs for ethics boards, the anchors of both tables, the study with approval and acceptance, the
//! query, the withdrawals at the hospital, by it and by keys of patients, the answer. The blocks that matter are those with such a transaction, those an answer names, and those after which something
//! governed changed: an export grows with what happened and not with the length of the chain. [`AnswerExport::check`] (and [`AnswerExport::check_all`], for many) follows the headers from the genesis
//! ([`ChainFollower`]), runs the rules over the excerpt, brings changes into force at their heights, and verifies the proofs of the segments and of the answer with real
//! keys. So the headers are the network's if the genesis is.
//!
//! What the excerpt leaves out cannot help a forger: the answer's statement digest binds segments, cut and active bits, so with an anchor or
//! a withdrawal missing the proof does not verify; its record carries a digest of governance, so with a proposal, a vote, a change of who signs for a board or the header at which one of them
//! took effect missing the record is another.
//!
//! Not checked here: that the genesis is the network's (compare [`AnswerFinding::network`] with what you know), and that more than a third of
//! some earlier validator set did not conspire, or lose their keys since, to write another history. Budgets over other studies and queries
//! are not checked either; an audit of the whole chain does.

mod begun;
mod follower;
mod inclusion;
mod needs;
mod together;

pub use follower::{ChainFollower, FollowError};
pub use inclusion::Inclusion;
pub use together::TOGETHER_MAX;

use crate::{
    active::Leavers,
    checker::ProofChecker,
    state::{AnswerRecord, QueryRecord, StudyRecord},
};
use begun::Begun;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_messages::{
    BlockId, Certificate, EnvelopeError, Genesis, GenesisError, Header, Height, KeysError, NetworkId, ValidatorSet,
    codec::{DecodeError, Wire, bound},
    limits::BLOCK_TRANSACTIONS_MAX,
};

/// Bytes of an export: the anchors of two tables of a million rows, in many versions.
pub const EXPORT_BYTES_MAX: usize = 1 << 30;
/// Transactions of an export.
pub const INCLUSIONS_MAX: usize = 1 << 16;

/// Why an export does not hold. Whoever made it is at fault, except for [`LightError::Keys`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// The genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// This machine does not hold circuit keys that were in force.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The headers are no chain from the genesis, or not decided by its validators and their successors.
    #[error(transparent)]
    Headers(#[from] FollowError),
    /// The last header has no certificate.
    #[error("the last header, {0}, has no certificate")]
    NotCertified(Height),
    /// A certificate out of order, or of no header of the export.
    #[error("the certificate of height {0} is out of order or of no header of the export")]
    Attestation(Height),
    /// The validators change otherwise than the votes say.
    #[error("header {0} does not name the validator set that the export's governance transactions give")]
    Validators(Height),
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
    /// There is no accepted answer in the last header's block.
    #[error("the export does not end with an accepted answer")]
    NoAnswer,
}

/// The certificate of a header, and the validators that decide from the next height on where they change.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Attestation {
    /// The precommits; they say which header.
    pub certificate: Certificate,
    /// The set the header names, if it is a new one.
    pub validators: Option<ValidatorSet>,
}

/// One answer with all it takes to check it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnswerExport {
    /// What the network started from.
    pub genesis: Genesis,
    /// Headers of the blocks that matter ([`State::answer_heights`](crate::State::answer_heights)), ascending; the last is the answer's. More may be there.
    pub headers: Vec<Header>,
    /// Certificates, ascending by height: of every header that names a new validator set, that does not follow the one before it or that is followed by a gap, and of the
    /// last. More may be there.
    pub attestations: Vec<Attestation>,
    /// The transactions, in the chain's order. After the answer there are only proposals, votes and changes of who signs for boards of the same block.
    pub inclusions: Vec<Inclusion>,
}

impl Wire for AnswerExport {
    const WHAT: &'static str = "exported answer";
    const BYTES_MAX: usize = EXPORT_BYTES_MAX;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        self.genesis.check_bounds()?;
        bound(Self::WHAT, "certificates", self.attestations.len(), self.headers.len())?;
        for attestation in &self.attestations {
            attestation.certificate.check_bounds()?;
            attestation.validators.as_ref().map_or(Ok(()), Wire::check_bounds)?;
        }
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
    /// The answer's block, certified by the network's validators.
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

impl AnswerExport {
    /// Checks everything named in the module's documentation.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self, checker: &dyn ProofChecker) -> Result<AnswerFinding, LightError> {
        Begun::check(self, checker)?.finish(checker)
    }

    fn header(&self, height: Height) -> Option<&Header> {
        self.headers.binary_search_by_key(&height, |h| h.height).ok().and_then(|at| self.headers.get(at))
    }

    /// Follows the headers; the last must be certified.
    fn check_headers(&self) -> Result<BlockId, LightError> {
        let mut follower = ChainFollower::new(&self.genesis);
        let mut attestations = self.attestations.iter().peekable();
        for header in &self.headers {
            let attestation = attestations.next_if(|a| a.certificate.height == header.height);
            let (certificate, next) = (attestation.map(|a| &a.certificate), attestation.and_then(|a| a.validators.as_ref()));
            match certificate.filter(|_| header.height > follower.tip().height.next()) {
                Some(certificate) => follower.skip(header, certificate, next)?,
                None => follower.push(header, certificate, next)?,
            }
        }
        if let Some(left) = attestations.next() {
            return Err(LightError::Attestation(left.certificate.height));
        }
        let tip = follower.tip();
        if follower.certified() == tip.height { Ok(tip.block) } else { Err(LightError::NotCertified(tip.height)) }
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
}
