//! Mutants of the transcripts and the verifier: one omission each, with the test that must fail for it. The list is `testkit/mutants.toml`; the
//! program `mutants` builds each and runs its test; `testkit/MUTANTS.md` is the list for reading.

use serde::Deserialize;

/// A change of one place in the source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, from the root of the workspace.
    pub file: String,
    /// What stands there, exactly once.
    pub find: String,
    /// What stands there instead.
    pub replace: String,
}

/// One omission.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name on the command line.
    pub name: String,
    /// What is left out, in words.
    pub what: String,
    /// The test that fails: `file::name` of `testkit/tests`.
    pub test: String,
    /// The places: where prover and verifier or the circuit repeat a thing, all of them.
    #[serde(rename = "edit")]
    pub edits: Vec<Edit>,
}

impl Mutant {
    /// File and name of the test.
    pub fn test(&self) -> (&str, &str) {
        self.test.split_once("::").expect("a test is file::name")
    }
}

impl Edit {
    /// A source with the change made; nothing if the place is not there just once.
    pub fn apply(&self, source: &str) -> Option<String> {
        (source.matches(&self.find).count() == 1).then(|| source.replacen(&self.find, &self.replace, 1))
    }
}

/// Every mutant, in the order of the list.
pub fn all() -> Vec<Mutant> {
    #[derive(Deserialize)]
    struct List {
        mutant: Vec<Mutant>,
    }
    toml::from_str::<List>(include_str!("../mutants.toml")).expect("the list of mutants is well-formed").mutant
}

/// The list for reading: `testkit/MUTANTS.md`.
pub fn document() -> String {
    let head = "# Mutants\n\n\
        What circuits and verifier would be with one omission each, and the test that fails for it. `cargo run --release -p countersign-testkit --bin mutants` \
        builds\nevery one and runs its test; names behind `--` choose some. This file is made from `mutants.toml` \
        (`COUNTERSIGN_WRITE_MUTANTS=1 cargo test --release -p\ncountersign-testkit --test all mutants`) and the test `mutants` compares them.\n\n\
        Tests in `omissions_*` and `attacks_*` are attacks: the omission alone would let the forgery pass. Tests in `transcripts` are the second line: they\n\
        show that a challenge depends on an item, where the item is bound in another place too and no attack on its omission alone is known.\n\n\
        | mutant | the omission | killed by |\n|---|---|---|\n";
    let row = |m: &Mutant| format!("| {} | {} | `{}` |\n", m.name, m.what, m.test);
    all().iter().fold(head.to_owned(), |text, mutant| text + &row(mutant))
}
