//! Kinds of sources, one file each: from what a hospital has to neutral records.
//!
//! A source reads files of one kind and says what they hold in the dictionary's terms ([`Records`]); who gets a row, and which level, is decided
//! once for all sources (`fold`), and so is the report. A new kind is a file here, its line in [`of`], and its name and settings in the mapping
//! ([`SourceKind`]). A source of dated records yields [`Facts`]; one that has a row a patient ready yields rows.

mod csv_table;
mod fhir;
mod fhir_bundles;
mod fhir_folder;

use crate::{
    calendar::{date_of, day_text},
    error::ImportError,
    fact::Facts,
    files::Progress,
    mapping::{Mapping, SourceKind},
    reading::{Reading, ReadingError},
    report::AttributeReport,
    table::PatientId,
};
use countersign_circuits::consent::Day;
use jiff::civil::Date;
use std::{collections::BTreeMap, path::Path};

/// What a source is asked to read.
pub(crate) struct Order<'a> {
    pub(crate) reading: &'a Reading,
    pub(crate) mapping: &'a Mapping,
    /// A file or a folder.
    pub(crate) path: &'a Path,
    /// Date of the data, if the hospital gave one.
    pub(crate) as_of: Option<Day>,
    /// Told now and then how far the source is.
    pub(crate) progress: &'a dyn Fn(Progress),
}

/// A kind of source.
pub(crate) trait Source {
    /// Refuses a dictionary that asks for what sources of this kind do not have. Reads no file.
    ///
    /// # Errors
    /// [`ReadingError::Source`], with the reason.
    fn check(&self, reading: &Reading) -> Result<(), ReadingError>;

    /// Reads everything. Nothing is guessed, and whatever is left out is counted.
    ///
    /// # Errors
    /// [`ImportError`] with file and line.
    fn read(&self, order: &Order<'_>) -> Result<Found, ImportError>;
}

/// What a source holds, without a trace of how it is written there.
pub(crate) enum Records {
    /// Dated facts of people, from which the dictionary's rules make rows.
    Facts(Box<Facts>),
    /// A row a patient.
    Rows(BTreeMap<PatientId, Row>),
}

/// A row that stands in the source as such. A table has a million of them.
pub(crate) struct Row {
    /// One an attribute; `None` is "missing".
    pub(crate) levels: Vec<Option<u32>>,
    /// What was counted while it was read, by attribute, where it is not what the level says: one value read where there is a level, none where there is not.
    pub(crate) counted: Vec<(u16, AttributeReport)>,
    /// Where it stands: the number of its file, and the line.
    pub(crate) place: (u32, u64),
}

/// What a source found.
pub(crate) struct Found {
    pub(crate) records: Records,
    /// Date of the data.
    pub(crate) table_day: Date,
    /// The same as it is to be reported.
    pub(crate) data_as_of: String,
    pub(crate) files: u64,
    /// Resources or lines read.
    pub(crate) resources: u64,
    /// Of these, the ones of which another version or line was read.
    pub(crate) repeated: u64,
    /// Records deleted at the source.
    pub(crate) deleted: u64,
    /// What else is to be said, in words.
    pub(crate) notes: Vec<String>,
    /// Signs that the source is not whole, by the name a mapping may acknowledge each by.
    pub(crate) not_whole: Vec<(&'static str, String)>,
}

/// The source a mapping names.
pub(crate) fn of(kind: &SourceKind) -> Box<dyn Source + '_> {
    match kind {
        SourceKind::Ndjson => Box::new(fhir_folder::FhirFolder),
        SourceKind::Bundle => Box::new(fhir_bundles::FhirBundles),
        SourceKind::Csv { patient, duplicate } => Box::new(csv_table::CsvTable { patient, duplicate: *duplicate }),
    }
}

/// The date of the data as the hospital gave it.
fn table_date(as_of: Option<Day>) -> Result<(Date, String), ImportError> {
    let day = as_of.ok_or(ImportError::TableDateMissing)?;
    let date = date_of(day).ok_or(ImportError::TableDateMissing)?;
    Ok((date, day_text(day)))
}
