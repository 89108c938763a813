//! The real proof checker: the verifier with its keys.

use crate::{
    active::SlotBitmap,
    checker::{AnswerCheck, AnswerVerdict, CircuitKeys, ProofChecker, ProofFault, ProofRefused, SegmentsCheck},
};
use countersign_circuits::{
    aggregate::AggregateSize,
    commitment::Generators,
    context::AggregateInstance,
    field::G1Affine,
    segment::SLOTS,
    validity::{SegmentsInstance, StackShape},
};
use countersign_verifier::{VerifyError, VerifyingKeys, verify_aggregate, verify_segments};

/// Verifies with given keys.
#[derive(Debug)]
pub struct KeyedChecker {
    keys: VerifyingKeys,
}

impl KeyedChecker {
    /// A checker with these keys.
    pub fn new(keys: VerifyingKeys) -> Self {
        Self { keys }
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
    fn keys(&self) -> CircuitKeys {
        CircuitKeys { digest: self.keys.digest(), development: self.keys.development() }
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        if StackShape::new(instance.layout, instance.segments.len()).is_none() {
            let detail = format!("one proof carries {} segments of this table", StackShape::segments_max(instance.layout));
            return Err(ProofRefused { fault: ProofFault::Unsupported, detail });
        }
        let instance_s1 = SegmentsInstance { context: instance.context, layout: instance.layout, segments: instance.segments };
        verify_segments(&self.keys, &instance_s1, instance.proof).map_err(refused)
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        if AggregateSize::for_cells(instance.plan.cells().len()).is_none() {
            return Err(ProofRefused { fault: ProofFault::Unsupported, detail: "more cells than any circuit carries".into() });
        }
        let active: Vec<G1Affine> = instance.active.iter().map(active_point).collect();
        let aggregate = AggregateInstance {
            context: instance.context,
            plan: instance.plan,
            data: instance.data,
            consent: instance.consent,
            active: &active,
        };
        let verified = verify_aggregate(&self.keys, &aggregate, instance.answer).map_err(refused)?;
        Ok(AnswerVerdict { cells_digest: verified.cells_digest, counts: verified.counts })
    }
}
