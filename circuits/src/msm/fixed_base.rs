//! A point that is multiplied often.

use super::{signed, signed_digits, windows};
use crate::field::{Fr, G1, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, BigInt, PrimeField, Zero};

/// Multiples of a point that is multiplied often.
#[derive(Debug)]
pub struct FixedBase {
    /// `1 ..= 2^(width-1)` times `2^(width i)` times the point, for window i.
    windows: Vec<Vec<G1Affine>>,
}

impl FixedBase {
    /// The multiples take three megabytes.
    const WIDTH: usize = 12;

    /// Multiples of a point.
    pub fn new(point: G1Affine) -> Self {
        let mut first = G1::from(point);
        let window = |_| {
            let mut multiple = G1::zero();
            let multiples: Vec<G1> = std::iter::repeat_with(|| {
                multiple += first;
                multiple
            })
            .take(1 << (Self::WIDTH - 1))
            .collect();
            first = multiple.double();
            G1::normalize_batch(&multiples)
        };
        Self { windows: (0..windows(Self::WIDTH)).map(window).collect() }
    }

    /// Per scalar the points whose sum is the scalar times the base: at most one a window.
    pub fn addends<'a>(&'a self, scalars: &[Fr]) -> impl Iterator<Item = (usize, G1Affine)> + Clone + use<'a> {
        let scalars: Vec<BigInt<4>> = scalars.iter().map(|x| x.into_bigint()).collect();
        let rows = signed_digits(&scalars, Self::WIDTH);
        let window = |(multiples, digits): (&'a Vec<G1Affine>, Vec<i16>)| {
            let used = digits.into_iter().enumerate().filter(|(_, digit)| *digit != 0);
            used.map(move |(i, digit)| (i, signed(multiples[usize::from(digit.unsigned_abs()) - 1], digit)))
        };
        self.windows.iter().zip(rows).flat_map(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msm::bucket_sums;
    use ark_ff::UniformRand;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn multiples_of_a_fixed_base() {
        let mut rng = StdRng::seed_from_u64(5);
        let point = G1::rand(&mut rng).into_affine();
        let edges = [0u64, 1, 2, 2047, 2048, 2049, 4095, 4096].map(Fr::from);
        let scalars: Vec<Fr> = edges.iter().flat_map(|x| [*x, -*x]).chain((0..20).map(|_| Fr::rand(&mut rng))).collect();
        let sums = bucket_sums(scalars.len(), FixedBase::new(point).addends(&scalars));
        let plain: Vec<G1> = scalars.iter().map(|x| point * *x).collect();
        assert_eq!(sums, G1::normalize_batch(&plain));
    }
}
