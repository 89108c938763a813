//! The real proof checker: the verifier with its ring of keys.

use crate::{
    active::SlotBitmap,
    checker::{AnswerCheck, AnswerVerdict, ErasureCheck, ProofChecker, ProofFault, ProofRefused, SegmentsCheck},
};
use countersign_circuits::{
    aggregate::AggregateSize, commitment::Generators, context::AggregateInstance, erasure::ErasureInstance, field::G1Affine,
    hash::Digest32, segment::SLOTS, tag, validity::SegmentsInstance,
};
use countersign_messages::CircuitKeys;
use countersign_verifier::{VerifiedAnswer, VerifyError, VerifyingKeys, verify_aggregate, verify_batch, verify_erasure, verify_segments};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Verifies with the keys it is given: those in force, and those of a coming change or of earlier blocks.
#[derive(Debug)]
pub struct KeyedChecker {
    ring: BTreeMap<Digest32, VerifyingKeys>,
}

impl KeyedChecker {
    /// A checker with one set of keys.
    pub fn new(keys: VerifyingKeys) -> Self {
        Self::with_ring([keys])
    }

    /// A checker with several sets of keys, for a network whose keys change or have changed.
    pub fn with_ring(ring: impl IntoIterator<Item = VerifyingKeys>) -> Self {
        Self { ring: ring.into_iter().map(|keys| (keys.digest(), keys)).collect() }
    }

    /// Digests of the keys it holds.
    pub fn held(&self) -> impl Iterator<Item = &Digest32> {
        self.ring.keys()
    }

    /// Blocks are executed only if the keys in force are held ([`countersign_messages::KeysError`]), so this fails only for who asks past that.
    fn ring(&self, digest: &Digest32) -> Result<&VerifyingKeys, ProofRefused> {
        let refused = || ProofRefused { fault: ProofFault::Unsupported, detail: format!("the circuit keys {digest} are not held") };
        self.ring.get(digest).ok_or_else(refused)
    }
}

fn refused(error: VerifyError) -> ProofRefused {
    let fault = match error {
        VerifyError::Decode(_) => ProofFault::Malformed,
        VerifyError::Statement(_) => ProofFault::Unsupported,
        VerifyError::Native(_) | VerifyError::Groth16 | VerifyError::Opening => ProofFault::NotVerified,
    };
    ProofRefused { fault, detail: error.to_string() }
}

/// Verifies, and takes a panic for a proof that does not verify. No panic is known; but one that a member could cause would stop every validator at the
/// same transaction, and the chain with them. Verifying is a function of its input, so all of them come to the same verdict.
fn contained<T>(verify: impl FnOnce() -> Result<T, ProofRefused>) -> Result<T, ProofRefused> {
    let detail = "the verifier panicked over this proof, which is a fault of the program too: report the transaction";
    catch_unwind(AssertUnwindSafe(verify)).unwrap_or_else(|_| Err(ProofRefused { fault: ProofFault::NotVerified, detail: detail.into() }))
}

/// The zero-blinder commitment of a segment's active bits, as S2 takes them.
pub fn active_point(bitmap: &SlotBitmap) -> G1Affine {
    let bits: Vec<bool> = (0..SLOTS).map(|offset| bitmap.get(offset)).collect();
    Generators::get().commit_bits(&bits)
}

impl ProofChecker for KeyedChecker {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        self.ring.get(digest).map(|keys| CircuitKeys { digest: *digest, development: keys.development() })
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        let keys = self.ring(&instance.keys)?;
        let instance_s1 = SegmentsInstance { context: instance.context, layout: instance.layout, segments: instance.segments };
        contained(|| verify_segments(keys, &instance_s1, instance.proof).map_err(refused))
    }

    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        let shown = ErasureInstance { slots: instance.slots, steps: instance.steps };
        contained(|| verify_erasure(&shown, instance.proof).map_err(refused))
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        let keys = self.ring(&instance.keys)?;
        let active = active_points(instance)?;
        let verify = || verify_aggregate(keys, &aggregate(instance, &active), instance.answer).map_err(refused);
        contained(verify).map(|verified| AnswerVerdict { cells_digest: verified.cells_digest, counts: verified.counts })
    }

    /// One multi-pairing and one multi-scalar multiplication for all answers under the keys of the first; others are verified alone. The weights
    /// come from a hash of everything that is checked, so nobody who makes a proof can know them before the proofs are fixed.
    fn check_answers(&self, instances: &[&AnswerCheck<'_>]) -> Vec<Result<AnswerVerdict, ProofRefused>> {
        let points: Vec<_> = instances.iter().map(|instance| active_points(instance)).collect();
        let keys = instances.first().map(|instance| instance.keys);
        let joint: Vec<usize> = (0..instances.len()).filter(|i| points[*i].is_ok() && Some(instances[*i].keys) == keys).collect();
        let together = || {
            let Some(ring) = keys.and_then(|digest| self.ring.get(&digest)) else { return Vec::new() };
            let seed: Vec<u8> = joint.iter().flat_map(|i| instances[*i].content().0).collect();
            let mut rng = ChaCha20Rng::from_seed(Digest32::tagged(tag::BATCH_WEIGHTS, [seed.as_slice()]).0);
            let batch: Vec<_> =
                joint.iter().filter_map(|i| Some((aggregate(instances[*i], points[*i].as_ref().ok()?), instances[*i].answer))).collect();
            let verdict = |v: Result<VerifiedAnswer, VerifyError>| {
                v.map(|v| AnswerVerdict { cells_digest: v.cells_digest, counts: v.counts }).map_err(refused)
            };
            verify_batch(ring, &batch, &mut rng).into_iter().map(verdict).collect()
        };
        together_or_alone(instances.len(), &joint, together, |i| self.check_answer(instances[i]))
    }
}

/// Verdicts on so many proofs: on those of `joint` by verifying them together, on the others, and on all if that gives none or panics, one by one.
fn together_or_alone<T>(
    count: usize,
    joint: &[usize],
    together: impl FnOnce() -> Vec<Result<T, ProofRefused>>,
    alone: impl Fn(usize) -> Result<T, ProofRefused>,
) -> Vec<Result<T, ProofRefused>> {
    let found = contained(|| Ok(together())).unwrap_or_default();
    let mut verdicts: BTreeMap<usize, _> = joint.iter().copied().zip(found).collect();
    (0..count).map(|i| verdicts.remove(&i).unwrap_or_else(|| alone(i))).collect()
}

/// The commitments of the active bits, for a statement that some circuit carries.
fn active_points(instance: &AnswerCheck<'_>) -> Result<Vec<G1Affine>, ProofRefused> {
    if AggregateSize::for_cells(instance.wiring.cells().len()).is_none() {
        return Err(ProofRefused { fault: ProofFault::Unsupported, detail: "more cells than any circuit carries".into() });
    }
    Ok(instance.active.iter().map(active_point).collect())
}

fn aggregate<'a>(instance: &AnswerCheck<'a>, active: &'a [G1Affine]) -> AggregateInstance<'a> {
    AggregateInstance { context: instance.context, wiring: instance.wiring, data: instance.data, consent: instance.consent, active }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_that_panics_refuses_the_proof() {
        assert_eq!(contained(|| Ok(1)), Ok(1));
        let panics = || -> Result<u32, ProofRefused> {
            let none: Option<u32> = std::hint::black_box(None);
            Ok(none.unwrap())
        };
        assert_eq!(contained(panics).unwrap_err().fault, ProofFault::NotVerified);
    }

    #[test]
    fn a_batch_that_panics_is_verified_one_by_one() {
        let bad = || ProofRefused { fault: ProofFault::NotVerified, detail: "bad".into() };
        let alone = |i: usize| if i == 1 { Err(bad()) } else { Ok(100 + i) };
        let verdicts = |together: fn() -> Vec<Result<usize, ProofRefused>>| together_or_alone(4, &[0, 1, 3], together, alone);
        // the one that is not among them is verified alone
        assert_eq!(verdicts(|| vec![Ok(0), Ok(1), Ok(3)]), [Ok(0), Ok(1), Ok(102), Ok(3)]);
        let panics = || -> Vec<Result<usize, ProofRefused>> { std::hint::black_box(None).unwrap() };
        // one proof that makes the batch panic refuses no other
        assert_eq!(verdicts(panics), [Ok(100), Err(bad()), Ok(102), Ok(103)]);
        assert_eq!(verdicts(Vec::new), [Ok(100), Err(bad()), Ok(102), Ok(103)]);
    }
}
