//! The sums of one number: what sum, mean, variance and standard deviation are made from.

use crate::{
    exact::{self, Line, float, whole},
    figure,
    interval::t_quantile,
    json,
    reader::RowReader,
    shown::{Estimate, Shown},
};
use countersign_circuits::statement::CellMeaning;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use serde_json::{Value, json};

/// The sums of one number over the people where it is known, in its unit. Decimal texts are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// People.
    pub n: u64,
    /// Sum of values.
    pub sum: String,
    /// Sum of squared values.
    pub sum_of_squares: String,
    /// Mean; `None` over nobody.
    pub mean: Option<f64>,
    /// Variance with denominator n - 1; `None` below two people.
    pub variance: Option<f64>,
    /// 95 % interval of the mean (Student's t).
    pub mean_ci95: Option<(f64, f64)>,
    /// Decimals of one value, for print.
    pub decimals: u32,
}

impl Moments {
    /// Standard deviation.
    pub fn sd(&self) -> Option<f64> {
        self.variance.map(f64::sqrt)
    }

    /// From the number of people, the sum and the sum of squares of levels. `None` if no numbers can have these sums.
    pub(crate) fn new(line: &Line, n: u64, s1: &BigInt, s2: &BigInt) -> Option<Self> {
        let people = BigInt::from(n);
        // n S2 - S1^2, at least 0 by Cauchy and Schwarz
        let spread = &people * s2 - s1 * s1;
        if spread.is_negative() || (n == 0 && !s2.is_zero()) {
            return None;
        }
        let sum = line.sum(&people, s1);
        let mean = (n > 0).then(|| float(&(&sum / whole(&people))));
        let variance = (n > 1).then(|| {
            let denominator = &people * (&people - 1);
            &line.step * &line.step * BigRational::new(spread, denominator)
        });
        let mean_ci95 = mean.zip(variance.as_ref()).and_then(|(mean, variance)| {
            let half = t_quantile(n - 1)? * float(&(variance / whole(&people))).sqrt();
            Some((mean - half, mean + half))
        });
        Some(Self {
            n,
            sum: exact::decimal_text(&sum, line.decimals),
            sum_of_squares: exact::decimal_text(&line.sum_of_squares(&people, s1, s2), 2 * line.decimals),
            mean,
            variance: variance.as_ref().map(float),
            mean_ci95,
            decimals: line.decimals,
        })
    }
}

/// Makes an estimate from an attribute's moments; it is none if too few people are known.
pub(super) fn shown(row: &RowReader<'_>, attribute: u16, estimate: impl FnOnce(Moments) -> Option<Estimate>) -> Shown {
    let known = row.known(attribute);
    let sum = |meaning| row.sum_where_known(attribute, meaning);
    let sums = || Some((sum(CellMeaning::Sum(attribute))?, sum(CellMeaning::SumOfSquares(attribute))?));
    let (Some(n), Some((s1, s2)), Some(line)) = (known.exact(), sums(), row.line(attribute)) else {
        return Shown::NoEstimate(known);
    };
    let Some(moments) = Moments::new(&line, n, &s1, &s2) else {
        return Shown::Undefined { reason: "the sums contradict each other", n };
    };
    estimate(moments).map_or(Shown::Undefined { reason: "too few people", n }, Shown::Estimate)
}

/// A value in words, with two decimals more than the data have, its interval and the number of people.
pub(super) fn words(value: Option<f64>, ci95: Option<(f64, f64)>, m: &Moments) -> String {
    let decimals = m.decimals as usize + 2;
    let value = value.map_or_else(|| "–".to_owned(), |x| figure::fixed(x, decimals));
    format!("{value}{}  {}", figure::interval(ci95, decimals), figure::people(m.n))
}

/// All that the sums give, whichever was asked for: they are released together.
pub(super) fn json(name: &str, value: impl Into<Value>, m: &Moments) -> Value {
    json!({
        "estimate": name, "value": value.into(), "n": json::exact(m.n), "sum": m.sum, "sum_of_squares": m.sum_of_squares,
        "mean": m.mean, "variance": m.variance, "sd": m.sd(), "ci95": m.mean_ci95,
    })
}
