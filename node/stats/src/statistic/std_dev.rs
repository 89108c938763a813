//! `STDDEV(x)`: the standard deviation of a number, with denominator n - 1.

use super::{Statistic, moments};
use crate::{
    reader::RowReader,
    shown::{Estimate, Shown},
};
use serde_json::Value;

/// The standard deviation of a number over the people where it is known.
pub(super) struct StdDev {
    pub(super) attribute: u16,
}

impl Statistic for StdDev {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn unit_of(&self) -> Option<u16> {
        Some(self.attribute)
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        moments::shown(row, self.attribute, |m| m.variance.is_some().then_some(Estimate::StdDev(m)))
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::StdDev(m) = estimate else { return None };
        Some(moments::words(m.sd(), None, m))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::StdDev(m) = estimate else { return None };
        Some(moments::json("sd", m.sd(), m))
    }
}
