//! What an item of the question shows for one group. The values are those of the statistics in `statistic/`.

use crate::{amount::Count, statistic::Moments};

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
