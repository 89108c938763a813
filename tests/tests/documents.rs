//! What `docs/protocol` names is in the code, and the other way round.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files with an ending under a folder.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
}

/// The product's source, file by file.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["circuits", "prover", "verifier", "node", "testkit", "tests"] {
        files(&root().join(folder), "rs", &mut found);
    }
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Texts that start so and go on to a mark, as far as they look like a tag.
fn tags(text: &str, mark: char) -> BTreeSet<String> {
    let start = format!("{mark}countersign/");
    let after = |(at, _)| {
        let rest = &text[at + mark.len_utf8()..];
        let tag = rest.split(mark).next().unwrap_or_default();
        tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/-_".contains(c)).then(|| tag.to_owned())
    };
    text.match_indices(&start).filter_map(after).collect()
}

#[test]
fn every_domain_tag_stands_in_the_protocol() {
    let mut documents = Vec::new();
    files(&root().join("docs/protocol"), "md", &mut documents);
    let written: String = documents.iter().map(|d| fs::read_to_string(d).unwrap()).collect();
    let written = tags(&written, '`').into_iter().chain(tags(&written, '"')).collect::<BTreeSet<_>>();
    let mut used = BTreeMap::new();
    for (path, text) in sources() {
        let is_test =
            path.components().any(|c| c.as_os_str() == "tests" || c.as_os_str() == "testkit") || path.file_name().unwrap() == "tests.rs";
        if !is_test {
            let code = text.split("mod tests {").next().unwrap_or_default();
            used.extend(tags(code, '"').into_iter().map(|tag| (tag, path.clone())));
        }
    }
    assert!(used.len() > 30, "the tags are found at all");
    let missing: Vec<_> = used.iter().filter(|(tag, _)| !written.contains(*tag)).collect();
    assert!(missing.is_empty(), "not in docs/protocol: {missing:?}");
    let gone: Vec<_> = written.iter().filter(|tag| !used.contains_key(*tag)).collect();
    assert!(gone.is_empty(), "in docs/protocol and nowhere in the code: {gone:?}");
}

#[test]
fn the_tests_of_the_disclosure_rules_exist() {
    let rules = fs::read_to_string(root().join("docs/protocol/disclosure-rules.md")).unwrap();
    let all: String = sources().into_iter().map(|(_, text)| text).collect();
    let mut named = 0;
    for row in rules.lines().filter(|l| l.starts_with("| D")) {
        let test = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap().trim();
        let built = !row.contains("not built");
        let names: Vec<&str> = test.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || !built || test == "–", "{row}");
        for name in names {
            assert!(all.contains(&format!("fn {name}(")), "{name} is no test: {row}");
            named += 1;
        }
    }
    assert!(named >= 10, "{named}");
}
