//! Multiples of a key's own points, for sums over one list of points with ever new scalars.
//!
//! With `2^(width k)` times every point at hand the digits of all windows fall into one set of buckets: no doublings, and wide windows pay.
//! Source: Brickell, Gordon, McCurley, Wilson, "Fast exponentiation with precomputation" (Eurocrypt 1992), in its bucket form.

use ark_ec::{
    AffineRepr, CurveGroup,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, BigInt, Zero};
use countersign_circuits::msm::{self, bucket_sums};
use rayon::prelude::*;

/// Multiples of a list of points.
#[derive(Debug)]
pub struct FixedBases<P: SWCurveConfig> {
    width: usize,
    /// Where in the list each point stands; points at infinity are left out.
    places: Vec<u32>,
    /// `2^(width k)` times each point, for window k.
    windows: Vec<Vec<Affine<P>>>,
}

impl<P: SWCurveConfig> FixedBases<P> {
    /// Multiples of points for windows of a width.
    pub fn new(points: &[Affine<P>], width: usize) -> Self {
        let places: Vec<u32> = (0..points.len()).filter(|i| !points[*i].is_zero()).map(|i| i as u32).collect();
        let mut windows = vec![places.iter().map(|i| points[*i as usize]).collect::<Vec<_>>()];
        for _ in 1..msm::windows(width) {
            let next: Vec<Affine<P>> = windows[windows.len() - 1].par_chunks(1024).flat_map_iter(|points| {
                let multiples: Vec<Projective<P>> = points.iter().map(|point| {
                    let mut multiple = Projective::<P>::from(*point);
                    for _ in 0..width {
                        multiple.double_in_place();
                    }
                    multiple
                }).collect();
                Projective::normalize_batch(&multiples)
            }).collect();
            windows.push(next);
        }
        Self { width, places, windows }
    }

    /// Bytes of the multiples.
    pub fn bytes(&self) -> usize {
        self.windows.len() * self.places.len() * size_of::<Affine<P>>()
    }

    /// The sum of scalars times points.
    pub fn sum(&self, scalars: &[BigInt<4>]) -> Projective<P> {
        let scalars: Vec<BigInt<4>> = self.places.iter().map(|i| scalars[*i as usize]).collect();
        let digits = msm::signed_digits(&scalars, self.width);
        let half = 1usize << (self.width - 1);
        let group = self.windows.len().div_ceil(GROUPS.load(std::sync::atomic::Ordering::Relaxed));
        self.windows.par_chunks(group).zip(digits.par_chunks(group)).map(|(windows, digits)| {
            let points = windows.iter().zip(digits).flat_map(|(points, digits)| {
                points.iter().zip(digits).filter(|(_, digit)| **digit != 0).map(|(point, digit)| {
                    (usize::from(digit.unsigned_abs()) - 1, msm::signed(*point, *digit))
                })
            });
            let sums = bucket_sums(half, points);
            let (mut running, mut sum) = (Projective::<P>::zero(), Projective::<P>::zero());
            for bucket in sums.iter().rev() {
                running += bucket;
                sum += running;
            }
            sum
        }).sum()
    }
}

static GROUPS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(4);

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use ark_bn254::{g1, g2};
    use ark_ff::{PrimeField, UniformRand};
    use countersign_circuits::field::Fr;
    use rand::{SeedableRng, rngs::StdRng};

    fn speed<P: SWCurveConfig>(n: usize, rng: &mut StdRng) {
        let points: Vec<Affine<P>> = Projective::normalize_batch(&(0..n).map(|_| Projective::<P>::rand(rng)).collect::<Vec<_>>());
        let scalars: Vec<_> = (0..n).map(|_| Fr::rand(rng).into_bigint()).collect();
        let time = |f: &dyn Fn() -> Projective<P>| { let s = Instant::now(); for _ in 0..5 { let _ = f(); } s.elapsed().as_secs_f64() / 5.0 };
        println!("{n}: plain {:.4}", time(&|| msm::msm_bigint(&points, &scalars)));
        for width in [11, 13, 14] {
            let s = Instant::now();
            let fixed = FixedBases::new(&points, width);
            let made = s.elapsed().as_secs_f64();
            assert_eq!(fixed.sum(&scalars), msm::msm_bigint(&points, &scalars));
            for groups in [2, 4, 8] { GROUPS.store(groups, std::sync::atomic::Ordering::Relaxed);
            println!("  {width} {groups}: {:.4}, made in {made:.2}, {} MiB", time(&|| fixed.sum(&scalars)), fixed.bytes() >> 20); }
        }
    }

    #[test]
    fn speeds() {
        let mut rng = StdRng::seed_from_u64(1);
        speed::<g1::Config>(31000, &mut rng);
        speed::<g2::Config>(31000, &mut rng);
    }
}
