//! `MEDIAN(x)`, `PERCENTILE(x, p)`: quantiles from counts in governed bands.
//!
//! A p quantile of n people is a value with at least p n of them at or below it and at least (1 - p) n at or above (Hyndman and Fan, "Sample
//! Quantiles in Statistical Packages", The American Statistician 50, 1996, section 2). If the counts up to a band make p n exactly, every value from the last
//! person in it to the first one after it is one: then both bands are given, and the middle of the edges between them. Else it lies in the first band whose
//! cumulative count exceeds p n, and is interpolated linearly inside. The bands are always given: they are all the counts prove. If counts are
//! hidden, only the bands it can lie in are given.

use super::Statistic;
use crate::{
    amount::Count,
    exact::{self, Line},
    figure,
    interval::quantile_ranks,
    json,
    reader::RowReader,
    shown::{Estimate, Shown},
};
use countersign_circuits::{dictionary::Scale, statement::CellMeaning};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::{Value, json};

/// The p quantile of a number or count.
pub(super) struct Quantile {
    pub(super) attribute: u16,
    pub(super) p: Decimal,
}

impl Statistic for Quantile {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn unit_of(&self) -> Option<u16> {
        Some(self.attribute)
    }

    fn has_interval(&self) -> bool {
        true
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        let (Some(axis), Some(scale)) = (row.distribution(), row.scale(self.attribute)) else {
            return Shown::NoEstimate(row.known(self.attribute));
        };
        let bin = |(i, levels): (usize, Option<(u32, u32)>)| Some(Bin { levels: levels?, count: row.count(i, CellMeaning::Rows) });
        let bins: Vec<Bin> = axis.bands.iter().map(|b| b.levels).enumerate().filter_map(bin).collect();
        match quantile(scale, self.p, &bins) {
            Found::Point { value, band, ci95, n } => Shown::Estimate(Estimate::Quantile { n, value, band, ci95 }),
            Found::Between(range) => Shown::QuantileBetween { range, n: row.known(self.attribute) },
            Found::Empty => Shown::Undefined { reason: "nobody is known", n: 0 },
        }
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Quantile { n, value, band, ci95 } = estimate else { return None };
        Some(format!("{} in {}-{} ({} to {})  {}", figure::fixed(*value, 1), band.0, band.1, ci95.0, ci95.1, figure::people(*n)))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Quantile { n, value, band, ci95 } = estimate else { return None };
        Some(json!({ "estimate": "quantile", "value": value, "band": band, "ci95": ci95, "n": json::exact(*n) }))
    }
}

/// A band with its edges and its count.
#[derive(Debug, Clone)]
struct Bin {
    /// Lowest and highest level inside.
    levels: (u32, u32),
    /// People in it.
    count: Count,
}

/// A quantile as far as the counts tell.
#[derive(Debug, Clone, PartialEq)]
enum Found {
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

fn quantile(scale: &Scale, p: Decimal, bins: &[Bin]) -> Found {
    let counts: Option<Vec<u64>> = bins.iter().map(|b| b.count.exact()).collect();
    let Some(counts) = counts else { return between(scale, p, bins) };
    let n: u64 = counts.iter().sum();
    if n == 0 {
        return Found::Empty;
    }
    let target = exact::rational(p) * BigRational::from_integer(BigInt::from(n));
    let mut before = BigRational::zero();
    let edge_f = |e: &BigRational| exact::float(e);
    for (place, (bin, count)) in bins.iter().zip(&counts).enumerate() {
        let count = BigRational::from_integer(BigInt::from(*count));
        if &before + &count >= target && !count.is_zero() {
            let (low, mut high) = edges(scale, bin.levels);
            let mut value = &low + (&high - &low) * (&target - &before) / &count;
            let next = bins.iter().zip(&counts).skip(place + 1).find(|(_, count)| **count > 0);
            if let Some((next, _)) = next.filter(|_| &before + &count == target) {
                let after = edges(scale, next.levels);
                value = (&high + &after.0) / BigRational::from_integer(BigInt::from(2));
                high = after.1;
            }
            let (first, last) = quantile_ranks(p.to_f64().unwrap_or(0.5), n);
            let ci95 = (edge_f(&edge_of_rank(scale, bins, &counts, first).0), edge_f(&edge_of_rank(scale, bins, &counts, last).1));
            return Found::Point { value: edge_f(&value), band: (edge_f(&low), edge_f(&high)), ci95, n };
        }
        before += count;
    }
    Found::Empty
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
fn between(scale: &Scale, p: Decimal, bins: &[Bin]) -> Found {
    let p = exact::rational(p);
    let sum = |list: &[Bin], high: bool| -> Option<BigInt> {
        list.iter().try_fold(BigInt::zero(), |sum, b| {
            let bounds = b.count.bounds();
            Some(sum + if high { bounds.1? } else { bounds.0 })
        })
    };
    // can the cumulative share up to and with band j reach p (most), or must it exceed p (least)? Where it is p, the next person's band is one, too
    let reaches = |j: usize, most: bool| {
        let (below, above) = bins.split_at(j + 1);
        match (sum(below, most), sum(above, !most)) {
            (Some(below), Some(above)) => {
                let all = &below + &above;
                !all.is_zero() && {
                    let share = BigRational::new(below, all);
                    share > p || (most && share == p)
                }
            }
            // unbounded below: it can; unbounded above: it need not
            _ => most,
        }
    };
    let first = (0..bins.len()).find(|j| reaches(*j, true));
    let possible = |b: &Bin| b.count.bounds().1 != Some(0);
    let last = (0..bins.len()).find(|j| reaches(*j, false)).or_else(|| bins.iter().rposition(possible)).or(bins.len().checked_sub(1));
    match (first.and_then(|j| bins.get(j)), last.and_then(|j| bins.get(j))) {
        (Some(first), Some(last)) => {
            let (low, high) = (edges(scale, first.levels).0, edges(scale, last.levels).1);
            Found::Between(Some((exact::float(&low), exact::float(&high))))
        }
        _ => Found::Between(None),
    }
}
