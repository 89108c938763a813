//! Who links gadgets: the feature `constraints` of circuits is the prover's, so that whoever verifies links no constraint synthesis.
//!
//! A build of the whole workspace turns the feature on for all; the manifests say what a crate takes by itself.

use crate::{Finding, Repository, manifest, manifest::Package};
use std::collections::BTreeSet;

/// May ask for the feature.
const MAY_ASK: [&str; 4] = ["prover", "testkit", "tests", "benches"];
/// May link one that asks.
const MAY_LINK: [&str; 8] = ["prover", "hospital", "consortium", "service", "testkit", "tests", "benches", "cli"];

/// No other crate asks for the feature or for the library behind it, or links one that does.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let packages = manifest::packages(repository);
    let mut findings = Vec::new();
    for package in packages.iter().filter(|p| asks(p) && !MAY_ASK.contains(&p.short())) {
        findings.push(Finding::new(package.manifest(), "gadgets are for the prover, tests and benches: no feature `constraints` here"));
    }
    let mut linking: BTreeSet<&str> = packages.iter().filter(|p| asks(p)).map(|p| p.name.as_str()).collect();
    loop {
        let more: Vec<&Package> = packages
            .iter()
            .filter(|p| !linking.contains(p.name.as_str()) && p.links.keys().any(|to| linking.contains(to.as_str())))
            .collect();
        if more.is_empty() {
            return findings;
        }
        for package in more {
            linking.insert(&package.name);
            if !MAY_LINK.contains(&package.short()) {
                findings.push(Finding::new(package.manifest(), "links gadgets by way of a crate that asks for them"));
            }
        }
    }
}

fn asks(package: &Package) -> bool {
    package.links.iter().any(|(name, dependency)| {
        let feature = name == "countersign-circuits" && dependency.features.contains("constraints");
        feature || (name == "ark-r1cs-std" && !dependency.optional)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::workspace_of;

    const ASKS: &str = "[dependencies]\ncountersign-circuits = { workspace = true, features = [\"constraints\"] }\n";
    const PLAIN: &str = "[dependencies]\ncountersign-circuits.workspace = true\n";

    fn found(verifier: &str, ledger: &str) -> usize {
        let circuits = "[dependencies]\nark-r1cs-std = { workspace = true, optional = true }\n";
        let crates = [
            ("countersign-circuits", "circuits", circuits),
            ("countersign-prover", "prover", ASKS),
            ("countersign-verifier", "verifier", verifier),
            ("countersign-ledger", "ledger", ledger),
            ("countersign", "cli", "[dependencies]\ncountersign-prover.workspace = true\n"),
        ];
        check(&workspace_of(&crates, &[])).len()
    }

    #[test]
    fn gadgets_outside_the_prover_are_found() {
        assert_eq!(found(PLAIN, "[dependencies]\ncountersign-verifier.workspace = true\n"), 0);
        assert_eq!(found(ASKS, PLAIN), 1);
        assert_eq!(found("[dependencies]\nark-r1cs-std.workspace = true\n", PLAIN), 1);
        assert_eq!(found(PLAIN, "[dependencies]\ncountersign-prover.workspace = true\n"), 1);
        assert_eq!(found(PLAIN, "[dev-dependencies]\ncountersign-prover.workspace = true\n"), 0);
        assert_eq!(found(ASKS, "[dependencies]\ncountersign-verifier.workspace = true\n"), 2);
    }
}
