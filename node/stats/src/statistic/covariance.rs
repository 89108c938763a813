//! `COVAR(x, y)`: the covariance over complete pairs, with denominator n - 1.

use super::{
    Statistic,
    pair::{self, Pair},
};
use crate::{
    exact::float,
    figure, json,
    reader::RowReader,
    shown::{Estimate, Shown},
};
use num_bigint::BigInt;
use num_rational::BigRational;
use serde_json::{Value, json};

/// The covariance of two numbers, in the product of their units.
pub(super) struct Covariance {
    pub(super) x: u16,
    pub(super) y: u16,
}

fn value(pair: &Pair) -> Shown {
    if pair.n < 2 {
        return Shown::Undefined { reason: "fewer than two people", n: pair.n };
    }
    let n = BigInt::from(pair.n);
    let value = &pair.x_line.step * &pair.y_line.step * BigRational::new(pair.cross(), &n * (&n - 1));
    Shown::Estimate(Estimate::Covariance { n: pair.n, value: float(&value) })
}

impl Statistic for Covariance {
    fn about(&self) -> Vec<u16> {
        vec![self.x, self.y]
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        pair::shown(row, self.x, self.y, value)
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Covariance { n, value } = estimate else { return None };
        Some(format!("{}  {}", figure::fixed(*value, 3), figure::people(*n)))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Covariance { n, value } = estimate else { return None };
        Some(json!({ "estimate": "covariance", "value": value, "n": json::exact(*n) }))
    }
}
