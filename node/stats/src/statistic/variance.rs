//! `VARIANCE(x)`: the variance of a number, with denominator n - 1.

use super::{Statistic, moments};
use crate::{
    reader::RowReader,
    shown::{Estimate, Shown},
};
use serde_json::Value;

/// The variance of a number over the people where it is known; its unit would be a square, so none is shown.
pub(super) struct Variance {
    pub(super) attribute: u16,
}

impl Statistic for Variance {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        moments::shown(row, self.attribute, |m| m.variance.is_some().then_some(Estimate::Variance(m)))
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Variance(m) = estimate else { return None };
        Some(moments::words(m.variance, None, m))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Variance(m) = estimate else { return None };
        Some(moments::json("variance", m.variance, m))
    }
}
