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

pub(super) fn condition(id: &str, patient: &str, code: &str, more: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"subject\":{{\"reference\":\"Patient/{patient}\"}},\
         \"code\":{{\"coding\":[{{\"system\":\"http://snomed.info/sct\",\"code\":\"{code}\"}}]}}{more}}}\n"
    )
}

pub(super) fn import_text(text: &str) -> Import {
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

/// An error must not pull a mean; alone it is refused where it becomes a level.
#[test]
fn an_implausible_reading_is_dropped_before_a_mean_is_taken() {
    let pressure = |id: &str, value: u32| lab(id, "p", "8480-6", &format!("\"value\":{value},\"code\":\"mm[Hg]\""), "2018-05-05");
    let done = reads(&(pressure("a", 120) + &pressure("b", 130) + &pressure("c", 999)), "sbp", Some("125"));
    let (position, _) = core().dictionary().find("sbp").unwrap();
    assert_eq!(done.report.attributes[usize::from(position)].implausible, 1);
    reads(&pressure("a", 999), "sbp", None);
}

/// A survivor may be the only one to say that it took another record's place.
#[test]
fn records_follow_a_survivors_replaces() {
    let replaces = |old: &str| format!(",\"link\":[{{\"type\":\"replaces\",\"other\":{{\"reference\":\"Patient/{old}\"}}}}]");
    let labs = lab("o", "old", "4548-4", PERCENT, "2018-05-05") + &encounter("e", "new", "finished", "2018-06-01");
    let read = |lines: String| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.ndjson"), lines).unwrap();
        read_fhir(folder.path(), shipped::MAPPING_FHIR)
    };
    let visits = encounter("e-new", "new", "finished", "2018-06-01");
    let done = read(patient("old", "") + &patient("new", &replaces("old")) + &visits + &labs).unwrap();
    assert_eq!((done.report.merged, done.report.people, done.report.rows), (1, 1, 1), "{}", done.report);
    assert_eq!(value(&core(), &done, "new", "hba1c").as_deref(), Some("6.5"));
    // said from both sides it is one merge, and where the old record names another that is its own word
    let both = patient("old", ",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":\"Patient/new\"}}]");
    let done = read(both.clone() + &patient("new", &replaces("old")) + &visits + &labs).unwrap();
    assert_eq!((done.report.merged, done.report.people), (1, 1));
    let done = read(both + &patient("new", "") + &patient("q", &replaces("old")) + &visits + &labs).unwrap();
    assert_eq!(done.report.merged, 1);
    assert_eq!(value(&core(), &done, "new", "hba1c").as_deref(), Some("6.5"));
    // in a circle nobody survives
    assert!(matches!(read(patient("a", &replaces("b")) + &patient("b", &replaces("a"))), Err(ImportError::MergeCircle)));
}

/// Spreadsheets leave lines of separators below a table.
#[test]
fn lines_that_hold_nothing_are_skipped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let text = "patient_id,age,sex,cp,trestbps,chol,oldpeak,num\n".to_owned();
    let columns = text.trim_end().split(',').count();
    let line = |first: &str| [first].into_iter().chain(std::iter::repeat_n("1", columns - 1)).collect::<Vec<_>>().join(",") + "\n";
    let blank = ",".repeat(columns - 1) + "\n";
    fs::write(&path, text.clone() + &line("a") + &blank + &line("b") + &blank + &format!("{}\n", " ,".repeat(columns - 1))).unwrap();
    let done = read_csv(&path).unwrap();
    assert_eq!((done.report.people, done.report.resources), (2, 2), "{}", done.report);
    assert!(done.report.notes.iter().any(|n| n.starts_with("3 lines hold nothing")), "{:?}", done.report.notes);
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
    let text = "\u{feff}patient_id,age,sex,cp,trestbps,chol,oldpeak,num,note\r\n\"a\",63.0,1.0,1,145,-9.0,-1.25,2,\"x, \"\"y\"\"\nz\"\r\nb,41,0,9,500,0,NA,0,\r\nc,?,0,9,500,0,NA,0,\r\n";
    fs::write(&path, text).unwrap();
    let reading = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    let done = read_csv(&path).unwrap();
    let cell = |p: &str, a: &str| value(&reading, &done, p, a);
    assert_eq!(cell("a", "age").as_deref(), Some("63"));
    assert_eq!(cell("a", "sex").as_deref(), Some("male"));
    assert_eq!(cell("a", "chol"), None);
    assert_eq!(cell("a", "oldpeak").as_deref(), Some("-1.2"));
    assert_eq!(cell("a", "disease").as_deref(), Some("yes"));
    assert_eq!((cell("b", "oldpeak"), cell("b", "chest_pain"), cell("b", "sbp")), (None, None, None));
    // age is complete: who has none has no row, and is counted
    let left: Vec<_> = done.report.attributes.iter().filter(|a| a.left_out > 0).map(|a| (a.name.as_str(), a.left_out)).collect();
    assert_eq!((done.table.rows.len(), left, done.report.people), (2, vec![("age", 1)], 3));
    assert!(done.report.to_string().contains("no value of a complete attribute 1"), "{}", done.report);
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

/// A folder of two patients with an encounter, a manifest of some output entries, and more keys.
fn export(more: &str, output: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let one = |id: &str| patient(id, "").lines().next().unwrap().to_owned() + "\n";
    fs::write(folder.path().join("Patient.ndjson"), one("p") + &one("q")).unwrap();
    fs::write(
        folder.path().join("Encounter.ndjson"),
        encounter("e", "p", "finished", "2018-06-01") + &encounter("f", "q", "finished", "2018-06-01"),
    )
    .unwrap();
    let manifest = format!(
        "{{\"transactionTime\":\"2021-05-30T04:00:00Z\",\"output\":[{output}{{\"type\":\"Encounter\",\"url\":\"https://h/Encounter.ndjson\"}}]{more}}}"
    );
    fs::write(folder.path().join("manifest.json"), manifest).unwrap();
    folder
}

const PATIENTS: &str = "{\"type\":\"Patient\",\"url\":\"https://h/Patient.ndjson\",\"count\":2},";

#[test]
fn an_export_that_is_not_whole_stops_unless_it_is_acknowledged_by_name() {
    let reading = core();
    let acknowledge = |names: &str| shipped::MAPPING_FHIR.replacen("dictionary =", &format!("acknowledge = [{names}]\ndictionary ="), 1);
    let read = |more: &str, output: &str, names: &str| {
        let folder = export(more, output);
        import(&reading, &Mapping::from_toml(&acknowledge(names), &reading).unwrap(), folder.path(), &ImportOptions::default())
            .unwrap()
            .report
    };
    let says = |report: &countersign_ingest::ImportReport, what: &str| report.problems.iter().any(|p| p.to_string().contains(what));
    for (more, output, name) in [
        (",\"link\":[{\"relation\":\"next\",\"url\":\"https://h/2\"}]", PATIENTS.to_owned(), "export:next-page"),
        (",\"error\":[{\"type\":\"OperationOutcome\",\"url\":\"https://h/err.ndjson\"}]", PATIENTS.to_owned(), "export:errors"),
        ("", PATIENTS.replace("\"count\":2", "\"count\":3"), "export:counts"),
    ] {
        assert!(says(&read(more, &output, ""), name), "{name}");
        let known = read(more, &output, &format!("\"{name}\""));
        assert!(!says(&known, name) && known.notes.iter().any(|n| n.contains(name)), "{known}");
    }
    assert!(!says(&read("", PATIENTS, ""), "export:"));
    // two addresses, one file
    let twice = PATIENTS.replace("https://h/", "https://h/1/") + &PATIENTS.replace("https://h/", "https://h/2/");
    let folder = export("", &twice);
    let read = import(&reading, &Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap(), folder.path(), &ImportOptions::default());
    assert!(matches!(read, Err(ImportError::Package { .. })), "a file was read twice, and another not at all");
}

#[test]
fn what_lies_beside_what_is_read_stops_unless_it_is_acknowledged() {
    for name in ["Observation.json", "more.xml.gz", "inside/Observation.ndjson", "Observation.ndjson.bz2", "all.zip", "all.parquet"] {
        let folder = export("", PATIENTS);
        fs::remove_file(folder.path().join("manifest.json")).unwrap();
        assert!(
            read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap().report.problems.iter().all(|p| !p.to_string().contains("passed-over"))
        );
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
        let said = |mapping: &str| read_fhir(folder.path(), mapping).unwrap().report;
        assert!(said(shipped::MAPPING_FHIR).problems.iter().any(|p| p.to_string().contains("folder:passed-over")), "{name}");
        let acknowledged = shipped::MAPPING_FHIR.replacen("dictionary =", "acknowledge = [\"folder:passed-over\"]\ndictionary =", 1);
        let report = said(&acknowledged);
        assert!(report.problems.iter().all(|p| !p.to_string().contains("passed-over")), "{name}");
        assert!(report.notes.iter().any(|n| n.contains("folder:passed-over") && !n.contains("Observation")), "{report}");
    }
}

#[test]
fn what_nobody_reads_is_counted_and_needs_no_id() {
    let folder = export("", PATIENTS);
    let path = folder.path().join("Patient.ndjson");
    let more = "{\"resourceType\":\"OperationOutcome\",\"issue\":[]}\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + more).unwrap();
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    let done = read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap();
    assert!(done.report.notes.iter().any(|n| n.contains("1 resources of type OperationOutcome")), "{}", done.report);
    assert_eq!(done.table.rows.len(), 2);
}

#[test]
fn a_deletion_that_is_not_understood_stops_the_import() {
    for (url, deleted) in [
        ("https://h/fhir/Patient/q", Some(1)),
        ("/Patient/q/_history/2", Some(1)),
        ("Patient?identifier=http://x|q", None),
        ("Patient/%71", None),
    ] {
        let folder = export(",\"deleted\":[{\"type\":\"Bundle\",\"url\":\"https://h/del.ndjson\"}]", PATIENTS);
        let delete =
            "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"request\":{\"method\":\"DELETE\",\"url\":\"URL\"}}]}"
                .replace("URL", url);
        fs::write(folder.path().join("del.ndjson"), delete).unwrap();
        let reading = core();
        let read =
            import(&reading, &Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap(), folder.path(), &ImportOptions::default());
        match (read, deleted) {
            (Ok(done), Some(deleted)) => assert_eq!((done.report.deleted, done.report.people), (deleted, 1), "{url}"),
            (Err(ImportError::Package { .. }), None) => {}
            (other, _) => panic!("{url}: {other:?}"),
        }
    }
}

#[test]
fn two_servers_with_one_id_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = |base: &str| {
        let patient = patient("1", "").lines().next().unwrap().to_owned();
        format!(
            "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"fullUrl\":\"{base}/Patient/1\",\"resource\":{patient}}}]}}"
        )
    };
    let mapping = shipped::MAPPING_FHIR.replacen("kind = \"fhir-ndjson\"", "kind = \"fhir-bundle\"", 1);
    fs::write(folder.path().join("a.json"), bundle("https://a.example/fhir")).unwrap();
    fs::write(folder.path().join("b.json"), bundle("https://a.example/fhir")).unwrap();
    assert!(read_fhir(folder.path(), &mapping).is_ok(), "one server twice");
    fs::write(folder.path().join("b.json"), bundle("https://b.example/fhir")).unwrap();
    assert!(matches!(read_fhir(folder.path(), &mapping), Err(ImportError::Package { .. })), "two people became one");
}

#[test]
fn an_observation_coded_twice_is_read_by_the_first_source_that_can() {
    let twice = lab("o", "p", "59261-8", PERCENT, "2018-05-05").replace(
        "{\"system\":\"http://loinc.org\",\"code\":\"59261-8\"}",
        "{\"system\":\"http://loinc.org\",\"code\":\"59261-8\"},{\"system\":\"http://loinc.org\",\"code\":\"4548-4\"}",
    );
    let done = reads(&twice, "hba1c", Some("6.5"));
    let hba1c = done.report.attributes.iter().find(|a| a.name == "hba1c").unwrap();
    assert_eq!((hba1c.unmapped, hba1c.source_values), (0, 1), "read, and at the same time counted as not covered");
}

#[test]
fn a_condition_that_is_over_by_any_form_does_not_count_as_present() {
    let onset = ",\"onsetDateTime\":\"2010-01-01\"";
    let clinical = |code: &str| format!("{onset},\"clinicalStatus\":{{\"coding\":[{{\"code\":\"{code}\"}}]}}");
    for more in [
        clinical("resolved"),
        clinical("inactive"),
        clinical("remission"),
        format!("{onset},\"abatementString\":\"2017\""),
        format!("{onset},\"abatementBoolean\":true"),
        format!("{onset},\"abatementPeriod\":{{\"start\":\"2017\"}}"),
        format!("{onset},\"abatementAge\":{{\"value\":50}}"),
        format!("{onset},\"abatementRange\":{{\"low\":{{\"value\":50}}}}"),
    ] {
        let done = reads(&condition("c", "p", "44054006", &more), "diabetes", Some("no"));
        let diabetes = done.report.attributes.iter().find(|a| a.name == "diabetes").unwrap();
        assert_eq!(diabetes.ended_undated, 1, "{more}");
    }
    for more in [clinical("active"), clinical("recurrence"), format!("{onset},\"abatementBoolean\":false"), onset.to_owned()] {
        reads(&condition("c", "p", "44054006", &more), "diabetes", Some("yes"));
    }
}

#[test]
fn a_flag_that_is_no_for_everybody_is_a_problem_and_its_code_systems_are_named() {
    let wrong = condition("c", "p", "E11.9", ",\"onsetDateTime\":\"2010-01-01\"")
        .replace("http://snomed.info/sct", "http://fhir.de/CodeSystem/dimdi/icd-10-gm");
    let done = reads(&wrong, "diabetes", Some("no"));
    assert!(done.report.problems.iter().any(|p| matches!(p, Problem::AllNo { attribute } if attribute == "diabetes")), "{}", done.report);
    assert!(done.report.notes.iter().any(|n| n.contains("dimdi/icd-10-gm") && n.contains("1 records")), "{}", done.report);
    let right = reads(&condition("c", "p", "44054006", ",\"onsetDateTime\":\"2010-01-01\""), "diabetes", Some("yes"));
    assert!(!right.report.problems.iter().any(|p| matches!(p, Problem::AllNo { attribute } if attribute == "diabetes")));
}

#[test]
fn whoever_was_not_observed_to_the_end_of_a_window_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let dead = patient("d", ",\"deceasedDateTime\":\"2019-02-01\"");
    fs::write(folder.path().join("export.ndjson"), patient("p", "") + &dead).unwrap();
    let reading = core();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap();
    let read = |as_of: &str| {
        import(&reading, &mapping, folder.path(), &ImportOptions { as_of: Some(day(as_of)), ..ImportOptions::default() }).unwrap()
    };
    let early = read("2019-03-01");
    assert_eq!((value(&reading, &early, "p", "died"), value(&reading, &early, "d", "died").as_deref()), (None, Some("yes")));
    assert!(early.report.notes.iter().any(|n| n.starts_with("died: 1 people's window ends after the data do")), "{}", early.report);
    assert_eq!(value(&reading, &read("2020-01-01"), "p", "died").as_deref(), Some("no"));
}

#[test]
fn files_of_types_nobody_reads_are_not_parsed() {
    let folder = export("", &(PATIENTS.to_owned() + "{\"type\":\"Procedure\",\"url\":\"https://h/Procedure.ndjson\"},"));
    let path = folder.path().join("Procedure.ndjson");
    fs::write(&path, "{\"resourceType\":\"Procedure\",\"id\":5,\"broken\":\n").unwrap();
    let reading = core();
    let read = || import(&reading, &Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap(), folder.path(), &ImportOptions::default());
    assert!(read().unwrap().report.notes.iter().any(|n| n.contains("1 resources of type Procedure")));
    // what is read and stands in the wrong file is not passed over
    fs::write(&path, patient("x", "")).unwrap();
    assert!(matches!(read(), Err(ImportError::ResourceType { .. })));
    // the same where only its name says what a file holds
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    assert_eq!(read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap().report.people, 3);
    fs::write(&path, "{\"resourceType\":\"Procedure\",\"id\":5,\"broken\":\n").unwrap();
    assert_eq!(read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap().report.people, 2);
}
