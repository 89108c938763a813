//! Running the real program: folders, keys, outcomes.

use serde_json::Value;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Circuit keys shared by all tests of this checkout; the first command that needs them makes them.
pub fn keys() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys")
}

/// A folder that vanishes with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("countersign-cli-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Insists on success.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Insists on an exit code.
    pub fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// The one JSON object on standard output.
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert!(value.is_object(), "{self:?}");
        value
    }

    /// The one JSON object on standard error of a failure; its code must be the exit code, and nothing else may be printed there.
    pub fn error(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stderr).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert_eq!(value["exit_code"].as_i64(), self.code.map(i64::from), "{self:?}");
        assert!(value["message"].as_str().is_some_and(|m| !m.is_empty()), "{self:?}");
        value
    }

    /// No text of a list may stand in anything that was said.
    pub fn keeps_secret(self, secrets: &[String]) -> Self {
        for secret in secrets {
            assert!(!self.stdout.contains(secret) && !self.stderr.contains(secret), "a command named a patient");
        }
        self
    }
}

/// The program with some arguments, its keys set.
pub fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).env("COUNTERSIGN_KEYS", keys()).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Outcome {
    let out = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
    Outcome { code: out.status.code(), stdout: text(out.stdout), stderr: text(out.stderr) }
}

/// Runs the program.
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Outcome {
    finish(command(arguments))
}

/// Starts the program without waiting; nothing of it is kept.
pub fn start<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Child {
    command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Arguments from paths and texts.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { vec![$(std::ffi::OsString::from(&$argument)),*] };
}
pub(crate) use arguments;

/// A part of the folder of trial data and plain readers, if it is there.
pub fn shared(part: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("COUNTERSIGN_TRIAL_DATA").and_then(|p| Path::new(&p).parent().map(Path::to_owned));
    let roots = named.into_iter().chain([here.join("../../../shared"), here.join("../../../../shared")]);
    let found = roots.map(|r| r.join(part)).find(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: no {part} here (COUNTERSIGN_TRIAL_DATA names the folder of trial data)");
    }
    found
}

/// The table of a site, or the pooled table for `None`.
pub fn table<'a>(result: &'a Value, site: Option<&str>) -> &'a [Value] {
    let table = match site {
        None => &result["table"],
        Some(name) => &result["by_site"].as_array().unwrap().iter().find(|s| s["site"] == name).unwrap()["table"],
    };
    table.as_array().unwrap()
}

/// The entry of a group and term.
pub fn entry<'a>(table: &'a [Value], group: &Value, term: &str) -> &'a Value {
    table.iter().find(|e| e["group"] == *group && e["term"] == term).unwrap_or_else(|| panic!("no {group} {term} in {table:?}"))
}

/// The count that an entry tells exactly. With `k_min` 1 an empty cell is below 1, which leaves only 0.
pub fn told(n: &Value) -> Option<u64> {
    n["value"].as_u64().or_else(|| n["low"].as_u64().filter(|low| n["high"].as_u64() == Some(*low)))
}

/// The dictionary of generated hospitals, as arguments.
pub const CORE: [&str; 2] = ["--dictionary", "cardiometabolic-core"];

/// Two invented hospitals, `a` (complete) and `b` (other codes), and the place of a data folder `net`.
#[derive(Debug)]
pub struct Two {
    pub folder: tempfile::TempDir,
    /// Every patient's identifier.
    pub patients: Vec<String>,
}

impl Two {
    /// Writes them.
    pub fn generated(patients: u32) -> Self {
        let folder = folder();
        for (site, profile, seed) in [("a", "complete", "7"), ("b", "other-codes", "8")] {
            let out = folder.path().join(site);
            run(arguments!["generate", out, "--profile", profile, "--patients", patients.to_string(), "--seed", seed]).done();
        }
        let ids = ["a", "b"].iter().flat_map(|prefix| (1..=patients).map(move |i| format!("{prefix}-{i:07}"))).collect();
        Self { folder, patients: ids }
    }

    /// A path inside.
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// Makes the network.
    pub fn init(&self) -> Outcome {
        run(arguments!["--json", "init", "--data", self.path("net"), "--site", "a", "--site", "b"])
    }

    /// The arguments that anchor a hospital with its consents.
    pub fn anchor(&self, site: &str) -> Vec<std::ffi::OsString> {
        let mapping = if site == "a" { "mapping-fhir" } else { "mapping-fhir-other" };
        let mut all = arguments!["--json", "anchor", self.path(site), "--data", self.path("net"), "--site", site];
        all.extend(arguments![CORE[0], CORE[1], "--mapping", mapping, "--consents", self.path(site).join("consents.csv")]);
        all
    }

    /// The arguments of a question whose answers go to `out`.
    pub fn query(&self, sql: &str) -> Vec<std::ffi::OsString> {
        arguments!["--json", "query", sql, "--data", self.path("net"), "--export", self.path("out")]
    }

    /// What an audit of the data folder says.
    pub fn audit(&self) -> Value {
        run(arguments!["--json", "audit", self.path("net")]).done().keeps_secret(&self.patients).json()
    }
}

/// A copy of a file with one bit of one byte changed.
pub fn changed(file: &Path, at: usize, to: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(to, bytes).unwrap();
}
