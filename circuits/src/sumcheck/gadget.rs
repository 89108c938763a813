//! The rounds as constraints.

use crate::{field::Fr, poseidon::SpongeVar};
use ark_r1cs_std::fields::{FieldVar, fp::FpVar};
use ark_relations::gr1cs::SynthesisError;

/// [`super::rounds`] over variables. A round costs its permutations, `d` products and one binding of the challenge.
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
    use crate::{
        poseidon::{Poseidon, Sponge},
        sumcheck::rounds,
    };
    use ark_ff::UniformRand;
    use ark_r1cs_std::{GR1CSVar, alloc::AllocVar};
    use ark_relations::gr1cs::ConstraintSystem;
    use rand::{SeedableRng, rngs::StdRng};

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
