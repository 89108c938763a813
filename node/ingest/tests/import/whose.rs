//! Records of people who are not in the export, or who are another server's, are never dropped in silence and never somebody else's.

use super::{
    core, options, read_fhir,
    rules::{encounter, import_text, lab, patient},
    value,
};
use countersign_circuits::consent::ScopeRegistry;
use countersign_ingest::{ConsentSource, Consents, Import, ImportError, ImportOptions, Mapping, Problem, import, read_consents, shipped};
use std::fs;

const PERCENT: &str = "\"value\":6.5,\"code\":\"%\"";

fn labs(of: &str, count: usize) -> String {
    (0..count).map(|i| lab(&format!("{of}-{i}"), of, "4548-4", PERCENT, "2018-05-05")).collect()
}

#[test]
fn records_of_people_who_are_not_in_the_export_are_counted_by_type() {
    let done = import_text(&(patient("p", "") + &labs("p", 20) + &labs("gone", 1) + &encounter("e", "gone", "finished", "2018-06-01")));
    let strays: Vec<_> = done.report.strays.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(strays, [("Encounter", 1), ("Observation", 1)]);
    assert!(done.report.notes.iter().any(|n| n.starts_with("1 of 21 Observation") && !n.contains("gone")), "{}", done.report);
    // one of two encounters is more than a trifle, one of 21 readings is not
    let stops: Vec<_> =
        done.report.problems.iter().filter_map(|p| if let Problem::Strays { kind, .. } = p { Some(kind.as_str()) } else { None }).collect();
    assert_eq!(stops, ["Encounter"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), patient("p", "") + &labs("gone", 3)).unwrap();
    let known = shipped::MAPPING_FHIR.replacen("dictionary =", "acknowledge = [\"export:patients\"]\ndictionary =", 1);
    let done = read_fhir(folder.path(), &known).unwrap();
    assert!(!done.report.problems.iter().any(|p| matches!(p, Problem::Strays { .. })), "{}", done.report);
    assert!(done.report.notes.iter().any(|n| n.contains("export:patients") && n.contains("3 of 3 Observation")), "{}", done.report);
    // whose record is inactive is in the export
    let done = import_text(&(patient("p", "") + &patient("q", ",\"active\":false") + &labs("q", 3)));
    assert!(done.report.strays.is_empty() && done.report.without_patient == 4, "{}", done.report);
}

#[test]
fn records_of_a_deleted_patient_belong_to_nobody_for_a_known_reason() {
    let folder = tempfile::tempdir().unwrap();
    let delete = |id: &str| format!("{{\"request\":{{\"method\":\"DELETE\",\"url\":\"Patient/{id}\"}}}}");
    let entries: Vec<String> =
        (patient("p", "") + &patient("q", "") + &labs("q", 2) + &labs("r", 2)).lines().map(|l| format!("{{\"resource\":{l}}}")).collect();
    let text =
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{},{},{}]}}", entries.join(","), delete("q"), delete("r"));
    fs::write(folder.path().join("b.json"), text).unwrap();
    let done = read_fhir(folder.path(), &shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle")).unwrap();
    assert_eq!((done.report.people, done.report.deleted, done.report.without_patient), (1, 1, 5), "{}", done.report);
    assert!(done.report.strays.is_empty(), "{}", done.report);
}

fn bundle(entries: &[(&str, String)]) -> Result<Import, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let entries: Vec<String> =
        entries.iter().map(|(url, text)| format!("{{\"fullUrl\":\"{url}\",\"resource\":{}}}", text.trim())).collect();
    let text = format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{}]}}", entries.join(","));
    fs::write(folder.path().join("b.json"), text).unwrap();
    read_fhir(folder.path(), &shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle"))
}

#[test]
fn a_reference_to_another_server_joins_nobody_here() {
    let person = patient("1", "");
    let (who, visit) = person.trim().split_once('\n').unwrap();
    let base = "https://a.example/fhir";
    let own = [(format!("{base}/Patient/1"), who.to_owned()), (format!("{base}/Encounter/e"), visit.to_owned())];
    let with = |url: &str, reference: &str| {
        let reading = lab("o", "1", "4548-4", PERCENT, "2018-05-05").replace("Patient/1", reference);
        let mut all: Vec<(&str, String)> = own.iter().map(|(url, text)| (url.as_str(), text.clone())).collect();
        all.push((url, reading));
        bundle(&all).unwrap()
    };
    for (url, reference, joins) in [
        ("https://a.example/fhir/Observation/o", "Patient/1", true),
        ("https://a.example/fhir/Observation/o", "https://a.example/fhir/Patient/1", true),
        ("https://a.example/fhir/Observation/o", "https://a.example/fhir/Patient/1/_history/3", true),
        ("urn:uuid:7", "Patient/1", true),
        // another server's
        ("https://a.example/fhir/Observation/o", "https://b.example/fhir/Patient/1", false),
        ("https://b.example/fhir/Observation/o", "Patient/1", false),
    ] {
        let done = with(url, reference);
        assert_eq!(value(&core(), &done, "1", "hba1c").is_some(), joins, "{url} {reference}");
        assert_eq!(done.report.strays.get("Observation").copied(), (!joins).then_some(1), "{url} {reference}");
    }
}

#[test]
fn two_servers_addresses_for_one_id_stop() {
    let to = |base: &str, id: &str| lab(id, "1", "4548-4", PERCENT, "2018-05-05").replace("Patient/1", &format!("{base}/Patient/1"));
    let read = |text: String| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.ndjson"), text).unwrap();
        read_fhir(folder.path(), shipped::MAPPING_FHIR)
    };
    let one = read(patient("1", "") + &to("https://a", "x") + &to("https://a", "y")).unwrap();
    assert_eq!(value(&core(), &one, "1", "hba1c").as_deref(), Some("6.5"));
    assert!(matches!(read(patient("1", "") + &to("https://a", "x") + &to("https://b", "y")), Err(ImportError::TwoServers)));
    // and for consents, where one of them may be a refusal
    let document = super::consents::document("c", "p", "\"provision\":[]");
    let two = document.replace("Patient/p", "https://a/Patient/p")
        + &document.replace("\"c\"", "\"d\"").replace("Patient/p", "https://b/Patient/p");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Consent.ndjson"), two).unwrap();
    let policy = countersign_ingest::ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: super::day("2024-06-01") };
    assert!(matches!(read_consents(source, &super::consents::registry()), Err(ImportError::TwoServers)));
}

/// A table of consents.
pub(super) fn consents(text: &str, registry: &ScopeRegistry) -> Consents {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consents.csv");
    fs::write(&path, text).unwrap();
    read_consents(ConsentSource::Csv(&path), registry).unwrap()
}

#[test]
fn consents_of_people_who_are_not_in_the_records_stop_unless_acknowledged() {
    let reading = core();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), patient("p", "") + &patient("dead", ",\"deceasedDateTime\":\"2018-12-31\"")).unwrap();
    let read = |table: &str, mapping: &str| {
        let consents = consents(table, &super::consents::registry());
        let options = ImportOptions { consents: Some(&consents), ..options() };
        import(&reading, &Mapping::from_toml(mapping, &reading).unwrap(), folder.path(), &options).unwrap().report
    };
    let unknown = |report: &countersign_ingest::ImportReport| {
        report.problems.iter().any(|p| matches!(p, Problem::ConsentsUnknown { people: 1, of: 3 }))
    };
    let all = "patient,scope,until\np,p.health,\ndead,p.health,\n";
    assert!(!unknown(&read(all, shipped::MAPPING_FHIR)), "whoever has no row is known all the same");
    let more = all.to_owned() + "other,p.health,\nother,c.labs,\n";
    let report = read(&more, shipped::MAPPING_FHIR);
    assert!(unknown(&report) && !report.to_string().contains("other,"), "{report}");
    let report = read(&more, &shipped::MAPPING_FHIR.replacen("dictionary =", "acknowledge = [\"consents:patients\"]\ndictionary =", 1));
    assert!(!unknown(&report) && report.notes.iter().any(|n| n.contains("consents:patients")), "{report}");
}
