//! Lints: one configuration for all, and the crates that must be deterministic ask for it.

use crate::{Finding, Repository, manifest};

const METHODS: &str = "clippy::disallowed_methods";
const TYPES: &str = "clippy::disallowed_types";

/// Crates without clock, randomness, I/O and threads: everybody must compute the same from the same. Circuits and verifier keep sets and a cache by
/// hash and never look at their order.
const DETERMINISTIC: [(&str, &[&str]); 5] = [
    ("ledger", &[METHODS, TYPES]),
    ("query", &[METHODS, TYPES]),
    ("stats", &[METHODS, TYPES]),
    ("circuits", &[METHODS]),
    ("verifier", &[METHODS]),
];

/// One `clippy.toml`, at the root; every crate inherits the workspace's lints; deterministic ones deny what the list disallows.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let others = repository.paths().filter(|path| path.ends_with("/clippy.toml") || path.ends_with(".clippy.toml"));
    let mut findings: Vec<_> =
        others.map(|path| Finding::new(path, "the one list is clippy.toml at the root: a second hides it")).collect();
    for package in manifest::packages(repository) {
        if !package.lints {
            findings.push(Finding::new(package.manifest(), "does not inherit the workspace's lints: `[lints] workspace = true`"));
        }
        if let Some((_, denies)) = DETERMINISTIC.iter().find(|(name, _)| *name == package.short()) {
            let path = format!("{}/src/lib.rs", package.folder);
            let text = repository.text(&path).unwrap_or_default();
            let denied: Vec<&str> = text.lines().filter(|l| l.starts_with("#![deny(")).collect();
            for lint in denies.iter().filter(|lint| !denied.iter().any(|line| line.contains(*lint))) {
                findings.push(Finding::new(&path, format!("a deterministic crate denies {lint}")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::workspace_of;

    #[test]
    fn a_second_list_and_a_crate_without_lints_are_found() {
        let inherits = "[lints]\nworkspace = true\n";
        let lib = ("ledger/src/lib.rs", "//! L.\n#![deny(clippy::disallowed_methods, clippy::disallowed_types)]\n");
        let crates = |rest| [("countersign-ledger", "ledger", rest), ("countersign-net", "net", inherits)];
        assert_eq!(check(&workspace_of(&crates(inherits), &[lib, ("clippy.toml", "")])), []);
        assert_eq!(check(&workspace_of(&crates(inherits), &[lib, ("ledger/clippy.toml", "")])).len(), 1);
        assert_eq!(check(&workspace_of(&crates(inherits), &[lib, (".clippy.toml", "")])).len(), 1);
        assert_eq!(check(&workspace_of(&crates(""), &[lib])).len(), 1);
        assert_eq!(
            check(&workspace_of(&crates(inherits), &[("ledger/src/lib.rs", "//! #![deny(clippy::disallowed_methods)]\n")])).len(),
            2
        );
    }
}
