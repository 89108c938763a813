//! `AVG(x)`: the mean of a number, with Student's interval.

use super::{Statistic, moments};
use crate::{
    reader::RowReader,
    shown::{Estimate, Shown},
};
use serde_json::Value;

/// The mean of a number over the people where it is known.
pub(super) struct Mean {
    pub(super) attribute: u16,
}

impl Statistic for Mean {
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
        moments::shown(row, self.attribute, |m| m.mean.is_some().then_some(Estimate::Mean(m)))
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Mean(m) = estimate else { return None };
        Some(moments::words(m.mean, m.mean_ci95, m))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Mean(m) = estimate else { return None };
        Some(moments::json("mean", m.mean, m))
    }
}
