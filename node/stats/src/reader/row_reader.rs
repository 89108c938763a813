//! One row of the result, and what is known of its cells.

use super::Reader;
use crate::{
    amount::{Count, Parts, site_count},
    answer::{CellStatus, SiteTable},
    exact::Line,
};
use countersign_circuits::{
    dictionary::Scale,
    statement::{CellMeaning, Measure, Measures},
};
use countersign_query::{Axis, AxisRole};
use num_bigint::BigInt;

/// One row of the result: a band of each grouping axis.
pub(crate) struct RowReader<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) tables: &'a [&'a SiteTable],
    pub(super) bands: &'a [usize],
}

impl RowReader<'_> {
    /// The axis whose bands are what is shown, if the question asks for a distribution.
    pub(crate) fn distribution(&self) -> Option<&Axis> {
        self.reader.question.groups.iter().find(|axis| axis.role == AxisRole::Distribution)
    }

    /// A cell's sum over the people where an attribute is known; `None` if a part of it is hidden.
    pub(crate) fn sum_where_known(&self, attribute: u16, meaning: CellMeaning) -> Option<BigInt> {
        self.plain(meaning, |t| self.known_at(t, attribute))
    }

    /// A cell's sum over all people of the row; `None` if a part of it is hidden.
    pub(crate) fn sum_of_rows(&self, meaning: CellMeaning) -> Option<BigInt> {
        self.plain(meaning, |t| self.count_at(t, 0, CellMeaning::Rows))
    }

    /// Index of the statement's group, with a band of the distribution axis if there is one.
    fn group(&self, distribution: usize) -> usize {
        let (mut index, mut stride) = (0, 1);
        for (i, axis) in self.reader.question.groups.iter().enumerate() {
            let band = self.reader.question.grouping_order.iter().position(|o| *o == i).map_or(distribution, |o| self.bands[o]);
            index += band * stride;
            stride *= axis.bands.len();
        }
        index
    }

    fn cell(&self, table: &SiteTable, band: usize, meaning: CellMeaning) -> CellStatus {
        let at = self.reader.offset(meaning).map(|o| self.group(band) * self.reader.per_group + o);
        at.and_then(|at| table.cells.get(at).copied()).unwrap_or(CellStatus::NotReleased)
    }

    /// One site's count, with what is known of its bounds.
    fn count_at(&self, table: &SiteTable, band: usize, meaning: CellMeaning) -> Count {
        let cell = self.cell(table, band, meaning);
        let rows = (self.reader.count_rows && meaning != CellMeaning::Rows).then(|| self.cell(table, band, CellMeaning::Rows));
        let alone = match meaning {
            CellMeaning::Rows => true,
            // a missing gate decides about the block, too, if the wiring has one
            CellMeaning::Known(a) => !self.reader.wiring.cells().iter().any(|c| c.meaning == CellMeaning::Missing(a)),
            _ => false,
        };
        site_count(cell, rows, alone, self.reader.minimum)
    }

    /// Over all tables; a single one keeps its own reason.
    fn pool(&self, one: impl Fn(&SiteTable) -> Count) -> Count {
        let list: Vec<Count> = self.tables.iter().map(|t| one(t)).collect();
        if let [single] = list.as_slice() { *single } else { Count::sum(&list, Parts::Sites) }
    }

    /// A count over all sites, in a band of the distribution axis (0 if there is none).
    pub(crate) fn count(&self, band: usize, meaning: CellMeaning) -> Count {
        self.pool(|t| self.count_at(t, band, meaning))
    }

    /// Over several bands of the distribution axis.
    pub(crate) fn count_bands(&self, bands: &[usize]) -> Count {
        self.pool(|t| self.bands_at(t, bands))
    }

    fn bands_at(&self, table: &SiteTable, bands: &[usize]) -> Count {
        let list: Vec<Count> = bands.iter().map(|b| self.count_at(table, *b, CellMeaning::Rows)).collect();
        Count::sum(&list, Parts::Bands)
    }

    /// The sum of a cell over all tables, if every part is released or is known to be over nobody: `people` are those of a site it sums over.
    fn plain(&self, meaning: CellMeaning, people: impl Fn(&SiteTable) -> Count) -> Option<BigInt> {
        self.tables.iter().try_fold(BigInt::from(0u8), |sum, t| match self.cell(t, 0, meaning) {
            CellStatus::Exact(v) => Some(sum + v),
            _ if people(t) == Count::Exact(0) => Some(sum),
            _ => None,
        })
    }

    /// People where an attribute is known: a cell, the sum of its parts, or of the bands of its distribution.
    pub(crate) fn known(&self, attribute: u16) -> Count {
        self.pool(|t| self.known_at(t, attribute))
    }

    /// The same at one site.
    fn known_at(&self, table: &SiteTable, attribute: u16) -> Count {
        if let Some(axis) = self.distribution() {
            let known: Vec<usize> = axis.bands.iter().enumerate().filter(|(_, b)| b.levels.is_some()).map(|(i, _)| i).collect();
            return self.bands_at(table, &known);
        }
        let parts = self.parts(attribute).map_or(0, <[_]>::len);
        if parts == 0 {
            return self.count_at(table, 0, CellMeaning::Known(attribute));
        }
        let list: Vec<Count> = (0..parts).map(|i| self.count_at(table, 0, CellMeaning::Part(attribute, i as u16))).collect();
        match list.iter().find(|c| c.exact().is_none()) {
            // the block is hidden as a whole: the same bounds for the sum as for a part
            Some(hidden) => *hidden,
            None => Count::sum(&list, Parts::Bands),
        }
    }

    /// The bins of each part the statement counts of an attribute; `None` if it counts none.
    pub(crate) fn parts(&self, attribute: u16) -> Option<&[Vec<u16>]> {
        let Measures::Descriptive { of, .. } = &self.reader.question.statement.measures else { return None };
        of.iter().find_map(|m| match m {
            Measure::Parts { attribute: a, parts } if *a == attribute => Some(parts.as_slice()),
            _ => None,
        })
    }

    /// An attribute's scale; `None` if it is a category or a flag.
    pub(crate) fn scale(&self, attribute: u16) -> Option<&Scale> {
        self.reader.dictionary.attribute(attribute)?.scale()
    }

    /// The same in exact numbers.
    pub(crate) fn line(&self, attribute: u16) -> Option<Line> {
        self.scale(attribute).map(Line::of)
    }
}
