//! A folder of FHIR bundles, or one such file.

use super::{Found, Order, Source, fhir, table_date};
use crate::{
    error::ImportError,
    fhir::{Collector, read_bundles},
    reading::{Reading, ReadingError},
};

/// JSON files with a bundle or a resource each.
pub(super) struct FhirBundles;

impl Source for FhirBundles {
    fn check(&self, reading: &Reading) -> Result<(), ReadingError> {
        fhir::check(reading)
    }

    fn read(&self, order: &Order<'_>) -> Result<Found, ImportError> {
        let date = table_date(order.as_of)?;
        let mut collector = Collector::new(order.reading, order.mapping);
        let folder = read_bundles(order.path, &mut collector, order.progress)?;
        fhir::found(collector, folder, date)
    }
}
