//! Codes of a kind the dictionary reads, and that nothing matched, are counted by system.

use super::{
    core,
    rules::{condition, encounter, import_text, lab, patient},
    value,
};
use countersign_ingest::{Import, Problem};

const ONSET: &str = ",\"onsetDateTime\":\"2010-01-01\"";
const OLD_ICD: &str = "http://fhir.de/CodeSystem/dimdi/icd-10-gm";
const PERCENT: &str = "\"value\":6.5,\"code\":\"%\"";

fn second(text: &str, system: &str, code: &str) -> String {
    text.replacen("\"coding\":[", &format!("\"coding\":[{{\"system\":\"{system}\",\"code\":\"{code}\"}},"), 1)
}

fn noted(done: &Import, parts: &[&str]) -> bool {
    done.report.notes.iter().any(|n| parts.iter().all(|p| n.contains(p)))
}

#[test]
fn a_second_coding_is_shown_and_not_counted_as_unmatched() {
    let both = second(&condition("c", "p", "44054006", ONSET), OLD_ICD, "E11.9");
    let done = import_text(&(patient("p", "") + &both));
    assert_eq!(value(&core(), &done, "p", "diabetes").as_deref(), Some("yes"));
    assert!(noted(&done, &[OLD_ICD, "1 records", "by another code"]), "{}", done.report);
    assert!(!noted(&done, &[OLD_ICD, "none of their codes"]), "{}", done.report);
    // alone it is read by nothing
    let done = import_text(&(patient("p", "") + &both + &condition("d", "p", "E11.9", ONSET).replace("http://snomed.info/sct", OLD_ICD)));
    assert!(
        noted(&done, &[OLD_ICD, "1 records", "none of their codes"]) && noted(&done, &[OLD_ICD, "1 records", "by another code"]),
        "{}",
        done.report
    );
    // a system that is read somewhere is no news, and neither are codes the dictionary does not ask for
    let done =
        import_text(&(patient("p", "") + &second(&condition("c", "p", "44054006", ONSET), "http://hl7.org/fhir/sid/icd-10", "E11.9")));
    assert!(!noted(&done, &["sid/icd-10"]) && !noted(&done, &["snomed"]), "{}", done.report);
}

#[test]
fn readings_of_a_mistyped_code_system_are_counted() {
    let wrong = lab("o", "p", "4548-4", PERCENT, "2018-05-05").replace("http://loinc.org", "http://loinc.org/");
    let done = import_text(&(patient("p", "") + &wrong));
    assert!(noted(&done, &["Observation.code", "http://loinc.org/", "1 records", "none of their codes"]), "{}", done.report);
    let both = second(&lab("o", "p", "4548-4", PERCENT, "2018-05-05"), "http://loinc.org/", "4548-4");
    let done = import_text(&(patient("p", "") + &both));
    assert_eq!(value(&core(), &done, "p", "hba1c").as_deref(), Some("6.5"));
    assert!(noted(&done, &["http://loinc.org/", "by another code"]), "{}", done.report);
    // of a value
    let smoking = lab("s", "p", "72166-2", "", "2018-05-05").replace(
        "\"valueQuantity\":{}",
        "\"valueCodeableConcept\":{\"coding\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"8517006\"},{\"system\":\"http://snomed.info/SCT\",\"code\":\"8517006\"}]}",
    );
    let done = import_text(&(patient("p", "") + &smoking));
    assert_eq!(value(&core(), &done, "p", "smoker").as_deref(), Some("former"));
    assert!(noted(&done, &["Observation.value", "http://snomed.info/SCT", "by another code"]), "{}", done.report);
    // without a code at all, and without a system
    let text = lab("o", "p", "4548-4", PERCENT, "2018-05-05");
    let done = import_text(
        &(patient("p", "") + &text.replace("\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"4548-4\"}]", "\"text\":\"HbA1c\"")),
    );
    assert!(noted(&done, &["1 records", "Observation.code", "no code"]), "{}", done.report);
    let done = import_text(&(patient("p", "") + &text.replace("\"system\":\"http://loinc.org\",", "")));
    assert!(noted(&done, &["Observation.code", "no system"]), "{}", done.report);
}

#[test]
fn a_count_that_is_zero_for_everybody_is_a_problem() {
    let zero =
        |done: &Import| done.report.problems.iter().any(|p| matches!(p, Problem::AllZero { attribute } if attribute == "encounters_1y"));
    let open = patient("p", "").replace("finished", "in-progress");
    let done = import_text(&open);
    assert_eq!(value(&core(), &done, "p", "encounters_1y").as_deref(), Some("0"));
    assert!(zero(&done) && noted(&done, &["encounters_1y: 1 matching records do not count for their status"]), "{}", done.report);
    assert!(!zero(&import_text(&(open + &encounter("e2", "p", "finished", "2018-07-01")))));
    // that nobody died can be: it is said
    let done = import_text(&patient("p", ""));
    assert!(noted(&done, &["died: ", "\"no\" for everybody"]), "{}", done.report);
}

#[test]
fn values_of_types_that_no_rule_reads_are_not_taken_for_no_value() {
    let text = lab("o", "p", "4548-4", PERCENT, "2018-05-05");
    let quantity = format!("\"valueQuantity\":{{{PERCENT}}}");
    for other in ["\"valueString\":\"6.5\"", "\"valueInteger\":6", "\"valueCodeableConcept\":{\"coding\":[]}", "\"valueRange\":{}"] {
        let done = import_text(&(patient("p", "") + &text.replace(&quantity, other)));
        assert!(noted(&done, &["hba1c: a value of another type than valueQuantity", "1 times"]), "{other}: {}", done.report);
    }
    let done = import_text(&(patient("p", "") + &text.replace(&quantity, "\"dataAbsentReason\":{}")));
    assert!(noted(&done, &["hba1c: 1 readings have no value"]), "{}", done.report);
    let smoking = lab("s", "p", "72166-2", "", "2018-05-05");
    let done = import_text(&(patient("p", "") + &smoking.replace("\"valueQuantity\":{}", "\"valueString\":\"never\"")));
    assert!(noted(&done, &["smoker: a value of another type than valueCodeableConcept"]), "{}", done.report);
}
