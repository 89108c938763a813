//! Reads a question's cells: the columns and rows of a result.

mod row_reader;

pub(crate) use row_reader::RowReader;

use crate::{
    answer::SiteTable,
    statistic::{self, Statistic},
    table::{Item, Row, TableError},
};
use countersign_circuits::{
    dictionary::Dictionary,
    statement::{CellMeaning, Measures, Wiring},
};
use countersign_query::{Axis, OutputItem, Question};

/// Reads cells by group and meaning.
pub(crate) struct Reader<'a> {
    question: &'a Question,
    dictionary: &'a Dictionary,
    wiring: &'a Wiring,
    minimum: u32,
    per_group: usize,
    count_rows: bool,
}

impl<'a> Reader<'a> {
    /// A reader for a question and its wiring.
    ///
    /// # Errors
    /// The wiring is not the question's.
    pub(crate) fn new(question: &'a Question, dictionary: &'a Dictionary, wiring: &'a Wiring, k_min: u32) -> Result<Self, TableError> {
        let groups: usize = question.groups.iter().map(|axis| axis.bands.len()).product();
        if wiring.group_count() != groups || groups == 0 || wiring.cells().is_empty() {
            return Err(TableError::Wiring("it has another number of groups"));
        }
        let count_rows = !matches!(question.statement.measures, Measures::Descriptive { count_rows: false, .. });
        let per_group = wiring.cells().len() / groups;
        Ok(Self { question, dictionary, wiring, minimum: wiring.gate_minimum(k_min), per_group, count_rows })
    }

    pub(crate) fn name(&self, attribute: u16) -> String {
        self.dictionary.attribute(attribute).map_or_else(|| format!("#{attribute}"), |a| a.name().to_owned())
    }

    /// Grouping axes in the order of GROUP BY.
    pub(crate) fn grouping(&self) -> impl Iterator<Item = &'a Axis> {
        self.question.grouping_order.iter().filter_map(|i| self.question.groups.get(*i))
    }

    /// What the question asks, and what it is called; its groups' names stand in the rows.
    fn asked(&self) -> impl Iterator<Item = (&'a OutputItem, Box<dyn Statistic>)> {
        self.question.items.iter().filter_map(|item| Some((item, statistic::of(&item.ask)?)))
    }

    /// The columns of the result.
    pub(crate) fn items(&self) -> Vec<Item> {
        let unit = |a: u16| self.dictionary.attribute(a).and_then(|a| a.unit()).map(str::to_owned);
        let item = |(item, statistic): (&OutputItem, Box<dyn Statistic>)| {
            let names: Vec<String> = statistic.about().into_iter().map(|a| self.name(a)).collect();
            Item {
                title: item.title.clone(),
                ask: item.ask.clone(),
                term: if names.is_empty() { "*".to_owned() } else { names.join(", ") },
                unit: statistic.unit_of().and_then(unit),
            }
        };
        self.asked().map(item).collect()
    }

    /// The pooled rows of some sites' tables.
    pub(crate) fn rows(&self, tables: &[&SiteTable]) -> Vec<Row> {
        let axes: Vec<&Axis> = self.grouping().collect();
        let count: usize = axes.iter().map(|a| a.bands.len()).product();
        (0..count)
            .map(|row| {
                // the last axis runs fastest
                let mut rest = row;
                let mut bands = vec![0; axes.len()];
                for (band, axis) in bands.iter_mut().zip(&axes).rev() {
                    *band = rest % axis.bands.len();
                    rest /= axis.bands.len();
                }
                let row = RowReader { reader: self, tables, bands: &bands };
                Row {
                    group: axes.iter().zip(&bands).map(|(axis, b)| (self.name(axis.attribute), axis.bands[*b].label.clone())).collect(),
                    shown: self.asked().map(|(_, statistic)| statistic.shown(&row)).collect(),
                }
            })
            .collect()
    }

    fn offset(&self, meaning: CellMeaning) -> Option<usize> {
        self.wiring.cells().get(..self.per_group)?.iter().position(|c| c.meaning == meaning)
    }
}
