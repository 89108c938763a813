//! Every example of Consent in the R4 package of HL7 (hl7.fhir.r4.examples, CC0), with the reason for which it permits nothing here.

use super::{consents::registry, day, oracle::shared};
use countersign_ingest::{ConsentPolicy, ConsentReport, ConsentSource, read_consents, shipped};
use serde_json::{Value, json};
use std::fs;

/// What becomes of each, were it about research and under a policy that is known.
const EXAMPLES: [(&str, &str); 12] = [
    ("Emergency", "base-rule-unclear"),
    ("Out", "base-rule-unclear"),
    ("basic", "base-rule-unclear"),
    ("grantor", "base-rule-unclear"),
    ("notAuthor", "base-rule-unclear"),
    ("notOrg", "root-narrowed"),
    ("notThem", "base-rule-unclear"),
    ("notThis", "base-rule-unclear"),
    ("notTime", "base-rule-unclear"),
    ("pkb", "base-rule-unclear"),
    ("signature", "base-rule-unclear"),
    ("smartonfhir", "by-proxy"),
];

fn read(consent: &Value) -> ConsentReport {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Consent.ndjson"), format!("{consent}\n")).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let read = read_consents(ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") }, &registry()).unwrap();
    assert!(read.table.is_empty(), "an example of HL7 permits research here: {consent}");
    read.report
}

#[test]
fn every_example_of_hl7_permits_nothing_for_the_right_reason() {
    let Some(folder) = shared("data/fhir_consent_hl7") else { return };
    for (name, reason) in EXAMPLES {
        let file = folder.join(format!("Consent-consent-example-{name}.json"));
        let mut consent: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        assert_eq!(read(&consent).refused.into_iter().collect::<Vec<_>>(), [("not-research".to_owned(), 1)], "{name}");
        let scope = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]});
        consent["scope"] = scope;
        consent["policy"] = json!([{"uri": "urn:countersign:policy:broad-research:1"}]);
        let report = read(&consent);
        assert_eq!(report.refused.into_iter().collect::<Vec<_>>(), [(reason.to_owned(), 1)], "{name}");
    }
}
