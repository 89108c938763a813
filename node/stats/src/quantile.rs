//! Quantiles from counts in governed bands.
//!
//! The p quantile lies in the first band whose cumulative count reaches p n; inside the band it is interpolated linearly. The
//! band itself is always given: it is all the counts prove. If counts are hidden, only the bands it can lie in are given.

use crate::{
    amount::Count,
    exact::{self, Line},
    interval::quantile_ranks,
};
use countersign_circuits::dictionary::Scale;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// A band with its edges and its count.
#[derive(Debug, Clone)]
pub(crate) struct Bin {
    /// Lowest and highest level inside.
    pub(crate) levels: (u32, u32),
    /// People in it.
    pub(crate) count: Count,
}

/// A quantile as far as the counts tell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Quantile {
    /// All counts are known.
    Point {
        value: f64,
        band: (f64, f64),
        /// Edges of the bands of the enclosing order statistics (binomial ranks).
        ci95: (f64, f64),
        n: u64,
    },
    /// Some counts are hidden; `None` if nobody is known to be there.
    Between(Option<(f64, f64)>),
    /// Nobody.
    Empty,
}

/// Lower and upper edge: a band of 40 to 49 in steps of 1 reaches from 40 to 50; the last one ends at the top of the range.
fn edges(scale: &Scale, levels: (u32, u32)) -> (BigRational, BigRational) {
    let line = Line::of(scale);
    let at = |level: u32| &line.lo + &line.step * BigRational::from_integer(BigInt::from(level));
    (at(levels.0), at((levels.1 + 1).min(scale.levels - 1)))
}

pub(crate) fn quantile(scale: &Scale, p: Decimal, bins: &[Bin]) -> Quantile {
    let counts: Option<Vec<u64>> = bins.iter().map(|b| b.count.exact()).collect();
    let Some(counts) = counts else { return between(scale, p, bins) };
    let n: u64 = counts.iter().sum();
    if n == 0 {
        return Quantile::Empty;
    }
    let target = exact::rational(p) * BigRational::from_integer(BigInt::from(n));
    let mut before = BigRational::zero();
    let edge_f = |e: &BigRational| exact::float(e);
    for (bin, count) in bins.iter().zip(&counts) {
        let count = BigRational::from_integer(BigInt::from(*count));
        if &before + &count >= target && !count.is_zero() {
            let (low, high) = edges(scale, bin.levels);
            let value = &low + (&high - &low) * (target - before) / count;
            let (first, last) = quantile_ranks(p.to_f64().unwrap_or(0.5), n);
            let ci95 = (edge_f(&edge_of_rank(scale, bins, &counts, first).0), edge_f(&edge_of_rank(scale, bins, &counts, last).1));
            return Quantile::Point { value: edge_f(&value), band: (edge_f(&low), edge_f(&high)), ci95, n };
        }
        before += count;
    }
    Quantile::Empty
}

/// Edges of the band that holds the person of a rank; the range's ends beyond the first and the last person.
fn edge_of_rank(scale: &Scale, bins: &[Bin], counts: &[u64], rank: u64) -> (BigRational, BigRational) {
    let whole = edges(scale, (0, scale.levels - 1));
    if rank == 0 {
        return whole;
    }
    let mut before = 0u64;
    for (bin, count) in bins.iter().zip(counts) {
        before += count;
        if before >= rank {
            return edges(scale, bin.levels);
        }
    }
    whole
}

/// The first and the last band the quantile can lie in: counts below as large, and above as small, as they can be, and the
/// other way round.
fn between(scale: &Scale, p: Decimal, bins: &[Bin]) -> Quantile {
    let p = exact::rational(p);
    let sum = |list: &[Bin], high: bool| -> Option<BigInt> {
        list.iter().try_fold(BigInt::zero(), |sum, b| {
            let bounds = b.count.bounds();
            Some(sum + if high { bounds.1? } else { bounds.0 })
        })
    };
    // can the cumulative share up to and with band j reach p (high), or must it (low)?
    let reaches = |j: usize, most: bool| {
        let (below, above) = bins.split_at(j + 1);
        match (sum(below, most), sum(above, !most)) {
            (Some(below), Some(above)) => {
                let all = &below + &above;
                !all.is_zero() && BigRational::new(below, all) >= p
            }
            // unbounded below: it can; unbounded above: it need not
            _ => most,
        }
    };
    let first = (0..bins.len()).find(|j| reaches(*j, true));
    let last = (0..bins.len()).find(|j| reaches(*j, false)).or(bins.len().checked_sub(1));
    match (first.and_then(|j| bins.get(j)), last.and_then(|j| bins.get(j))) {
        (Some(first), Some(last)) => {
            let (low, high) = (edges(scale, first.levels).0, edges(scale, last.levels).1);
            Quantile::Between(Some((exact::float(&low), exact::float(&high))))
        }
        _ => Quantile::Between(None),
    }
}
