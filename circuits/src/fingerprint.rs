//! Folding of public values: `y = chi^n + sum_i chi^(n-1-i) value_i`.
//!
//! The verifier knows hundreds of values the circuit uses; hashing them again would cost thousands of constraints and passing each as an
//! input milliseconds. Every value is bound in the salted transcript *before* c_m, chi is drawn after c_m, and the circuit
//! outputs y: two different lists agree at chi with probability n / |F|. A value left out of the transcript could be solved for after chi.

#[cfg(feature = "constraints")]
mod gadget;

#[cfg(feature = "constraints")]
pub use gadget::{fingerprint_var, mask_var};

use crate::field::Fr;
use ark_ff::One;

/// The fingerprint of a list.
pub fn fingerprint(chi: Fr, values: &[Fr]) -> Fr {
    values.iter().fold(Fr::one(), |y, x| y * chi + x)
}

/// The masked opening value: `m + sum_l chi^(l+1) e_l` (S1.3, S2.6).
pub fn mask(chi: Fr, m: Fr, e: &[Fr]) -> Fr {
    e.iter().rev().fold(Fr::from(0u64), |acc, x| (acc + x) * chi) + m
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Zero;

    #[test]
    fn fingerprints_tell_lengths_and_places_apart() {
        let chi = Fr::from(12_345u64);
        let [a, b] = [Fr::from(3u64), Fr::from(4u64)];
        let lists = [vec![], vec![Fr::zero()], vec![a], vec![a, b], vec![b, a], vec![Fr::zero(), a], vec![a, Fr::zero()]];
        for (i, x) in lists.iter().enumerate() {
            assert!(lists[..i].iter().all(|y| fingerprint(chi, x) != fingerprint(chi, y)));
        }
    }
}
