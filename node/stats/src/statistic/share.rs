//! `SHARE(x = 'level')`: the share of a level among those where the attribute is known, with Wilson's interval.

use super::Statistic;
use crate::{
    figure,
    interval::wilson_interval,
    json,
    reader::RowReader,
    shown::{Estimate, Shown},
};
use countersign_circuits::statement::CellMeaning;
use serde_json::{Value, json};

/// The share of one level of a category or flag.
pub(super) struct Share {
    pub(super) attribute: u16,
    /// The level's bin.
    pub(super) bin: u16,
}

impl Statistic for Share {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn has_interval(&self) -> bool {
        true
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        let known = row.known(self.attribute);
        let part = row.parts(self.attribute).and_then(|parts| parts.iter().position(|p| p.as_slice() == [self.bin]));
        let count = part.map(|i| row.count(0, CellMeaning::Part(self.attribute, i as u16)));
        let (Some(count), Some(n)) = (count.and_then(|c| c.exact()), known.exact()) else { return Shown::NoEstimate(known) };
        match wilson_interval(count, n) {
            Some(ci95) => Shown::Estimate(Estimate::Share { count, n, value: count as f64 / n as f64, ci95 }),
            None => Shown::Undefined { reason: "nobody is known", n },
        }
    }

    fn words(&self, estimate: &Estimate) -> Option<String> {
        let Estimate::Share { count, n, value, ci95 } = estimate else { return None };
        let interval = figure::interval(Some((ci95.0 * 100.0, ci95.1 * 100.0)), 1);
        let (count, n) = (figure::thousands(&count.to_string()), figure::thousands(&n.to_string()));
        Some(format!("{} %{interval}  {count} of {n}", figure::fixed(value * 100.0, 1)))
    }

    fn json(&self, estimate: &Estimate) -> Option<Value> {
        let Estimate::Share { count, n, value, ci95 } = estimate else { return None };
        Some(json!({ "estimate": "share", "value": value, "ci95": ci95, "count": json::exact(*count), "n": json::exact(*n) }))
    }
}
