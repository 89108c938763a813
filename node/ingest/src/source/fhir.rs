//! What FHIR R4 sources have in common, however the resources are packed.

use super::{Found, Records};
use crate::{
    error::ImportError,
    fhir::{Collector, FolderFacts},
    reading::{Index, Reading, ReadingError},
};
use jiff::civil::Date;

/// Refuses a dictionary that can only be read from a table.
pub(super) fn check(reading: &Reading) -> Result<(), ReadingError> {
    if reading.index() == &Index::Column {
        return Err(reading.refuse("FHIR", "its index date is a column of a table; use a CSV file"));
    }
    if reading.rules().iter().any(|r| r.sources.is_empty()) {
        return Err(reading.refuse("FHIR", "an attribute has neither `from` nor `any_of`, so it can only be a column of a table"));
    }
    Ok(())
}

/// What was collected, once all files are read.
pub(super) fn found(
    mut collector: Collector<'_>,
    folder: FolderFacts,
    (table_day, data_as_of): (Date, String),
) -> Result<Found, ImportError> {
    collector.settle()?;
    let mut notes = Vec::new();
    if folder.not_in_manifest > 0 {
        notes.push(format!("{} files of the folder are not named by the manifest and were not read", folder.not_in_manifest));
    }
    notes.extend(collector.notes());
    Ok(Found {
        table_day,
        data_as_of,
        files: folder.files as u64,
        resources: collector.resources,
        repeated: collector.repeated,
        deleted: collector.deleted,
        notes,
        not_whole: folder.not_whole,
        records: Records::Facts(Box::new(collector.into_facts()?)),
    })
}
