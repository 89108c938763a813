//! The list of mutants is one that can be run: its places are there, its tests are there, and its document says the same. Running it takes
//! `cargo run --release -p countersign-testkit --bin mutants`.

use countersign_testkit::mutants::{all, document};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn every_mutant_has_its_places() {
    let mutants = all();
    let names: BTreeSet<&str> = mutants.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names.len(), mutants.len(), "names are unique");
    assert!(mutants.len() >= 100, "{} mutants", mutants.len());
    for mutant in &mutants {
        assert!(!mutant.edits.is_empty(), "{} changes nothing", mutant.name);
        for edit in &mutant.edits {
            let product = ["circuits/src/", "prover/src/", "verifier/src/"].iter().any(|folder| edit.file.starts_with(folder));
            assert!(product, "{}: {} is not what is tested", mutant.name, edit.file);
            let source = fs::read_to_string(root().join(&edit.file)).unwrap();
            let changed =
                edit.apply(&source).unwrap_or_else(|| panic!("{}: not exactly once in {}: {}", mutant.name, edit.file, edit.find));
            assert_ne!(changed, source, "{} changes nothing", mutant.name);
        }
    }
}

#[test]
fn every_mutant_has_its_test() {
    for mutant in all() {
        let (file, name) = mutant.test();
        let source = fs::read_to_string(root().join(format!("testkit/tests/{file}.rs"))).unwrap();
        assert!(source.contains(&format!("#[test]\nfn {name}()")), "{}: there is no test {}", mutant.name, mutant.test);
    }
}

#[test]
fn the_document_is_the_list() {
    let path = root().join("testkit/MUTANTS.md");
    if std::env::var_os("COUNTERSIGN_WRITE_MUTANTS").is_some() {
        fs::write(&path, document()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), document(), "write it anew with COUNTERSIGN_WRITE_MUTANTS=1");
}
