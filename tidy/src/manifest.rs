//! The crates of the workspace, as their manifests say.

use crate::Repository;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// A declared dependency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependency {
    /// Is it `workspace = true`?
    pub inherited: bool,
    /// Only with a feature.
    pub optional: bool,
    /// Features asked for beside the workspace's.
    pub features: BTreeSet<String>,
}

/// A crate of the workspace.
#[derive(Debug)]
pub struct Package {
    /// Name as in `Cargo.toml`.
    pub name: String,
    /// Folder from the root.
    pub folder: String,
    /// What it links: normal and build dependencies.
    pub links: BTreeMap<String, Dependency>,
    /// What its tests use beside.
    pub tests: BTreeMap<String, Dependency>,
    /// Does it inherit the workspace's lints?
    pub lints: bool,
}

impl Package {
    /// Path of the manifest.
    pub fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The name in tables and documents.
    pub fn short(&self) -> &str {
        short(&self.name)
    }
}

/// A crate's name in tables and documents: `countersign-net` is net, `countersign` the cli.
pub fn short(name: &str) -> &str {
    if name == "countersign" { "cli" } else { name.strip_prefix("countersign-").unwrap_or(name) }
}

/// The workspace's manifest.
///
/// # Panics
/// There is none, or it is not TOML: Cargo would have refused it.
pub fn workspace(repository: &Repository) -> Table {
    parse(repository, "Cargo.toml")["workspace"].as_table().expect("the root's manifest has a workspace").clone()
}

/// All members of the workspace.
///
/// # Panics
/// A manifest is missing or not TOML: Cargo would have refused it.
pub fn packages(repository: &Repository) -> Vec<Package> {
    let members = workspace(repository)["members"].as_array().expect("members are a list").clone();
    members.iter().filter_map(Value::as_str).map(|folder| package(repository, folder)).collect()
}

fn package(repository: &Repository, folder: &str) -> Package {
    let manifest = parse(repository, &format!("{folder}/Cargo.toml"));
    let mut links = dependencies(&manifest, "dependencies");
    links.extend(dependencies(&manifest, "build-dependencies"));
    let lints = manifest.get("lints").and_then(|l| l.get("workspace")).and_then(Value::as_bool).unwrap_or_default();
    let name = manifest["package"]["name"].as_str().expect("a package has a name").to_owned();
    Package { name, folder: folder.to_owned(), links, tests: dependencies(&manifest, "dev-dependencies"), lints }
}

fn dependencies(manifest: &Table, section: &str) -> BTreeMap<String, Dependency> {
    let Some(table) = manifest.get(section).and_then(Value::as_table) else { return BTreeMap::new() };
    let flag = |value: &Value, key: &str| value.get(key).and_then(Value::as_bool).unwrap_or_default();
    let features = |value: &Value| {
        let list = value.get("features").and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let read =
        |value: &Value| Dependency { inherited: flag(value, "workspace"), optional: flag(value, "optional"), features: features(value) };
    table.iter().map(|(name, value)| (name.clone(), read(value))).collect()
}

fn parse(repository: &Repository, path: &str) -> Table {
    let text = repository.text(path).unwrap_or_else(|| panic!("{path} is missing"));
    text.parse().unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A workspace whose crates link each other so: name, folder, dependencies' lines.
    pub(crate) fn workspace_of(crates: &[(&str, &str, &str)], more: &[(&str, &str)]) -> Repository {
        let members: Vec<_> = crates.iter().map(|(_, folder, _)| format!("\"{folder}\"")).collect();
        let mut files = vec![("Cargo.toml".to_owned(), format!("[workspace]\nmembers = [{}]\n", members.join(", ")))];
        for (name, folder, rest) in crates {
            files.push((format!("{folder}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n{rest}")));
        }
        files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
        Repository::of(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
    }

    #[test]
    fn manifests_are_read() {
        let rest = "[dependencies]\na.workspace = true\nb = { workspace = true, optional = true, features = [\"f\"] }\nc = \"1\"\n\
                    [dev-dependencies]\nd.workspace = true\n[lints]\nworkspace = true\n";
        let all = packages(&workspace_of(&[("countersign-x", "node/x", rest), ("countersign", "node/cli", "")], &[]));
        let x = &all[0];
        assert_eq!((x.short(), all[1].short(), x.manifest().as_str()), ("x", "cli", "node/x/Cargo.toml"));
        assert!(x.lints && !all[1].lints);
        assert_eq!(x.links["b"], Dependency { inherited: true, optional: true, features: ["f".to_owned()].into() });
        assert!(x.links["a"].inherited && !x.links["c"].inherited);
        assert_eq!(x.tests.keys().collect::<Vec<_>>(), ["d"]);
    }
}
