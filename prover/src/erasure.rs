//! The prover of S4: versions of a segment without the rows of some slots.

use crate::{
    commitment::Blinders,
    entropy::Hedge,
    opening::Mask,
    validity::{SparseRow, sparse_rows},
};
use ark_ff::Zero;
use countersign_circuits::{
    erasure::{ErasureInstance, ErasureProof, ErasureViolation, ZeroOpening, check_erasure},
    field::Fr,
    outer::{OuterTranscript, scalar_bytes},
    segment::{SLOTS, SlotCodes},
    tag,
};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

/// The secrets of one step: codes of the segment alone, and blinders, before and after.
#[derive(Debug, Clone, Copy)]
pub struct ErasureWitness<'a> {
    /// Before.
    pub old: (&'a SlotCodes, &'a Blinders),
    /// After.
    pub new: (&'a SlotCodes, &'a Blinders),
}

/// Proves S4.
///
/// # Errors
/// The lists do not belong together, or the rows do not satisfy a clause.
pub fn prove_erasure(
    instance: &ErasureInstance<'_>,
    witnesses: &[ErasureWitness<'_>],
    os: &mut (impl RngCore + CryptoRng),
) -> Result<ErasureProof, ErasureViolation> {
    let rows: Vec<_> = witnesses.iter().map(|w| (w.old.0, w.new.0)).collect();
    check_erasure(instance.slots, &rows)?;
    let blocks = |w: &ErasureWitness<'_>, sizes: &[usize]| w.old.0.fits(sizes) && w.new.0.fits(sizes);
    let fits = instance.steps.len() == witnesses.len()
        && instance.fits()
        && instance.steps.iter().zip(witnesses).all(|(step, w)| {
            let rows = step.layout.rows();
            blocks(w, &step.layout.blocks) && w.old.1.0.len() == rows && w.new.1.0.len() == rows
        });
    if !fits {
        return Err(ErasureViolation::Shape);
    }
    Ok(draft(instance, witnesses, os))
}

/// The proof without the check that it will verify: for the test suite's cheating provers, and the last half of [`prove_erasure`].
///
/// # Panics
/// If the codes do not have the layouts' shapes.
pub fn draft(instance: &ErasureInstance<'_>, witnesses: &[ErasureWitness<'_>], os: &mut (impl RngCore + CryptoRng)) -> ErasureProof {
    let mut hedge = Hedge::new(os, tag::HEDGE_S4);
    hedge.add(&instance.digest().0);
    witnesses.iter().flat_map(|w| w.old.1.0.iter().chain(&w.new.1.0)).for_each(|blinder| hedge.add(&scalar_bytes(blinder)));
    let mut challenges = instance.challenges();
    let (mut changed, mut kept) = (Vector::zero(), Vector::zero());
    for ((step, witness), weights) in instance.steps.iter().zip(witnesses).zip(&challenges.rows) {
        let (old, new) = (sparse_rows(step.layout, witness.old.0, 0), sparse_rows(step.layout, witness.new.0, 0));
        changed.add(&old, witness.old.1, weights.iter().copied());
        changed.add(&new, witness.new.1, weights.iter().map(|weight| -*weight));
        kept.add(&new, witness.new.1, weights.iter().copied());
    }
    let unchanged = changed.open(&challenges.outside, &Mask::draw(&mut hedge.rng("unchanged")), &mut challenges.outer);
    let empty = kept.open(&challenges.inside, &Mask::draw(&mut hedge.rng("empty")), &mut challenges.outer);
    ErasureProof { unchanged, empty }
}

/// A weighted sum of rows, with its blinder.
struct Vector {
    z: Zeroizing<Vec<Fr>>,
    blinder: Zeroizing<Fr>,
}

impl Vector {
    fn zero() -> Self {
        Self { z: Zeroizing::new(vec![Fr::zero(); SLOTS]), blinder: Zeroizing::new(Fr::zero()) }
    }

    fn add(&mut self, rows: &[SparseRow], blinders: &Blinders, weights: impl Iterator<Item = Fr>) {
        for ((row, blinder), weight) in rows.iter().zip(&blinders.0).zip(weights) {
            row.add_to(&mut self.z, weight);
            *self.blinder += weight * blinder;
        }
    }

    /// Opens it, masked, to zero under weights.
    fn open(self, weights: &[Fr], mask: &Mask, outer: &mut OuterTranscript) -> ZeroOpening {
        let masked = mask.evaluation(weights);
        let chi = ZeroOpening::draw_chi(outer, &mask.commitment, &masked);
        let scaled = Zeroizing::new(self.z.iter().map(|x| *x * chi).collect::<Vec<Fr>>());
        let opening = mask.open(&scaled, *self.blinder * chi, weights, &masked, outer);
        ZeroOpening { d: mask.commitment, masked, opening }
    }
}
