//! Statistics, one file each: the value from exact sums, its interval, its words and its JSON.
//!
//! What a statistic is called in a question, its arguments, what is refused and which cells it needs is declared where questions are compiled,
//! in node/query: `question.rs` ([`Ask`]), `item.rs` and `compile.rs`. A new statistic is that, a file here and its line in [`of`]; an estimate
//! of a new form is also a variant of [`Estimate`]. Text and JSON ask the statistic and know none by name.

mod correlation;
mod covariance;
mod histogram;
mod known;
mod mean;
mod moments;
mod pair;
mod quantile;
mod rows;
mod share;
mod std_dev;
mod sum;
mod variance;

pub use moments::Moments;

use crate::{
    reader::RowReader,
    shown::{Estimate, Shown},
};
use countersign_query::Ask;
use serde_json::Value;

/// What an item of a question computes.
pub(crate) trait Statistic {
    /// The attributes it is about, in the order of its arguments; none if it is about people as such.
    fn about(&self) -> Vec<u16>;

    /// The attribute whose unit stands beside its title.
    fn unit_of(&self) -> Option<u16> {
        None
    }

    /// True if a 95 % interval stands beside its value.
    fn has_interval(&self) -> bool {
        false
    }

    /// True if it is shown as a table of its own, with a line a band, and not as a column.
    fn has_own_table(&self) -> bool {
        false
    }

    /// What it shows for one row. Exact until the last step; never an estimate from a sum with a hidden part.
    fn shown(&self, row: &RowReader<'_>) -> Shown;

    /// Its estimate for people; `None` if it gives none of this form.
    fn words(&self, _estimate: &Estimate) -> Option<String> {
        None
    }

    /// Its estimate for programs, an object; `None` if it gives none of this form.
    fn json(&self, _estimate: &Estimate) -> Option<Value> {
        None
    }
}

/// The statistic an item asks for; `None` if it is a group's name.
pub(crate) fn of(ask: &Ask) -> Option<Box<dyn Statistic>> {
    Some(match *ask {
        Ask::Group { .. } => return None,
        Ask::Rows => Box::new(rows::Rows),
        Ask::Known { attribute } => Box::new(known::Known { attribute }),
        Ask::Sum { attribute } => Box::new(sum::Sum { attribute }),
        Ask::Mean { attribute } => Box::new(mean::Mean { attribute }),
        Ask::Variance { attribute } => Box::new(variance::Variance { attribute }),
        Ask::StdDev { attribute } => Box::new(std_dev::StdDev { attribute }),
        Ask::Covariance { x, y } => Box::new(covariance::Covariance { x, y }),
        Ask::Correlation { x, y } => Box::new(correlation::Correlation { x, y }),
        Ask::Share { attribute, bin } => Box::new(share::Share { attribute, bin }),
        Ask::Histogram { attribute } => Box::new(histogram::Histogram { attribute }),
        Ask::Quantile { attribute, p } => Box::new(quantile::Quantile { attribute, p }),
    })
}
