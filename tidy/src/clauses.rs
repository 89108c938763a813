//! Clauses of the statements: each is in the documents and in the code, and the tests that documents name exist.

use crate::{
    Finding, Repository,
    source::{Source, functions},
};
use std::collections::{BTreeMap, BTreeSet};

/// Crates that implement the clauses.
const CODE: [&str; 3] = ["circuits/", "prover/", "verifier/"];
const DOCUMENTS: &str = "docs/protocol/";
/// Names of tests start so; `attacks_` is also a file's.
const TESTS: [&str; 2] = ["rejects_", "attacks_"];

/// Every clause with a heading in docs/protocol is named by the code, every clause of the code has a heading; tests named in a document exist.
pub fn check(repository: &Repository, sources: &[Source<'_>]) -> Vec<Finding> {
    let headings = repository.ending("md").filter(|(path, _)| path.starts_with(DOCUMENTS)).flat_map(|(path, text)| {
        let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
        headings.flat_map(clauses).map(move |clause| (clause, path))
    });
    let defined: BTreeMap<&str, &str> = headings.collect();
    let code = repository.ending("rs").filter(|(path, _)| CODE.iter().any(|c| path.starts_with(c)));
    let named: BTreeMap<&str, &str> = code.flat_map(|(path, text)| clauses(text).map(move |clause| (clause, path))).collect();
    let silent = defined.iter().filter(|(clause, _)| !named.contains_key(*clause));
    let mut findings: Vec<_> = silent.map(|(clause, path)| Finding::new(*path, format!("no code names clause {clause}"))).collect();
    let strange = named.iter().filter(|(clause, _)| !defined.contains_key(*clause));
    findings.extend(strange.map(|(clause, path)| Finding::new(*path, format!("clause {clause} has no heading in {DOCUMENTS}"))));
    findings.extend(tests(repository, &functions(sources)));
    findings
}

/// `S1.2`, `S2.10` and the like in a text.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    words.map(|word| word.trim_end_matches('.')).filter(|word| {
        let number = ["S1.", "S2.", "S4."].iter().find_map(|statement| word.strip_prefix(statement));
        number.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    })
}

/// Names of tests in documents that are no function, no beginning of one (`a01_*`) and no file.
fn tests(repository: &Repository, functions: &BTreeSet<&str>) -> Vec<Finding> {
    let files: BTreeSet<&str> = repository.ending("rs").filter_map(|(path, _)| path.rsplit('/').next()?.strip_suffix(".rs")).collect();
    let mut findings = Vec::new();
    for (path, text) in repository.ending("md") {
        for (line, words) in text.lines().enumerate() {
            for name in words.split('`').skip(1).step_by(2).filter(|name| is_test(name)) {
                let there = match name.strip_suffix('*') {
                    Some(start) => functions.iter().chain(&files).any(|name| name.starts_with(start)),
                    None => functions.contains(name) || files.contains(name),
                };
                if !there {
                    findings.push(Finding::new(format!("{path}:{}", line + 1), format!("there is no test {name}")));
                }
            }
        }
    }
    findings
}

fn is_test(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_*".contains(c));
    // a01_, a12_: the points of the list of attacks
    let numbered = matches!(name.as_bytes(), [b'a', x, y, b'_', ..] if x.is_ascii_digit() && y.is_ascii_digit());
    plain && (numbered || TESTS.iter().any(|start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sources;

    fn found(document: &str, code: &str) -> Vec<String> {
        let files = [("docs/protocol/s1.md", document), ("circuits/src/a.rs", code), ("tests/tests/attacks_wire.rs", "fn a01_all() {}\n")];
        let repository = Repository::of(&files);
        check(&repository, &sources(&repository)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clauses_on_one_side_only_are_found() {
        assert_eq!(found("## S1.1 zeros\n\n## S2.10 opening", "// S1.1, S2.10.\n"), Vec::<String>::new());
        assert_eq!(
            found("## S1.1 zeros\n\nS1.2", "// S1.1 S1.3 S1_4 S1.x\n"),
            ["circuits/src/a.rs: clause S1.3 has no heading in docs/protocol/"]
        );
        assert_eq!(found("## S1.1 zeros", "// S1.12\n").len(), 2);
    }

    #[test]
    fn tests_that_documents_invent_are_found() {
        let code = "fn rejects_s1_1() {}\n";
        assert_eq!(found("`rejects_s1_1`, `rejects_s1_*`, `attacks_wire`: `a01_*`, `a01_all`, `other_name`", code), Vec::<String>::new());
        for bad in ["`rejects_s1_2`", "`rejects_s2_*`", "`attacks_other`", "`a02_*`", "`a01_some`"] {
            assert_eq!(found(bad, code).len(), 1, "{bad}");
        }
    }
}
