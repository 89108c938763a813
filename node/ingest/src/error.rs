//! What stops an import. Messages name a file, a line and a column or code; never a patient and never a patient's value.

use crate::{
    calendar::{NotADate, NotADay},
    mapping::MappingError,
    reading::ReadingError,
};
use std::{fmt, io, path::Path};

/// A file and, if known, a line of it (from 1). Only the file's name is kept, not its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePosition {
    /// The file's name.
    pub file: String,
    /// Line, from 1; 0 if the whole file is meant.
    pub line: u64,
}

impl FilePosition {
    pub(crate) fn new(path: &Path, line: u64) -> Self {
        let file = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        Self { file, line }
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { write!(f, "{}", self.file) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// Why an import stopped. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The dictionary cannot be read with this kind of source, or is faulty.
    #[error(transparent)]
    Dictionary(#[from] ReadingError),
    /// The mapping is faulty.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The operating system refused.
    #[error("{place}: cannot be read: {source}")]
    Io {
        /// Where.
        place: FilePosition,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A folder without a file of the kind the mapping says.
    #[error("{place}: holds no {expected}; check the path and `source.kind` of the mapping")]
    NoFiles {
        /// The folder.
        place: FilePosition,
        /// What was looked for.
        expected: &'static str,
    },
    /// Over a bound of the importer.
    #[error("{place}: {what} is over the limit of {max}; split the export")]
    Limit {
        /// Where.
        place: FilePosition,
        /// What is too large.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// A compressed file that ends early or is damaged.
    #[error("{place}: the gzip data is truncated or damaged; fetch the file again")]
    Gzip {
        /// Where.
        place: FilePosition,
    },
    /// Not UTF-8.
    #[error("{place}: not UTF-8; the exporting system must write UTF-8")]
    Utf8 {
        /// Where.
        place: FilePosition,
    },
    /// Not JSON, or a field of another type than FHIR R4 says.
    #[error("{place}: {element}{}{problem} (column {column}); the exporting system must write FHIR R4 JSON", if element.is_empty() { "" } else { ": " })]
    Json {
        /// Where.
        place: FilePosition,
        /// The element, like `Observation.valueQuantity.value`; empty if it is not known.
        element: String,
        /// What is wrong, without the text itself.
        problem: &'static str,
        /// Byte column, from 1.
        column: usize,
    },
    /// A resource of another type than its file should hold, or none at all.
    #[error("{place}: {found}, where {expected} is expected")]
    ResourceType {
        /// Where.
        place: FilePosition,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// A resource without an id, or an identifier that is empty, too long or has control characters.
    #[error("{place}: {what} is missing, empty, too long or has control characters")]
    Identifier {
        /// Where.
        place: FilePosition,
        /// Which identifier.
        what: &'static str,
    },
    /// A code that FHIR R4 does not have at this element, where it changes what a value means.
    #[error("{place}: {element}: not one of the codes FHIR R4 has there; the exporting system must be corrected")]
    Code {
        /// Where.
        place: FilePosition,
        /// The element.
        element: String,
    },
    /// A date that is none.
    #[error("{place}: {field}: {source}")]
    Date {
        /// Where.
        place: FilePosition,
        /// The element, like `Patient.birthDate`.
        field: String,
        /// What is wrong.
        source: NotADate,
    },
    /// A day of a table that is none.
    #[error("{place}: {field}: {source}")]
    Day {
        /// Where.
        place: FilePosition,
        /// The column.
        field: &'static str,
        /// What is wrong.
        source: NotADay,
    },
    /// Consents that permit records of some days, and rows that say nothing of days.
    #[error(
        "these consents permit the use of records of some days only (the policy has a `window`), and a table of rows does not say of which days they are; import records, not a table"
    )]
    WindowsOfRows,
    /// A bundle or manifest that is not what it should be.
    #[error("{place}: {problem}")]
    Package {
        /// Where.
        place: FilePosition,
        /// What is wrong.
        problem: String,
    },
    /// An incremental export.
    #[error("{place}: this is an incremental export (`_since`); gap: full export needed")]
    Incremental {
        /// The manifest.
        place: FilePosition,
    },
    /// No table date.
    #[error("no manifest gives the date of the data; say it with --as-of YYYY-MM-DD")]
    TableDateMissing,
    /// Two table dates.
    #[error("{place}: the manifest says the data are of {manifest}, --as-of says {as_of}; drop --as-of")]
    TableDateConflict {
        /// The manifest.
        place: FilePosition,
        /// Its date.
        manifest: String,
        /// The one given.
        as_of: String,
    },
    /// A CSV file the reader cannot split into records.
    #[error("{place}: {problem}")]
    Csv {
        /// Where.
        place: FilePosition,
        /// What is wrong, without the text itself.
        problem: String,
    },
    /// A column the mapping names and the file lacks, or a column twice.
    #[error("{place}: column \"{column}\" {problem}")]
    Column {
        /// The header's place.
        place: FilePosition,
        /// The column.
        column: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The same patient in two lines, and the mapping says refuse.
    #[error("{place}: the patient of this line is already in {first}; `on_duplicate_patient` of the mapping says refuse")]
    PatientTwice {
        /// The second line.
        place: FilePosition,
        /// The first line.
        first: FilePosition,
    },
    /// References to one patient's id by the addresses of two servers.
    #[error(
        "references name a patient of one id by the addresses of two servers (what stands before Patient/id differs), and nothing here says whose the \
         patient is: import each server's records as a hospital of its own, or write all references in one form"
    )]
    TwoServers,
    /// A consent line that repeats a patient and scope, or names an unknown scope.
    #[error("{place}: {problem}")]
    ConsentLine {
        /// Where.
        place: FilePosition,
        /// What is wrong.
        problem: String,
    },
    /// A patient who was merged into others in a circle.
    #[error("the export's Patient.link entries form a circle; the exporting system must be corrected")]
    MergeCircle,
}

impl ImportError {
    pub(crate) fn json(place: FilePosition, element: String, error: &serde_json::Error) -> Self {
        // the words of the library may hold the text itself; only their beginning is looked at
        let words = error.to_string();
        let problem = match error.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early",
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Data if words.starts_with("duplicate field") => "stands twice in one object",
            serde_json::error::Category::Data if words.starts_with("missing field") => "an element that FHIR R4 requires is missing",
            serde_json::error::Category::Data => "of another type than FHIR R4 says",
            serde_json::error::Category::Io => "cannot be read",
        };
        Self::Json { place, element, problem, column: error.column() }
    }
}
