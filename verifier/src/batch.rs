//! Many answers at once: one multi-pairing and one multi-scalar multiplication under random weights.

use crate::{VerifiedAnswer, VerifyError, VerifyingKeys, aggregate};
use ark_bn254::Bn254;
use ark_ec::pairing::Pairing;
use ark_ff::{One, UniformRand};
use countersign_circuits::{context::AggregateInstance, field::Fr};
use rand::{CryptoRng, RngCore};

/// Verifies a batch. The verdict on every answer is that of [`crate::verify_aggregate`]: if the joint equation fails, each is verified alone,
/// so that a bad answer never takes a good one with it and the weights never decide a verdict.
///
/// `rng` draws the weights; it must not be predictable by a prover.
pub fn verify_batch(
    keys: &VerifyingKeys,
    batch: &[(AggregateInstance<'_>, &[u8])],
    rng: &mut (impl RngCore + CryptoRng),
) -> Vec<Result<VerifiedAnswer, VerifyError>> {
    let reduced: Vec<_> = batch.iter().map(|(instance, answer)| aggregate::reduce(instance, answer)).collect();
    let verdicts: Vec<Result<VerifiedAnswer, VerifyError>> =
        reduced.iter().map(|r| r.as_ref().map(|r| r.verified).map_err(Clone::clone)).collect();
    let (mut g1, mut g2) = (Vec::new(), Vec::new());
    let mut equation: Option<crate::opening::Equation> = None;
    for reduced in reduced.into_iter().flatten() {
        let (pairing_weight, point_weight) = (Fr::rand(rng), Fr::rand(rng));
        for (a, b) in keys.aggregate(reduced.size).pairs(&reduced.groth16, &reduced.inputs, pairing_weight) {
            g1.push(a);
            g2.push(b);
        }
        let scaled = reduced.equation.scale(point_weight);
        match &mut equation {
            Some(sum) => sum.add(scaled),
            None => equation = Some(scaled),
        }
    }
    let pairings = Bn254::multi_pairing(g1, g2).0.is_one();
    if pairings && equation.is_none_or(crate::opening::Equation::holds) {
        return verdicts;
    }
    batch.iter().map(|(instance, answer)| crate::verify_aggregate(keys, instance, answer)).collect()
}
