//! Exact numbers: decimals as rationals, sums of levels as sums of values.

use countersign_circuits::dictionary::Scale;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use rust_decimal::Decimal;

/// A decimal as a rational, exactly.
pub(crate) fn rational(x: Decimal) -> BigRational {
    BigRational::new(BigInt::from(x.mantissa()), BigInt::from(10u8).pow(x.scale()))
}

pub(crate) fn whole(n: &BigInt) -> BigRational {
    BigRational::from_integer(n.clone())
}

/// The nearest binary floating-point number; the one place where exactness ends.
pub(crate) fn float(x: &BigRational) -> f64 {
    x.to_f64().unwrap_or(f64::NAN)
}

/// A scale's lowest value and step as rationals.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) lo: BigRational,
    pub(crate) step: BigRational,
    /// Decimals of a value.
    pub(crate) decimals: u32,
}

impl Line {
    pub(crate) fn of(scale: &Scale) -> Self {
        let decimals = scale.lo.normalize().scale().max(scale.step.normalize().scale());
        Self { lo: rational(scale.lo), step: rational(scale.step), decimals }
    }

    /// Sum of values: lo n + step S1.
    pub(crate) fn sum(&self, n: &BigInt, s1: &BigInt) -> BigRational {
        &self.lo * whole(n) + &self.step * whole(s1)
    }

    /// Sum of squared values: lo^2 n + 2 lo step S1 + step^2 S2.
    pub(crate) fn sum_of_squares(&self, n: &BigInt, s1: &BigInt, s2: &BigInt) -> BigRational {
        let two = BigRational::from_integer(BigInt::from(2));
        &self.lo * &self.lo * whole(n) + two * &self.lo * &self.step * whole(s1) + &self.step * &self.step * whole(s2)
    }
}

/// Writes a rational whose denominator divides 10^decimals; trailing zeros after the point are left out.
pub(crate) fn decimal_text(x: &BigRational, decimals: u32) -> String {
    let scaled = (x * BigRational::from_integer(BigInt::from(10u8).pow(decimals))).round().to_integer();
    let negative = scaled.is_negative();
    let digits = format!("{:0>width$}", scaled.abs().to_string(), width = decimals as usize + 1);
    let (integer, fraction) = digits.split_at(digits.len() - decimals as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if negative && !scaled.is_zero() { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{integer}") } else { format!("{sign}{integer}.{fraction}") }
}
