//! Generators of the Pedersen vector commitments.
//!
//! `g_0 .. g_{M-1}, h, u` are hashed to the curve from a domain tag: nobody knows a relation between them, and the anchors'
//! binding rests on no ceremony. BN254's G1 has cofactor 1, so every point of the curve is in the group.

use crate::{
    field::{Fr, G1, G1Affine},
    segment::SLOTS,
    tag,
};
use ark_bn254::Fq;
use ark_ec::CurveGroup;
use ark_ff::{PrimeField, Zero};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// The generators.
#[derive(Debug)]
pub struct Generators {
    /// One a slot.
    pub g: Vec<G1Affine>,
    /// Blinders.
    pub h: G1Affine,
    /// Inner products (S2.10).
    pub u: G1Affine,
    /// Sum of all `g`: the commitment of the constant-one column.
    pub g_sum: G1Affine,
}

impl Generators {
    /// The generators, computed once a process (some milliseconds).
    pub fn get() -> &'static Self {
        static INSTANCE: OnceLock<Generators> = OnceLock::new();
        INSTANCE.get_or_init(|| {
            let g: Vec<_> = (0..SLOTS as u64).into_par_iter().map(|i| hash_to_curve("g", i)).collect();
            let g_sum = g.iter().fold(G1::zero(), |sum, p| sum + p).into_affine();
            Self { g, h: hash_to_curve("h", 0), u: hash_to_curve("u", 0), g_sum }
        })
    }

    /// The zero-blinder commitment of a segment's bits: sum of the generators where `bits` is true.
    ///
    /// # Panics
    /// If there are not [`SLOTS`] bits.
    pub fn commit_bits(&self, bits: &[bool]) -> G1Affine {
        assert_eq!(bits.len(), SLOTS, "a segment has SLOTS bits");
        // the minority is summed
        let ones = bits.iter().filter(|b| **b).count();
        let minority = ones * 2 <= SLOTS;
        let sum = self.g.iter().zip(bits).filter(|(_, b)| **b == minority).fold(G1::zero(), |sum, (g, _)| sum + g);
        (if minority { sum } else { G1::from(self.g_sum) - sum }).into_affine()
    }
}

/// Try and increment on SHA-256; constant time is not needed, everything is public.
fn hash_to_curve(name: &str, index: u64) -> G1Affine {
    (0u32..)
        .find_map(|counter| {
            let half = |k: u8| {
                Sha256::new()
                    .chain_update(tag::GENERATOR)
                    .chain_update(name)
                    .chain_update(index.to_le_bytes())
                    .chain_update(counter.to_le_bytes())
                    .chain_update([k])
                    .finalize()
            };
            let (a, b) = (half(0), half(1));
            let x = Fq::from_le_bytes_mod_order(&[&a[..], &b[..16]].concat());
            G1Affine::get_point_from_x_unchecked(x, b[31] & 1 == 1)
        })
        .expect("half of all field elements are coordinates of points")
}

/// Powers of eq over r: `table[i] = eq(r, bits of i)`, lowest variable first.
pub fn eq_table(r: &[Fr]) -> Vec<Fr> {
    let mut table = vec![Fr::from(1u64)];
    for x in r {
        let half = table.len();
        for i in 0..half {
            let high = table[i] * x;
            table.push(high);
            table[i] -= high;
        }
    }
    table
}

/// `eq(r, j)` for j in `0..count`, where the variables beyond `log2(count)` are zero.
pub fn eq_prefix(r: &[Fr], count: usize) -> Vec<Fr> {
    let variables = count.next_power_of_two().trailing_zeros() as usize;
    let padding: Fr = r[variables..].iter().map(|x| Fr::from(1u64) - x).product();
    let mut table = eq_table(&r[..variables]);
    table.truncate(count);
    table.iter_mut().for_each(|x| *x *= padding);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use rand::{Rng, SeedableRng, rngs::StdRng};
    use std::collections::BTreeSet;

    #[test]
    fn generators_are_points_and_differ() {
        let generators = Generators::get();
        let all: Vec<_> = generators.g.iter().chain([&generators.h, &generators.u, &generators.g_sum]).collect();
        assert!(all.iter().all(|p| p.is_on_curve() && !ark_ec::AffineRepr::is_zero(*p)));
        assert_eq!(all.iter().map(|p| p.x).collect::<BTreeSet<_>>().len(), SLOTS + 3);
    }

    #[test]
    fn bits_commit_to_the_sum_of_their_generators() {
        let generators = Generators::get();
        let mut rng = StdRng::seed_from_u64(1);
        for p in [0.0, 0.01, 0.5, 0.99, 1.0] {
            let bits: Vec<bool> = (0..SLOTS).map(|_| rng.gen_bool(p)).collect();
            let plain = generators.g.iter().zip(&bits).filter(|(_, b)| **b).fold(G1::zero(), |sum, (g, _)| sum + g);
            assert_eq!(generators.commit_bits(&bits), plain.into_affine());
        }
    }

    #[test]
    fn eq_tables_are_the_lagrange_basis() {
        let mut rng = StdRng::seed_from_u64(2);
        let r: Vec<Fr> = (0..4).map(|_| Fr::rand(&mut rng)).collect();
        let plain = |i: usize| r.iter().enumerate().map(|(k, x)| if i >> k & 1 == 1 { *x } else { Fr::from(1u64) - x }).product::<Fr>();
        assert_eq!(eq_table(&r), (0..16).map(plain).collect::<Vec<_>>());
        for count in [1, 2, 3, 5, 16] {
            assert_eq!(eq_prefix(&r, count), (0..count).map(plain).collect::<Vec<_>>());
        }
    }
}
