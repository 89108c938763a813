//! The importer as its users meet it: files in, table, report or error out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod codings;
mod consent_policies;
mod consent_properties;
mod consents;
mod consents_beside;
mod data_windows;
mod fields;
mod hl7_consents;
mod in_error;
mod oracle;
mod replay;
mod rules;
mod whose;
mod windows;

use countersign_circuits::consent::Day;
use countersign_ingest::{Import, ImportError, ImportOptions, Mapping, PatientId, Reading, import, parse_day, shipped};
use std::path::Path;

const AS_OF: &str = "2021-06-01";

fn day(text: &str) -> Day {
    parse_day(text).unwrap()
}

fn options() -> ImportOptions<'static> {
    ImportOptions { as_of: Some(day(AS_OF)), ..ImportOptions::default() }
}

fn core() -> Reading {
    Reading::from_toml(shipped::CARDIOMETABOLIC_CORE).unwrap()
}

fn read_fhir(path: &Path, mapping: &str) -> Result<Import, ImportError> {
    let reading = core();
    import(&reading, &Mapping::from_toml(mapping, &reading).unwrap(), path, &options())
}

fn read_csv(path: &Path) -> Result<Import, ImportError> {
    let reading = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    import(&reading, &Mapping::from_toml(shipped::MAPPING_HEART_CSV, &reading).unwrap(), path, &options())
}

/// The value of an attribute of a patient, as people write it.
fn value(reading: &Reading, done: &Import, patient: &str, attribute: &str) -> Option<String> {
    use countersign_circuits::dictionary::Domain;
    let id = PatientId::new(patient).unwrap();
    let row = done.table.rows.iter().find(|r| r.patient == id).expect("the patient has a row");
    let (position, attribute) = reading.dictionary().find(attribute).unwrap();
    let level = row.levels[usize::from(position)]?;
    Some(match attribute.domain() {
        Domain::Levels(levels) => levels[level as usize].clone(),
        Domain::Scale(scale) => scale.value(level).to_string(),
    })
}
