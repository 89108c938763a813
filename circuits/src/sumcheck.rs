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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poseidon::Poseidon;
    use ark_ff::UniformRand;
    use ark_r1cs_std::{GR1CSVar, alloc::AllocVar};
    use ark_relations::gr1cs::ConstraintSystem;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn fold_is_the_polynomial_with_the_elided_coefficient() {
        let mut rng = StdRng::seed_from_u64(1);
        for degree in 1..=16 {
            let g: Vec<Fr> = (0..=degree).map(|_| Fr::rand(&mut rng)).collect();
            let at = |x: Fr| g.iter().rev().fold(Fr::zero(), |acc, c| acc * x + c);
            let claim = at(Fr::from(0u64)) + at(Fr::from(1u64));
            let message: Vec<Fr> = g[..1].iter().chain(&g[2..]).copied().collect();
            for x in [Fr::from(0u64), Fr::from(1u64), -Fr::from(1u64), Fr::rand(&mut rng)] {
                assert_eq!(fold(claim, &message, x), at(x));
            }
        }
    }

    #[test]
    fn rounds_var_is_rounds_and_counts_as_stated() {
        let mut rng = StdRng::seed_from_u64(2);
        for (degree, count) in [(1, 1), (3, 5), (16, 2)] {
            let messages: Vec<Vec<Fr>> = (0..count).map(|_| (0..degree).map(|_| Fr::rand(&mut rng)).collect()).collect();
            let claim = Fr::rand(&mut rng);
            let mut native = Sponge::new(Poseidon::width_17(), Fr::from(5u64));
            native.absorb(&[claim]);
            let cs = ConstraintSystem::<Fr>::new_ref();
            let var = |x: &Fr| FpVar::new_witness(cs.clone(), || Ok(*x)).unwrap();
            let mut gadget = SpongeVar::new(Poseidon::width_17(), Fr::from(5u64));
            let claim_var = var(&claim);
            gadget.absorb(std::slice::from_ref(&claim_var)).unwrap();
            let vars: Vec<Vec<_>> = messages.iter().map(|m| m.iter().map(var).collect()).collect();
            let (r, last) = rounds(&mut native, claim, &messages);
            let (r_var, last_var) = rounds_var(&mut gadget, claim_var, &vars).unwrap();
            assert_eq!(r_var.iter().map(|x| x.value().unwrap()).collect::<Vec<_>>(), r);
            assert_eq!(last_var.value().unwrap(), last);
            assert!(cs.is_satisfied().unwrap());
        }
    }
}
