//! `SUM(x)`: the sum of a number.

use super::{Statistic, moments};
use crate::{
    figure,
    reader::RowReader,
    shown::{Estimate, Shown},
};
use serde_json::Value;

/// The sum of a number over the people where it is known.
pub(super) struct Sum {
    pub(super) attribute: u16,
}

impl Statistic for Sum {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn unit_of(&self) -> Option<u16> {
        Some(self.attribute)
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        moments::shown(row, self.attribute, |m| Some(Estimate::Sum(m)))
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Sum(m) = estimate else { return None };
        Some(format!("{}  {}", figure::thousands(&m.sum), figure::people(m.n)))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Sum(m) = estimate else { return None };
        Some(moments::json("sum", m.sum.as_str(), m))
    }
}
