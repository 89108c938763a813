//! Measures the ledger as it grows: `cargo run --release -p countersign-benches --bin growth -- [blocks]`.
//!
//! One validator, its chain in a SQLite file. Each block holds a question and the answer of a hospital to the one before it, every second one a withdrawal; a new study begins
//! every ten such blocks, and every hundred a hospital anchors its tables anew. Proofs are taken without looking, so that what is measured is the ledger.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::chain::{
    BOARD, DAY_MS, GOVERNANCE, HOSPITAL, Points, TakesAll, approvals, dictionary, genesis, id, key, publish, resident_mib, study,
};
use countersign_circuits::{
    consent::Day,
    dictionary::Dictionary,
    hash::Digest32,
    segment::SegmentId,
    statement::{Clause, Literal, Measures, Statement},
};
use countersign_messages::{Anchor, AnchoredTable, Answer, Cause, Payload, Query, QueryId, StudyAccept, StudyId, Transaction, Withdraw};
use countersign_store::{Auditor, LocalChain, StoreUrl};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const RESEARCHERS: u8 = 100;
/// Segments of each table of the hospital: a hundred thousand slots.
const SEGMENTS: u32 = 49;
/// Bins of the one attribute.
const BINS: u16 = 64;
const STUDY_EVERY: u64 = 10;
const ANCHOR_EVERY: u64 = 100;
/// Blocks between: ten minutes.
const BLOCK_MS: u64 = 600_000;

struct Growth {
    chain: LocalChain,
    dictionary: Vec<u8>,
    points: Points,
    dice: StdRng,
    /// The study that is asked about, and its researcher.
    study: Option<(StudyId, u8)>,
    asked: Option<QueryId>,
    version: u32,
    withdrawn: u32,
    blocks: u64,
    answers: u64,
}

impl Growth {
    async fn submit(&mut self, what: Vec<(u8, Payload)>) -> (Vec<Transaction>, Duration) {
        let mut sequences = std::collections::BTreeMap::new();
        let state = self.chain.state();
        let mut sign = |(who, payload): (u8, Payload)| {
            let next = sequences.entry(who).or_insert_with(|| state.next_sequence(&id(who)));
            *next += 1;
            Transaction::sign(&key(who), state.network(), *next - 1, payload)
        };
        let signed: Vec<Transaction> = what.into_iter().map(&mut sign).collect();
        let time = state.tip().time.plus_ms(BLOCK_MS);
        let start = Instant::now();
        let done = self.chain.submit(signed.clone(), time).await.unwrap();
        let took = start.elapsed();
        assert!(done.refused.is_empty() && done.deferred.is_empty(), "{:?}", done.refused);
        for result in &done.results {
            assert!(result.effect().is_some(), "{:?}", result.verdict);
        }
        (signed, took)
    }

    /// The hospital's tables, the next version of each segment.
    async fn anchor(&mut self) {
        let any = Digest32::default();
        let data = AnchoredTable::Data { dictionary: Digest32::of(&self.dictionary), mapping: any, report: any, source_root: any };
        let registry = self.chain.state().registry().clone();
        let consent = AnchoredTable::Consent { registry: registry.digest(), policy: any };
        let rows = [Dictionary::from_canonical(&self.dictionary).unwrap().layout().rows(), registry.layout().rows()];
        for (table, rows) in [data, consent].into_iter().zip(rows) {
            let segment = |index| (SegmentId { index, version: self.version }, self.points.bytes(rows));
            let segments = (0..SEGMENTS).map(segment).collect();
            self.submit(vec![(HOSPITAL, Payload::Anchor(Anchor { table, segments, proof: Vec::new() }))]).await;
        }
        self.version += 1;
    }

    async fn new_study(&mut self) {
        let who = (self.blocks / STUDY_EVERY % u64::from(RESEARCHERS)) as u8 + 1;
        let expiry = Day(self.chain.state().tip().time.day().0 + 30);
        let texts = (format!("Study {}", self.blocks), "What is measured.".to_owned());
        let submitted = study(texts, &self.dictionary, who, expiry);
        let id = StudyId(self.submit(vec![(who, Payload::StudySubmit(submitted.clone()))]).await.0[0].id());
        let signed = approvals(self.chain.state(), id, who, &submitted);
        self.submit(signed.map(|payload| (BOARD, payload)).to_vec()).await;
        self.submit(vec![(HOSPITAL, Payload::StudyAccept(StudyAccept { study: id, k_min: 10, renew: None }))]).await;
        self.study = Some((id, who));
    }

    /// One more block of daily life: how long it took.
    async fn block(&mut self) -> Duration {
        if self.blocks.is_multiple_of(ANCHOR_EVERY) {
            self.anchor().await;
        }
        if self.blocks.is_multiple_of(STUDY_EVERY) {
            self.new_study().await;
        }
        let (state, (study, researcher)) = (self.chain.state(), self.study.unwrap());
        let bins: Vec<u16> = (1..BINS).filter(|_| self.dice.gen_bool(0.5)).collect();
        let statement = Statement {
            filter: vec![Clause { any_of: vec![Literal { attribute: 0, bins }] }],
            groups: Vec::new(),
            measures: Measures::Descriptive { count_rows: true, of: Vec::new() },
        };
        let deadline = state.tip().time.plus_ms(DAY_MS);
        let mut what = vec![(researcher, Payload::Query(Query { study, statement, question: "How many?".into(), deadline }))];
        if let Some(query) = self.asked {
            let sealed = Digest32::of(&self.blocks.to_le_bytes());
            what.push((HOSPITAL, Payload::Answer(Answer { query, height: state.tip().height, proof: vec![7; 1_748], sealed })));
            self.answers += 1;
        }
        if self.blocks.is_multiple_of(2) {
            what.push((HOSPITAL, Payload::Withdraw(Withdraw { slots: vec![self.withdrawn], cause: Cause::Word, received: Day(0) })));
            self.withdrawn += 1;
        }
        let (signed, took) = self.submit(what).await;
        self.asked = Some(QueryId(signed[0].id()));
        self.blocks += 1;
        took
    }
}

fn mib(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(0.0, |m| m.len() as f64 / 1_048_576.0)
}

#[tokio::main]
async fn main() {
    let most: u64 = std::env::args().nth(1).map_or(10_000, |n| n.parse().expect("a number of blocks"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain.sqlite");
    let url: StoreUrl = format!("sqlite:{}", file.display()).parse().unwrap();
    let checker = Arc::new(TakesAll(Digest32::of(b"no circuit keys")));
    let levels: Vec<String> = (1..BINS).map(|level| format!("level {level}")).collect();
    let attribute = serde_json::json!({"name": "x", "category": "labs", "kind": "category", "levels": levels});
    let dictionary = dictionary(attribute);
    let chain = LocalChain::create(&url, genesis(RESEARCHERS, checker.0), key(GOVERNANCE), checker.clone()).await.unwrap();
    let mut growth = Growth {
        chain,
        dictionary: dictionary.clone(),
        points: Points::new(),
        dice: StdRng::seed_from_u64(1),
        study: None,
        asked: None,
        version: 0,
        withdrawn: 0,
        blocks: 0,
        answers: 0,
    };
    let publish = publish(dictionary);
    growth.submit(vec![(GOVERNANCE, publish)]).await;

    println!("blocks  answers  studies  versions | block (median of the last 100)  close  open  audit | file  snapshot  memory");
    let mut next = 1_000.min(most);
    let mut last: Vec<Duration> = Vec::new();
    while growth.blocks < most {
        last.push(growth.block().await);
        if growth.blocks < next {
            continue;
        }
        last.drain(..last.len().saturating_sub(100));
        last.sort_unstable();
        let block = last[last.len() / 2];
        let (state, height) = (growth.chain.state(), growth.chain.state().tip().height);
        let snapshot = state.snapshot().len() as f64 / 1_048_576.0;
        let close = Instant::now();
        growth.chain.close().await.unwrap();
        let close = close.elapsed();
        let open = Instant::now();
        growth.chain = LocalChain::open(&url, key(GOVERNANCE), checker.clone()).await.unwrap();
        let open = open.elapsed();
        let audit = Instant::now();
        Auditor::store(growth.chain.store(), checker.as_ref(), |_| ()).await.unwrap();
        let audit = audit.elapsed();
        println!(
            "{height}  {}  {}  {} | {block:?}  {close:?}  {open:?}  {audit:?} | {:.0} MiB  {snapshot:.1} MiB  {} MiB",
            growth.answers,
            growth.blocks / STUDY_EVERY,
            growth.version,
            mib(&file),
            resident_mib()
        );
        next = if next < 10_000 { 10_000.min(most) } else { (next * 10).min(most) };
    }
}
