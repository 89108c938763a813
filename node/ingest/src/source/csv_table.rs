//! A CSV table: one line a patient, the columns the mapping names.

use super::{Found, Order, Records, Row, Source, table_date};
use crate::{
    csv_file::{Table, beside_tables},
    error::{FilePosition, ImportError},
    files::{Progress, list},
    fold::to_level,
    mapping::{Column, ColumnValue, Duplicate, number},
    reading::{Index, Reading, ReadingError},
    report::AttributeReport,
    table::PatientId,
};
use countersign_circuits::dictionary::{Attribute, Domain};
use std::collections::BTreeMap;

/// A file of comma-separated lines, or a folder of them.
pub(super) struct CsvTable<'a> {
    /// The column with the patient's identifier.
    pub(super) patient: &'a str,
    /// What is done with a patient who stands in two lines.
    pub(super) duplicate: Duplicate,
}

impl Source for CsvTable<'_> {
    fn check(&self, reading: &Reading) -> Result<(), ReadingError> {
        let population = reading.population();
        if population.birth_date || population.observed.is_some() || population.alive_at_index {
            return Err(reading.refuse("CSV", "its population is found from dated records; a table has none"));
        }
        if matches!(reading.index(), Index::FirstEvent { .. }) {
            return Err(reading.refuse("CSV", "its index date is found from dated records; a table has none"));
        }
        Ok(())
    }

    fn read(&self, order: &Order<'_>) -> Result<Found, ImportError> {
        let (table_day, data_as_of) = table_date(order.as_of)?;
        let attributes = order.reading.dictionary().attributes();
        let files = list(order.path, &[".csv"], "*.csv file")?;
        let mut rows: BTreeMap<PatientId, Row> = BTreeMap::new();
        let (mut records, mut repeated, mut blank) = (0, 0, 0_u64);
        for (files_done, file) in files.iter().enumerate() {
            let mut table = Table::open(file)?;
            let id_column = table.column(self.patient)?;
            let positions: Vec<Option<usize>> =
                order.mapping.columns.iter().map(|c| c.as_ref().map(|c| table.column(&c.from)).transpose()).collect::<Result<_, _>>()?;
            while table.advance()? {
                table.check_utf8()?;
                if table.is_blank() {
                    blank += 1;
                    continue;
                }
                records += 1;
                if records % 4096 == 0 {
                    (order.progress)(Progress { files_done, files: files.len(), records });
                }
                let id = PatientId::new(table.field(id_column)?)
                    .map_err(|_| ImportError::Identifier { place: table.place(), what: "the patient's identifier" })?;
                if let Some(Row { place: (file, line), .. }) = rows.get(&id) {
                    repeated += 1;
                    match self.duplicate {
                        Duplicate::Refuse => {
                            let first = FilePosition::new(files.get(*file as usize).map_or(order.path, |file| file), *line);
                            return Err(ImportError::PatientTwice { place: table.place(), first });
                        }
                        Duplicate::First => continue,
                        Duplicate::Last => {}
                    }
                }
                let mut row =
                    Row { levels: Vec::with_capacity(attributes.len()), counted: Vec::new(), place: (files_done as u32, table.line()) };
                for (i, ((attribute, column), position)) in (0..).zip(attributes.iter().zip(&order.mapping.columns).zip(&positions)) {
                    let mut report = AttributeReport::default();
                    let text = position.map(|p| table.field(p)).transpose()?.unwrap_or_default();
                    let level = column.as_ref().and_then(|c| level(attribute, c, text, &mut report));
                    if report != AttributeReport::of_level(level) {
                        row.counted.push((i, report));
                    }
                    row.levels.push(level);
                }
                rows.insert(id, row);
            }
            (order.progress)(Progress { files_done: files_done + 1, files: files.len(), records });
        }
        Ok(Found {
            records: Records::Rows(rows),
            table_day,
            data_as_of,
            files: files.len() as u64,
            resources: records,
            repeated,
            deleted: 0,
            notes: (blank > 0).then(|| format!("{blank} lines hold nothing and were skipped")).into_iter().collect(),
            not_whole: beside_tables(order.path)?.map(|words| ("folder:passed-over", words)).into_iter().collect(),
        })
    }
}

fn level(attribute: &Attribute, column: &Column, text: &str, report: &mut AttributeReport) -> Option<u32> {
    if column.missing.holds(text) {
        return None;
    }
    match (&column.value, attribute.domain()) {
        (ColumnValue::Map(map), _) => {
            let exact = map.iter().find(|(t, ..)| t == text);
            let value = number(text);
            let entry = exact.or_else(|| map.iter().find(|(_, n, _)| value.is_some() && *n == value));
            let Some((_, _, level)) = entry else {
                report.unmapped(&format!("a value of column {}", column.from));
                return None;
            };
            report.source_values += 1;
            *level
        }
        (ColumnValue::Number { scale, offset }, Domain::Scale(levels)) => {
            let Some(value) = number(text).and_then(|v| v.checked_mul(*scale)?.checked_add(*offset)) else {
                report.unreadable += 1;
                report.unmapped(&format!("a text in column {} that is not a number", column.from));
                return None;
            };
            report.source_values += 1;
            to_level(levels, value.normalize(), report)
        }
        (ColumnValue::Number { .. }, Domain::Levels(_)) => None,
    }
}
