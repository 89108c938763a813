//! The prover of the masked opening.

use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, UniformRand, Zero};
use countersign_circuits::{
    commitment::Generators,
    field::{Fr, G1, G1Affine},
    msm::msm,
    opening::{FOLDS, Opening, STOP, fold_challenge, start_opening},
    outer::OuterTranscript,
    segment::SLOTS,
};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The mask: d, its blinder and its commitment D. Fresh for every attempt.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Mask {
    d: Vec<Fr>,
    blinder: Fr,
    /// D.
    #[zeroize(skip)]
    pub commitment: G1Affine,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(redacted)")
    }
}

/// sum of products.
pub fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    a.iter().zip(b).map(|(x, y)| *x * y).sum()
}

impl Mask {
    /// Draws d and commits to it.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let generators = Generators::get();
        let d: Vec<Fr> = (0..SLOTS).map(|_| Fr::rand(rng)).collect();
        let blinder = Fr::rand(rng);
        let commitment = (msm(&generators.g, &d) + generators.h * blinder).into_affine();
        Self { d, blinder, commitment }
    }

    /// m = <d, eq(r_lo, .)>.
    pub fn evaluation(&self, eq: &[Fr]) -> Fr {
        dot(&self.d, eq)
    }

    /// Opens D + C* at eq, where z is the vector committed in C* and rho its blinder, for the claimed value w.
    pub fn open(&self, z: &[Fr], rho: Fr, eq: &[Fr], w: &Fr, outer: &mut OuterTranscript) -> Opening {
        let generators = Generators::get();
        let blinder = self.blinder + rho;
        let mut v: Vec<Fr> = self.d.iter().zip(z).map(|(d, z)| *d + z).collect();
        let scaled_u = (generators.u * start_opening(outer, w, &blinder)).into_affine();
        let (mut bases, mut b) = (generators.g.clone(), eq.to_vec());
        let mut folds = [(G1Affine::default(), G1Affine::default()); FOLDS];
        for fold in &mut folds {
            let half = v.len() / 2;
            let side = |v: &[Fr], g: &[G1Affine], b: &[Fr]| {
                let scalars = [v, &[dot(v, b)]].concat();
                msm(&[g, &[scaled_u]].concat(), &scalars).into_affine()
            };
            let (l, r) = rayon::join(|| side(&v[..half], &bases[half..], &b[half..]), || side(&v[half..], &bases[..half], &b[..half]));
            let challenge = fold_challenge(outer, &l, &r);
            let x = Fr::from(challenge);
            for i in 0..half {
                v[i] = x * v[i] + v[half + i];
                b[i] = b[i] + x * b[half + i];
            }
            v.truncate(half);
            b.truncate(half);
            bases = fold_bases(&bases, challenge);
            *fold = (l, r);
        }
        let mut last = [Fr::zero(); STOP];
        last.copy_from_slice(&v);
        v.zeroize();
        Opening { blinder, folds, last }
    }
}

/// `lo + x hi` for every pair, by the non-adjacent form of a 128-bit x.
fn fold_bases(bases: &[G1Affine], x: u128) -> Vec<G1Affine> {
    let (lo, hi) = bases.split_at(bases.len() / 2);
    let digits = ark_ff::biginteger::arithmetic::find_naf(&[x as u64, (x >> 64) as u64, 0]);
    let folded: Vec<G1> = lo
        .par_iter()
        .zip(hi)
        .map(|(lo, hi)| {
            let negative = -*hi;
            let mut sum = G1::zero();
            for digit in digits.iter().rev() {
                sum.double_in_place();
                match digit {
                    1 => sum += hi,
                    -1 => sum += negative,
                    _ => {}
                }
            }
            sum + lo
        })
        .collect();
    G1::normalize_batch(&folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::PrimeField;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn folded_bases_are_lo_plus_x_hi() {
        let mut rng = StdRng::seed_from_u64(1);
        let bases: Vec<G1Affine> = (0..4).map(|_| G1::rand(&mut rng).into_affine()).collect();
        for x in [1u128, 3, 7, u128::MAX, u128::MAX - 4, 0x5555_1234_ffff_0000_8000_0000_0000_0001] {
            let folded = fold_bases(&bases, x);
            for i in 0..2 {
                assert_eq!(G1::from(folded[i]), bases[2 + i] * Fr::from_bigint(Fr::from(x).into_bigint()).unwrap() + bases[i]);
            }
        }
    }
}
