//! 95 % intervals and the quantiles they need.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

/// The 97.5 % quantile of the standard normal distribution.
pub(crate) const Z: f64 = 1.959_963_984_540_054;
/// Above this many degrees of freedom a series in 1/df is more exact than inverting the incomplete beta function.
const SERIES_FROM: u64 = 300;
/// Above this many people the binomial ranks are taken from the normal approximation.
const EXACT_RANKS_MAX: u64 = 1000;

/// The 97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5 for many degrees of freedom). `None` without any.
pub fn t_quantile(df: u64) -> Option<f64> {
    if df == 0 {
        return None;
    }
    if df < SERIES_FROM {
        return StudentsT::new(0.0, 1.0, df as f64).ok().map(|t| t.inverse_cdf(0.975));
    }
    let (z, v) = (Z, df as f64);
    let g1 = (z.powi(3) + z) / 4.0;
    let g2 = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let g3 = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    Some(z + g1 / v + g2 / v.powi(2) + g3 / v.powi(3))
}

/// Wilson's score interval for `count` of `n` (Wilson 1927). `None` if n is zero or less than the count.
pub fn wilson_interval(count: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 || count > n {
        return None;
    }
    let (p, n_f) = (count as f64 / n as f64, n as f64);
    let z2 = Z * Z;
    let centre = (p + z2 / (2.0 * n_f)) / (1.0 + z2 / n_f);
    let half = Z / (1.0 + z2 / n_f) * (p * (1.0 - p) / n_f + z2 / (4.0 * n_f * n_f)).sqrt();
    let low = if count == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if count == n { 1.0 } else { (centre + half).min(1.0) };
    Some((low, high))
}

/// Fisher's z interval of a correlation over n pairs. `None` below four pairs or at a perfect correlation.
pub fn fisher_interval(r: f64, n: u64) -> Option<(f64, f64)> {
    if n < 4 || !r.is_finite() || r.abs() >= 1.0 {
        return None;
    }
    let half = Z / ((n - 3) as f64).sqrt();
    Some(((r.atanh() - half).tanh(), (r.atanh() + half).tanh()))
}

/// Ranks (from 1) of the order statistics that enclose the p quantile of n people with 95 %: 0 and n + 1 mean "no bound".
pub(crate) fn quantile_ranks(p: f64, n: u64) -> (u64, u64) {
    if n <= EXACT_RANKS_MAX
        && let Ok(people) = Binomial::new(p, n)
    {
        return (people.inverse_cdf(0.025), people.inverse_cdf(0.975) + 1);
    }
    let (mean, half) = (n as f64 * p, Z * (n as f64 * p * (1.0 - p)).sqrt());
    ((mean - half).floor().max(0.0) as u64, ((mean + half).ceil() as u64 + 1).min(n + 1))
}
