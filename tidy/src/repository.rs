//! The repository as checks see it: its files by path, read once.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Endings of files whose text is looked at; of the others only the path is known.
const TEXTS: [&str; 4] = ["rs", "md", "toml", "sql"];

/// Folders that are not the repository's.
const PASSED_OVER: [&str; 2] = ["target", ".git"];

/// Files by path from the root, with `/` between folders.
#[derive(Debug)]
pub struct Repository {
    files: BTreeMap<String, String>,
}

impl Repository {
    /// Reads everything under a root.
    ///
    /// # Errors
    /// A folder or a text cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut repository = Self { files: BTreeMap::new() };
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = folder.join(&name);
                if entry.file_type()?.is_dir() {
                    if !PASSED_OVER.contains(&name.as_str()) {
                        folders.push(path);
                    }
                    continue;
                }
                let is_text = path.extension().is_some_and(|e| TEXTS.iter().any(|text| e == *text));
                let text = if is_text { fs::read_to_string(entry.path())? } else { String::new() };
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                repository.files.insert(parts.join("/"), text);
            }
        }
        Ok(repository)
    }

    /// A repository of these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// All paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Files with an ending (`rs`), with their texts.
    pub fn ending<'a>(&'a self, ending: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let ending = format!(".{ending}");
        self.files.iter().filter(move |(path, _)| path.ends_with(&ending)).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Is there a file or a folder of this path?
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.contains_key(path) || self.paths().any(|p| p.starts_with(&folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_there() {
        let repository = Repository::of(&[("docs/adr/001-a.md", "# A"), ("a.rs", "")]);
        for there in ["docs", "docs/adr", "docs/adr/001-a.md", "a.rs"] {
            assert!(repository.has(there), "{there}");
        }
        for absent in ["doc", "docs/adr/001", "docs/b.md"] {
            assert!(!repository.has(absent), "{absent}");
        }
        assert_eq!(repository.ending("md").map(|(path, _)| path).collect::<Vec<_>>(), ["docs/adr/001-a.md"]);
    }

    #[test]
    fn the_crate_itself_is_read() {
        let repository = Repository::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(repository.text("src/repository.rs").unwrap().contains("the_crate_itself_is_read"));
    }
}
