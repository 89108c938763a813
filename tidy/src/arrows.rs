//! Dependency arrows between the project's own crates: downwards only, as ARCHITECTURE.md has them.

use crate::{Finding, Repository, manifest};
use std::collections::{BTreeMap, BTreeSet};

/// What a crate may depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    /// All others.
    Everything,
    /// These.
    Only(BTreeSet<String>),
}

/// The arrows: a crate may depend on these and no others (a crate's tests may look anywhere). `*` is everything.
const ARROWS: [(&str, &[&str]); 26] = [
    ("cli", &["*"]),
    ("tests", &["*"]),
    ("benches", &["*"]),
    ("consensus", &["store", "net", "ledger", "messages", "circuits"]),
    ("api", &["store", "ledger", "messages", "circuits"]),
    ("store", &["ledger", "messages", "circuits"]),
    ("net", &["messages"]),
    ("ledger", &["verifier", "messages", "circuits"]),
    ("stats", &["query", "circuits"]),
    ("service", &["api", "consensus", "net", "hospital", "member", "store", "ledger", "messages", "circuits"]),
    ("study", &["member", "store", "ledger", "messages", "stats", "query", "circuits"]),
    ("consortium", &["member", "store", "ledger", "messages", "ingest", "prover", "verifier", "circuits"]),
    ("audit", &["member", "store", "ledger", "messages", "verifier", "circuits"]),
    ("hospital", &["member", "store", "ledger", "messages", "ingest", "prover", "circuits"]),
    ("patient", &["circuits", "member", "messages", "verifier"]),
    ("member", &["store", "ledger", "messages", "verifier", "circuits"]),
    ("testkit", &["prover", "verifier", "circuits"]),
    ("harness", &["ledger", "messages", "circuits"]),
    ("ingest", &["circuits"]),
    ("query", &["circuits"]),
    ("generate", &["circuits"]),
    ("messages", &["circuits"]),
    ("prover", &["circuits"]),
    ("verifier", &["circuits"]),
    ("circuits", &[]),
    ("tidy", &[]),
];

const DOCUMENT: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Dependency arrows";

type Arrows = BTreeMap<String, Allowed>;

fn arrows() -> Arrows {
    let only = |to: &[&str]| Allowed::Only(to.iter().map(|s| (*s).to_owned()).collect());
    ARROWS.iter().map(|(from, to)| ((*from).to_owned(), if *to == ["*"] { Allowed::Everything } else { only(to) })).collect()
}

/// Every arrow of the manifests is allowed, and the document says the same as the table here.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let arrows = arrows();
    let mut findings = manifests(repository, &arrows);
    findings.extend(document(repository.text(DOCUMENT).unwrap_or_default(), &arrows));
    findings
}

fn manifests(repository: &Repository, arrows: &Arrows) -> Vec<Finding> {
    let packages = manifest::packages(repository);
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &packages {
        let from = package.short();
        let Some(allowed) = arrows.get(from) else {
            findings.push(Finding::new(package.manifest(), format!("{from} is not in the table of arrows (tidy/src/arrows.rs)")));
            continue;
        };
        let Allowed::Only(allowed) = allowed else { continue };
        for to in package.links.keys().filter(|name| ours.contains(name.as_str())).map(|name| manifest::short(name)) {
            if !allowed.contains(to) {
                findings.push(Finding::new(package.manifest(), format!("arrow not allowed: {from} -> {to}")));
            }
        }
    }
    let known: BTreeSet<&str> = packages.iter().map(manifest::Package::short).collect();
    let gone = arrows.keys().filter(|name| !known.contains(name.as_str()));
    findings.extend(gone.map(|name| Finding::new("tidy/src/arrows.rs", format!("{name} is no crate of the workspace"))));
    findings
}

/// The document's table: indented lines under the heading, crates, two or more spaces, and what they may depend on.
fn document(text: &str, arrows: &Arrows) -> Vec<Finding> {
    let section = text.split(HEADING).nth(1).unwrap_or_default().split("\n## ").next().unwrap_or_default();
    let mut written = Arrows::new();
    for line in section.lines().filter_map(|l| l.strip_prefix("    ")) {
        let Some((from, to)) = line.split_once("  ") else {
            return vec![Finding::new(DOCUMENT, format!("two spaces are missing between crates and what they may depend on: {line}"))];
        };
        let list = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let allowed = match to.trim() {
            "everything" => Allowed::Everything,
            "nothing of ours" => Allowed::Only(BTreeSet::new()),
            names => Allowed::Only(list(names).into_iter().collect()),
        };
        written.extend(list(from).into_iter().map(|name| (name, allowed.clone())));
    }
    let names: BTreeSet<&String> = written.keys().chain(arrows.keys()).collect();
    let differ = names.into_iter().filter(|name| written.get(*name) != arrows.get(*name));
    differ.map(|name| Finding::new(DOCUMENT, format!("the arrows of {name} are not those of tidy/src/arrows.rs"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::workspace_of;

    fn small() -> Arrows {
        let only = |to: &[&str]| Allowed::Only(to.iter().map(|s| (*s).to_owned()).collect());
        [("cli".to_owned(), Allowed::Everything), ("net".to_owned(), only(&["ledger"])), ("ledger".to_owned(), only(&[]))].into()
    }

    const UP: &str = "[dependencies]\ncountersign-net.workspace = true\nserde.workspace = true\n";
    const DOWN: &str = "[dependencies]\ncountersign-ledger.workspace = true\n";

    #[test]
    fn an_arrow_upwards_is_found() {
        let crates = |net, ledger| [("countersign", "cli", UP), ("countersign-net", "net", net), ("countersign-ledger", "ledger", ledger)];
        assert_eq!(manifests(&workspace_of(&crates(DOWN, ""), &[]), &small()), []);
        let tests_look_anywhere = UP.replace("[dep", "[dev-dep");
        assert_eq!(manifests(&workspace_of(&crates(DOWN, &tests_look_anywhere), &[]), &small()), []);
        let found = manifests(&workspace_of(&crates(DOWN, UP), &[]), &small());
        assert_eq!(found, [Finding::new("ledger/Cargo.toml", "arrow not allowed: ledger -> net")]);
        let building = UP.replace("[dep", "[build-dep");
        assert_eq!(manifests(&workspace_of(&crates(DOWN, &building), &[]), &small()), found);
    }

    #[test]
    fn a_crate_the_table_does_not_know_is_found_and_one_it_alone_knows() {
        let crates = [("countersign-net", "net", ""), ("countersign-ledger", "ledger", ""), ("countersign-new", "new", "")];
        let found: Vec<String> = manifests(&workspace_of(&crates, &[]), &small()).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("new is not in the table") && found[1].contains("cli is no crate"), "{found:?}");
    }

    #[test]
    fn a_document_that_says_something_else_is_found() {
        let text = |net: &str| {
            format!(
                "# A\n\n{HEADING}\n\nWords.\n\n    cli      everything\n    net{net}\n    ledger   nothing of ours\n\n## B\n\n    x y\n"
            )
        };
        assert_eq!(document(&text("      ledger"), &small()), []);
        for other in ["      ledger, cli", "      everything", "      nothing of ours", ", api  ledger"] {
            assert_eq!(document(&text(other), &small()).len(), 1, "{other}");
        }
        assert_eq!(document("# A", &small()).len(), 3);
        assert!(document(&text(" ledger"), &small())[0].what.contains("two spaces"));
    }
}
