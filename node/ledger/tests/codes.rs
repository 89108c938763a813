//! The list of rejections, the tests and the protocol name the same codes.

use std::collections::BTreeSet;

/// Codes named in the tests, read from their own text, are all codes there are: a new rejection without a test fails here, and one that the
/// protocol does not list.
#[test]
fn every_code_is_reached_and_listed() {
    let list = [
        include_str!("../src/rejection.rs"),
        include_str!("../src/rejection/erasure.rs"),
        include_str!("../src/rejection/person.rs"),
        include_str!("../src/rejection/study.rs"),
    ]
    .map(|source| source.split_once("match self").unwrap().1)
    .concat();
    let mut codes: BTreeSet<u16> = list.lines().filter_map(|l| l.split_once("=> ")?.1.trim_end_matches(',').parse().ok()).collect();
    assert!(codes.len() > 60);
    // no block holds a transaction without its role: L100 is for excerpts that somebody hands over
    codes.remove(&100);
    let tests = [
        include_str!("rejections.rs"),
        include_str!("erasing.rs"),
        include_str!("deciding.rs"),
        include_str!("persons.rs"),
        include_str!("conditions.rs"),
        include_str!("leaving.rs"),
        include_str!("bounds.rs"),
        include_str!("governance/changes.rs"),
        include_str!("governance/proposals.rs"),
    ]
    .concat();
    let missing: Vec<_> = codes.iter().filter(|c| ![" ", "("].iter().any(|start| tests.contains(&format!("{start}{c})")))).collect();
    assert!(missing.is_empty(), "no test reaches {missing:?}");
    let document = include_str!("../../../docs/protocol/ledger.md");
    codes.insert(100);
    let missing: Vec<_> = codes.iter().filter(|c| !document.contains(&format!("| L{c} |"))).collect();
    assert!(missing.is_empty(), "docs/protocol/ledger.md does not list {missing:?}");
}
