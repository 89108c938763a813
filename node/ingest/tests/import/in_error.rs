//! What is entered in error never counts, wherever that stands.

use super::{
    core, read_fhir,
    rules::{condition, encounter, import_text, lab, patient},
    value,
};
use countersign_ingest::{Import, Mapping, Reading, shipped};

const PERCENT: &str = "\"value\":6.5,\"code\":\"%\"";

fn hba1c(resources: &str) -> (Option<String>, Import) {
    let done = import_text(&(patient("p", "") + resources));
    (value(&core(), &done, "p", "hba1c"), done)
}

/// A reading with some more elements, in error or final.
fn reading(id: &str, status: &str, more: &str) -> String {
    lab(id, "p", "4548-4", PERCENT, "2018-05-05").replace("\"final\"", &format!("\"{status}\"{more}"))
}

fn updated(year: u32) -> String {
    format!(",\"meta\":{{\"lastUpdated\":\"{year}-01-01T00:00:00Z\"}}")
}

fn named(value: &str) -> String {
    format!(",\"identifier\":[{{\"system\":\"urn:lab\",\"value\":\"{value}\"}}]")
}

const ERROR: &str = "entered-in-error";

#[test]
fn a_version_in_error_counts_against_one_that_says_nothing_of_its_age() {
    let (good, wrong) = (reading("o", "final", ""), reading("o", ERROR, ""));
    for text in [
        good.clone() + &wrong,
        wrong.clone() + &good,
        reading("o", "final", &updated(2020)) + &wrong,
        wrong + &reading("o", "final", &updated(2020)),
    ] {
        assert_eq!(hba1c(&text).0, None, "{text}");
    }
    // what was certainly made later stands
    let text = reading("o", ERROR, &updated(2020)) + &reading("o", "final", &updated(2021));
    assert_eq!(hba1c(&text).0.as_deref(), Some("6.5"));
    let onset = ",\"onsetDateTime\":\"2010\"";
    let confirmed = condition("c", "p", "44054006", onset);
    let taken_back = condition("c", "p", "44054006", &format!("{onset},\"verificationStatus\":{{\"coding\":[{{\"code\":\"{ERROR}\"}}]}}"));
    let done = import_text(&(patient("p", "") + &taken_back + &confirmed));
    assert_eq!(value(&core(), &done, "p", "diabetes").as_deref(), Some("no"));
    let visit = |id: &str, status: &str| encounter(id, "p", status, "2018-06-01");
    let done = import_text(&(patient("p", "") + &visit("x", ERROR) + &visit("x", "finished")));
    assert_eq!(value(&core(), &done, "p", "encounters_1y").as_deref(), Some("1"), "only the patient's own");
}

#[test]
fn a_record_of_the_same_identifier_in_error_takes_a_record_out() {
    let (good, wrong) = (reading("a", "final", &named("7")), reading("b", ERROR, &named("7")));
    for text in [good.clone() + &wrong, wrong.clone() + &good] {
        let (found, done) = hba1c(&text);
        assert_eq!(found, None, "{text}");
        assert!(done.report.notes.iter().any(|n| n.contains("1 Observation") && n.contains("same identifier")), "{}", done.report);
    }
    // a record in error keeps little more than its identifier
    let bare = format!("{{\"resourceType\":\"Observation\",\"id\":\"b\",\"status\":\"{ERROR}\"{}}}\n", named("7"));
    assert_eq!(hba1c(&(good.clone() + &bare)).0, None);
    // another number, another laboratory's, none's
    for other in [named("8"), named("7").replace("urn:lab", "urn:other")] {
        let (found, done) = hba1c(&(good.clone() + &reading("b", ERROR, &other)));
        assert_eq!(found.as_deref(), Some("6.5"), "{other}");
        assert!(!done.report.notes.iter().any(|n| n.contains("same identifier")), "{}", done.report);
    }
    // several readings may be of one order: another code is another record
    let other_code = wrong.replace("4548-4", "39156-5");
    assert_eq!(hba1c(&(good.clone() + &other_code)).0.as_deref(), Some("6.5"));
    // conditions and encounters alike
    let onset = ",\"onsetDateTime\":\"2010\"".to_owned() + &named("7");
    let in_error = format!("{onset},\"verificationStatus\":{{\"coding\":[{{\"code\":\"{ERROR}\"}}]}}");
    let text = condition("c", "p", "44054006", &onset) + &condition("d", "p", "44054006", &in_error);
    assert_eq!(value(&core(), &import_text(&(patient("p", "") + &text)), "p", "diabetes").as_deref(), Some("no"));
    let visit = |id: &str, status: &str| {
        encounter(id, "p", status, "2018-06-01")
            .replace("\"status\"", &format!("{}\"status\"", named("7").trim_start_matches(',').to_owned() + ","))
    };
    let done = import_text(&(patient("p", "") + &visit("x", "finished") + &visit("y", ERROR)));
    assert_eq!(value(&core(), &done, "p", "encounters_1y").as_deref(), Some("1"));
}

#[test]
fn a_correction_under_the_same_identifier_stands_and_is_counted() {
    // made later than the one in error
    let text = reading("a", ERROR, &(named("7") + &updated(2020))) + &reading("b", "final", &(named("7") + &updated(2021)));
    let (found, done) = hba1c(&text);
    assert_eq!(found.as_deref(), Some("6.5"));
    assert!(done.report.notes.iter().any(|n| n.contains("1 Observation") && n.contains("made later")), "{}", done.report);
    // of another patient: it was recorded for the wrong one
    let wrong = reading("b", ERROR, &named("7")).replace("Patient/p", "Patient/q");
    let done = import_text(&(patient("p", "") + &patient("q", "") + &reading("a", "final", &named("7")) + &wrong));
    assert_eq!(value(&core(), &done, "p", "hba1c").as_deref(), Some("6.5"));
    assert!(done.report.notes.iter().any(|n| n.contains("another patient")), "{}", done.report);
    // an identifier without a system names nothing for certain
    let loose = |text: String| text.replace("\"system\":\"urn:lab\",", "");
    let (found, done) = hba1c(&(loose(reading("a", "final", &named("7"))) + &loose(reading("b", ERROR, &named("7")))));
    assert_eq!(found.as_deref(), Some("6.5"));
    assert!(done.report.notes.iter().any(|n| n.contains("without a system")), "{}", done.report);
    // what was in error and is not any more takes nothing
    let text = reading("a", "final", &named("7"))
        + &reading("b", ERROR, &(named("7") + &updated(2020)))
        + &reading("b", "cancelled", &updated(2021));
    assert_eq!(hba1c(&text).0.as_deref(), Some("6.5"));
}

#[test]
fn a_reading_that_another_one_replaces_does_not_count() {
    let replaces = ",\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/observation-replaces\",\"valueReference\":{\"reference\":\"Observation/a\"}},{\"url\":\"urn:x\",\"valueString\":\"y\"}]";
    let old = reading("a", "final", "");
    let new = reading("b", "final", replaces).replace("6.5", "7.5").replace("2018-05-05", "2018-01-01");
    for text in [old.clone() + &new, new.clone() + &old] {
        let (found, done) = hba1c(&text);
        assert_eq!(found.as_deref(), Some("7.5"), "{text}");
        assert!(done.report.notes.iter().any(|n| n.contains("1 Observation") && n.contains("replaced")), "{}", done.report);
    }
    // the one that replaced it is in error itself: neither counts
    assert_eq!(hba1c(&(old.clone() + &reading("b", ERROR, replaces))).0, None);
    // not yet in force
    assert_eq!(hba1c(&(old + &reading("b", "preliminary", replaces))).0.as_deref(), Some("6.5"));
}

#[test]
fn a_status_that_is_not_understood_does_not_count_and_is_shown() {
    let status = |word: &str| {
        format!(",\"onsetDateTime\":\"2010\",\"verificationStatus\":{{\"coding\":[{{\"system\":\"urn:x\",\"code\":\"{word}\"}}]}}")
    };
    let done = import_text(&(patient("p", "") + &condition("c", "p", "44054006", &status("maybe"))));
    assert_eq!(value(&core(), &done, "p", "diabetes").as_deref(), Some("no"));
    assert!(done.report.notes.iter().any(|n| n.starts_with("diabetes: ") && n.contains("verificationStatus")), "{}", done.report);
    let done = import_text(&(patient("p", "") + &condition("c", "p", "44054006", &status("provisional"))));
    assert_eq!(value(&core(), &done, "p", "diabetes").as_deref(), Some("yes"));
    // an encounter without a status, or with one nobody knows, is no observation
    for wrong in ["\"status\":\"seen\",", ""] {
        let text = patient("p", "").replace("\"status\":\"finished\",", wrong);
        assert_eq!(import_text(&text).report.rows, 0, "{wrong}");
    }
}

#[test]
fn nobody_can_make_what_is_in_error_count() {
    let mapping = shipped::MAPPING_FHIR.replacen(
        "dictionary =",
        "status_map = { Observation = { \"entered-in-error\" = \"final\" } }\ndictionary =",
        1,
    );
    let message = Mapping::from_toml(&mapping, &core()).unwrap_err().to_string();
    assert!(message.contains("entered-in-error"), "{message}");
    let dictionary = shipped::CARDIOMETABOLIC_CORE.replacen("status = [\"finished\"]", "status = [\"finished\", \"entered-in-error\"]", 1);
    let message = Reading::from_toml(&dictionary).unwrap_err().to_string();
    assert!(message.contains("entered-in-error"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.ndjson"), patient("p", "") + &reading("o", "STORNO", "")).unwrap();
    let own =
        shipped::MAPPING_FHIR.replacen("dictionary =", "status_map = { Observation = { STORNO = \"entered-in-error\" } }\ndictionary =", 1);
    assert_eq!(value(&core(), &read_fhir(folder.path(), &own).unwrap(), "p", "hba1c"), None);
}

#[test]
fn an_extension_that_may_change_what_a_record_says_is_not_passed_over() {
    let modified = |text: String| text.replacen("{\"resourceType\"", "{\"modifierExtension\":[{\"url\":\"urn:x\"}],\"resourceType\"", 1);
    let (found, done) = hba1c(&modified(reading("o", "final", "")));
    assert_eq!(found, None);
    assert!(done.report.notes.iter().any(|n| n.starts_with("1 Observation resources have a modifierExtension")), "{}", done.report);
    let text =
        modified(condition("c", "p", "44054006", ",\"onsetDateTime\":\"2010\"")) + &modified(encounter("x", "p", "finished", "2018-06-01"));
    let done = import_text(&(patient("p", "") + &text));
    assert_eq!(value(&core(), &done, "p", "diabetes").as_deref(), Some("no"));
    assert_eq!(value(&core(), &done, "p", "encounters_1y").as_deref(), Some("1"));
}
