//! `COUNT(*)`: people.

use super::Statistic;
use crate::{reader::Place, shown::Shown};
use countersign_circuits::statement::CellMeaning;

/// All people of a group.
pub(super) struct Rows;

impl Statistic for Rows {
    fn about(&self) -> Vec<u16> {
        Vec::new()
    }

    fn shown(&self, place: &Place<'_>) -> Shown {
        Shown::Count(match place.distribution() {
            Some(axis) => place.count_bands(&(0..axis.bands.len()).collect::<Vec<_>>()),
            None => place.count(0, CellMeaning::Rows),
        })
    }
}
