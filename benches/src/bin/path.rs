//! Measures the whole path, each command a process of its own: `cargo run --release -p countersign-benches --bin path -- [--rows N] [--sites N] [--json]`.
//!
//! A development network of N hospitals on disk, each with a table of seven attributes: import without anchoring, anchor, ask, show, audit; then one row in
//! a hundred changes, everybody permits less, and a thousand people take their consent back; then ten thousand leave, one is shown, one is erased, and the hospital's file is backed up.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::{
    cohort,
    process::{self, Taken},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Asked after the withdrawals: another one, so that nothing is shown from before.
const AFTERWARDS: &str = "SELECT sex, COUNT(*), AVG(chol) FROM heart-disease WHERE age >= 50 GROUP BY sex";
/// Asked after many have left, and after one was erased.
const AFTER_LEAVERS: &str = "SELECT sex, COUNT(*) FROM heart-disease WHERE age >= 40 GROUP BY sex";
const AFTER_ERASURE: &str = "SELECT disease, COUNT(*) FROM heart-disease WHERE age >= 40 GROUP BY disease";
/// People who leave by the counter.
const LEAVERS: usize = 10_000;
/// Date of the data.
const AS_OF: &str = "2026-01-01";
/// People who take their consent back.
const WITHDRAWN: u32 = 1_000;
/// One row in so many is another at the second import.
const CHANGED_EVERY: u32 = 100;

struct Arguments {
    rows: u32,
    sites: u32,
    json: bool,
}

fn arguments() -> Arguments {
    let mut found = Arguments { rows: 100_000, sites: 1, json: false };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut number = || given.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        match name.as_str() {
            "--json" => found.json = true,
            "--rows" => found.rows = number().expect("--rows N"),
            "--sites" => found.sites = number().expect("--sites N"),
            _ => panic!("unknown argument {name}; usage: path [--rows N] [--sites N] [--json]"),
        }
    }
    assert!(found.rows > WITHDRAWN, "more rows than withdrawals: more than {WITHDRAWN}");
    found
}

struct Walk {
    program: PathBuf,
    folder: tempfile::TempDir,
    json: bool,
    steps: Vec<(String, Taken)>,
}

impl Walk {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn step(&mut self, name: &str, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.program);
        command.arg("--json").args(arguments).current_dir(self.folder.path()).env("COUNTERSIGN_KEYS", self.at("keys"));
        let (taken, said) = process::run(command);
        if !self.json {
            let Taken { seconds, cpu, peak_mib, written_mib } = taken;
            println!("{name:44} {seconds:8.2} s {cpu:8.2} s CPU {peak_mib:7.0} MiB {written_mib:7.1} MiB written");
        }
        self.steps.push((name.to_owned(), taken));
        serde_json::from_str(&said).unwrap_or_default()
    }

    fn anchor(&mut self, name: &str, site: u32, table: &str, consents: Option<&str>) {
        let site = format!("h{site}");
        let mut all = vec!["anchor", "--data", "network", "--site", &site];
        all.extend(["--as-of", AS_OF, "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv"]);
        all.extend(consents.iter().flat_map(|file| ["--consents", file]));
        all.push(table);
        self.step(name, &all);
    }
}

fn size(folder: &Path) -> f64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    entries.map(|e| if e.path().is_dir() { size(&e.path()) } else { e.metadata().unwrap().len() as f64 / 1_048_576.0 }).sum()
}

/// What people ask of the first hospital, and its backup.
fn rights(path: &mut Walk, rows: u32) {
    let site = ["--data", "network", "--site", "h1"];
    let with = |arguments: &[&'static str]| arguments.iter().copied().chain(site).collect::<Vec<_>>();
    let leavers: String = (0..rows).filter(|row| row % 10 == 3).take(LEAVERS).map(|row| format!("p{row:08}\n")).collect();
    std::fs::write(path.at("leavers"), leavers).unwrap();
    path.step("withdraw, 10,000 people (or 1 in 10)", &with(&["withdraw", "--patients", "leavers"]));
    path.step("query after them", &["query", "--data", "network", AFTER_LEAVERS]);
    path.step("record show", &with(&["record", "show", "--patient", "p00000002", "--out", "record"]));
    path.step("erase, 1 person", &with(&["erase", "--patient", "p00000001"]));
    path.step("query after it", &["query", "--data", "network", AFTER_ERASURE]);
    path.step("backup key", &with(&["backup", "key", "--sheet", "sheet"]));
    let made = path.step("backup create", &with(&["backup", "create", "--to", "backups"]));
    path.step("backup verify", &["backup", "verify", made["backup"].as_str().unwrap(), "--sheet", "sheet"]);
    path.step("audit at the end", &["audit", "network"]);
}

fn main() {
    let Arguments { rows, sites, json } = arguments();
    let mut path = Walk { program: process::program(), folder: tempfile::tempdir().unwrap(), json, steps: Vec::new() };
    let several = |name: &str, site: u32| if sites == 1 { name.to_owned() } else { format!("{name}, h{site}") };
    for site in 1..=sites {
        cohort::table(&path.at(&format!("h{site}.csv")), rows, u64::from(site), |_| false);
        cohort::table(&path.at(&format!("h{site}-changed.csv")), rows, u64::from(site), |row| row % CHANGED_EVERY == 0);
        cohort::consents(&path.at(&format!("h{site}-everybody.csv")), rows, |_| false);
        cohort::consents(&path.at(&format!("h{site}-consents.csv")), rows, |row| {
            row % (rows / WITHDRAWN) == 0 && row / (rows / WITHDRAWN) < WITHDRAWN
        });
    }
    path.step("keys generate (once)", &["keys", "generate"]);
    let names: Vec<String> = (1..=sites).map(|site| format!("h{site}")).collect();
    let init: Vec<&str> =
        ["init", "--data", "network"].into_iter().chain(names.iter().flat_map(|name| ["--site", name.as_str()])).collect();
    path.step("init", &init);
    path.step(
        "import --dry-run",
        &["import", "--dry-run", "--as-of", AS_OF, "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv", "h1.csv"],
    );
    for site in 1..=sites {
        path.anchor(&several("anchor", site), site, &format!("h{site}.csv"), None);
    }
    for site in 1..=sites {
        path.anchor(&several("anchor the same again", site), site, &format!("h{site}.csv"), None);
    }
    path.step("query", &["query", "--data", "network", &cohort::question(40)]);
    path.step("result", &["result", "Q-1", "--data", "network"]);
    path.step("audit", &["audit", "network"]);
    for site in 1..=sites {
        path.anchor(&several("anchor, 1 row in 100 changed", site), site, &format!("h{site}-changed.csv"), None);
    }
    // fewer scopes than without a file, where everybody permits everything: who permits less has a place anew
    for site in 1..=sites {
        let consents = format!("h{site}-everybody.csv");
        path.anchor(&several("anchor, everybody permits less", site), site, &format!("h{site}-changed.csv"), Some(&consents));
    }
    for site in 1..=sites {
        let consents = format!("h{site}-consents.csv");
        path.anchor(&several("anchor, 1,000 consents taken back", site), site, &format!("h{site}-changed.csv"), Some(&consents));
    }
    path.step("query afterwards", &["query", "--data", "network", AFTERWARDS]);
    path.step("audit afterwards", &["audit", "network"]);
    rights(&mut path, rows);
    let folder_mib = size(&path.at("network"));
    if json {
        let steps: Vec<Value> = path
            .steps
            .iter()
            .map(
                |(name, t)| json!({"step": name, "seconds": t.seconds, "cpu": t.cpu, "peak_mib": t.peak_mib, "written_mib": t.written_mib}),
            )
            .collect();
        println!("{}", json!({"rows": rows, "sites": sites, "folder_mib": folder_mib, "steps": steps}));
    } else {
        println!("the network's folder at the end: {folder_mib:.0} MiB");
    }
}
