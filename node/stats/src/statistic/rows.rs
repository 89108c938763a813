//! `COUNT(*)`: people.

use super::Statistic;
use crate::{reader::RowReader, shown::Shown};
use countersign_circuits::statement::CellMeaning;

/// All people of a group.
pub(super) struct Rows;

impl Statistic for Rows {
    fn about(&self) -> Vec<u16> {
        Vec::new()
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        Shown::Count(match row.distribution() {
            Some(axis) => row.count_bands(&(0..axis.bands.len()).collect::<Vec<_>>()),
            None => row.count(0, CellMeaning::Rows),
        })
    }
}
