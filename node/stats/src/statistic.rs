//! Statistics from plain sums.

use crate::{
    amount::Count,
    exact::{self, Line, float, whole},
    interval::{fisher_interval, t_quantile, wilson_interval},
};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

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

/// A point estimate and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Estimate {
    /// `SUM`.
    Sum(Moments),
    /// `AVG`.
    Mean(Moments),
    /// `VARIANCE`.
    Variance(Moments),
    /// `STDDEV`.
    StdDev(Moments),
    /// `SHARE`.
    Share {
        /// People at the level.
        count: u64,
        /// People where the attribute is known.
        n: u64,
        /// Share between 0 and 1.
        value: f64,
        /// Wilson's interval.
        ci95: (f64, f64),
    },
    /// `CORR`.
    Correlation {
        /// Complete pairs.
        n: u64,
        /// Pearson's coefficient.
        value: f64,
        /// Fisher's interval, from four pairs on.
        ci95: Option<(f64, f64)>,
    },
    /// `COVAR`.
    Covariance {
        /// Complete pairs.
        n: u64,
        /// With denominator n - 1.
        value: f64,
    },
    /// `MEDIAN`, `PERCENTILE`.
    Quantile {
        /// People where the attribute is known.
        n: u64,
        /// Interpolated inside the band.
        value: f64,
        /// The band that proves it.
        band: (f64, f64),
        /// Outer edges of the bands of the enclosing order statistics.
        ci95: (f64, f64),
    },
}

/// A band of a histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandCount {
    /// The band.
    pub label: String,
    /// People in it.
    pub count: Count,
}

/// What one item shows for one group.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// A count.
    Count(Count),
    /// A point estimate, from plain sums only.
    Estimate(Estimate),
    /// No estimate, as a part is hidden: the number of people it would rest on.
    NoEstimate(Count),
    /// A quantile of counts with hidden parts: the range of bands it lies in, if any counts are known.
    QuantileBetween {
        /// Lower edge of the first and upper edge of the last band it can lie in.
        range: Option<(f64, f64)>,
        /// People it rests on.
        n: Count,
    },
    /// No estimate, for a reason of arithmetic.
    Undefined {
        /// Why.
        reason: &'static str,
        /// People it would rest on.
        n: u64,
    },
    /// A histogram.
    Bands(Vec<BandCount>),
}

pub(crate) fn share(count: u64, n: u64) -> Shown {
    match wilson_interval(count, n) {
        Some(ci95) => Shown::Estimate(Estimate::Share { count, n, value: count as f64 / n as f64, ci95 }),
        None => Shown::Undefined { reason: "nobody is known", n },
    }
}

/// Sums over complete pairs, in levels.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) n: u64,
    pub(crate) x: BigInt,
    pub(crate) y: BigInt,
    pub(crate) xx: BigInt,
    pub(crate) yy: BigInt,
    pub(crate) xy: BigInt,
}

impl Pair {
    fn cross(&self) -> BigInt {
        BigInt::from(self.n) * &self.xy - &self.x * &self.y
    }

    /// Correlation is the same in levels and in units, as steps are positive.
    pub(crate) fn correlation(&self) -> Shown {
        let n = BigInt::from(self.n);
        let (vx, vy) = (&n * &self.xx - &self.x * &self.x, &n * &self.yy - &self.y * &self.y);
        let cross = self.cross();
        let fits = !vx.is_negative() && !vy.is_negative() && &cross * &cross <= &vx * &vy;
        if !fits || vx.is_zero() || vy.is_zero() {
            let reason = if fits { "one of the two does not vary" } else { "the sums contradict each other" };
            return Shown::Undefined { reason, n: self.n };
        }
        let square = float(&BigRational::new(&cross * &cross, vx * vy)).sqrt();
        let value = if cross.is_negative() { -square } else { square };
        Shown::Estimate(Estimate::Correlation { n: self.n, value, ci95: fisher_interval(value, self.n) })
    }

    pub(crate) fn covariance(&self, x: &Line, y: &Line) -> Shown {
        if self.n < 2 {
            return Shown::Undefined { reason: "fewer than two people", n: self.n };
        }
        let n = BigInt::from(self.n);
        let value = &x.step * &y.step * BigRational::new(self.cross(), &n * (&n - 1));
        Shown::Estimate(Estimate::Covariance { n: self.n, value: float(&value) })
    }
}
