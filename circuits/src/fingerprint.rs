//! Folding of public values: `y = chi^n + sum_i chi^(n-1-i) value_i`.
//!
//! The verifier knows hundreds of values the circuit uses; hashing them again would cost thousands of constraints and passing each as an
//! input milliseconds. Every value is bound in the salted transcript *before* c_m, chi is drawn after c_m, and the circuit
//! outputs y: two different lists agree at chi with probability n / |F|. A value left out of the transcript could be solved for after chi.

use crate::field::Fr;
use ark_ff::One;
use ark_r1cs_std::fields::{FieldVar, fp::FpVar};

/// The fingerprint of a list.
pub fn fingerprint(chi: Fr, values: &[Fr]) -> Fr {
    values.iter().fold(Fr::one(), |y, x| y * chi + x)
}

/// [`fingerprint`] over variables: one product a value (the first is free).
pub fn fingerprint_var(chi: &FpVar<Fr>, values: &[FpVar<Fr>]) -> FpVar<Fr> {
    values.iter().fold(FpVar::one(), |y, x| y * chi + x)
}

/// The masked opening value: `m + sum_l chi^(l+1) e_l` (S1.3, S2.6).
pub fn mask(chi: Fr, m: Fr, e: &[Fr]) -> Fr {
    e.iter().rev().fold(Fr::from(0u64), |acc, x| (acc + x) * chi) + m
}

/// [`mask`] over variables: one product an evaluation.
pub fn mask_var(chi: &FpVar<Fr>, m: &FpVar<Fr>, e: &[FpVar<Fr>]) -> FpVar<Fr> {
    e.iter().rev().fold(FpVar::zero(), |acc, x| (acc + x) * chi) + m
}
