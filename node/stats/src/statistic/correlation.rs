//! `CORR(x, y)`: Pearson's correlation over complete pairs, with Fisher's interval.

use super::{
    Statistic,
    pair::{self, Pair},
};
use crate::{
    exact::float,
    figure,
    interval::fisher_interval,
    json,
    reader::RowReader,
    shown::{Estimate, Shown},
};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use serde_json::{Value, json};

/// The correlation of two numbers.
pub(super) struct Correlation {
    pub(super) x: u16,
    pub(super) y: u16,
}

/// It is the same in levels and in units, as steps are positive.
fn value(pair: &Pair) -> Shown {
    let n = BigInt::from(pair.n);
    let (vx, vy) = (&n * &pair.xx - &pair.x * &pair.x, &n * &pair.yy - &pair.y * &pair.y);
    let cross = pair.cross();
    let fits = !vx.is_negative() && !vy.is_negative() && &cross * &cross <= &vx * &vy;
    if !fits || vx.is_zero() || vy.is_zero() {
        let reason = if fits { "one of the two does not vary" } else { "the sums contradict each other" };
        return Shown::Undefined { reason, n: pair.n };
    }
    let square = float(&BigRational::new(&cross * &cross, vx * vy)).sqrt();
    let value = if cross.is_negative() { -square } else { square };
    Shown::Estimate(Estimate::Correlation { n: pair.n, value, ci95: fisher_interval(value, pair.n) })
}

impl Statistic for Correlation {
    fn about(&self) -> Vec<u16> {
        vec![self.x, self.y]
    }

    fn has_interval(&self) -> bool {
        true
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        pair::shown(row, self.x, self.y, value)
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Correlation { n, value, ci95 } = estimate else { return None };
        Some(format!("{}{}  {}", figure::fixed(*value, 3), figure::interval(*ci95, 3), figure::people(*n)))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Correlation { n, value, ci95 } = estimate else { return None };
        Some(json!({ "estimate": "correlation", "value": value, "ci95": ci95, "n": json::exact(*n) }))
    }
}
