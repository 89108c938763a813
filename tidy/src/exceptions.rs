//! What the checks let pass: `exceptions.toml`, read.

use crate::{Finding, Repository};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Where the exceptions stand.
pub const FILE: &str = "tidy/exceptions.toml";

/// Names with reasons, things with their present size.
#[derive(Debug, Default)]
pub struct Exceptions {
    /// Items used under no name, by name, with the reason.
    pub items: BTreeMap<String, String>,
    /// Dependencies used under no name, as `crate dependency`, with the reason.
    pub dependencies: BTreeMap<String, String>,
    /// Files over the limit with their lines.
    pub files: BTreeMap<String, usize>,
    /// Functions over the limit, as `path: name`, with their lines.
    pub functions: BTreeMap<String, usize>,
}

impl Exceptions {
    /// Reads the repository's own.
    ///
    /// # Panics
    /// The file is missing or not as it should be; the message says where.
    pub fn of(repository: &Repository) -> Self {
        Self::parse(repository.text(FILE).unwrap_or_else(|| panic!("{FILE} is missing")))
    }

    fn parse(text: &str) -> Self {
        let table: Table = text.parse().unwrap_or_else(|e| panic!("{FILE}: {e}"));
        let known = ["items", "dependencies", "files", "functions"];
        let strange: Vec<_> = table.keys().filter(|k| !known.contains(&k.as_str())).collect();
        assert!(strange.is_empty(), "{FILE}: no such sections: {strange:?}");
        let section = |name: &str| table.get(name).and_then(Value::as_table).cloned().unwrap_or_default().into_iter();
        let reason = |(key, value): (String, Value)| {
            let reason = value.as_str().filter(|r| !r.is_empty()).unwrap_or_else(|| panic!("{FILE}: {key} has no reason"));
            (key, reason.to_owned())
        };
        let size = |(key, value): (String, Value)| {
            let lines = value.as_integer().and_then(|n| usize::try_from(n).ok());
            (key.clone(), lines.unwrap_or_else(|| panic!("{FILE}: {key} has no size")))
        };
        Self {
            items: section("items").map(reason).collect(),
            dependencies: section("dependencies").map(reason).collect(),
            files: section("files").map(size).collect(),
            functions: section("functions").map(size).collect(),
        }
    }
}

/// What was found by key, less what is let pass. Entries that let nothing pass are found too.
pub(crate) fn less(found: BTreeMap<String, Finding>, allowed: &BTreeMap<String, String>) -> Vec<Finding> {
    let unneeded = allowed.keys().filter(|key| !found.contains_key(*key));
    let unneeded: Vec<_> = unneeded.map(|key| Finding::new(FILE, format!("{key} is no longer needed: take it out"))).collect();
    found.into_iter().filter(|(key, _)| !allowed.contains_key(key)).map(|(_, finding)| finding).chain(unneeded).collect()
}

/// Sizes over a limit that are not exactly what is let pass: nothing may grow, and what has shrunk stays so.
pub(crate) fn sizes(found: &BTreeMap<String, usize>, limit: usize, allowed: &BTreeMap<String, usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, lines) in found.iter().filter(|(_, lines)| **lines > limit) {
        match allowed.get(key) {
            None => findings.push(Finding::new(key, format!("{lines} lines; the limit is {limit}. Divide it by what it is about"))),
            Some(at) if at < lines => {
                findings.push(Finding::new(key, format!("has grown from {at} lines to {lines}. Divide it, do not raise {FILE}")))
            }
            Some(at) if at > lines => findings.push(Finding::new(FILE, format!("\"{key}\" has {lines} lines now: write {lines} for {at}"))),
            Some(_) => {}
        }
    }
    let unneeded = allowed.keys().filter(|key| found.get(*key).is_none_or(|lines| *lines <= limit));
    findings.extend(unneeded.map(|key| Finding::new(FILE, format!("{key} is no longer needed: take it out"))));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read() {
        let text = "[items]\na = \"why\"\n[dependencies]\n\"x y\" = \"why\"\n[files]\n\"a.rs\" = 501\n[functions]\n\"a.rs: A::f\" = 71\n";
        let e = Exceptions::parse(text);
        assert_eq!((e.items["a"].as_str(), e.dependencies["x y"].as_str()), ("why", "why"));
        assert_eq!((e.files["a.rs"], e.functions["a.rs: A::f"]), (501, 71));
        for bad in ["[items]\na = \"\"", "[items]\na = 1", "[files]\na = \"b\"", "[files]\na = -1", "[others]\n"] {
            assert!(std::panic::catch_unwind(|| Exceptions::parse(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_let_pass_must_be_needed() {
        let found = || [("a".to_owned(), Finding::new("a", "bad"))].into();
        let allowed = |key: &str| [(key.to_owned(), "why".to_owned())].into();
        assert_eq!(less(found(), &BTreeMap::new()), [Finding::new("a", "bad")]);
        assert_eq!(less(found(), &allowed("a")), []);
        assert_eq!(less(found(), &allowed("b")).len(), 2);
    }

    #[test]
    fn sizes_may_only_shrink() {
        let found = |lines| [("a".to_owned(), lines)].into();
        let allowed = |lines| [("a".to_owned(), lines)].into();
        for (lines, entry, findings) in [(5, None, 0), (6, None, 1), (6, Some(6), 0), (7, Some(6), 1), (6, Some(7), 1), (5, Some(6), 1)] {
            let allowed = entry.map_or(BTreeMap::new(), allowed);
            assert_eq!(sizes(&found(lines), 5, &allowed).len(), findings, "{lines} {entry:?}");
        }
        assert_eq!(sizes(&BTreeMap::new(), 5, &allowed(9)).len(), 1);
    }
}
