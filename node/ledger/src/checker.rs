//! The seam between the state machine and the proof verifier.
//!
//! The state machine says exactly what must be proved, from its own state alone, and asks a [`ProofChecker`]. A checker must be a pure
//! function of its keys and the instance: every validator asks the same and must hear the same.

use crate::active::SlotBitmap;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    aggregate::GateCounts,
    context::AnswerContext,
    dictionary::SegmentLayout,
    erasure::ErasureStep,
    hash::Digest32,
    segment::{Segment, TableContext},
    statement::Wiring,
    tag,
};
use countersign_messages::{CircuitKeys, Genesis, KeysError, TransactionId, codec::bytes_of, limits::CACHED_VERDICTS_MAX};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

/// Checks that keys are held, and may be used on a kind of network.
pub(crate) fn check_held(checker: &dyn ProofChecker, digest: &Digest32, development: bool) -> Result<(), KeysError> {
    let keys = checker.keys(digest).ok_or(KeysError::Missing(*digest))?;
    if keys.development && !development { Err(KeysError::Development(*digest)) } else { Ok(()) }
}

/// Checks that a node holds the circuit keys a network starts with. Those in force later are for [`crate::State::check_keys`].
///
/// # Errors
/// [`KeysError`].
pub fn check_genesis_keys(genesis: &Genesis, checker: &dyn ProofChecker) -> Result<(), KeysError> {
    check_held(checker, &genesis.circuit_keys, genesis.development)
}

/// Segments whose validity (S1) is to be proved.
#[derive(Debug)]
pub struct SegmentsCheck<'a> {
    /// The anchoring transaction; names the check, and is not part of what is proved.
    pub transaction: TransactionId,
    /// The circuit keys in force.
    pub keys: Digest32,
    /// Network, hospital, table.
    pub context: TableContext,
    /// Blocks and tied rows.
    pub layout: &'a SegmentLayout,
    /// The segments, contiguous.
    pub segments: &'a [Segment],
    /// Their digests, in order.
    pub digests: &'a [Digest32],
    /// The proof.
    pub proof: &'a [u8],
}

/// Versions of segments without the rows of some slots, of which nothing else changed is to be proved (S4). No keys take part.
#[derive(Debug)]
pub struct ErasureCheck<'a> {
    /// The erasing transaction; names the check, and is not part of what is proved.
    pub transaction: TransactionId,
    /// Offsets of the slots that are empty now, ascending.
    pub slots: &'a [u16],
    /// The versions.
    pub steps: &'a [ErasureStep<'a>],
    /// The proof.
    pub proof: &'a [u8],
}

/// An answer to be verified (S2).
#[derive(Debug)]
pub struct AnswerCheck<'a> {
    /// The answering transaction; names the check, and is not part of what is proved.
    pub transaction: TransactionId,
    /// The circuit keys in force.
    pub keys: Digest32,
    /// What the statement digest binds.
    pub context: &'a AnswerContext,
    /// The wiring, made from the stored statement.
    pub wiring: &'a Wiring,
    /// Data segments of the cut, in order.
    pub data: &'a [Segment],
    /// Consent segments of the cut, in order.
    pub consent: &'a [Segment],
    /// Active bits of each segment at the height the answer names.
    pub active: &'a [SlotBitmap],
    /// The answer's bytes.
    pub answer: &'a [u8],
}

/// What a verified answer says in public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct AnswerVerdict {
    /// Salted digest of the released cells.
    pub cells_digest: [u8; 32],
    /// Gates.
    pub counts: GateCounts,
}

/// In which way a proof is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProofFault {
    /// Its bytes do not decode.
    Malformed,
    /// It decodes and does not verify.
    NotVerified,
    /// The checker has no circuit for the statement.
    Unsupported,
}

/// A proof that was not accepted. The prover is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", match fault { ProofFault::Malformed => "malformed", ProofFault::NotVerified => "does not verify", ProofFault::Unsupported => "no circuit for it" })]
pub struct ProofRefused {
    /// Class.
    pub fault: ProofFault,
    /// What the verifier said; for people, not committed to.
    pub detail: String,
}

/// Verifies proofs. A pure function of the keys and the instance. It may hold several sets of circuit keys; the instance names the one in force.
pub trait ProofChecker: Send + Sync {
    /// The keys of a digest, if it holds them.
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys>;

    /// Verifies S1.
    ///
    /// # Errors
    /// The proof is not accepted.
    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused>;

    /// Verifies S4.
    ///
    /// # Errors
    /// The proof is not accepted.
    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused>;

    /// Verifies S2.
    ///
    /// # Errors
    /// The proof is not accepted.
    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused>;

    /// Verifies several answers, together where that is cheaper. Each verdict is that of [`Self::check_answer`].
    fn check_answers(&self, instances: &[&AnswerCheck<'_>]) -> Vec<Result<AnswerVerdict, ProofRefused>> {
        instances.iter().map(|instance| self.check_answer(instance)).collect()
    }

    /// Hears which answers are about to be checked one by one. Whoever keeps verdicts may verify them together now.
    fn prepare(&self, instances: &[AnswerCheck<'_>]) {
        let _ = instances;
    }
}

impl SegmentsCheck<'_> {
    /// Digest of all that decides the verdict.
    pub fn content(&self) -> Digest32 {
        let head = bytes_of(&(self.keys, &self.context, self.digests));
        Digest32::tagged(tag::SEGMENTS_CHECK, [head.as_slice(), self.proof])
    }
}

impl ErasureCheck<'_> {
    /// Digest of all that decides the verdict.
    pub fn content(&self) -> Digest32 {
        let steps: Vec<(Digest32, Digest32)> = self.steps.iter().map(|step| (step.old.digest(), step.new.digest())).collect();
        Digest32::tagged(tag::ERASURE_CHECK, [bytes_of(&(self.slots, steps)).as_slice(), self.proof])
    }
}

impl AnswerCheck<'_> {
    /// Digest of all that decides the verdict. The wiring follows from what the context names.
    pub fn content(&self) -> Digest32 {
        let digests: Vec<Digest32> = self.data.iter().chain(self.consent).map(Segment::digest).collect();
        let head = bytes_of(&(self.keys, self.context, digests));
        let active: Vec<u8> = self.active.iter().flat_map(SlotBitmap::bytes).collect();
        Digest32::tagged(tag::ANSWER_CHECK, [head.as_slice(), &active, self.answer])
    }
}

#[derive(Debug)]
struct Cache<T> {
    verdicts: BTreeMap<Digest32, Result<T, ProofRefused>>,
    order: VecDeque<Digest32>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { verdicts: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T: Clone> Cache<T> {
    fn put(&mut self, content: Digest32, verdict: Result<T, ProofRefused>, max: usize) {
        if self.verdicts.insert(content, verdict).is_none() {
            self.order.push_back(content);
        }
        while self.order.len() > max {
            if let Some(oldest) = self.order.pop_front() {
                self.verdicts.remove(&oldest);
            }
        }
    }
}

/// Which proofs over segments this member has verified, beyond the life of a process: digests of all that decides a verdict ([`SegmentsCheck::content`], [`ErasureCheck::content`]).
/// Whoever can write there can make this member believe a proof that nobody verified, as whoever writes to its chain or its program can; an audit uses none.
pub trait Verified: Send + Sync {
    /// True if a proof was verified and accepted.
    fn knows(&self, content: &Digest32) -> bool;

    /// Hears that a proof was verified and accepted.
    fn learn(&self, content: &Digest32);
}

/// Keeps verdicts by content, so that the same proof is verified once however often its block is executed. Bounded; the oldest
/// verdicts go first. No lock is held while verifying.
pub struct CachingChecker<C> {
    inner: C,
    max: usize,
    verified: Option<Arc<dyn Verified>>,
    segments: Mutex<Cache<()>>,
    erasures: Mutex<Cache<()>>,
    answers: Mutex<Cache<AnswerVerdict>>,
}

impl<C: std::fmt::Debug> std::fmt::Debug for CachingChecker<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachingChecker").field("inner", &self.inner).field("max", &self.max).finish_non_exhaustive()
    }
}

impl<C: ProofChecker> CachingChecker<C> {
    /// Wraps a checker.
    pub fn new(inner: C) -> Self {
        Self::with_capacity(inner, CACHED_VERDICTS_MAX)
    }

    /// Wraps a checker and keeps at most so many verdicts of each kind (at least one).
    pub fn with_capacity(inner: C, max: usize) -> Self {
        Self { inner, max: max.max(1), verified: None, segments: Mutex::default(), erasures: Mutex::default(), answers: Mutex::default() }
    }

    /// Does not verify again what was verified in an earlier process.
    #[must_use]
    pub fn beside(self, verified: Arc<dyn Verified>) -> Self {
        Self { verified: Some(verified), ..self }
    }

    /// The checker inside.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// Verifies together what no verdict is kept of.
    fn verify_unknown(&self, instances: &[&AnswerCheck<'_>]) {
        let (contents, checks): (Vec<Digest32>, Vec<&AnswerCheck<'_>>) = {
            let contents: Vec<Digest32> = instances.iter().map(|instance| instance.content()).collect();
            let kept = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let all = contents.into_iter().zip(instances.iter().copied());
            all.filter(|(content, _)| !kept.verdicts.contains_key(content)).unzip()
        };
        let verdicts = self.inner.check_answers(&checks);
        let mut kept = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for (content, verdict) in contents.into_iter().zip(verdicts) {
            kept.put(content, verdict, self.max);
        }
    }

    /// As [`Self::through`], and over what earlier processes verified.
    fn through_verified(
        &self,
        cache: &Mutex<Cache<()>>,
        content: Digest32,
        verify: impl FnOnce() -> Result<(), ProofRefused>,
    ) -> Result<(), ProofRefused> {
        let Some(verified) = &self.verified else { return self.through(cache, content, verify) };
        if verified.knows(&content) {
            return Ok(());
        }
        self.through(cache, content, verify)?;
        verified.learn(&content);
        Ok(())
    }

    fn through<T: Clone>(
        &self,
        cache: &Mutex<Cache<T>>,
        content: Digest32,
        verify: impl FnOnce() -> Result<T, ProofRefused>,
    ) -> Result<T, ProofRefused> {
        let known = cache.lock().unwrap_or_else(PoisonError::into_inner).verdicts.get(&content).cloned();
        known.unwrap_or_else(|| {
            let verdict = verify();
            cache.lock().unwrap_or_else(PoisonError::into_inner).put(content, verdict.clone(), self.max);
            verdict
        })
    }
}

impl<C: ProofChecker> ProofChecker for CachingChecker<C> {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        self.inner.keys(digest)
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        self.through_verified(&self.segments, instance.content(), || self.inner.check_segments(instance))
    }

    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        self.through_verified(&self.erasures, instance.content(), || self.inner.check_erasure(instance))
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        self.through(&self.answers, instance.content(), || self.inner.check_answer(instance))
    }

    fn check_answers(&self, instances: &[&AnswerCheck<'_>]) -> Vec<Result<AnswerVerdict, ProofRefused>> {
        self.verify_unknown(instances);
        instances.iter().map(|instance| self.check_answer(instance)).collect()
    }

    fn prepare(&self, instances: &[AnswerCheck<'_>]) {
        self.verify_unknown(&instances.iter().collect::<Vec<_>>());
    }
}

/// A checker by what points to it.
macro_rules! pointer_to_checker {
    ($pointer:ty) => {
        impl<C: ProofChecker + ?Sized> ProofChecker for $pointer {
            fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
                (**self).keys(digest)
            }

            fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
                (**self).check_segments(instance)
            }

            fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
                (**self).check_erasure(instance)
            }

            fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
                (**self).check_answer(instance)
            }

            fn check_answers(&self, instances: &[&AnswerCheck<'_>]) -> Vec<Result<AnswerVerdict, ProofRefused>> {
                (**self).check_answers(instances)
            }

            fn prepare(&self, instances: &[AnswerCheck<'_>]) {
                (**self).prepare(instances);
            }
        }
    };
}

pointer_to_checker!(&C);
pointer_to_checker!(std::sync::Arc<C>);

/// Says again what the results of a block recorded about its proofs, so that a chain verified before can be replayed without
/// verifying again.
pub(crate) struct RecordedChecker {
    pub(crate) verdicts: BTreeMap<TransactionId, AnswerVerdict>,
}

impl RecordedChecker {
    fn recorded(&self, transaction: TransactionId) -> Result<AnswerVerdict, ProofRefused> {
        let refused = || ProofRefused { fault: ProofFault::NotVerified, detail: "recorded as not verified".into() };
        self.verdicts.get(&transaction).copied().ok_or_else(refused)
    }
}

impl ProofChecker for RecordedChecker {
    /// None are needed: nothing is verified.
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        Some(CircuitKeys { digest: *digest, development: false })
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        self.recorded(instance.transaction).map(|_| ())
    }

    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        self.recorded(instance.transaction).map(|_| ())
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        self.recorded(instance.transaction)
    }
}
