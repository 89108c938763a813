//! `HISTOGRAM(x)`: people in each band.

use super::Statistic;
use crate::{
    reader::RowReader,
    shown::{BandCount, Shown},
};
use countersign_circuits::statement::CellMeaning;
use countersign_query::AxisBand;

/// People in each band of an attribute.
pub(super) struct Histogram {
    pub(super) attribute: u16,
}

impl Statistic for Histogram {
    fn about(&self) -> Vec<u16> {
        vec![self.attribute]
    }

    fn has_own_table(&self) -> bool {
        true
    }

    fn shown(&self, row: &RowReader<'_>) -> Shown {
        let bands = row.distribution().map_or(&[][..], |axis| &axis.bands);
        let count = |(i, band): (usize, &AxisBand)| BandCount { label: band.label.clone(), count: row.count(i, CellMeaning::Rows) };
        Shown::Bands(bands.iter().enumerate().map(count).collect())
    }
}
