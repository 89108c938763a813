//! Verification of S2: an answer against the ledger.

use crate::{VerifyError, VerifyingKeys, keys::INPUTS, opening::Equation, sums};
use ark_bn254::Bn254;
use ark_groth16::Proof;
use countersign_circuits::{
    aggregate::{AggregatePublic, AggregateSize, COUNT_BITS, GateCounts},
    commitment::{eq_prefix, eq_table},
    context::AggregateInstance,
    field::{Fr, G1Affine},
    outer::{OuterTranscript, scalar_bytes},
    proof::AggregateProof,
    segment::{SEGMENTS_MAX, SLOT_VARIABLES, Segment},
    statement::{FoldedForm, Side},
};

/// What an accepted answer says in public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedAnswer {
    /// Gates by outcome.
    pub counts: GateCounts,
    /// Digest of the released cells, canonical bytes.
    pub cells_digest: [u8; 32],
    /// Size of the circuit.
    pub size: AggregateSize,
}

/// An answer that was decoded and reduced to a pairing equation and a point equation.
pub(crate) struct Reduced {
    pub(crate) size: AggregateSize,
    pub(crate) groth16: Proof<Bn254>,
    pub(crate) inputs: [Fr; INPUTS],
    pub(crate) equation: Equation,
    pub(crate) verified: VerifiedAnswer,
}

/// Verifies an answer from ledger data only. Cheap checks first: shapes, bytes, the circuit, and then the opening.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_aggregate(keys: &VerifyingKeys, instance: &AggregateInstance<'_>, answer: &[u8]) -> Result<VerifiedAnswer, VerifyError> {
    let (size, proof) = decode(instance, answer)?;
    let (public, outer) = public_values(instance, &proof);
    if !keys.aggregate(size).verify(&proof.groth16, &public.inputs(size)) {
        return Err(VerifyError::Groth16);
    }
    let verified = VerifiedAnswer { counts: proof.counts, cells_digest: scalar_bytes(&proof.cells_digest), size };
    if equation(instance, &public, &proof, outer).holds() { Ok(verified) } else { Err(VerifyError::Opening) }
}

/// Everything of [`verify_aggregate`] but the two group equations.
pub(crate) fn reduce(instance: &AggregateInstance<'_>, answer: &[u8]) -> Result<Reduced, VerifyError> {
    let (size, proof) = decode(instance, answer)?;
    let (public, outer) = public_values(instance, &proof);
    let verified = VerifiedAnswer { counts: proof.counts, cells_digest: scalar_bytes(&proof.cells_digest), size };
    let equation = equation(instance, &public, &proof, outer);
    Ok(Reduced { size, groth16: proof.groth16.clone(), inputs: public.inputs(size), equation, verified })
}

fn decode(instance: &AggregateInstance<'_>, answer: &[u8]) -> Result<(AggregateSize, AggregateProof), VerifyError> {
    let segments = instance.data.len();
    if segments == 0 || segments > SEGMENTS_MAX || instance.consent.len() != segments || instance.active.len() != segments {
        return Err(VerifyError::Statement("data, consent and active bits do not cover the same segments"));
    }
    let in_place = |list: &[Segment]| list.iter().enumerate().all(|(i, s)| s.id().index as usize == i);
    if !in_place(instance.data) || !in_place(instance.consent) {
        return Err(VerifyError::Statement("segments are omitted, repeated or out of order"));
    }
    // every row the wiring reads must be there: a segment of another layout is a fault of whoever assembled the statement
    let one = Fr::from(1u64);
    for (form, _) in instance.wiring.integer_forms(one, one) {
        let segments = if form.side == Side::Data { instance.data } else { instance.consent };
        let last = form.rows.iter().map(|(row, _)| *row).max().unwrap_or(0);
        if segments.iter().any(|s| s.points().len() <= last) {
            return Err(VerifyError::Statement("a segment has fewer rows than the statement reads"));
        }
    }
    if instance.context.k_min == 0 || instance.gate_minimum() >= 1 << (COUNT_BITS - 1) {
        return Err(VerifyError::Statement("k_min is out of range"));
    }
    let size =
        AggregateSize::for_cells(instance.wiring.cells().len()).ok_or(VerifyError::Statement("more cells than any circuit carries"))?;
    Ok((size, AggregateProof::decode(answer)?))
}

fn public_values(instance: &AggregateInstance<'_>, proof: &AggregateProof) -> (AggregatePublic, OuterTranscript) {
    let digest = instance.digest();
    let (outer, chi) = AggregateProof::draw_chi(&digest, &proof.counts, &proof.cells_digest, &proof.gamma, &proof.r, &proof.c_m, &proof.d);
    let public = AggregatePublic {
        digest,
        k_min: instance.gate_minimum(),
        kinds: instance.wiring.cells().iter().map(|c| c.kind).collect(),
        gamma: proof.gamma,
        r: proof.r.clone(),
        cells_digest: proof.cells_digest,
        counts: proof.counts,
        c_m: proof.c_m,
        chi,
        w: proof.w,
    };
    (public, outer)
}

/// S2.9, S2.10: `C* = sum chi^(l+1) sum_j eq_j C_{l,j}` and the opening of D + C*.
fn equation(instance: &AggregateInstance<'_>, public: &AggregatePublic, proof: &AggregateProof, mut outer: OuterTranscript) -> Equation {
    let eq = eq_prefix(&public.r[SLOT_VARIABLES..], instance.data.len());
    let columns = instance.wiring.columns(public.gamma);
    let FoldedForm { one, active, .. } = FoldedForm::new(&columns, public.chi);
    let mut c_star: Vec<(G1Affine, Fr)> = instance.active.iter().zip(&eq).map(|(p, e)| (*p, active * e)).collect();
    for (form, weight) in instance.wiring.integer_forms(public.gamma, public.chi) {
        let segments = match form.side {
            Side::Data => instance.data,
            Side::Consent => instance.consent,
        };
        c_star.extend(sums::of(segments, &form).into_iter().zip(&eq).map(|(p, e)| (p, weight * e)));
    }
    let slots = eq_table(&public.r[..SLOT_VARIABLES]);
    Equation::new(proof.d, &proof.w, &proof.opening, &slots, &mut outer, one, c_star.into_iter())
}
