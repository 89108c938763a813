//! The program of the first command is made of the same crates as the tests: where a dependency of a test turns a feature on in a crate
//! deep down, everything above that crate is compiled once for each of the README's two commands.

use crate::Finding;
use std::{collections::BTreeSet, io, path::Path, process::Command};

/// What `cargo tree` prints of a crate: its name with version, and the features it is compiled with.
const FORMAT: &str = "{p}|{f}";

/// The crates of the program, with their features, that the tests do not use as they are.
pub fn check(program: &str, tests: &str) -> Vec<Finding> {
    let tests = crates(tests);
    let other = |name: &str| tests.iter().find(|(n, _)| *n == name).map_or("not at all", |(_, features)| *features);
    let differing = crates(program).into_iter().filter(|of_program| !tests.contains(of_program));
    differing
        .map(|(name, features)| {
            let what = format!("compiled with \"{features}\" for the program and with \"{}\" for the tests", other(name));
            Finding::new(name, what)
        })
        .collect()
}

fn crates(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|')).collect()
}

/// The crates cargo would compile for what `of` selects, as [`check`] reads them.
///
/// # Errors
///
/// Cargo cannot be started, or refuses.
pub fn tree(root: &Path, of: &[&str]) -> io::Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["tree", "--locked", "--prefix", "none", "--format", FORMAT];
    let output = Command::new(cargo).current_dir(root).args(arguments).args(of).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_with_other_features_is_found() {
        let program = "top v1|\nsame v1|std\ndeep v1|simd\ndeep v1|simd (*)\n";
        assert!(check(program, "top v1|\nsame v1|std\ndeep v1|simd\nmore v1|\n").is_empty());
        let found = check(program, "top v1|\nsame v1|std\ndeep v1|derive,simd\n");
        assert_eq!(found.iter().map(|f| f.place.as_str()).collect::<Vec<_>>(), ["deep v1"]);
        assert!(found[0].what.contains("derive,simd"), "{}", found[0]);
        assert_eq!(check(program, "top v1|\ndeep v1|simd\n").len(), 1, "a crate the tests do not have");
    }
}
