//! A malformed value of FHIR JSON is named by file, line and element; never by patient or value.

use super::{
    read_fhir,
    rules::{condition, encounter, lab, patient},
};
use countersign_ingest::{ConsentPolicy, ConsentSource, ImportError, read_consents, shipped};
use std::fs;

const PERCENT: &str = "\"value\":6.5,\"comparator\":\"<\",\"unit\":\"u\",\"code\":\"%\"";

#[track_caller]
fn says(error: &ImportError, start: &str) {
    let message = error.to_string();
    assert!(message.starts_with(start), "{message}, where {start} was expected");
    assert!(!message.contains("SECRET") && !format!("{error:?}").contains("SECRET"), "{message}");
}

#[track_caller]
fn refused(text: &str, from: &str, to: &str, element: &str) {
    assert!(text.contains(from), "the test no longer finds {from}");
    let text = text.replacen(from, to, 1);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), patient("x", "") + &text).unwrap();
    says(&read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap_err(), &format!("a.ndjson:3: {element}: "));
    // the same in a bundle, over several lines
    let folder = tempfile::tempdir().unwrap();
    let resource = text.lines().next().unwrap().replacen("{\"resourceType\"", "{\n\"resourceType\"", 1);
    fs::write(
        folder.path().join("b.json"),
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n{{\"resource\":{resource}}}]}}"),
    )
    .unwrap();
    let error = read_fhir(folder.path(), &shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle")).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("b.json:2: ") || message.starts_with("b.json:3: "), "{message}");
    // what is no JSON is so for the whole bundle: line and column say where
    let named = if message.contains(": not JSON ") { "Bundle.entry" } else { element };
    assert!(message.contains(&format!(" {named}: ")) && !message.contains("SECRET"), "{message}");
}

#[test]
fn elements_of_patients() {
    let text = patient(
        "SECRET",
        ",\"active\":true,\"deceasedDateTime\":\"2020-01-01\",\"link\":[{\"type\":\"seealso\",\"other\":{\"reference\":\"Patient/SECRET\"}}]",
    );
    for (from, to, element) in [
        ("\"female\"", "[\"SECRET\"]", "Patient.gender"),
        ("\"1960-05-05\"", "19600505", "Patient.birthDate"),
        ("\"1960-05-05\"", "\"SECRET\"", "Patient.birthDate"),
        ("\"active\":true", "\"active\":\"SECRET\"", "Patient.active"),
        ("\"2020-01-01\"", "\"1.1.2020\"", "Patient.deceasedDateTime"),
        ("\"seealso\"", "{}", "Patient.link[0].type"),
        ("\"Patient/SECRET\"", "5", "Patient.link[0].other.reference"),
        ("\"link\":[", "\"link\":[5,", "Patient.link[0]"),
    ] {
        refused(&text, from, to, element);
    }
}

#[test]
fn elements_of_observations() {
    let text = lab("o", "SECRET", "4548-4", PERCENT, "2018-05-05").replacen(
        "\"valueQuantity\"",
        "\"identifier\":[{\"system\":\"urn:x\",\"value\":\"SECRET\"}],\"component\":[{\"code\":{\"coding\":[]}},{\"valueQuantity\":{\"value\":7,\"code\":\"kg\"}}],\"valueQuantity\"",
        1,
    );
    for (from, to, element) in [
        ("\"value\":6.5", "\"value\":\"SECRET\"", "Observation.valueQuantity.value"),
        ("\"value\":6.5", "\"value\":\"6.5\"", "Observation.valueQuantity.value"),
        ("\"value\":6.5", "\"value\":true", "Observation.valueQuantity.value"),
        ("\"value\":6.5", "\"value\":[6.5]", "Observation.valueQuantity.value"),
        ("\"value\":6.5", "\"value\":6,5", "Observation.valueQuantity"),
        ("\"comparator\":\"<\"", "\"comparator\":5", "Observation.valueQuantity.comparator"),
        ("\"comparator\":\"<\"", "\"comparator\":\"SECRET\"", "Observation.valueQuantity.comparator"),
        ("\"unit\":\"u\"", "\"unit\":5", "Observation.valueQuantity.unit"),
        ("\"code\":\"%\"", "\"code\":{}", "Observation.valueQuantity.code"),
        ("\"value\":7", "\"value\":\"SECRET\"", "Observation.component[1].valueQuantity.value"),
        ("\"code\":\"kg\"", "\"code\":1", "Observation.component[1].valueQuantity.code"),
        ("\"code\":\"4548-4\"", "\"code\":4548", "Observation.code.coding[0].code"),
        ("\"http://loinc.org\"", "[]", "Observation.code.coding[0].system"),
        ("\"final\"", "1", "Observation.status"),
        ("\"2018-05-05\"", "\"yesterday SECRET\"", "Observation.effectiveDateTime"),
        ("\"effectiveDateTime\":\"2018-05-05\"", "\"effectiveInstant\":\"SECRET\"", "Observation.effectiveInstant"),
        ("\"effectiveDateTime\":\"2018-05-05\"", "\"effectivePeriod\":{\"start\":\"2018-13\"}", "Observation.effectivePeriod.start"),
        ("\"Patient/SECRET\"", "{\"a\":\"SECRET\"}", "Observation.subject.reference"),
        ("\"status\"", "\"meta\":{\"lastUpdated\":\"SECRET\"},\"status\"", "Observation.meta.lastUpdated"),
        ("\"value\":\"SECRET\"}]", "\"value\":7}]", "Observation.identifier[0].value"),
        // a name of the file's own is not repeated
        ("\"status\"", "\"SECRET\":{\"x\":nul},\"status\"", "Observation"),
        ("\"status\"", "\"status\":\"final\",\"status\"", "Observation.status"),
    ] {
        refused(&text, from, to, element);
    }
}

#[test]
fn elements_of_conditions_and_encounters() {
    let text = condition(
        "c",
        "SECRET",
        "44054006",
        ",\"onsetDateTime\":\"2010\",\"clinicalStatus\":{\"coding\":[{\"code\":\"active\"}]},\"verificationStatus\":{\"coding\":[{\"code\":\"confirmed\"}]}",
    );
    for (from, to, element) in [
        ("\"2010\"", "2010", "Condition.onsetDateTime"),
        ("\"2010\"", "\"SECRET\"", "Condition.onsetDateTime"),
        ("\"onsetDateTime\":\"2010\"", "\"onsetPeriod\":{\"start\":\"20\"}", "Condition.onsetPeriod.start"),
        ("\"onsetDateTime\":\"2010\"", "\"recordedDate\":\"20\"", "Condition.recordedDate"),
        ("\"onsetDateTime\":\"2010\"", "\"abatementDateTime\":\"20\"", "Condition.abatementDateTime"),
        ("\"onsetDateTime\":\"2010\"", "\"abatementPeriod\":{\"end\":\"20\"}", "Condition.abatementPeriod.end"),
        ("\"onsetDateTime\":\"2010\"", "\"abatementBoolean\":\"yes\"", "Condition.abatementBoolean"),
        ("\"active\"", "[]", "Condition.clinicalStatus.coding[0].code"),
        ("{\"coding\":[{\"code\":\"confirmed\"}]}", "\"confirmed\"", "Condition.verificationStatus"),
    ] {
        refused(&text, from, to, element);
    }
    let text = encounter("e", "SECRET", "finished", "2018-06-01");
    refused(&text, "\"2018-06-01\"", "\"2018-06-41\"", "Encounter.period.start");
    refused(&text, "\"finished\"", "[]", "Encounter.status");
    refused(&text, "\"id\":\"e\"", "\"id\":7", "Encounter.id");
}

#[test]
fn elements_of_consents_and_manifests() {
    let text = super::consents::document(
        "c",
        "SECRET",
        "\"provision\":[{\"type\":\"permit\",\"period\":{\"start\":\"2020\"},\"code\":[{\"coding\":[{\"system\":\"urn:countersign:consent\",\"code\":\"research\"}]}]}]",
    );
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    for (from, to, element) in [
        ("\"active\"", "1", "Consent.status"),
        ("\"2020-01-01\"", "\"SECRET\"", "Consent.dateTime"),
        ("\"uri\":\"urn:countersign:policy:broad-research:1\"", "\"uri\":[]", "Consent.policy[0].uri"),
        ("\"type\":\"deny\"", "\"type\":5", "Consent.provision.type"),
        ("\"start\":\"2020\"", "\"start\":\"SECRET\"", "Consent.provision.provision[0].period.start"),
    ] {
        assert!(text.contains(from), "{from}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Consent.ndjson"), text.replacen(from, to, 1)).unwrap();
        let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: super::day("2024-06-01") };
        says(&read_consents(source, &super::consents::registry()).unwrap_err(), &format!("Consent.ndjson:1: {element}: "));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Patient.ndjson"), patient("p", "").lines().next().unwrap()).unwrap();
    fs::write(folder.path().join("manifest.json"), "{\"transactionTime\":\"2021-01-01\",\n\"output\":[{\"type\":\"Patient\",\"url\":5}]}")
        .unwrap();
    says(&read_fhir(folder.path(), shipped::MAPPING_FHIR).unwrap_err(), "manifest.json:2: output[0].url: ");
}
