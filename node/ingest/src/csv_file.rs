//! CSV files: records of fields (RFC 4180, UTF-8 with or without a byte order mark).

use crate::{
    error::{FilePosition, ImportError},
    files::{io_error, passed_over},
};
use std::{
    cell::Cell,
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
            return Err(ImportError::Csv {
                place: FilePosition::new(path, 1),
                problem: "the file is empty; a header line is expected".into(),
            });
        }
        if table.record.len() > COLUMNS_MAX {
            return Err(ImportError::Limit { place: FilePosition::new(path, 1), what: "the number of columns", max: COLUMNS_MAX as u64 });
        }
        table.header = (0..table.record.len()).map(|i| table.field(i).map(str::to_owned)).collect::<Result<_, _>>()?;
        Ok(table)
    }

    /// The line the present record starts at.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    pub(crate) fn place(&self) -> FilePosition {
        FilePosition::new(&self.path, self.line)
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
            return Err(ImportError::Csv { place: FilePosition::new(&self.path, self.line), problem });
        }
        Ok(more)
    }

    fn fault(&self, error: &csv::Error, line: u64) -> ImportError {
        let line = error.position().map_or(line, csv::Position::line);
        let place = FilePosition::new(&self.path, line);
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
        let fail = |problem| Err(ImportError::Column { place: FilePosition::new(&self.path, 1), column: name.to_owned(), problem });
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
