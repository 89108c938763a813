//! Measures a question over a network of processes: `cargo run --release -p countersign-benches --bin organisations -- [--rows N] [--json]`.
//!
//! A validator, a hospital, an ethics board and a researcher, each with its node as a process of its own on loopback, at the pace networks are configured with. What is measured is the researcher's
//! `query`, from its start until the table is shown, and what each node's process has taken by then.
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
use countersign_tests::loopback::unused_address;
use serde_json::{Value, json};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause between two looks at a node.
const LOOK: Duration = Duration::from_millis(100);

struct Organisation {
    program: PathBuf,
    keys: PathBuf,
    folder: PathBuf,
    name: &'static str,
    node: Option<Child>,
}

impl Drop for Organisation {
    fn drop(&mut self) {
        if let Some(node) = &mut self.node {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

impl Organisation {
    fn init(program: &Path, network: &Path, name: &'static str, roles: &[&str]) -> Self {
        let made = Self { program: program.to_owned(), keys: network.join("keys"), folder: network.join(name), name, node: None };
        let folder = made.folder.to_str().unwrap();
        let listen = unused_address().to_string();
        let mut all = vec!["init", "--member", name, "--folder", folder];
        all.extend(roles.iter().flat_map(|role| ["--role", *role]));
        all.extend(if roles.contains(&"validator") { vec!["--listen", &listen] } else { Vec::new() });
        made.plain(&all);
        made.edit("#listen = \"127.0.0.1:7480\"", "listen = \"127.0.0.1:0\"");
        made
    }

    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        std::fs::write(self.config(), text.replace(from, to)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.folder.join("node.toml")
    }

    fn card(&self) -> PathBuf {
        self.folder.join(format!("{}.member.json", self.name))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--json").args(arguments).env("COUNTERSIGN_KEYS", &self.keys);
        command
    }

    fn plain(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&process::run(self.command(arguments)).1).unwrap_or_default()
    }

    /// A command beside the node.
    fn beside(&self, arguments: &[&str]) -> (Taken, Value) {
        let mut command = self.command(arguments);
        command.arg("--config").arg(self.config());
        let (taken, said) = process::run(command);
        (taken, serde_json::from_str(&said).unwrap_or_default())
    }

    fn start(&mut self) {
        let mut command = self.command(&["node", "--config", self.config().to_str().unwrap()]);
        command.stdout(Stdio::null()).stderr(File::create(self.folder.join("log")).unwrap());
        self.node = Some(command.spawn().unwrap());
    }

    fn height(&self) -> Option<u64> {
        let mut command = self.command(&["status", "--config"]);
        let out = command.arg(self.config()).output().unwrap();
        let status: Value = serde_json::from_slice(&out.stdout).ok()?;
        if status["running"] == true { status["height"].as_u64() } else { None }
    }

    fn reach(&self, height: u64) {
        let start = Instant::now();
        while self.height().is_none_or(|found| found < height) {
            assert!(start.elapsed() < PATIENCE, "{} does not come to block {height}", self.name);
            std::thread::sleep(LOOK);
        }
    }

    fn taken(&self) -> Taken {
        process::of(self.node.as_ref().unwrap().id())
    }
}

fn arguments() -> (u32, bool) {
    let (mut rows, mut json) = (100_000, false);
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        match name.as_str() {
            "--json" => json = true,
            "--rows" => rows = given.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0).expect("--rows N"),
            _ => panic!("unknown argument {name}; usage: organisations [--rows N] [--json]"),
        }
    }
    (rows, json)
}

/// Who signs for the board.
const OFFICES: [&str; 2] = ["chair", "secretary"];

/// Four organisations that have joined and run, with the hospital's table anchored and a study open.
fn begin(network: &Path, rows: u32) -> [Organisation; 4] {
    let program = process::program();
    let init = |name, roles: &[&str]| Organisation::init(&program, network, name, roles);
    let mut all = [
        init("verifier", &["validator", "governance"]),
        init("hospital", &["hospital"]),
        init("board", &["board"]),
        init("researcher", &["researcher"]),
    ];
    all[1].edit("#answer = \"ask\"", "answer = \"automatic\"");
    all[0].plain(&["keys", "generate"]);
    let genesis = network.join("network.genesis");
    let cards: Vec<PathBuf> = all.iter().map(Organisation::card).collect();
    for office in OFFICES {
        let person = all[2].folder.join(office);
        all[2].plain(&["person", "new", "--name", office, "--board", cards[2].to_str().unwrap(), "--out", person.to_str().unwrap()]);
    }
    let mut command = all[0].command(&["genesis", "--development", "--out"]);
    command.arg(&genesis).arg("--card").args(&cards);
    for office in OFFICES {
        command.arg(format!("--{office}")).arg(all[2].folder.join(format!("{office}.person.json")));
    }
    process::run(command);
    for member in &mut all {
        let mut join = member.command(&["join", "--folder"]);
        join.arg(&member.folder).arg("--genesis").arg(&genesis).arg("--peer").arg(&cards[0]);
        process::run(join);
        member.start();
    }
    let [verifier, hospital, board, researcher] = &all;
    all.iter().for_each(|member| member.reach(1));
    verifier.beside(&["propose", "dictionary", "heart-disease", "--reason", "what is measured"]);
    hospital.reach(verifier.height().unwrap());
    let table = network.join("table.csv");
    cohort::table(&table, rows, 1, |_| false);
    let anchor = ["anchor", "--as-of", "2026-01-01", "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv"];
    hospital.beside(&[&anchor[..], &[table.to_str().unwrap()]].concat());
    researcher.reach(hospital.height().unwrap());
    researcher.beside(&["study", "submit", "--title", "A study", "--summary", "What it is about.", "--dictionary", "heart-disease"]);
    board.reach(researcher.height().unwrap());
    for office in OFFICES {
        let person = board.folder.join(office);
        board.beside(&["study", "approve", "S-1", "--person", person.to_str().unwrap()]);
    }
    hospital.reach(board.height().unwrap());
    hospital.beside(&["study", "accept", "S-1"]);
    researcher.reach(hospital.height().unwrap());
    all
}

fn main() {
    let (rows, json) = arguments();
    let folder = tempfile::tempdir().unwrap();
    let all = begin(folder.path(), rows);
    let mut steps = Vec::new();
    for (what, age) in [("the first question", 40), ("another", 50), ("a third", 60)] {
        let (taken, said) = all[3].beside(&["query", &cohort::question(age)]);
        assert_eq!(said["verified"], 1, "{said}");
        if !json {
            println!(
                "{what:20} {:6.2} s, {:5.2} s CPU and {:4.0} MiB of the researcher's command",
                taken.seconds, taken.cpu, taken.peak_mib
            );
        }
        steps.push(json!({"step": what, "seconds": taken.seconds, "cpu": taken.cpu, "peak_mib": taken.peak_mib}));
    }
    let nodes: Vec<Value> = all
        .iter()
        .map(|member| {
            let taken = member.taken();
            if !json {
                println!(
                    "{:20} {:5.1} s CPU, {:4.0} MiB, {:5.1} MiB written",
                    format!("node of {}", member.name),
                    taken.cpu,
                    taken.peak_mib,
                    taken.written_mib
                );
            }
            json!({"node": member.name, "cpu": taken.cpu, "peak_mib": taken.peak_mib, "written_mib": taken.written_mib})
        })
        .collect();
    if json {
        println!("{}", json!({"rows": rows, "steps": steps, "nodes": nodes}));
    }
}
