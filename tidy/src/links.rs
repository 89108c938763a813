//! Links and cited paths of documents: all lead somewhere.

use crate::{Finding, Repository, documents::prose};
use std::collections::{BTreeMap, BTreeSet};

/// Every relative link, its anchor, and every path of the repository that a document cites exists; so do the documents that sources cite.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let tops: BTreeSet<&str> = repository.paths().filter_map(|p| p.split_once('/')).map(|(top, _)| top).collect();
    let names: BTreeSet<&str> = repository.paths().filter_map(|p| p.rsplit('/').next()).collect();
    let mut findings = Vec::new();
    for (path, text) in repository.ending("md") {
        for (line, words) in prose(text) {
            let place = format!("{path}:{line}");
            findings.extend(links(words).filter_map(|to| broken(repository, path, to)).map(|what| Finding::new(&place, what)));
        }
        for (line, words) in text.lines().enumerate() {
            for cited in cited(words) {
                let within = cited.split_once('/').is_some_and(|(top, _)| tops.contains(top));
                let lost = match cited {
                    _ if within => !leads_somewhere(repository, cited),
                    name if name.ends_with(".md") && !name.contains('/') => !names.contains(name),
                    _ => false,
                };
                if lost {
                    findings.push(Finding::new(format!("{path}:{}", line + 1), format!("{cited} is not in the repository")));
                }
            }
        }
    }
    // the tests of this crate write down documents that do not exist
    let others =
        ["rs", "toml", "sql"].into_iter().flat_map(|ending| repository.ending(ending)).filter(|(path, _)| !path.starts_with("tidy/src/"));
    for (path, text) in others {
        for (line, words) in text.lines().enumerate() {
            for cited in cited(words).filter(|c| c.starts_with("docs/") && !leads_somewhere(repository, c)) {
                findings.push(Finding::new(format!("{path}:{}", line + 1), format!("{cited} is not in the repository")));
            }
        }
    }
    findings
}

/// Targets of `[words](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|to| !to.contains("://") && !to.starts_with("mailto:"))
}

fn broken(repository: &Repository, from: &str, to: &str) -> Option<String> {
    let (file, anchor) = to.split_once('#').map_or((to, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) };
    let Some(target) = target.filter(|t| repository.has(t)) else { return Some(format!("link to {to}: there is no such file")) };
    let anchor = anchor?;
    let there = repository.text(&target).is_some_and(|text| anchors(text).contains(anchor));
    (!there).then(|| format!("link to {to}: {target} has no such heading"))
}

/// A relative path of a link from the root; nothing if it leads out of the repository.
fn resolve(from: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c)).map(|c| if c == ' ' { '-' } else { c });
        let anchor: String = kept.collect();
        let times = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *times == 0 { anchor } else { format!("{anchor}-{times}") });
        *times += 1;
    }
    anchors
}

/// Words that look like paths.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./".contains(c)))
        .map(|word| word.trim_end_matches(['.', '/', '-']))
        .filter(|word| word.contains(['/', '.']))
}

/// A file or folder, with or without `.md`, or the number of a decision (`docs/adr/007`).
fn leads_somewhere(repository: &Repository, path: &str) -> bool {
    let numbered = format!("{path}-");
    repository.has(path)
        || repository.has(&format!("{path}.md"))
        || (path.starts_with("docs/adr/") && repository.paths().any(|p| p.starts_with(&numbered)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let other = "# Other one\n\n## What it `says`, twice\n\n## What it says twice\n\n```\n# no heading\n```\n";
        let files =
            [("README.md", text), ("docs/other.md", other), ("docs/adr/007-eq.md", "# 7"), ("net/src/lib.rs", "//! docs/other.md\n")];
        check(&Repository::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for good in [
            "[a](docs/other.md)",
            "[a](docs/other.md#what-it-says-twice) and [b](docs/other.md#what-it-says-twice-1)",
            "[a](docs)",
            "[a](./docs/adr/)",
            "[a](https://example.org/none.html) [b](mailto:a@example.org)",
            "# A heading\n[a](#a-heading)",
            "```\n[a](none.txt)\n```",
        ] {
            assert_eq!(found(good), Vec::<String>::new(), "{good}");
        }
        for bad in
            ["[a](other/none.txt)", "[a](docs/other.md#no-heading)", "[a](#nothing)", "[a](../x)", "[a](net/src/lib.rs#a)", "x\n[a](none)"]
        {
            assert_eq!(found(bad).len(), 1, "{bad}");
        }
        assert!(found("x\n[a](none)")[0].starts_with("README.md:2: "));
    }

    #[test]
    fn cited_paths_that_do_not_exist_are_found() {
        for good in [
            "`docs/other.md`, docs/adr/007 and docs/adr.",
            "other.md",
            "`net/src`",
            "either/or",
            "docs/other says",
            "1.5 a.b",
            "https://x.org/docs/no",
        ] {
            assert_eq!(found(good), Vec::<String>::new(), "{good}");
        }
        for bad in ["`docs/none.md`", "docs/adr/008", "none.md", "`net/src/none.rs`", "```\nnet/none\n```"] {
            assert_eq!(found(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn sources_cite_documents_that_exist() {
        let cites = |text: &str| check(&Repository::of(&[("docs/a.md", "# A"), ("x/src/lib.rs", text), ("x/Cargo.toml", text)])).len();
        assert_eq!(cites("// docs/a.md, x/none\n"), 0);
        assert_eq!(cites("// docs/b.md\n"), 2);
    }
}
