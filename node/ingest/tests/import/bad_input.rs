//! Every kind of bad input has a typed error with file and line, and says nothing of a patient.

use super::{
    options, read_csv, read_fhir,
    rules::{encounter, lab, patient},
};
use countersign_ingest::{ImportError, ImportOptions, Mapping, Reading, import, shipped};
use std::{fs, path::Path};

const HEADER: &str = "patient_id,age,sex,cp,trestbps,chol,oldpeak,num\n";

#[track_caller]
fn csv_error(text: impl AsRef<[u8]>, start: &str) -> ImportError {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.csv"), text).unwrap();
    checked(read_csv(&folder.path().join("t.csv")).unwrap_err(), start, folder.path())
}

#[track_caller]
fn fhir_error(file: &str, text: impl AsRef<[u8]>, start: &str) -> ImportError {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), text).unwrap();
    let mapping =
        if file.ends_with(".json") { shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle") } else { shipped::MAPPING_FHIR.into() };
    checked(read_fhir(folder.path(), &mapping).unwrap_err(), start, folder.path())
}

#[track_caller]
fn checked(error: ImportError, start: &str, folder: &Path) -> ImportError {
    let message = error.to_string();
    assert!(message.starts_with(start), "{message}");
    assert!(!message.contains("SECRET") && !format!("{error:?}").contains("SECRET"), "{message}");
    assert!(fs::read_dir(folder).unwrap().count() <= 2, "nothing was written");
    error
}

#[test]
fn a_patient_in_two_tables_is_named_by_both_places() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), format!("{HEADER}x,1,1,1,120,200,1,1\nSECRET,1,1,1,120,200,1,1\n")).unwrap();
    fs::write(folder.path().join("b.csv"), format!("{HEADER}SECRET,1,1,1,120,200,1,1\n")).unwrap();
    let ImportError::PatientTwice { place, first } = checked(read_csv(folder.path()).unwrap_err(), "b.csv:2: ", folder.path()) else {
        panic!("another error")
    };
    assert_eq!((place.to_string(), first.to_string()), ("b.csv:2".into(), "a.csv:3".into()));
}

#[test]
fn whatever_becomes_of_a_tables_values_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let row = |(i, (pain, chol)): (usize, (&str, &str))| format!("p{i},50,1,{pain},120,{chol},1,1\n");
    let values = [("1", "200"), ("1", "800"), ("1", "5000"), ("1", "abc"), ("9", "")];
    let rows: String = values.into_iter().enumerate().map(row).collect();
    fs::write(folder.path().join("t.csv"), format!("{HEADER}{rows}")).unwrap();
    let done = read_csv(folder.path()).unwrap();
    let of = |name: &str| done.report.attributes.iter().find(|a| a.name == name).unwrap();
    let chol = of("chol");
    assert_eq!((chol.known, chol.missing, chol.source_values), (2, 3, 4));
    assert_eq!((chol.clipped, chol.implausible, chol.unreadable, chol.unmapped), (1, 1, 1, 1));
    let pain = of("chest_pain");
    assert_eq!((pain.known, pain.missing, pain.source_values, pain.unmapped), (4, 1, 5, 1));
}

#[test]
fn tables() {
    assert!(matches!(csv_error(format!("{HEADER}SECRET,1,1,1,1,1,1\n"), "t.csv:2: 7 fields"), ImportError::Csv { .. }));
    assert!(matches!(
        csv_error(format!("{HEADER}a,1,1,1,1,1,1,1\nSECRET,1,1,1,1,1,1,1\nSECRET,1,1,1,1,1,1,1\n"), "t.csv:4: "),
        ImportError::PatientTwice { .. }
    ));
    assert!(matches!(csv_error(HEADER.replace("age", "years"), "t.csv:1: column \"age\""), ImportError::Column { .. }));
    let said = |header: String| match csv_error(header, "t.csv:1: column ") {
        ImportError::Column { problem, .. } => problem,
        other => panic!("{other:?}"),
    };
    assert!(said(HEADER.replace("age", "Age")).contains("capital and small letters"));
    for separator in [";", "\t", "|"] {
        assert!(said(HEADER.replace(',', separator)).contains("something else than commas"), "{separator}");
    }
    assert!(matches!(csv_error(HEADER.replace("chol", "age"), "t.csv:1: column \"age\""), ImportError::Column { .. }));
    assert!(matches!(csv_error(format!("{HEADER},1,1,1,1,1,1,1\n"), "t.csv:2: the patient's identifier"), ImportError::Identifier { .. }));
    assert!(matches!(
        csv_error([HEADER.as_bytes(), b"SECRET\xff,1,1,1,1,1,1,1\n"].concat(), "t.csv:2: not UTF-8"),
        ImportError::Utf8 { .. }
    ));
    assert!(matches!(csv_error(format!("{HEADER}a,1,1,1,1,1,1,\"1\nSECRET,1,1,1,1,1,1,1\n"), "t.csv:2: "), ImportError::Csv { .. }));
    assert!(matches!(csv_error("", "t.csv:1: the file is empty"), ImportError::Csv { .. }));
    assert!(matches!(csv_error(format!("{HEADER}{}", "x".repeat(2 << 20)), "t.csv:2: the record"), ImportError::Limit { .. }));
}

#[test]
fn lines_of_ndjson() {
    let good = patient("SECRET", "");
    assert!(matches!(
        fhir_error("a.ndjson", format!("{good}\n{{\"resourceType\":"), "a.ndjson:4: resourceType: the JSON ends too early"),
        ImportError::Json { .. }
    ));
    assert!(matches!(fhir_error("a.ndjson", format!("{good}SECRET\n"), "a.ndjson:3: not JSON"), ImportError::Json { .. }));
    assert!(matches!(
        fhir_error("a.ndjson", good.replace("\"female\"", "[\"SECRET\"]"), "a.ndjson:1: Patient.gender: "),
        ImportError::Json { .. }
    ));
    assert!(matches!(fhir_error("a.ndjson", [good.as_bytes(), b"\xff\n"].concat(), "a.ndjson:3: not UTF-8"), ImportError::Utf8 { .. }));
    assert!(matches!(fhir_error("a.ndjson", "{\"id\":\"SECRET\"}", "a.ndjson:1: no resourceType"), ImportError::ResourceType { .. }));
    assert!(matches!(
        fhir_error("Observation.ndjson", &good, "Observation.ndjson:1: a Patient, where a Observation"),
        ImportError::ResourceType { .. }
    ));
    assert!(matches!(
        fhir_error("a.ndjson", "{\"resourceType\":\"Patient\"}", "a.ndjson:1: the resource's id"),
        ImportError::Identifier { .. }
    ));
    assert!(matches!(
        fhir_error("a.ndjson", good.replace("1960-05-05", "1960-13-05"), "a.ndjson:1: Patient.birthDate"),
        ImportError::Date { .. }
    ));
    let reading = format!("{good}{}", lab("o", "SECRET", "4548-4", "\"value\":1", "yesterday"));
    assert!(matches!(fhir_error("a.ndjson", reading, "a.ndjson:3: Observation.effectiveDateTime"), ImportError::Date { .. }));
    assert!(matches!(
        fhir_error("a.ndjson", encounter("e", "p", "finished", "2018-99"), "a.ndjson:1: Encounter.period.start"),
        ImportError::Date { .. }
    ));
    let long = format!("{{\"resourceType\":\"Patient\",\"id\":\"SECRET\",\"x\":\"{}\"}}", "x".repeat(17 << 20));
    assert!(matches!(fhir_error("a.ndjson", long, "a.ndjson:1: the line"), ImportError::Limit { .. }));
    let deep = format!("{{\"resourceType\":\"Patient\",\"id\":\"p\",\"link\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(matches!(fhir_error("a.ndjson", deep, "a.ndjson:1: "), ImportError::Json { .. }));
    assert!(matches!(fhir_error("a.txt", &good, ""), ImportError::NoFiles { .. }));
}

#[test]
fn compressed_files() {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(patient("SECRET", "").repeat(50).as_bytes()).unwrap();
    let bytes = out.finish().unwrap();
    let half = bytes.get(..bytes.len() - 12).unwrap();
    assert!(matches!(fhir_error("a.ndjson.gz", half, "a.ndjson.gz:"), ImportError::Gzip { .. }));
    assert!(matches!(fhir_error("a.ndjson.gz", "not gzip", "a.ndjson.gz:1: the gzip data"), ImportError::Gzip { .. }));
}

#[test]
fn bundles_and_manifests() {
    assert!(matches!(
        fhir_error("b.json", "{\"resourceType\":\"Bundle\",\"type\":\"message\"}", "b.json: a bundle's type"),
        ImportError::Package { .. }
    ));
    let bundle = "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n{\"resource\":{\"resourceType\":\"Organization\",\"id\":\"o\"}},\n{\"resource\":\n{\"resourceType\":\"Patient\",\n\"id\":\"p\",\"gender\":\n5}}]}";
    assert!(matches!(fhir_error("b.json", bundle, "b.json:6: Patient.gender: "), ImportError::Json { .. }));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), patient("p", "")).unwrap();
    fs::write(
        folder.path().join("manifest.json"),
        "{\"transactionTime\":\"2021-01-01\",\"output\":[{\"type\":\"Patient\",\"url\":\"x/b.ndjson\"}]}",
    )
    .unwrap();
    assert!(matches!(read_fhir(folder.path(), shipped::MAPPING_FHIR), Err(ImportError::Package { .. })));
}

#[test]
fn the_wrong_source_and_no_date() {
    let heart = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    let fhir = "format = \"countersign-mapping/1\"\ndictionary = \"heart-disease@1\"\nsource = { kind = \"fhir-ndjson\" }";
    let folder = tempfile::tempdir().unwrap();
    let refused = import(&heart, &Mapping::from_toml(fhir, &heart).unwrap(), folder.path(), &options());
    assert!(matches!(refused, Err(ImportError::Dictionary(_))));
    let core = super::core();
    let csv = "format = \"countersign-mapping/1\"\ndictionary = \"cardiometabolic-core@1\"\nsource = { kind = \"csv\", patient = \"p\" }";
    let refused = import(&core, &Mapping::from_toml(csv, &core).unwrap(), folder.path(), &options());
    assert!(matches!(refused, Err(ImportError::Dictionary(_))));
    fs::write(folder.path().join("a.ndjson"), patient("p", "")).unwrap();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &core).unwrap();
    let undated = import(&core, &mapping, folder.path(), &ImportOptions::default());
    assert!(matches!(undated, Err(ImportError::TableDateMissing)));
    assert!(matches!(import(&core, &mapping, &folder.path().join("none"), &options()), Err(ImportError::Io { .. })));
}
