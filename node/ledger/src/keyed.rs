//! The real proof checker: the verifier with its ring of keys.

use crate::{
    active::SlotBitmap,
    checker::{AnswerCheck, AnswerVerdict, CircuitKeys, ProofChecker, ProofFault, ProofRefused, SegmentsCheck},
};
use countersign_circuits::{
    aggregate::AggregateSize,
    commitment::Generators,
    context::AggregateInstance,
    field::G1Affine,
    hash::Digest32,
    segment::SLOTS,
    validity::{SegmentsInstance, StackShape},
};
use countersign_verifier::{VerifyError, VerifyingKeys, verify_aggregate, verify_segments};
use std::collections::BTreeMap;

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

    /// Blocks are executed only if the keys in force are held ([`crate::KeysError`]), so this fails only for who asks past that.
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
        if StackShape::new(instance.layout, instance.segments.len()).is_none() {
            let detail = format!("one proof carries {} segments of this table", StackShape::segments_max(instance.layout));
            return Err(ProofRefused { fault: ProofFault::Unsupported, detail });
        }
        let keys = self.ring(&instance.keys)?;
        let instance_s1 = SegmentsInstance { context: instance.context, layout: instance.layout, segments: instance.segments };
        verify_segments(keys, &instance_s1, instance.proof).map_err(refused)
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        if AggregateSize::for_cells(instance.plan.cells().len()).is_none() {
            return Err(ProofRefused { fault: ProofFault::Unsupported, detail: "more cells than any circuit carries".into() });
        }
        let keys = self.ring(&instance.keys)?;
        let active: Vec<G1Affine> = instance.active.iter().map(active_point).collect();
        let aggregate = AggregateInstance {
            context: instance.context,
            plan: instance.plan,
            data: instance.data,
            consent: instance.consent,
            active: &active,
        };
        let verified = verify_aggregate(keys, &aggregate, instance.answer).map_err(refused)?;
        Ok(AnswerVerdict { cells_digest: verified.cells_digest, counts: verified.counts })
    }
}
