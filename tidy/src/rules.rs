//! Disclosure rules: the tests that docs/protocol/disclosure-rules.md names exist, and every rule that is built has one.

use crate::{
    Finding, Repository,
    source::{Source, functions},
};

/// The table of the rules: a row a rule, its test in the last column.
pub const DOCUMENT: &str = "docs/protocol/disclosure-rules.md";

/// Every test the table names is a function of the repository, and a rule that is built names one or says with a dash that it needs none.
pub fn check(repository: &Repository, sources: &[Source<'_>]) -> Vec<Finding> {
    let functions = functions(sources);
    let mut findings = Vec::new();
    for (rule, row) in rules(repository) {
        let test = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default().trim();
        let names: Vec<&str> = test.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && test != "–" && !row.contains("not built") {
            findings.push(Finding::new(DOCUMENT, format!("{rule} names no test")));
        }
        let absent = names.into_iter().filter(|name| !functions.contains(name));
        findings.extend(absent.map(|name| Finding::new(DOCUMENT, format!("{rule}: {name} is no test"))));
    }
    findings
}

/// Rules by name with their rows.
pub fn rules(repository: &Repository) -> impl Iterator<Item = (&str, &str)> {
    let rows = repository.text(DOCUMENT).unwrap_or_default().lines().filter(|line| line.starts_with("| D"));
    rows.map(|row| (row.split('|').nth(1).unwrap_or_default().trim(), row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sources;

    #[test]
    fn tests_that_do_not_exist_are_found() {
        let found = |row: &str| {
            let repository = Repository::of(&[(DOCUMENT, row), ("a/src/tests.rs", "#[test]\nfn it_holds() {}\nfn helper() {}\n")]);
            check(&repository, &sources(&repository)).len()
        };
        assert_eq!(found("| D1 | a rule | `it_holds` |\n"), 0);
        assert_eq!(found("| D1 | a rule | `it_holds`, `it_does_not` |\n"), 1);
        assert_eq!(found("| D1 | a rule | it_holds |\n"), 1);
        assert_eq!(found("| D1 | a rule | – |\n| D2 | not built | later |\n"), 0);
    }
}
