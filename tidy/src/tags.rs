//! Domain tags: what is hashed and signed under a name stands in the wire format, and every one in docs/protocol is in the code.

use crate::{Finding, Repository};
use std::collections::{BTreeMap, BTreeSet};

/// Folders of the product's sources.
const SOURCES: [&str; 5] = ["circuits/", "prover/", "verifier/", "node/", "tests/"];
const DOCUMENTS: &str = "docs/protocol/";
const WIRE_FORMAT: &str = "docs/protocol/wire-format.md";

/// Every tag of the code is in the wire format, every tag of the protocol's documents in the code.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mentioned = |text: &str| tags(text, '`').into_iter().chain(tags(text, '"')).collect::<BTreeSet<_>>();
    let used = used(repository);
    let defined = mentioned(repository.text(WIRE_FORMAT).unwrap_or_default());
    let missing = used.iter().filter(|(tag, _)| !defined.contains(*tag));
    let mut findings: Vec<_> = missing.map(|(tag, path)| Finding::new(*path, format!("the tag {tag} is not in {WIRE_FORMAT}"))).collect();
    for (path, text) in repository.ending("md").filter(|(path, _)| path.starts_with(DOCUMENTS)) {
        let gone = mentioned(text).into_iter().filter(|tag| !used.contains_key(tag));
        findings.extend(gone.map(|tag| Finding::new(path, format!("the tag {tag} is nowhere in the code"))));
    }
    findings
}

/// Tags of the code outside of tests, each with a file.
pub fn used(repository: &Repository) -> BTreeMap<String, &str> {
    let mut used = BTreeMap::new();
    for (path, text) in repository.ending("rs").filter(|(path, _)| SOURCES.iter().any(|s| path.starts_with(s))) {
        let is_test = path.split('/').any(|part| part == "tests" || part == "tests.rs");
        if !is_test {
            let code = text.split("mod tests {").next().unwrap_or_default();
            used.extend(tags(code, '"').into_iter().map(|tag| (tag, path)));
        }
    }
    used
}

/// Texts between two marks that start as tags do and go on like one.
fn tags(text: &str, mark: char) -> BTreeSet<String> {
    let start = format!("{mark}countersign/");
    let after = |(at, _): (usize, &str)| {
        let tag = text[at + mark.len_utf8()..].split(mark).next().unwrap_or_default();
        tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/-_".contains(c)).then(|| tag.to_owned())
    };
    text.match_indices(&start).filter_map(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, code: &str) -> Vec<String> {
        let files = [
            ("docs/protocol/wire-format.md", document),
            ("node/a/src/lib.rs", code),
            ("node/a/src/tests.rs", "\"countersign/of-a-test/1\""),
        ];
        check(&Repository::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tags_in_one_place_only_are_found() {
        let code = "f(\"countersign/a/1\");\nmod tests {\n    f(\"countersign/b/1\");\n}\n";
        assert_eq!(found("under `countersign/a/1`", code), Vec::<String>::new());
        assert_eq!(found("\"countersign/a/1\"", code), Vec::<String>::new());
        assert_eq!(found("countersign/a/1", code), ["node/a/src/lib.rs: the tag countersign/a/1 is not in docs/protocol/wire-format.md"]);
        assert_eq!(
            found("`countersign/a/1` `countersign/b/1`", code),
            ["docs/protocol/wire-format.md: the tag countersign/b/1 is nowhere in the code"]
        );
        assert_eq!(found("`countersign/A b`", "f(\"countersign/A b\")"), Vec::<String>::new());
    }
}
