//! Domain tags: what is hashed and signed under a name is written out in one file, stands in the wire format, and every one in docs/protocol is in that file.

use crate::{Finding, Repository};
use std::collections::BTreeSet;

/// Folders of the product's sources.
const SOURCES: [&str; 4] = ["circuits/", "prover/", "verifier/", "node/"];
/// The one file of the product that writes tags out.
const CONSTANTS: &str = "circuits/src/tag.rs";
const DOCUMENTS: &str = "docs/protocol/";
const WIRE_FORMAT: &str = "docs/protocol/wire-format.md";

/// Every tag of the code is one of the constants, every constant is in the wire format, every tag of the protocol's documents one of the constants.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mentioned = |text: &str| tags(text, '`').into_iter().chain(tags(text, '"')).collect::<BTreeSet<_>>();
    let defined = defined(repository);
    let documented = mentioned(repository.text(WIRE_FORMAT).unwrap_or_default());
    let missing = defined.difference(&documented);
    let mut findings: Vec<_> = missing.map(|tag| Finding::new(CONSTANTS, format!("the tag {tag} is not in {WIRE_FORMAT}"))).collect();
    for (path, text) in repository.ending("md").filter(|(path, _)| path.starts_with(DOCUMENTS)) {
        let gone = mentioned(text).into_iter().filter(|tag| !defined.contains(tag));
        findings.extend(gone.map(|tag| Finding::new(path, format!("the tag {tag} is nowhere in the code"))));
    }
    for (path, text) in repository.ending("rs").filter(|(path, _)| is_product(path) && *path != CONSTANTS) {
        let written = literals(outside_tests(text), '"').into_iter();
        findings
            .extend(written.map(|tag| Finding::new(path, format!("the tag {tag} is written out: take or make a constant of {CONSTANTS}"))));
    }
    findings
}

/// Tags that the constants are.
pub fn defined(repository: &Repository) -> BTreeSet<String> {
    tags(outside_tests(repository.text(CONSTANTS).unwrap_or_default()), '"')
}

fn is_product(path: &str) -> bool {
    let is_test = path.split('/').any(|part| part == "tests" || part == "tests.rs");
    SOURCES.iter().any(|folder| path.starts_with(folder)) && !is_test
}

fn outside_tests(code: &str) -> &str {
    code.split("mod tests {").next().unwrap_or_default()
}

/// Texts between two marks that start as tags do.
fn literals(text: &str, mark: char) -> BTreeSet<String> {
    let start = format!("{mark}countersign/");
    let after = |(at, _): (usize, &str)| text[at + mark.len_utf8()..].split(mark).next().unwrap_or_default().to_owned();
    text.match_indices(&start).map(after).collect()
}

/// Those of them that go on like a tag.
fn tags(text: &str, mark: char) -> BTreeSet<String> {
    let is_tag = |tag: &String| tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/-_".contains(c));
    literals(text, mark).into_iter().filter(is_tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, constants: &str, code: &str) -> Vec<String> {
        let files = [
            ("docs/protocol/wire-format.md", document),
            ("circuits/src/tag.rs", constants),
            ("node/a/src/lib.rs", code),
            ("node/a/src/tests.rs", "\"countersign/of-a-test/1\""),
            ("testkit/src/lib.rs", "\"countersign/of-an-attack/1\""),
        ];
        check(&Repository::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tags_in_one_place_only_are_found() {
        let constants = "pub const A: &str = \"countersign/a/1\";\nmod tests {\n    f(\"countersign/b/1\");\n}\n";
        assert_eq!(found("under `countersign/a/1`", constants, ""), Vec::<String>::new());
        assert_eq!(found("\"countersign/a/1\"", constants, ""), Vec::<String>::new());
        assert_eq!(
            found("countersign/a/1", constants, ""),
            ["circuits/src/tag.rs: the tag countersign/a/1 is not in docs/protocol/wire-format.md"]
        );
        assert_eq!(
            found("`countersign/a/1` `countersign/b/1`", constants, ""),
            ["docs/protocol/wire-format.md: the tag countersign/b/1 is nowhere in the code"]
        );
        assert_eq!(found("`countersign/A b`", "", ""), Vec::<String>::new());
    }

    #[test]
    fn a_tag_written_out_elsewhere_is_found() {
        let constants = "pub const A: &str = \"countersign/a/1\";\n";
        let written = |code: &str| found("`countersign/a/1`", constants, code);
        let finding =
            |tag: &str| format!("node/a/src/lib.rs: the tag {tag} is written out: take or make a constant of circuits/src/tag.rs");
        assert_eq!(written("f(tag::A);\nmod tests {\n    f(\"countersign/a/1\");\n}\n"), Vec::<String>::new());
        assert_eq!(written("f(\"countersign/a/1\");"), [finding("countersign/a/1")]);
        assert_eq!(written("f(b\"countersign/a/1\\0\");"), [finding("countersign/a/1\\0")], "with whatever follows");
    }
}
