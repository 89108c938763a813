//! Documents: one title each, and no word of papers that are not in the repository.

use crate::{Finding, Repository};

/// Papers one could be sent to in vain.
const ELSEWHERE: [&str; 5] = ["style guide", "design document", "house rules", "requirements document", "master plan"];

/// Lines of a document outside of fenced code, numbered from 1.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Every document has exactly one title and sends nobody to a paper that is not here.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repository.ending("md") {
        let titles = prose(text).filter(|(_, line)| line.starts_with("# ")).count();
        if titles != 1 {
            findings.push(Finding::new(path, format!("{titles} titles (`# `): a document has one")));
        }
        for (line, words) in text.lines().enumerate() {
            let words = words.to_lowercase();
            for paper in ELSEWHERE.iter().filter(|paper| words.contains(*paper)) {
                findings
                    .push(Finding::new(format!("{path}:{}", line + 1), format!("no {paper} is in the repository: say what is meant here")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_counted_outside_of_code() {
        let count = |text| check(&Repository::of(&[("a.md", text)])).len();
        assert_eq!(count("# A\n\n```sh\n# a comment\n```\n\n    # code\n## B\n"), 0);
        assert_eq!(count("## A\n"), 1);
        assert_eq!(count("# A\n# B\n"), 1);
        assert_eq!(count("```\n# A\n```\n"), 1);
    }

    #[test]
    fn papers_that_are_elsewhere_are_found() {
        let found = check(&Repository::of(&[("a.md", "# A\n\nas the Style Guide says\n")]));
        assert_eq!(found.iter().map(|f| f.place.as_str()).collect::<Vec<_>>(), ["a.md:3"]);
    }
}
