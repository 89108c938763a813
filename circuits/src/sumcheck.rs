//! The sumcheck verifier, natively and as constraints.
//!
//! A round message is `c_0, c_2, .., c_d`: the coefficient `c_1` follows from `g(0) + g(1) = claim`, so that a wrong sum cannot
//! be written down. Source: Lund, Fortnow, Karloff, Nisan, "Algebraic Methods for Interactive Proof Systems" (JACM 1992); Thaler, "Proofs, Arguments, and Zero-Knowledge", section 4.1.

use crate::{
    field::Fr,
    poseidon::{Sponge, SpongeVar},
};
use ark_ff::Zero;
use ark_r1cs_std::fields::{FieldVar, fp::FpVar};
use ark_relations::gr1cs::SynthesisError;

/// The claim after a round: g(challenge).
pub fn fold(claim: Fr, message: &[Fr], challenge: Fr) -> Fr {
    let Some((constant, higher)) = message.split_first() else { return Fr::zero() };
    let linear = claim - constant - constant - higher.iter().sum::<Fr>();
    (higher.iter().rev().fold(Fr::zero(), |acc, c| (acc + c) * challenge) + linear) * challenge + constant
}

/// Runs all rounds: challenges and the last claim.
pub fn rounds(sponge: &mut Sponge, mut claim: Fr, messages: &[Vec<Fr>]) -> (Vec<Fr>, Fr) {
    let mut challenges = Vec::with_capacity(messages.len());
    for message in messages {
        sponge.absorb(message);
        let challenge = sponge.squeeze();
        claim = fold(claim, message, challenge);
        challenges.push(challenge);
    }
    (challenges, claim)
}

/// [`rounds`] over variables. A round costs its permutations, `d` products and one binding of the challenge.
///
/// # Errors
/// Synthesis failed.
pub fn rounds_var(
    sponge: &mut SpongeVar,
    mut claim: FpVar<Fr>,
    messages: &[Vec<FpVar<Fr>>],
) -> Result<(Vec<FpVar<Fr>>, FpVar<Fr>), SynthesisError> {
    let mut challenges = Vec::with_capacity(messages.len());
    for message in messages {
        sponge.absorb(message)?;
        let challenge = sponge.squeeze()?;
        let Some((constant, higher)) = message.split_first() else { continue };
        let sum: FpVar<Fr> = higher.iter().sum();
        let linear = &claim - constant - constant - sum;
        let mut value = FpVar::zero();
        for c in higher.iter().rev() {
            value = (value + c) * &challenge;
        }
        claim = (value + linear) * &challenge + constant;
        challenges.push(challenge);
    }
    Ok((challenges, claim))
}
