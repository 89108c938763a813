//! All checks over the repository. What is let pass stands in `tidy/exceptions.toml`.
#![allow(clippy::unwrap_used, reason = "a test")]

use countersign_tidy::{
    Exceptions, Finding, Repository, arrows, clauses, dependencies, documents, features, gadgets, items, links, lints, modules, rules,
    sizes, source::sources, tags,
};
use std::path::Path;

fn repository() -> Repository {
    Repository::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap()
}

#[track_caller]
fn none(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn arrows_point_downwards_and_the_document_says_the_same() {
    none(arrows::check(&repository()));
}

#[test]
fn gadgets_are_linked_by_the_prover_only() {
    none(gadgets::check(&repository()));
}

#[test]
fn the_program_and_the_tests_are_made_of_the_same_crates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = features::tree(root, &["--package", "countersign", "--edges", "normal,build"]).unwrap();
    let tests = features::tree(root, &["--workspace", "--edges", "normal,build,dev"]).unwrap();
    assert!(program.lines().count() > 300, "the crates are found at all");
    none(features::check(&program, &tests));
}

#[test]
fn lints_are_the_workspaces() {
    none(lints::check(&repository()));
}

#[test]
fn dependencies_are_used() {
    let repository = repository();
    none(dependencies::check(&repository, &sources(&repository), &Exceptions::of(&repository)));
}

#[test]
fn files_are_in_a_program() {
    let repository = repository();
    none(modules::check(&repository, &sources(&repository)));
}

#[test]
fn public_items_are_used() {
    let repository = repository();
    none(items::check(&sources(&repository), &Exceptions::of(&repository)));
}

#[test]
fn files_and_functions_are_short() {
    let repository = repository();
    none(sizes::check(&repository, &sources(&repository), &Exceptions::of(&repository)));
}

#[test]
fn documents_have_one_title() {
    none(documents::check(&repository()));
}

#[test]
fn links_and_cited_paths_lead_somewhere() {
    none(links::check(&repository()));
}

#[test]
fn domain_tags_stand_in_the_protocol() {
    let repository = repository();
    assert!(tags::defined(&repository).len() > 30, "the tags are found at all");
    none(tags::check(&repository));
}

#[test]
fn clauses_and_their_tests_are_in_documents_and_code() {
    let repository = repository();
    none(clauses::check(&repository, &sources(&repository)));
}

#[test]
fn the_tests_of_the_disclosure_rules_exist() {
    let repository = repository();
    assert!(rules::rules(&repository).count() >= 15, "the rules are found at all");
    none(rules::check(&repository, &sources(&repository)));
}
