//! Verification of S1: segments as anchored.

use crate::{VerifyError, VerifyingKeys, opening::Equation};
use ark_ff::Zero;
use countersign_circuits::{
    commitment::eq_table,
    field::Fr,
    proof::ValidityProof,
    segment::SLOT_VARIABLES,
    validity::{SegmentsInstance, StackShape, ValidityPublic, check_occupancy, eq_point, stack_digest, start_outer, weighted_rows},
};
use std::collections::HashSet;

/// Verifies that a stack of segments is valid: S1.2 on the points, then the zero-check (S1.1) and its opening (S1.3).
///
/// # Errors
/// [`VerifyError`].
pub fn verify_segments(keys: &VerifyingKeys, instance: &SegmentsInstance<'_>, proof: &[u8]) -> Result<(), VerifyError> {
    let shape = StackShape::new(instance.layout, instance.segments.len())
        .ok_or(VerifyError::Statement("no segments, or more than one proof carries"))?;
    let ascending = instance.segments.windows(2).all(|w| w[0].id().index < w[1].id().index);
    if !ascending {
        return Err(VerifyError::Statement("segments are not in order"));
    }
    let proof = ValidityProof::decode(proof)?;
    let mut seen = HashSet::new();
    for segment in instance.segments {
        check_occupancy(instance.layout, segment, &mut seen)?;
    }
    let digest = stack_digest(&instance.context, instance.segments);
    let (mut outer, tau) = start_outer(&digest);
    let eq = eq_point(&tau, &proof.r);
    let chi = ValidityProof::draw_chi(&mut outer, &proof.r, &proof.c_m, &proof.d);
    let public = ValidityPublic { digest: ValidityPublic::digest_field(&digest), eq, r: proof.r, c_m: proof.c_m, chi, w: proof.w };
    if !keys.validity.verify(&proof.groth16, &public.inputs()) {
        return Err(VerifyError::Groth16);
    }
    let mut weights = shape.row_weights(&public.r);
    weights.iter_mut().flatten().for_each(|w| *w *= chi);
    let eq_slots = eq_table(&public.r[..SLOT_VARIABLES]);
    let equation =
        Equation::new(proof.d, &proof.w, &proof.opening, &eq_slots, &mut outer, Fr::zero(), weighted_rows(instance.segments, &weights));
    if equation.holds() { Ok(()) } else { Err(VerifyError::Opening) }
}
