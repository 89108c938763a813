//! Dependencies that are declared and not used, by a crate or by nobody, and such as are not the workspace's.

use crate::{Exceptions, Finding, Repository, exceptions, manifest, source::Source};
use std::collections::{BTreeMap, BTreeSet};

/// Every dependency of a crate is named in its sources, and every one of the workspace in some crate's manifest.
pub fn check(repository: &Repository, sources: &[Source<'_>], exceptions: &Exceptions) -> Vec<Finding> {
    let packages = manifest::packages(repository);
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let (mut unused, mut findings) = (BTreeMap::new(), Vec::new());
    for package in &packages {
        let folder = format!("{}/", package.folder);
        let own = sources.iter().filter(|s| s.path.starts_with(&folder));
        let named: BTreeSet<&str> = own.flat_map(|s| &s.words).filter(|w| w.path_start).map(|w| w.text.as_str()).collect();
        for (name, dependency) in package.links.iter().chain(&package.tests) {
            wanted.insert(name.clone());
            if !dependency.inherited {
                findings.push(Finding::new(package.manifest(), format!("{name} does not have the form `workspace = true`")));
            }
            // a crate that names itself turns on features for its tests
            if *name != package.name && !named.contains(name.replace('-', "_").as_str()) {
                let finding = Finding::new(package.manifest(), format!("{name} is declared and not used: take it out"));
                unused.insert(format!("{} {name}", package.name), finding);
            }
        }
    }
    findings.extend(exceptions::less(unused, &exceptions.dependencies));
    let workspace = manifest::workspace(repository);
    let declared = workspace.get("dependencies").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
    let idle = declared.filter(|name| !wanted.contains(*name));
    findings.extend(idle.map(|name| Finding::new("Cargo.toml", format!("no crate depends on {name}: take it out"))));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sources;

    fn found(manifest: &str, lib: &str, test: &str) -> Vec<String> {
        let root = "[workspace]\nmembers = [\"x\"]\n[workspace.dependencies]\nark-ff = \"1\"\nhex = \"1\"\n";
        let manifest = format!("[package]\nname = \"x\"\n{manifest}");
        let files = [("Cargo.toml", root), ("x/Cargo.toml", manifest.as_str()), ("x/src/lib.rs", lib), ("x/tests/a.rs", test)];
        let repository = Repository::of(&files);
        check(&repository, &sources(&repository), &Exceptions::default()).iter().map(ToString::to_string).collect()
    }

    const BOTH: &str = "[dependencies]\nark-ff.workspace = true\n[dev-dependencies]\nhex.workspace = true\n";

    #[test]
    fn unused_dependencies_are_found() {
        assert_eq!(found(BOTH, "use ark_ff::Field;", "fn a() { hex::encode(b) }"), Vec::<String>::new());
        assert_eq!(
            found(BOTH, "// ark_ff::Field\nfn ark_ff() {}", "use hex;"),
            ["x/Cargo.toml: ark-ff is declared and not used: take it out"]
        );
        assert_eq!(found(BOTH, "use ark_ff::Field;\n/// hex::encode\nfn a() {}", "").len(), 1);
    }

    #[test]
    fn what_is_not_the_workspaces_is_found_and_what_nobody_wants() {
        let one = "[dependencies]\nark-ff.workspace = true\n";
        assert_eq!(found(one, "use ark_ff::Field;", ""), ["Cargo.toml: no crate depends on hex: take it out"]);
        let own = format!("{BOTH}x = \"1\"\n");
        assert_eq!(found(&own, "use ark_ff::Field;", "use hex;"), ["x/Cargo.toml: x does not have the form `workspace = true`"]);
    }
}
