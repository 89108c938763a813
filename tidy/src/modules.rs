//! Files that no program contains. A test that is not compiled cannot fail, and says nothing about it.

use crate::{Finding, Repository, source::Source};
use std::collections::BTreeSet;

/// Folders of a package in which each file is a program.
const PROGRAMS: [&str; 4] = ["src/bin", "benches", "examples", "targets"];

/// Every file of Rust is the root of a library, program or test, or a file above it declares it by `mod`.
pub fn check(repository: &Repository, sources: &[Source<'_>]) -> Vec<Finding> {
    let pairs = sources.iter().flat_map(|s| s.words.windows(2).map(|pair| (s.path, pair)));
    let declared: BTreeSet<(&str, &str)> =
        pairs.filter(|(_, pair)| pair[0].text == "mod").map(|(path, pair)| (path, pair[1].text.as_str())).collect();
    let orphan = |path: &str| {
        let (folder, name) = module(path);
        let parents = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].map(|end| format!("{folder}{end}"));
        !is_root(repository, path) && !parents.iter().any(|parent| declared.contains(&(parent.as_str(), name)))
    };
    let orphans = sources.iter().filter(|s| orphan(s.path));
    orphans.map(|s| Finding::new(s.path, "is in no library, program or test: no `mod` names it")).collect()
}

/// The folder of a module's parent, and the module's name.
fn module(path: &str) -> (&str, &str) {
    let path = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Is the file compiled by itself?
fn is_root(repository: &Repository, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(at, _)| (&path[..at], &path[at + 1..]));
    let package = folders.rev().find_map(|(folder, within)| Some((repository.text(&format!("{folder}/Cargo.toml"))?, within)));
    let Some((manifest, within)) = package else { return false };
    let (folder, name) = within.rsplit_once('/').unwrap_or(("", within));
    match folder {
        "src" => matches!(name, "lib.rs" | "main.rs"),
        _ if manifest.contains(&format!("path = \"{within}\"")) => true,
        "tests" => !manifest.contains("autotests = false"),
        "" => name == "build.rs",
        _ => PROGRAMS.contains(&folder) || (name == "main.rs" && folder.starts_with("tests/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sources;

    #[test]
    fn files_that_nothing_names_are_found() {
        let one = "[package]\nautotests = false\n[[test]]\nname = \"all\"\npath = \"tests/main.rs\"\n";
        let repository = Repository::of(&[
            ("a/Cargo.toml", one),
            ("a/src/lib.rs", "pub mod x;\n// mod hidden;\n"),
            ("a/src/x.rs", "mod y;"),
            ("a/src/x/y.rs", "mod z {}"),
            ("a/src/hidden.rs", ""),
            ("a/src/x/lost.rs", ""),
            ("a/src/bin/p.rs", ""),
            ("a/tests/main.rs", "mod named;\nmod folder;"),
            ("a/tests/named.rs", ""),
            ("a/tests/folder/mod.rs", "mod part;"),
            ("a/tests/folder/part.rs", ""),
            ("a/tests/forgotten.rs", ""),
            ("b/Cargo.toml", "[package]\n"),
            ("b/build.rs", ""),
            ("b/other.rs", ""),
            ("b/tests/alone.rs", ""),
            ("b/tests/together/main.rs", "mod part;"),
            ("b/tests/together/part.rs", ""),
        ]);
        let found: Vec<String> = check(&repository, &sources(&repository)).into_iter().map(|f| f.place).collect();
        assert_eq!(found, ["a/src/hidden.rs", "a/src/x/lost.rs", "a/tests/forgotten.rs", "b/other.rs"]);
    }
}
