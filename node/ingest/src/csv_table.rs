//! CSV: one line a patient, the columns the mapping names (RFC 4180, UTF-8 with or without a byte order mark).

use crate::{
    error::{ImportError, Place},
    fold::{Cohort, to_level},
    import::{Found, ImportOptions, table_date},
    mapping::{Column, ColumnValue, Duplicate, Mapping, number},
    reading::{Index, Reading},
    report::{AttributeReport, LeftOut, incomplete},
    source::{Progress, io_error, list, passed_over},
    table::{PatientId, ResearchTable, TableRow},
};
use countersign_circuits::dictionary::{Attribute, Domain};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    rc::Rc,
};

/// Longest record, in bytes.
pub const RECORD_BYTES_MAX: u64 = 1 << 20;
/// Most columns of a table.
pub const COLUMNS_MAX: usize = 10_000;

/// What the guard saw: the CSV reader itself bounds nothing and forgives a quote that never closes.
#[derive(Default)]
pub(crate) struct GuardState {
    record_bytes: Cell<u64>,
    quoted: Cell<bool>,
    too_long: Cell<bool>,
}

pub(crate) struct Guard<R> {
    inner: R,
    state: Rc<GuardState>,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let (mut bytes, mut quoted) = (self.state.record_bytes.get(), self.state.quoted.get());
        for byte in buffer.get(..read).unwrap_or_default() {
            bytes += 1;
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => bytes = 0,
                _ => {}
            }
            if bytes > RECORD_BYTES_MAX {
                self.state.too_long.set(true);
                return Err(io::Error::other("record too long"));
            }
        }
        self.state.record_bytes.set(bytes);
        self.state.quoted.set(quoted);
        Ok(read)
    }
}

/// A CSV file, record by record, with the line each starts at.
pub(crate) struct Table {
    reader: csv::Reader<Guard<BufReader<File>>>,
    state: Rc<GuardState>,
    path: std::path::PathBuf,
    pub(crate) header: Vec<String>,
    record: csv::ByteRecord,
    line: u64,
}

impl Table {
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        let state = Rc::new(GuardState::default());
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io_error(path, 0))?);
        let peeked = io::BufRead::fill_buf(&mut file).map_err(io_error(path, 0))?;
        if peeked.starts_with(b"\xef\xbb\xbf") {
            io::BufRead::consume(&mut file, 3);
        }
        let guard = Guard { inner: file, state: Rc::clone(&state) };
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(guard);
        let mut table = Self { reader, state, path: path.to_owned(), header: Vec::new(), record: csv::ByteRecord::new(), line: 1 };
        if !table.advance()? {
            return Err(ImportError::Csv { place: Place::new(path, 1), problem: "the file is empty; a header line is expected".into() });
        }
        if table.record.len() > COLUMNS_MAX {
            return Err(ImportError::Limit { place: Place::new(path, 1), what: "the number of columns", max: COLUMNS_MAX as u64 });
        }
        table.header = (0..table.record.len()).map(|i| table.field(i).map(str::to_owned)).collect::<Result<_, _>>()?;
        Ok(table)
    }

    pub(crate) fn place(&self) -> Place {
        Place::new(&self.path, self.line)
    }

    /// Moves to the next record; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, ImportError> {
        let before = self.reader.position().line();
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| self.fault(&error, before))?;
        if more {
            self.line = self.record.position().map_or(before, csv::Position::line);
        }
        // the line stays that of the last record: it is the one that swallowed the rest of the file
        if !more && self.state.quoted.get() {
            let problem = "a quotation mark is opened and never closed".into();
            return Err(ImportError::Csv { place: Place::new(&self.path, self.line), problem });
        }
        Ok(more)
    }

    fn fault(&self, error: &csv::Error, line: u64) -> ImportError {
        let line = error.position().map_or(line, csv::Position::line);
        let place = Place::new(&self.path, line);
        match error.kind() {
            _ if self.state.too_long.get() => ImportError::Limit { place, what: "the record", max: RECORD_BYTES_MAX },
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let quoted = if self.state.quoted.get() { "; a quotation mark is opened and never closed" } else { "" };
                ImportError::Csv { place, problem: format!("{len} fields, where the header has {expected_len}{quoted}") }
            }
            csv::ErrorKind::Io(source) => {
                let source = io::Error::new(source.kind(), source.to_string());
                ImportError::Io { place, source }
            }
            _ => ImportError::Csv { place, problem: "not CSV".into() },
        }
    }

    /// True if the present record holds nothing: what spreadsheets leave behind below a table.
    pub(crate) fn is_blank(&self) -> bool {
        self.record.iter().all(|field| field.iter().all(u8::is_ascii_whitespace))
    }

    /// A field of the present record, trimmed.
    pub(crate) fn field(&self, column: usize) -> Result<&str, ImportError> {
        let bytes = self.record.get(column).unwrap_or_default();
        std::str::from_utf8(bytes).map(str::trim).map_err(|_| ImportError::Utf8 { place: self.place() })
    }

    /// Every field of the present record must be UTF-8, also those nobody reads.
    pub(crate) fn check_utf8(&self) -> Result<(), ImportError> {
        (0..self.record.len()).try_for_each(|i| self.field(i).map(|_| ()))
    }

    /// The position of a column, which must stand in the header exactly once.
    pub(crate) fn column(&self, name: &str) -> Result<usize, ImportError> {
        let fail = |problem| Err(ImportError::Column { place: Place::new(&self.path, 1), column: name.to_owned(), problem });
        let mut hits = self.header.iter().enumerate().filter(|(_, h)| *h == name);
        match (hits.next(), hits.next()) {
            (Some((i, _)), None) => Ok(i),
            (None, _) if self.header.len() == 1 && self.header[0].contains([';', '\t', '|']) => fail(
                "is not in the header, which is one field: the file seems to be separated by something else than commas; save it with commas",
            ),
            (None, _) if self.header.iter().any(|h| h.eq_ignore_ascii_case(name)) => {
                fail("is in the header in other letters only: capital and small letters are different here")
            }
            (None, _) => fail("is named by the mapping and not in the header"),
            (Some(_), Some(_)) => fail("stands twice in the header"),
        }
    }
}

/// Lines of a table by patient: where the row came from, the levels, and what was counted for it.
struct Row {
    place: Place,
    levels: Vec<Option<u32>>,
    reports: Vec<AttributeReport>,
}

/// Endings of files that may be tables.
const TABLES: [&str; 6] = [".csv", ".tsv", ".tab", ".xlsx", ".xls", ".ods"];

/// What a folder holds beside its tables that may be tables, in words.
pub(crate) fn beside_tables(folder: &Path) -> Result<Option<String>, ImportError> {
    passed_over(folder, &[".csv"], &TABLES)
}

/// Tables that a folder of other files holds, in words.
pub(crate) fn tables_beside(folder: &Path) -> Result<Option<String>, ImportError> {
    passed_over(folder, &[], &TABLES)
}

pub(crate) fn read(
    reading: &Reading,
    mapping: &Mapping,
    source: &Path,
    options: &ImportOptions<'_>,
    patient: &str,
    duplicate: Duplicate,
) -> Result<Found, ImportError> {
    let population = reading.population();
    if population.birth_date || population.observed.is_some() || population.alive_at_index {
        return Err(reading.refuse("CSV", "its population is found from dated records; a table has none").into());
    }
    if matches!(reading.index(), Index::FirstEvent { .. }) {
        return Err(reading.refuse("CSV", "its index date is found from dated records; a table has none").into());
    }
    let (_, data_as_of) = table_date(options)?;
    let attributes = reading.dictionary().attributes();
    let files = list(source, &[".csv"], "*.csv file")?;
    let mut rows: BTreeMap<PatientId, Row> = BTreeMap::new();
    let (mut records, mut repeated, mut blank) = (0, 0, 0_u64);
    for (files_done, file) in files.iter().enumerate() {
        let mut table = Table::open(file)?;
        let id_column = table.column(patient)?;
        let positions: Vec<Option<usize>> =
            mapping.columns.iter().map(|c| c.as_ref().map(|c| table.column(&c.from)).transpose()).collect::<Result<_, _>>()?;
        while table.advance()? {
            table.check_utf8()?;
            if table.is_blank() {
                blank += 1;
                continue;
            }
            records += 1;
            if records % 4096 == 0 {
                options.progress.iter().for_each(|p| p(Progress { files_done, files: files.len(), records }));
            }
            let place = table.place();
            let id = PatientId::new(table.field(id_column)?)
                .map_err(|_| ImportError::Identifier { place: place.clone(), what: "the patient's identifier" })?;
            if let Some(first) = rows.get(&id) {
                repeated += 1;
                match duplicate {
                    Duplicate::Refuse => return Err(ImportError::PatientTwice { place, first: first.place.clone() }),
                    Duplicate::First => continue,
                    Duplicate::Last => {}
                }
            }
            let mut row = Row { place, levels: Vec::new(), reports: Vec::new() };
            for ((attribute, column), position) in attributes.iter().zip(&mapping.columns).zip(&positions) {
                let mut report = AttributeReport::default();
                let text = position.map(|p| table.field(p)).transpose()?.unwrap_or_default();
                row.levels.push(column.as_ref().and_then(|c| level(attribute, c, text, &mut report)));
                row.reports.push(report);
            }
            rows.insert(id, row);
        }
        options.progress.iter().for_each(|p| p(Progress { files_done: files_done + 1, files: files.len(), records }));
    }
    let known = if options.consents.is_some() { rows.keys().cloned().collect() } else { BTreeSet::new() };
    let cohort = Cohort { known, ..cohort(reading, rows, options.consented.filter(|_| population.consented)) };
    Ok(Found {
        cohort,
        data_as_of,
        files: files.len() as u64,
        resources: records,
        repeated,
        deleted: 0,
        notes: (blank > 0).then(|| format!("{blank} lines hold nothing and were skipped")).into_iter().collect(),
        not_whole: beside_tables(source)?.map(|words| ("folder:passed-over", words)).into_iter().collect(),
    })
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

fn cohort(reading: &Reading, rows: BTreeMap<PatientId, Row>, consented: Option<&BTreeSet<PatientId>>) -> Cohort {
    let attributes = reading.dictionary().attributes();
    let mut cohort = Cohort {
        people: rows.len() as u64,
        attributes: attributes.iter().map(|a| AttributeReport { name: a.name().into(), ..Default::default() }).collect(),
        ..Cohort::default()
    };
    let mut used = vec![BTreeSet::new(); attributes.len()];
    let mut table = ResearchTable::default();
    for (patient, row) in rows {
        if consented.is_some_and(|set| !set.contains(&patient)) {
            *cohort.left_out.entry(LeftOut::NoConsent).or_default() += 1;
            continue;
        }
        if incomplete(attributes, &row.levels, &mut cohort.attributes) {
            *cohort.left_out.entry(LeftOut::Incomplete).or_default() += 1;
            continue;
        }
        for (((total, one), level), used) in cohort.attributes.iter_mut().zip(&row.reports).zip(&row.levels).zip(&mut used) {
            total.add(one);
            total.row(*level, used);
        }
        table.rows.push(TableRow { patient, levels: row.levels });
    }
    for ((report, attribute), used) in cohort.attributes.iter_mut().zip(attributes).zip(&used) {
        report.finish(attribute, used);
    }
    cohort.table = table;
    cohort
}
