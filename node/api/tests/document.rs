//! The OpenAPI document: as checked in, and complete.

use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

fn checked_in() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json")
}

#[test]
fn the_document_is_as_checked_in() {
    let made = countersign_api::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("COUNTERSIGN_WRITE_OPENAPI").is_some() {
        fs::write(checked_in(), &made).unwrap();
    }
    let found = fs::read_to_string(checked_in()).unwrap();
    let hint = "the interface changed; if that is meant, write the document anew (CONTRIBUTING.md, an endpoint)";
    assert!(found == made, "{hint}");
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|v| references(v, found));
        }
        Value::Array(list) => list.iter().for_each(|v| references(v, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_says_what_can_go_wrong() {
    let document = serde_json::to_value(countersign_api::openapi()).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for status in ["429", "500", "503"] {
                let schema = &operation["responses"][status]["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{method} {path} {status}");
            }
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: the id is taken");
            assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
        }
    }
}
