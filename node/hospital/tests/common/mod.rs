//! Small dictionaries, registries and people for the tests.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::{Dictionary, canonical_json},
    hash::Digest32,
};
use countersign_hospital::{
    journal::{AnchorContent, ImportedRow},
    slots::PatientId,
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::json;
use std::path::Path;

pub(crate) fn dictionary() -> Dictionary {
    let value = json!({
        "format": "countersign-dictionary/1", "id": "test", "version": 1, "title": "Test", "grain": "patient",
        "attribute": [
            {"name": "age", "category": "demographics", "kind": "number", "range": ["0", "110"], "step": "1", "cuts": ["40", "65"]},
            {"name": "sex", "category": "demographics", "kind": "category", "levels": ["female", "male", "other"]},
            {"name": "bmi", "category": "vitals", "kind": "number", "range": ["10", "80"], "step": "0.1", "cuts": ["25", "30"]},
        ],
    });
    Dictionary::from_canonical(&canonical_json(&value).unwrap()).unwrap()
}

pub(crate) fn registry() -> ScopeRegistry {
    ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![Day(18000), Day(19000), Day(20000)] }
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn patient(i: u32) -> PatientId {
    PatientId::new(format!("pat-{i:06}")).unwrap()
}

/// A person whose levels tell who it is.
pub(crate) fn person(i: u32) -> ImportedRow {
    ImportedRow {
        patient: patient(i),
        levels: vec![Some(i % 111), (!i.is_multiple_of(7)).then_some(i % 3), Some(i % 701)],
        grants: vec![Some(Day(19500)), i.is_multiple_of(2).then_some(Day(30000))],
    }
}

pub(crate) fn content(tag: &str) -> AnchorContent {
    AnchorContent { content: Digest32::of(tag.as_bytes()), data_table: dictionary().digest(), consent_table: registry().digest() }
}

/// A folder in memory where there is one: these tests write a lot of small transactions.
pub(crate) fn folder() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm).unwrap() } else { tempfile::tempdir().unwrap() }
}
