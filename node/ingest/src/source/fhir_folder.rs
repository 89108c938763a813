//! A folder of FHIR resources, one a line (NDJSON), with the manifest of a bulk export if there is one; or one such file.

use super::{Found, Order, Source, fhir, table_date};
use crate::{
    calendar::{date_of, day_text},
    error::ImportError,
    fhir::{Collector, read_folder},
    reading::{Reading, ReadingError},
};

/// Files of resources line by line.
pub(super) struct FhirFolder;

impl Source for FhirFolder {
    fn check(&self, reading: &Reading) -> Result<(), ReadingError> {
        fhir::check(reading)
    }

    fn read(&self, order: &Order<'_>) -> Result<Found, ImportError> {
        let mut collector = Collector::new(order.reading, order.mapping);
        let mut folder = read_folder(order.path, &mut collector, order.progress)?;
        let date = match (folder.manifest.take(), order.as_of) {
            (None, _) => table_date(order.as_of)?,
            (Some((place, text, time)), Some(as_of)) if date_of(as_of) != Some(time.span.first) => {
                return Err(ImportError::TableDateConflict { place, manifest: text, as_of: day_text(as_of) });
            }
            (Some((_, text, time)), _) => (time.span.first, text),
        };
        fhir::found(collector, folder, date)
    }
}
