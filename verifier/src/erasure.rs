//! Verification of S4: versions of a segment that differ from those before in erased rows alone.

use crate::{VerifyError, opening::Equation};
use ark_ff::Zero;
use countersign_circuits::{
    erasure::{ErasureInstance, ErasureProof, ZeroOpening},
    field::{Fr, G1Affine},
    outer::OuterTranscript,
    validity::check_occupancy,
};
use std::collections::HashSet;

/// Verifies that every new version is its old one, but for the slots of the instance, which are empty now. That the old versions are valid (S1) is for the caller to know: the new ones are, then.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_erasure(instance: &ErasureInstance<'_>, proof: &[u8]) -> Result<(), VerifyError> {
    if !instance.fits() {
        return Err(VerifyError::Statement("no slots, no versions, or versions of another layout"));
    }
    let proof = ErasureProof::decode(proof)?;
    let mut seen = HashSet::new();
    for step in instance.steps {
        // S4.3: a commitment is blinded afresh, whichever version of whichever table it was of
        seen.extend(step.old.points().iter().map(countersign_circuits::segment::point_bytes));
    }
    for step in instance.steps {
        check_occupancy(step.layout, step.new, &mut seen)?;
    }
    let mut challenges = instance.challenges();
    let rows = || instance.steps.iter().zip(&challenges.rows).flat_map(|(step, weights)| step.new.points().iter().zip(weights));
    let old_rows = || instance.steps.iter().zip(&challenges.rows).flat_map(|(step, weights)| step.old.points().iter().zip(weights));
    let changed: Vec<(G1Affine, Fr)> = old_rows().map(|(p, w)| (*p, *w)).chain(rows().map(|(p, w)| (*p, -*w))).collect();
    let kept: Vec<(G1Affine, Fr)> = rows().map(|(p, w)| (*p, *w)).collect();
    // S4.1, S4.2
    let unchanged = is_zero(&proof.unchanged, &challenges.outside, &changed, &mut challenges.outer);
    let empty = is_zero(&proof.empty, &challenges.inside, &kept, &mut challenges.outer);
    if unchanged && empty { Ok(()) } else { Err(VerifyError::Opening) }
}

/// True if the vector committed in a weighted sum of points has inner product zero with weights of slots.
fn is_zero(proof: &ZeroOpening, weights: &[Fr], points: &[(G1Affine, Fr)], outer: &mut OuterTranscript) -> bool {
    let chi = ZeroOpening::draw_chi(outer, &proof.d, &proof.masked);
    let scaled = points.iter().map(|(point, weight)| (*point, *weight * chi));
    Equation::new(proof.d, &proof.masked, &proof.opening, weights, outer, Fr::zero(), scaled).holds()
}
