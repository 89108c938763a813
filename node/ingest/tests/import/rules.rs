//! Rules of the dictionary, each on a patient of its own.

use super::{core, day, options, read_csv, read_fhir, value};
use countersign_ingest::{Import, ImportError, ImportOptions, LeftOut, Mapping, PatientId, Problem, Reading, import, shipped};
use std::{collections::BTreeSet, fs, io::Write, path::Path};

pub(super) fn patient(id: &str, more: &str) -> String {
    format!(
        "{{\"resourceType\":\"Patient\",\"id\":\"{id}\",\"gender\":\"female\",\"birthDate\":\"1960-05-05\"{more}}}\n{}",
        encounter(&format!("e-{id}"), id, "finished", "2018-06-01")
    )
}

pub(super) fn encounter(id: &str, patient: &str, status: &str, start: &str) -> String {
    format!(
        "{{\"resourceType\":\"Encounter\",\"id\":\"{id}\",\"status\":\"{status}\",\"subject\":{{\"reference\":\"Patient/{patient}\"}},\"period\":{{\"start\":\"{start}\"}}}}\n"
    )
}

pub(super) fn lab(id: &str, patient: &str, code: &str, quantity: &str, when: &str) -> String {
    format!(
        "{{\"resourceType\":\"Observation\",\"id\":\"{id}\",\"status\":\"final\",\"subject\":{{\"reference\":\"Patient/{patient}\"}},\
         \"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"{code}\"}}]}},\"effectiveDateTime\":\"{when}\",\"valueQuantity\":{{{quantity}}}}}\n"
    )
}

fn condition(id: &str, patient: &str, code: &str, more: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"subject\":{{\"reference\":\"Patient/{patient}\"}},\
         \"code\":{{\"coding\":[{{\"system\":\"http://snomed.info/sct\",\"code\":\"{code}\"}}]}}{more}}}\n"
    )
}

fn import_text(text: &str) -> Import {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("export.ndjson"), text).unwrap();
    read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap()
}

#[track_caller]
fn reads(resources: &str, attribute: &str, expected: Option<&str>) -> Import {
    let done = import_text(&(patient("p", "") + resources));
    assert_eq!(value(&core(), &done, "p", attribute).as_deref(), expected);
    done
}

const PERCENT: &str = "\"value\":6.5,\"code\":\"%\"";

#[test]
fn units_depend_on_the_code() {
    reads(&lab("o", "p", "4548-4", PERCENT, "2018-05-05"), "hba1c", Some("6.5"));
    reads(&lab("o", "p", "59261-8", "\"value\":48,\"code\":\"mmol/mol\"", "2018-05-05"), "hba1c", Some("6.5"));
    let done = reads(&lab("o", "p", "59261-8", PERCENT, "2018-05-05"), "hba1c", None);
    let hba1c = done.report.attributes.iter().find(|a| a.name == "hba1c").unwrap();
    assert_eq!((hba1c.unmapped, hba1c.unmapped_examples.keys().next().unwrap().as_str()), (1, "unit \"%\""));
    reads(&lab("o", "p", "4548-4", "\"value\":6.5", "2018-05-05"), "hba1c", None);
    let declared = reads(&lab("o", "p", "8480-6", "\"value\":120", "2018-05-05"), "sbp", Some("120"));
    assert_eq!(declared.report.attributes.iter().find(|a| a.name == "sbp").unwrap().unit_declared, 1);
    reads(&lab("o", "p", "8480-6", "\"value\":120,\"unit\":\"mmHg\"", "2018-05-05"), "sbp", Some("120"));
    reads(&lab("o", "p", "8480-6", "\"value\":16,\"code\":\"kPa\"", "2018-05-05"), "sbp", Some("120"));
}

#[test]
fn fences_comparators_and_exponents() {
    for (quantity, expected) in [
        ("\"value\":25,\"code\":\"%\"", Some("20")),
        ("\"value\":31,\"code\":\"%\"", None),
        ("\"value\":2.5,\"code\":\"%\"", Some("3")),
        ("\"value\":1.99,\"code\":\"%\"", None),
        ("\"value\":5,\"comparator\":\"<\",\"code\":\"%\"", Some("5")),
        ("\"value\":0.65e1,\"code\":\"%\"", Some("6.5")),
        ("\"value\":6.45,\"code\":\"%\"", Some("6.4")),
        ("\"value\":6.55,\"code\":\"%\"", Some("6.6")),
        ("\"value\":1e40,\"code\":\"%\"", None),
        ("\"code\":\"%\"", None),
    ] {
        reads(&lab("o", "p", "4548-4", quantity, "2018-05-05"), "hba1c", expected);
    }
}

#[test]
fn windows_partial_dates_and_local_days() {
    for (when, known) in [
        ("2017-01-01", true),
        ("2016-12-31", false),
        ("2018-12-31T23:59:59-10:00", true),
        ("2019-01-01T00:00:00+14:00", false),
        ("2018", true),
        ("2018-12", true),
        ("2019", false),
        ("2016", false),
    ] {
        reads(&lab("o", "p", "4548-4", PERCENT, when), "hba1c", known.then_some("6.5"));
    }
}

#[test]
fn statuses_and_repeats() {
    let first = lab("o", "p", "4548-4", PERCENT, "2018-05-05");
    for status in ["entered-in-error", "preliminary", "registered", "cancelled", "unknown", "nonsense"] {
        reads(&first.replace("final", status), "hba1c", None);
    }
    let newer = first.replace("6.5", "7.5").replace("\"status\"", "\"meta\":{\"lastUpdated\":\"2020-01-01T00:00:00Z\"},\"status\"");
    let done = reads(&(newer.clone() + &first), "hba1c", Some("7.5"));
    assert_eq!(done.report.repeated, 1);
    reads(&(first.clone() + &newer), "hba1c", Some("7.5"));
    reads(&(first.clone() + &first.replace("6.5", "8.5")), "hba1c", Some("8.5"));
    // the newer version has another code: the older one no longer counts
    reads(&(first.clone() + &newer.replace("4548-4", "1-1")), "hba1c", None);
    // seen once, though the encounter was exported twice
    reads(&encounter("e-p", "p", "finished", "2018-06-01"), "encounters_1y", Some("1"));
    reads(&encounter("e2", "p", "cancelled", "2018-06-01"), "encounters_1y", Some("1"));
}

#[test]
fn conditions_resolve_and_are_refuted() {
    let onset = ",\"onsetDateTime\":\"2010\"";
    for (more, expected) in [
        (onset.to_owned(), "yes"),
        (format!("{onset},\"abatementDateTime\":\"2018-12-31\""), "no"),
        (format!("{onset},\"abatementDateTime\":\"2019-01-01\""), "yes"),
        (format!("{onset},\"verificationStatus\":{{\"coding\":[{{\"code\":\"refuted\"}}]}}"), "no"),
        (",\"recordedDate\":\"2018-12-31T10:00:00+01:00\"".into(), "yes"),
        (",\"onsetDateTime\":\"2019-01-01\"".into(), "no"),
        (String::new(), "no"),
    ] {
        reads(&condition("c", "p", "44054006", &more), "diabetes", Some(expected));
    }
    reads(&condition("c", "p", "15777000", onset), "diabetes", Some("no"));
}

#[test]
fn the_population_and_its_reasons() {
    let text = [
        patient("kept", ""),
        patient("unborn", "").replace("1960-05-05", "2019-01-01"),
        patient("nobirth", "").replace(",\"birthDate\":\"1960-05-05\"", ""),
        patient("dead", ",\"deceasedDateTime\":\"2018-12-31\""),
        patient("undated", ",\"deceasedBoolean\":true"),
        patient("unseen", "").replace("2018-06-01", "2016-06-01"),
        patient("inactive", ",\"active\":false"),
        patient("later", ",\"deceasedDateTime\":\"2019-03-02T10:00:00Z\""),
    ]
    .concat();
    let done = import_text(&text);
    let reading = core();
    assert_eq!((done.report.people, done.report.rows), (8, 2));
    let expected = [
        (LeftOut::Inactive, 1),
        (LeftOut::NoBirthDate, 1),
        (LeftOut::DeadBeforeIndex, 2),
        (LeftOut::BornAfterIndex, 1),
        (LeftOut::NotObserved, 1),
    ];
    assert_eq!(done.report.left_out.into_iter().collect::<Vec<_>>(), expected);
    let done = import_text(&text);
    assert_eq!(value(&reading, &done, "later", "died").as_deref(), Some("yes"));
    assert_eq!(value(&reading, &done, "later", "followup_days").as_deref(), Some("60"));
    assert_eq!(value(&reading, &done, "kept", "followup_days").as_deref(), Some("0"));
    assert_eq!(value(&reading, &done, "kept", "age").as_deref(), Some("58"));
}

#[test]
fn only_the_consented_get_a_row() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), patient("p", "") + &patient("q", "")).unwrap();
    let reading = core();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap();
    let consented = BTreeSet::from([PatientId::new("q").unwrap()]);
    let options = ImportOptions { consented: Some(&consented), ..options() };
    let done = import(&reading, &mapping, folder.path(), &options).unwrap();
    assert_eq!(done.table.rows.iter().map(|r| r.patient.expose()).collect::<Vec<_>>(), ["q"]);
    assert_eq!(done.report.left_out.get(&LeftOut::NoConsent), Some(&1));
}

#[test]
fn merged_patients_and_bundles_with_addresses() {
    let merged = patient("old", ",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":\"Patient/p\"}}]");
    let done = reads(&(merged + &lab("o", "old", "4548-4", PERCENT, "2018-05-05")), "hba1c", Some("6.5"));
    assert_eq!((done.report.merged, done.report.people, done.report.rows), (1, 1, 1));
    let circle = patient("a", ",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":\"Patient/a\"}}]");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), circle).unwrap();
    assert!(matches!(read_fhir(folder.path(), shipped::MAPPING_FHIR), Err(ImportError::MergeCircle)));

    let lab = lab("o", "X", "4548-4", PERCENT, "2018-05-05").replace("Patient/X", "urn:uuid:11");
    let visit = encounter("e", "X", "finished", "2018-05-05").replace("Patient/X", "urn:uuid:11");
    let bundle = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{{\"fullUrl\":\"urn:uuid:11\",\"resource\":{{\"resourceType\":\"Patient\",\"id\":\"p\",\
         \"gender\":\"male\",\"birthDate\":\"1960\"}}}},{{\"fullUrl\":\"urn:uuid:12\",\"resource\":{lab}}},{{\"resource\":{visit}}}]}}"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.json"), bundle).unwrap();
    let done = read_fhir(folder.path(), &shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle")).unwrap();
    assert_eq!(value(&core(), &done, "p", "hba1c").as_deref(), Some("6.5"));
    assert_eq!(value(&core(), &done, "p", "age").as_deref(), Some("58"));
}

fn gzip(path: &Path, text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    let bytes = out.finish().unwrap();
    fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn a_manifest_gives_the_date_and_the_deletions() {
    let folder = tempfile::tempdir().unwrap();
    gzip(&folder.path().join("Patient.ndjson.gz"), patient("p", "").lines().next().unwrap());
    fs::write(
        folder.path().join("1.ndjson"),
        encounter("e", "p", "finished", "2018-06-01") + &encounter("gone", "p", "finished", "2018-06-02"),
    )
    .unwrap();
    let delete = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"request\":{\"method\":\"DELETE\",\"url\":\"Encounter/gone\"}}]}";
    fs::write(folder.path().join("del.ndjson"), delete).unwrap();
    fs::write(folder.path().join("stray.ndjson"), "not read").unwrap();
    let manifest = "{\"transactionTime\":\"2021-05-30T04:00:00Z\",\"request\":\"https://h/$export\",\"output\":[{\"type\":\"Patient\",\"url\":\"https://h/Patient.ndjson\"},\
        {\"type\":\"Encounter\",\"url\":\"https://h/1.ndjson\"}],\"deleted\":[{\"type\":\"Bundle\",\"url\":\"https://h/del.ndjson\"}]}";
    fs::write(folder.path().join("manifest.json"), manifest).unwrap();
    let reading = core();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap();
    let done = import(&reading, &mapping, folder.path(), &ImportOptions::default()).unwrap();
    assert_eq!((done.report.deleted, done.report.data_as_of.as_str()), (1, "2021-05-30T04:00:00Z"));
    assert_eq!(value(&reading, &done, "p", "encounters_1y").as_deref(), Some("1"));
    assert!(done.report.notes.iter().any(|n| n.starts_with("1 files of the folder")));
    let other = ImportOptions { as_of: Some(day("2021-06-01")), ..ImportOptions::default() };
    assert!(matches!(import(&reading, &mapping, folder.path(), &other), Err(ImportError::TableDateConflict { .. })));
    fs::write(folder.path().join("manifest.json"), manifest.replace("$export", "$export?_since=2020-01-01T00:00:00Z")).unwrap();
    assert!(matches!(import(&reading, &mapping, folder.path(), &other), Err(ImportError::Incremental { .. })));
}

#[test]
fn poorly_filled_attributes_stop_an_import_unless_acknowledged() {
    let done = reads(&lab("o", "p", "4548-4", "\"value\":6.5,\"code\":\"mg\"", "2018-05-05"), "hba1c", None);
    assert!(done.report.problems.contains(&Problem::AllMissing { attribute: "hba1c".into() }));
    let readings: String = (0..20)
        .map(|i| lab(&format!("o{i}"), "p", "4548-4", if i < 2 { "\"value\":6,\"code\":\"mg\"" } else { PERCENT }, "2018-05-05"))
        .collect();
    let done = reads(&readings, "hba1c", Some("6.5"));
    assert!(done.report.problems.contains(&Problem::Unmapped { attribute: "hba1c".into(), unmapped: 2, source_values: 20 }));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), patient("p", "") + &readings).unwrap();
    let known = shipped::MAPPING_FHIR.replacen("source =", "acknowledge = [\"hba1c\"]\nsource =", 1);
    let done = read_fhir(folder.path(), &known).unwrap();
    assert!(!done.report.problems.iter().any(|p| p.to_string().contains("hba1c")));
    assert!(done.report.notes.iter().any(|n| n.contains("acknowledged") && n.contains("hba1c")));
}

#[test]
fn tables_have_marks_quotes_and_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let text = "\u{feff}patient_id,age,sex,cp,trestbps,chol,oldpeak,num,note\r\n\"a\",63.0,1.0,1,145,-9.0,-1.25,2,\"x, \"\"y\"\"\nz\"\r\nb,?,0,9,500,0,NA,0,\r\n";
    fs::write(&path, text).unwrap();
    let reading = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    let done = read_csv(&path).unwrap();
    let cell = |p: &str, a: &str| value(&reading, &done, p, a);
    assert_eq!(cell("a", "age").as_deref(), Some("63"));
    assert_eq!(cell("a", "sex").as_deref(), Some("male"));
    assert_eq!(cell("a", "chol"), None);
    assert_eq!(cell("a", "oldpeak").as_deref(), Some("-1.2"));
    assert_eq!(cell("a", "disease").as_deref(), Some("yes"));
    assert_eq!((cell("b", "age"), cell("b", "chest_pain"), cell("b", "sbp")), (None, None, None));
    let find = |name: &str| done.report.attributes.iter().find(|a| a.name == name).unwrap().clone();
    assert_eq!((find("sbp").implausible, find("chest_pain").unmapped, find("age").unmapped), (1, 1, 0));
}

#[test]
fn a_hospital_with_other_codes_and_units_gives_the_same_row() {
    let smoking = |system: &str, code: &str| {
        lab("s", "p", "72166-2", "", "2018-05-05").replace(
            "\"valueQuantity\":{}",
            &format!("\"valueCodeableConcept\":{{\"coding\":[{{\"system\":\"{system}\",\"code\":\"{code}\"}}]}}"),
        )
    };
    let onset = ",\"onsetDateTime\":\"2010-02-03\"";
    let here = [
        patient("p", ""),
        condition("c", "p", "44054006", onset),
        lab("h", "p", "4548-4", PERCENT, "2018-05-05"),
        lab("b", "p", "8480-6", "\"value\":128,\"code\":\"mm[Hg]\"", "2018-05-05"),
        smoking("http://snomed.info/sct", "8517006"),
    ]
    .concat();
    let there = [
        patient("p", ""),
        condition("c", "p", "E11.9", onset).replace("http://snomed.info/sct", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
        lab("h", "p", "59261-8", "\"value\":48,\"code\":\"mmol/mol\"", "2018-05-05"),
        lab("b", "p", "8480-6", "\"value\":128,\"unit\":\"mmHg\"", "2018-05-05"),
        smoking("urn:klinik:rauchen", "EX"),
    ]
    .concat();
    let read = |text: &str, mapping: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("export.ndjson"), text).unwrap();
        read_fhir(folder.path(), mapping).unwrap()
    };
    let (a, b) = (read(&here, shipped::MAPPING_FHIR), read(&there, shipped::MAPPING_FHIR_OTHER));
    assert_eq!(a.table, b.table);
    assert_eq!(value(&core(), &b, "p", "smoker").as_deref(), Some("former"));
    assert_eq!(value(&core(), &b, "p", "diabetes").as_deref(), Some("yes"));
}

#[test]
fn the_first_event_can_be_the_index() {
    let event = "kind = \"first_event\"\nvalueset = \"hypertension\"\nwindow = [\"2018-01-01\", \"2020-01-01\"]";
    let dictionary = shipped::CARDIOMETABOLIC_CORE.replacen("kind = \"fixed\"\ndate = \"2019-01-01\"", event, 1);
    let reading = Reading::from_toml(&dictionary).unwrap();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let onset = |day: &str| format!(",\"onsetDateTime\":\"{day}\"");
    let text = [
        patient("p", ""),
        patient("q", ""),
        condition("c1", "p", "38341003", &onset("2019-08-01")),
        condition("c2", "p", "38341003", &onset("2018-07-01")),
        condition("c3", "q", "38341003", &onset("2017-07-01")),
        lab("in", "p", "4548-4", PERCENT, "2018-06-30"),
        lab("out", "p", "4548-4", "\"value\":9,\"code\":\"%\"", "2018-07-01"),
    ]
    .concat();
    fs::write(folder.path().join("export.ndjson"), text).unwrap();
    let done = import(&reading, &mapping, folder.path(), &options()).unwrap();
    assert_eq!(value(&reading, &done, "p", "hba1c").as_deref(), Some("6.5"));
    assert_eq!((done.report.rows, done.report.left_out.get(&LeftOut::NoIndexEvent)), (1, Some(&1)));
}
