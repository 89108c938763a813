//! `COUNT(x)`: people where an attribute is known.

use super::Statistic;
use crate::{reader::RowReader, shown::Shown};

/// The people of a group where an attribute is known.
pub(super) struct Known {
    pub(super) attribute: u16,
}

impl Statistic for Known {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        Shown::Count(row.known(self.attribute))
    }
}
