//! Data that end before a window does say nothing of its rest.

use super::{
    core, day,
    rules::{condition, encounter, lab, patient},
    value,
};
use countersign_ingest::{Import, ImportOptions, Mapping, Problem, Reading, import, shipped};
use std::fs;

fn changed(changes: &[(&str, &str)]) -> Reading {
    let text = changes.iter().fold(shipped::CARDIOMETABOLIC_CORE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the test no longer finds {from}");
        text.replacen(from, to, 1)
    });
    Reading::from_toml(&text).unwrap()
}

fn read(reading: &Reading, text: &str, as_of: &str) -> Import {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), text).unwrap();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, reading).unwrap();
    import(reading, &mapping, folder.path(), &ImportOptions { as_of: Some(day(as_of)), ..ImportOptions::default() }).unwrap()
}

/// Diabetes within a year after the index, which may be missing.
const AFTER: [(&str, &str); 2] = [
    ("complete = true # no code means \"no\" for people in observation\n", ""),
    ("valueset = \"diabetes\", window = [\"-120y\", \"0d\"], active_at_index = true", "valueset = \"diabetes\", window = [\"0d\", \"1y\"]"),
];

#[test]
fn a_condition_nobody_could_have_recorded_yet_is_missing_and_not_no() {
    let reading = changed(&AFTER);
    let text = [
        patient("p", ""),
        patient("sick", ""),
        patient("dead", ",\"deceasedDateTime\":\"2019-02-01\""),
        condition("c", "sick", "44054006", ",\"onsetDateTime\":\"2019-02-01\""),
    ]
    .concat();
    let early = read(&reading, &text, "2019-03-01");
    assert_eq!(value(&reading, &early, "p", "diabetes"), None);
    assert_eq!(value(&reading, &early, "sick", "diabetes").as_deref(), Some("yes"), "what was seen was seen");
    assert_eq!(value(&reading, &early, "dead", "diabetes").as_deref(), Some("no"), "observed to the end of life");
    assert!(early.report.notes.iter().any(|n| n.starts_with("diabetes: 1 people's window ends after the data do")), "{}", early.report);
    assert_eq!(value(&reading, &read(&reading, &text, "2020-01-01"), "p", "diabetes").as_deref(), Some("no"));
}

#[test]
fn a_count_whose_window_is_not_over_is_missing() {
    let reading = changed(&[
        ("complete = true # none is a number\n", ""),
        ("use = \"encounter\", window = [\"-1y\", \"0d\"]", "use = \"encounter\", window = [\"0d\", \"1y\"]"),
    ]);
    let text = patient("p", "") + &encounter("x", "p", "finished", "2019-02-01");
    let early = read(&reading, &text, "2019-03-01");
    assert_eq!(value(&reading, &early, "p", "encounters_1y"), None);
    assert!(early.report.notes.iter().any(|n| n.starts_with("encounters_1y: 1 people's window")), "{}", early.report);
    assert_eq!(value(&reading, &read(&reading, &text, "2020-01-01"), "p", "encounters_1y").as_deref(), Some("1"));
    // readings that are counted or summed, too; the latest one is what it is
    let counted = changed(&[(
        "codes = [{ system = \"http://loinc.org\", in = [\"39156-5\"] }]",
        "codes = [{ system = \"http://loinc.org\", in = [\"39156-5\"] }]\npick = \"sum\"\nwindow = [\"0d\", \"1y\"]",
    )]);
    let weight = lab("w", "p", "39156-5", "\"value\":30,\"code\":\"kg/m2\"", "2019-02-01");
    assert_eq!(value(&counted, &read(&counted, &(text.clone() + &weight), "2019-03-01"), "p", "bmi"), None);
    assert_eq!(value(&counted, &read(&counted, &(text + &weight), "2020-01-01"), "p", "bmi").as_deref(), Some("30"));
}

#[test]
fn follow_up_is_not_said_to_reach_beyond_the_data() {
    let reading = changed(&[("censor = [\"last_contact\", \"table_date\"]", "censor = []")]);
    let text = patient("p", "") + &patient("d", ",\"deceasedDateTime\":\"2019-02-01\"");
    let early = read(&reading, &text, "2019-03-01");
    assert_eq!(
        (value(&reading, &early, "p", "followup_days"), value(&reading, &early, "d", "followup_days").as_deref()),
        (None, Some("31"))
    );
    assert_eq!(value(&reading, &read(&reading, &text, "2020-01-01"), "p", "followup_days").as_deref(), Some("365"));
}

#[test]
fn a_complete_attribute_that_could_not_be_observed_stops_with_its_reason() {
    let reading = changed(&AFTER[1..]);
    let text = patient("p", "") + &patient("q", "");
    let early = read(&reading, &text, "2019-03-01");
    let said: Vec<String> =
        early.report.problems.iter().filter(|p| matches!(p, Problem::WindowBeyondData { .. })).map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{}", early.report);
    assert!(said[0].contains("\"diabetes\"") && said[0].contains("2 people") && said[0].contains("2019-03-01"), "{said:?}");
    assert!(!read(&reading, &text, "2020-01-01").report.problems.iter().any(|p| matches!(p, Problem::WindowBeyondData { .. })));
    // data older than the index: conditions, counts and deaths alike
    let done = read(&core(), &text, "2018-07-01");
    let named: Vec<String> = done
        .report
        .problems
        .iter()
        .filter_map(|p| if let Problem::WindowBeyondData { attribute, .. } = p { Some(attribute.clone()) } else { None })
        .collect();
    assert_eq!(named, ["diabetes", "hypertension", "encounters_1y"], "{}", done.report);
}
