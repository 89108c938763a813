//! The sumcheck verifier, natively and (feature `constraints`) as a gadget.
//!
//! A round message is `c_0, c_2, .., c_d`: the coefficient `c_1` follows from `g(0) + g(1) = claim`, so that a wrong sum cannot
//! be written down. Source: Lund, Fortnow, Karloff, Nisan, "Algebraic Methods for Interactive Proof Systems" (JACM 1992); Thaler, "Proofs, Arguments, and Zero-Knowledge", section 4.1.

#[cfg(feature = "constraints")]
mod gadget;

#[cfg(feature = "constraints")]
pub use gadget::rounds_var;

use crate::{field::Fr, poseidon::Sponge};
use ark_ff::Zero;

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

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
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
}
