//! Files of an import: listing them in a fixed order, and reading lines within bounds.

use crate::error::{FilePosition, ImportError};
use flate2::bufread::MultiGzDecoder;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// Most files of one import.
pub const FILES_MAX: usize = 10_000;
/// Longest line of NDJSON, in bytes: one resource.
pub const LINE_BYTES_MAX: u64 = 16 << 20;
/// Largest file read whole (a bundle, a consent document, a manifest), in bytes.
pub const WHOLE_FILE_BYTES_MAX: u64 = 256 << 20;

/// How far an import is. For progress bars; never for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files read, the present one not counted.
    pub files_done: usize,
    /// Files to read.
    pub files: usize,
    /// Resources or lines read.
    pub records: u64,
}

pub(crate) fn io_error(path: &Path, line: u64) -> impl FnOnce(io::Error) -> ImportError {
    let place = FilePosition::new(path, line);
    move |source| ImportError::Io { place, source }
}

/// The files at a path with one of some endings, in order of their names: the path itself if it is a file.
pub(crate) fn list(path: &Path, endings: &[&str], expected: &'static str) -> Result<Vec<PathBuf>, ImportError> {
    let fits = |p: &Path| {
        let name = p.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        !name.starts_with('.') && name != "manifest.json" && endings.iter().any(|e| name.ends_with(e))
    };
    let none = || ImportError::NoFiles { place: FilePosition::new(path, 0), expected };
    if std::fs::metadata(path).map_err(io_error(path, 0))?.is_file() {
        return if fits(path) { Ok(vec![path.to_owned()]) } else { Err(none()) };
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io_error(path, 0))? {
        let file = entry.map_err(io_error(path, 0))?.path();
        if fits(&file) && file.is_file() {
            files.push(file);
        }
        if files.len() > FILES_MAX {
            return Err(ImportError::Limit { place: FilePosition::new(path, 0), what: "the number of files", max: FILES_MAX as u64 });
        }
    }
    if files.is_empty() {
        return Err(none());
    }
    files.sort();
    Ok(files)
}

/// Endings of compressed files.
const COMPRESSED: [&str; 5] = [".gz", ".zip", ".bz2", ".xz", ".zst"];
/// Endings of files that may hold anything.
const ARCHIVES: [&str; 6] = [".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".parquet"];

/// What lies in a folder beside the files that are read and may hold more of the same, in words: folders, and files of other forms (plain or
/// compressed). `None` if there is nothing. Names stay out of it: there are programs that name files after patients.
pub(crate) fn passed_over(path: &Path, endings: &[&str], others: &[&str]) -> Result<Option<String>, ImportError> {
    if !path.is_dir() {
        return Ok(None);
    }
    let (mut folders, mut files) = (0_u64, BTreeMap::<&str, u64>::new());
    for entry in std::fs::read_dir(path).map_err(io_error(path, 0))? {
        let file = entry.map_err(io_error(path, 0))?.path();
        let name = file.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if name.starts_with('.') || name == "manifest.json" || endings.iter().any(|e| name.ends_with(e)) {
            continue;
        }
        let plain = COMPRESSED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        if file.is_dir() {
            folders += 1;
        } else if let Some(ending) = others.iter().find(|e| plain.ends_with(*e)) {
            *files.entry(ending).or_default() += 1;
        } else if let Some(ending) = ARCHIVES.iter().find(|e| name.ends_with(*e)) {
            *files.entry(ending).or_default() += 1;
        }
    }
    let folders = (folders > 0).then(|| format!("{folders} folders inside"));
    let all: Vec<String> = files.iter().map(|(ending, count)| format!("{count} {ending} files")).chain(folders).collect();
    Ok((!all.is_empty()).then(|| format!("beside what was read the folder holds {}, which were not read", all.join(", "))))
}

/// Reads a file whole, up to a bound.
pub(crate) fn whole(path: &Path) -> Result<String, ImportError> {
    let mut bytes = Vec::new();
    File::open(path).map_err(io_error(path, 0))?.take(WHOLE_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error(path, 0))?;
    if bytes.len() as u64 > WHOLE_FILE_BYTES_MAX {
        return Err(ImportError::Limit { place: FilePosition::new(path, 0), what: "the file", max: WHOLE_FILE_BYTES_MAX });
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = 1 + e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() as u64;
        ImportError::Utf8 { place: FilePosition::new(path, line) }
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Lines of a plain or gzip file.
pub(crate) struct Lines {
    reader: Box<dyn BufRead>,
    path: PathBuf,
    gzip: bool,
    line: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io_error(path, 0))?);
        let gzip = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
        let reader: Box<dyn BufRead> =
            if gzip { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self { reader, path: path.to_owned(), gzip, line: 0, buffer: Vec::new() })
    }

    /// The place of the line last read.
    pub(crate) fn place(&self) -> FilePosition {
        FilePosition::new(&self.path, self.line)
    }

    /// The line last read.
    pub(crate) fn last(&self) -> Result<&str, ImportError> {
        std::str::from_utf8(&self.buffer).map(str::trim_end).map_err(|_| ImportError::Utf8 { place: self.place() })
    }

    /// Moves to the next line that is not blank; false at the end of the file.
    pub(crate) fn advance(&mut self) -> Result<bool, ImportError> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let read = self.reader.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.buffer);
            let place = || FilePosition::new(&self.path, self.line);
            match read {
                Ok(0) => return Ok(false),
                Ok(n) if n as u64 > LINE_BYTES_MAX => {
                    return Err(ImportError::Limit { place: place(), what: "the line", max: LINE_BYTES_MAX });
                }
                Ok(_) => {}
                Err(_) if self.gzip => return Err(ImportError::Gzip { place: place() }),
                Err(source) => return Err(ImportError::Io { place: place(), source }),
            }
            if self.line == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                self.buffer.drain(..3);
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }
}
