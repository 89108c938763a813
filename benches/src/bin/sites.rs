//! Measures many sites: `cargo run --release -p countersign-benches --bin sites -- [--sites N] [--rows N]`.
//!
//! Four validators over QUIC on loopback; N hospitals, each with a node and with a table of seven attributes in its own file; a board and a researcher. One
//! question, from asking it to the pooled table, each answer verified by the researcher, too. All of them share this machine's cores. Validators and researcher verify each
//! for itself; the hospitals' nodes share their verdicts, as on machines of their own they would verify at the same time.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::{cohort, process};
use countersign_circuits::consent::Day;
use countersign_consortium::{BoardPersons, Founding, make_development_keys, propose, usual_registry, vote};
use countersign_hospital::{Answering, Hospital, IfInUse, OptOutList, ProvingKeys, Source};
use countersign_ingest::{Mapping, Reading, shipped};
use countersign_ledger::{CachingChecker, KeyedChecker, ProofChecker};
use countersign_member::{PersonSecret, VerifyingFolder, now};
use countersign_messages::{Act, Change, Conditions, Height, Member, QueryId, Role, Rules, StudyId};
use countersign_query::{Question, compile};
use countersign_service::{Part, Rehearsal};
use countersign_study::{StudyDraft, ask, categories_of, decision, result, sign, submit};
use futures_util::stream::{self, StreamExt};
use std::{path::Path, sync::Arc, time::Instant};

const VALIDATORS: [&str; 4] = ["v1", "v2", "v3", "v4"];
const BOARD: &str = "board";
const RESEARCHER: &str = "researcher";
const QUESTION: &str = "SELECT chest_pain, disease, COUNT(*), AVG(sbp), STDDEV(sbp) FROM heart-disease WHERE age >= 40 AND chol >= 200 \
                        AND sex IN ('female', 'male') AND oldpeak >= 0 GROUP BY chest_pain, disease";
/// Hospitals at work at one time: a proof takes all cores there are, and one waits while another is sent.
const AT_ONCE: usize = 4;

type Failed = Box<dyn std::error::Error>;

struct Arguments {
    sites: usize,
    rows: u32,
}

fn arguments() -> Arguments {
    let mut found = Arguments { sites: 10, rows: 1_000 };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut number = || given.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        match name.as_str() {
            "--sites" => found.sites = number().expect("--sites N") as usize,
            "--rows" => found.rows = number().expect("--rows N"),
            _ => panic!("unknown argument {name}; usage: sites [--sites N] [--rows N]"),
        }
    }
    found
}

/// What a step took.
struct Step {
    start: Instant,
    cpu: f64,
    sent: f64,
}

impl Step {
    fn begin() -> Self {
        Self { start: Instant::now(), cpu: process::own().cpu, sent: loopback_mib() }
    }

    fn end(self, what: &str) {
        let own = process::own();
        println!(
            "{what:44} {:8.2} s {:8.2} s CPU {:8.1} MiB on the wire   peak {:.0} MiB",
            self.start.elapsed().as_secs_f64(),
            own.cpu - self.cpu,
            loopback_mib() - self.sent,
            own.peak_mib
        );
    }
}

/// What the loopback interface has carried, of whatever process.
fn loopback_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1_048_576.0
}

struct World {
    network: Rehearsal,
    hospitals: Vec<Hospital>,
    reading: Reading,
    persons: [PersonSecret; 2],
}

impl World {
    async fn start(folder: &Path, arguments: &Arguments) -> Self {
        let keys = folder.join("keys");
        make_development_keys(&keys).unwrap();
        let (verifying, proving) = (VerifyingFolder::new(&keys), ProvingKeys::new(&keys));
        let reading = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
        let part = |name: &str, roles: &[Role], node| Part { name: name.to_owned(), roles: roles.to_vec(), node };
        let mut parts: Vec<Part> = VALIDATORS.iter().map(|name| part(name, &[Role::Validator, Role::Governance], true)).collect();
        let names: Vec<String> = (1..=arguments.sites).map(|i| format!("h{i}")).collect();
        parts.extend(names.iter().map(|name| part(name, &[Role::Hospital], true)));
        parts.extend([part(BOARD, &[Role::Board], false), part(RESEARCHER, &[Role::Researcher], false)]);
        let time = now();
        let categories = reading.dictionary().attributes().iter().flat_map(|a| a.categories().iter().cloned()).collect();
        let registry = usual_registry(&categories, time.day()).unwrap();
        let mut persons = None;
        let founded = |members: Vec<Member>| -> Result<_, Failed> {
            let board = members.iter().find(|member| member.has_role(Role::Board)).unwrap().id;
            let BoardPersons { secrets, listed } = BoardPersons::generate(board, ["Chair", "Secretary"], time.day()).unwrap();
            persons = Some(secrets);
            let founding =
                Founding { name: "sites".into(), development: true, time, members, persons: listed, registry, rules: Rules::standard() };
            Ok(founding.genesis(verifying.read().unwrap()).unwrap())
        };
        let own = || -> Arc<dyn ProofChecker> { Arc::new(CachingChecker::new(KeyedChecker::new(verifying.read().unwrap()))) };
        let shared = own();
        let checker = |part: &Part| -> Result<Arc<dyn ProofChecker>, Failed> {
            Ok(if part.roles.contains(&Role::Hospital) { Arc::clone(&shared) } else { own() })
        };
        let network = Rehearsal::start(folder, &parts, founded, checker).await.unwrap();
        let mut hospitals = Vec::new();
        for name in &names {
            let connection = network.connection(name).unwrap();
            let member = network.member(name).unwrap().clone();
            let store = network.folder(name).unwrap().hospital_store();
            hospitals.push(Hospital::open(&connection, &proving, member, &store, IfInUse::Fail).await.unwrap());
        }
        Self { network, hospitals, reading, persons: persons.unwrap() }
    }

    async fn publish(&self) {
        let mut first = self.network.connection(VALIDATORS[0]).unwrap();
        let change = Change::Dictionary(self.reading.canonical().to_vec());
        let proposed = propose(&mut first, self.network.member(VALIDATORS[0]).unwrap(), change, Height(0), "measured").await.unwrap();
        for name in &VALIDATORS[1..3] {
            let mut connection = self.network.connection(name).unwrap();
            connection.until("the proposal", |s| s.proposal(&proposed.proposal).is_some()).await.unwrap();
            vote(&mut connection, self.network.member(name).unwrap(), proposed.proposal, true).await.unwrap();
        }
    }

    async fn anchor(&self, folder: &Path, rows: u32) {
        let mapping = Mapping::from_toml(shipped::MAPPING_HEART_CSV, &self.reading).unwrap();
        for (i, hospital) in self.hospitals.iter().enumerate() {
            let path = folder.join("table.csv");
            cohort::table(&path, rows, i as u64, |_| false);
            let mut connection = self.network.connection(&hospital.member.name).unwrap();
            connection.until("the dictionary", |s| s.dictionary(&self.reading.digest()).is_some()).await.unwrap();
            let source = Source { path, as_of: Some(Day(20_000)), consents: None, policy: None, opt_outs: OptOutList::AsBefore };
            let done = hospital.import_and_anchor(&mut connection, (&self.reading, &mapping), &source, &|_| {}, &|_| {}).await;
            assert!(!done.unwrap().1.nothing_to_do());
        }
    }

    async fn study(&self, question: &Question) -> StudyId {
        let (researcher, board) = (self.network.member(RESEARCHER).unwrap(), self.network.member(BOARD).unwrap());
        let draft = StudyDraft {
            title: "Measured".into(),
            summary: "How long many sites take.".into(),
            dictionary: self.reading.digest(),
            categories: categories_of(question),
            k_min: 10,
        };
        let mut connection = self.network.connection(RESEARCHER).unwrap();
        let study = submit(&mut connection, researcher, &[board.id()], &draft).await.unwrap();
        let mut observer = self.network.connection(BOARD).unwrap();
        observer.until("the study", |s| s.study(&study).is_some()).await.unwrap();
        let approval = decision(observer.state(), board, study, Act::Approve(Conditions::default()), "").unwrap();
        for person in &self.persons {
            sign(&mut observer, board, person, approval.clone()).await.unwrap();
        }
        for hospital in &self.hospitals {
            let mut connection = self.network.connection(&hospital.member.name).unwrap();
            connection.until("the approval", |s| s.study(&study).is_some_and(|s| !s.approvals.is_empty())).await.unwrap();
            hospital.accept(&mut connection, study, 10).await.unwrap();
        }
        connection.until("the hospitals", |s| s.cuts(&study).count() == self.hospitals.len()).await.unwrap();
        study
    }

    /// Every hospital answers.
    async fn answer(&self, query: QueryId) {
        let all = self.hospitals.iter().map(|hospital| self.answer_one(hospital, query));
        stream::iter(all).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    async fn answer_one(&self, hospital: &Hospital, query: QueryId) {
        let mut connection = self.network.connection(&hospital.member.name).unwrap();
        connection.until("the question", |s| s.query(&query).is_some()).await.unwrap();
        assert_eq!(hospital.answer(&mut connection, query).await.unwrap(), Answering::Accepted);
    }
}

#[tokio::main]
async fn main() {
    let arguments = arguments();
    let folder = tempfile::tempdir().unwrap();
    println!("{} sites x {} rows", arguments.sites, arguments.rows);
    let step = Step::begin();
    let mut world = World::start(folder.path(), &arguments).await;
    world.publish().await;
    step.end("keys, nodes, dictionary");
    let step = Step::begin();
    world.anchor(folder.path(), arguments.rows).await;
    step.end("all anchor");
    let question = compile(QUESTION, world.reading.dictionary()).unwrap();
    let step = Step::begin();
    let study = world.study(&question).await;
    step.end("a study, accepted by all");

    let whole = Step::begin();
    let step = Step::begin();
    let mut connection = world.network.connection(RESEARCHER).unwrap();
    let researcher = world.network.member(RESEARCHER).unwrap();
    let query = ask(&mut connection, researcher, study, (&question, QUESTION), now()).await.unwrap();
    step.end("ask");
    let step = Step::begin();
    world.answer(query).await;
    connection.refresh().await.unwrap();
    step.end("all answer and are accepted");
    let step = Step::begin();
    let collected = result(&connection, researcher, query).await.unwrap();
    assert_eq!((collected.verified, collected.rejected), (arguments.sites, 0));
    step.end("open, verify, pool");
    whole.end("from question to pooled table");
    println!("chain at height {}", connection.state().tip().height.0);
    for hospital in std::mem::take(&mut world.hospitals) {
        hospital.close().await;
    }
    drop(connection);
    world.network.stop_all().await;
}
