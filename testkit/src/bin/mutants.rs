//! Builds every mutant of `testkit/mutants.toml` and runs the test that must fail for it.
//!
//! It works on a copy: circuits, prover, verifier and testkit as a workspace of their own in a temporary folder (`COUNTERSIGN_MUTANTS` names
//! another), whose build is kept, so that a mutant costs what changed. The unmutated copy must pass all the tests first. The exit code is 1 if a mutant
//! survives, does not build or cannot be made.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use anyhow::{Context, Result, bail, ensure};
use countersign_testkit::mutants::{Mutant, all};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    time::{Duration, Instant},
};

/// What is copied.
const CRATES: [&str; 4] = ["circuits", "prover", "verifier", "testkit"];

fn main() -> Result<ExitCode> {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let mutants = chosen(&wanted)?;
    let copy = Workspace::make()?;
    println!("{} mutants, in {}", mutants.len(), copy.root.display());
    let start = Instant::now();
    copy.passes(&mutants)?;
    println!("unmutated: every test passes ({} s)\n", start.elapsed().as_secs());
    let mut results = Vec::new();
    for (i, mutant) in mutants.iter().enumerate() {
        let start = Instant::now();
        let verdict = copy.verdict(mutant)?;
        let time = start.elapsed();
        println!("{:>3}/{} {:<32} {verdict:<14} {:>4} s", i + 1, mutants.len(), mutant.name, time.as_secs());
        std::io::stdout().flush()?;
        results.push((mutant, verdict, time));
    }
    Ok(report(&results))
}

/// The mutants of these names, or all.
fn chosen(names: &[String]) -> Result<Vec<Mutant>> {
    let mutants = all();
    for name in names {
        ensure!(mutants.iter().any(|m| m.name == *name), "there is no mutant {name}; testkit/MUTANTS.md lists them");
    }
    Ok(mutants.into_iter().filter(|m| names.is_empty() || names.contains(&m.name)).collect())
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Killed,
    Survived,
    DoesNotBuild,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Killed => "killed",
            Self::Survived => "SURVIVED",
            Self::DoesNotBuild => "DOES NOT BUILD",
        })
    }
}

fn report(results: &[(&Mutant, Verdict, Duration)]) -> ExitCode {
    println!("\n| mutant | result | test | seconds |\n|---|---|---|---|");
    for (mutant, verdict, time) in results {
        println!("| {} | {verdict} | {} | {} |", mutant.name, mutant.test, time.as_secs());
    }
    let killed = results.iter().filter(|(_, verdict, _)| *verdict == Verdict::Killed).count();
    let seconds: u64 = results.iter().map(|(_, _, time)| time.as_secs()).sum();
    println!("\n{killed} of {} killed, {seconds} s", results.len());
    if killed == results.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The copy.
struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Copies what changed since the last time; what a broken-off run left mutated is written over.
    fn make() -> Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
        let root = env::var_os("COUNTERSIGN_MUTANTS").map_or_else(|| env::temp_dir().join("countersign-mutants"), PathBuf::from);
        for name in CRATES {
            mirror(&source.join(name), &root.join(name))?;
        }
        let manifest = fs::read_to_string(source.join("Cargo.toml"))?;
        let members = |line: &&str| line.starts_with("members = ");
        ensure!(manifest.lines().filter(members).count() == 1, "Cargo.toml has its members in one line");
        let own = format!("members = {CRATES:?}");
        let lines: Vec<&str> = manifest.lines().map(|line| if members(&line) { own.as_str() } else { line }).collect();
        update(&root.join("Cargo.toml"), (lines.join("\n") + "\n").as_bytes())?;
        if !root.join("Cargo.lock").exists() {
            fs::copy(source.join("Cargo.lock"), root.join("Cargo.lock"))?;
        }
        Ok(Self { root })
    }

    /// Every test passes as things are.
    fn passes(&self, mutants: &[Mutant]) -> Result<()> {
        let tests: BTreeSet<&str> = mutants.iter().map(|m| m.test.as_str()).collect();
        let built = self.cargo(&["--no-run"])?;
        ensure!(built.status.success(), "the copy does not build:\n{}", String::from_utf8_lossy(&built.stderr));
        let arguments: Vec<&str> = ["--", "--exact"].into_iter().chain(tests.iter().copied()).collect();
        let run = self.cargo(&arguments)?;
        let said = String::from_utf8_lossy(&run.stdout);
        for test in tests {
            ensure!(said.contains(&format!("test {test} ... ok")), "{test} does not pass unmutated:\n{said}");
        }
        Ok(())
    }

    /// Makes a mutant, builds it, runs its test, and puts the sources back.
    fn verdict(&self, mutant: &Mutant) -> Result<Verdict> {
        let mut originals: BTreeMap<PathBuf, String> = BTreeMap::new();
        for edit in &mutant.edits {
            let path = self.root.join(&edit.file);
            let source = fs::read_to_string(&path).with_context(|| edit.file.clone())?;
            let Some(changed) = edit.apply(&source) else {
                self.put_back(&originals)?;
                bail!("{}: not exactly once in {}: {}", mutant.name, edit.file, edit.find)
            };
            fs::write(&path, changed)?;
            originals.entry(path).or_insert(source);
        }
        let kept = self.keys();
        let verdict = self.run(mutant);
        self.put_back(&originals)?;
        // the keys of a circuit that is no more
        self.keys().difference(&kept).try_for_each(fs::remove_file)?;
        verdict
    }

    /// The key files that the tests have kept.
    fn keys(&self) -> BTreeSet<PathBuf> {
        fs::read_dir(self.root.join("keys")).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }

    fn put_back(&self, originals: &BTreeMap<PathBuf, String>) -> Result<()> {
        originals.iter().try_for_each(|(path, source)| fs::write(path, source).with_context(|| path.display().to_string()))
    }

    fn run(&self, mutant: &Mutant) -> Result<Verdict> {
        let test = &mutant.test;
        let built = self.cargo(&["--no-run"])?;
        if !built.status.success() {
            println!("{}", String::from_utf8_lossy(&built.stderr));
            return Ok(Verdict::DoesNotBuild);
        }
        let run = self.cargo(&["--", "--exact", test])?;
        let said = String::from_utf8_lossy(&run.stdout);
        if said.contains(&format!("test {test} ... ok")) {
            return Ok(Verdict::Survived);
        }
        ensure!(said.contains(&format!("test {test} ... FAILED")), "{}: the test did not run:\n{said}", mutant.name);
        let why = String::from_utf8_lossy(&run.stderr).into_owned() + &said;
        let panic = why.lines().skip_while(|line| !line.contains("panicked at")).take(4).collect::<Vec<_>>().join("\n        ");
        println!("        {panic}");
        Ok(Verdict::Killed)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Output> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--release", "-p", "countersign-testkit", "--test", "all"]).args(arguments);
        // built often and run once: incremental, without debug information
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", self.root.join("target"));
        command.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_RELEASE_DEBUG", "false");
        command.env("COUNTERSIGN_TESTKIT_KEYS", self.root.join("keys"));
        command.output().context("cargo")
    }
}

/// Writes a file unless it has these bytes: an unchanged file is not built again.
fn update(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Makes a folder what another one is.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        names.insert(entry.file_name());
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { mirror(&entry.path(), &target)? } else { update(&target, &fs::read(entry.path())?)? }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
    }
    Ok(())
}
