//! Fingerprint and mask as constraints.

use crate::field::Fr;
use ark_r1cs_std::fields::{FieldVar, fp::FpVar};

/// [`super::fingerprint`] over variables: one product a value (the first is free).
pub fn fingerprint_var(chi: &FpVar<Fr>, values: &[FpVar<Fr>]) -> FpVar<Fr> {
    values.iter().fold(FpVar::one(), |y, x| y * chi + x)
}

/// [`super::mask`] over variables: one product an evaluation.
pub fn mask_var(chi: &FpVar<Fr>, m: &FpVar<Fr>, e: &[FpVar<Fr>]) -> FpVar<Fr> {
    e.iter().rev().fold(FpVar::zero(), |acc, x| (acc + x) * chi) + m
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{fingerprint, mask};
    use ark_ff::{Field, One, UniformRand, Zero};
    use ark_r1cs_std::{GR1CSVar, alloc::AllocVar};
    use ark_relations::gr1cs::ConstraintSystem;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn gadgets_are_the_native_folds_and_count_as_stated() {
        let mut rng = StdRng::seed_from_u64(1);
        for n in [0usize, 1, 2, 40] {
            for chi in [Fr::zero(), Fr::one(), -Fr::one(), Fr::rand(&mut rng)] {
                let (values, m): (Vec<Fr>, Fr) = ((0..n).map(|_| Fr::rand(&mut rng)).collect(), Fr::rand(&mut rng));
                let cs = ConstraintSystem::<Fr>::new_ref();
                let var = |x: &Fr| FpVar::new_witness(cs.clone(), || Ok(*x)).unwrap();
                let (chi_var, m_var) = (var(&chi), var(&m));
                let vars: Vec<_> = values.iter().map(var).collect();
                let y = fingerprint_var(&chi_var, &vars);
                assert_eq!(y.value().unwrap(), fingerprint(chi, &values));
                assert_eq!(cs.num_constraints(), n.saturating_sub(1));
                let w = mask_var(&chi_var, &m_var, &vars);
                assert_eq!(w.value().unwrap(), mask(chi, m, &values));
                assert_eq!(cs.num_constraints(), n.saturating_sub(1) + n);
                let sum: Fr = values.iter().enumerate().map(|(l, e)| chi.pow([l as u64 + 1]) * e).sum();
                assert_eq!(mask(chi, m, &values), m + sum);
                assert!(cs.is_satisfied().unwrap());
            }
        }
    }
}
