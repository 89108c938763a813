//! Measures what members can make of the ledger: `cargo run --release -p countersign-benches --bin bounds`.
//!
//! A hospital sends its largest anchors, all rejected, in every block of an hour; 25,000 studies are submitted and approved; a million slots are withdrawn. Each is
//! followed by what a block with one small transaction costs then.
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
    hash::Digest32,
    segment::{SLOTS, SegmentId},
};
use countersign_ledger::State;
use countersign_messages::{Anchor, AnchoredTable, Cause, Payload, PersonKey, StudyId, Transaction, Wire, Withdraw, limits};
use std::time::{Duration, Instant};

const STUDIES: usize = 25_000;
/// Researchers among whom the studies are: each submits [`limits::STUDIES_A_DAY_MAX`] a day.
const RESEARCHERS: u8 = 200;
const SLOTS_WITHDRAWN: u32 = 1_000_000;

struct Chain {
    state: State,
    checker: TakesAll,
    /// Bytes of all transactions in blocks.
    bytes: usize,
}

impl Chain {
    fn sign(&self, who: u8, ahead: u64, payload: Payload) -> Transaction {
        Transaction::sign(&key(who), self.state.network(), self.state.next_sequence(&id(who)) + ahead, payload)
    }

    /// A block, so long after the last one: how many transactions it holds, how many are accepted, and how long executing it took.
    fn block(&mut self, ms: u64, transactions: Vec<Transaction>) -> (usize, usize, Duration) {
        let time = self.state.tip().time.plus_ms(ms);
        let start = Instant::now();
        let proposed = self.state.propose(time, transactions, &self.checker).unwrap();
        let took = start.elapsed();
        let block = proposed.outcome.block();
        self.bytes += block.transactions.iter().map(|t| t.encode().len()).sum::<usize>();
        let (all, accepted) = (block.transactions.len(), proposed.outcome.results().iter().filter(|r| r.effect().is_some()).count());
        self.state.commit(proposed.outcome).unwrap();
        (all, accepted, took)
    }

    /// What a block with one small transaction takes: the median of 21, each rejected.
    fn small_block(&mut self) -> Duration {
        let mut times: Vec<Duration> = (0..21)
            .map(|_| {
                let one = self.sign(BOARD, 0, Payload::EndPerson(PersonKey([0; 32])));
                self.block(1_000, vec![one]).2
            })
            .collect();
        times.sort_unstable();
        times[10]
    }
}

fn main() {
    let keys = Digest32::of(b"no circuit keys");
    let attribute = serde_json::json!({"name": "sex", "category": "labs", "kind": "flag"});
    let dictionary = dictionary(attribute);
    let mut chain = Chain { state: State::new(genesis(RESEARCHERS, keys)).unwrap(), checker: TakesAll(keys), bytes: 0 };
    let publish = publish(dictionary.clone());
    let publish = chain.sign(GOVERNANCE, 0, publish);
    chain.block(1_000, vec![publish]);
    println!("nothing there: a block with one small transaction {:?}, {} MiB resident", chain.small_block(), resident_mib());
    flood(&mut chain);
    studies(&mut chain, &dictionary);
    withdrawals(&mut chain, &dictionary);
}

/// An hour of blocks, a second each, with the largest anchors of a hospital, all rejected.
fn flood(chain: &mut Chain) {
    let segments: Vec<_> = (0..160).map(|i| (SegmentId { index: i, version: 0 }, vec![7; 96 << 10])).collect();
    let table = AnchoredTable::Consent { registry: Digest32::default(), policy: Digest32::default() };
    let (before, mut held, mut longest) = (chain.bytes, 0, Duration::ZERO);
    for _ in 0..3_600 {
        let anchor = Payload::Anchor(Anchor { table: table.clone(), segments: segments.clone(), proof: Vec::new() });
        // refused without a signature check from the fifth on: signed once a block all the same, as a flood would be
        let transaction = chain.sign(HOSPITAL, 0, anchor);
        let (all, _, took) = chain.block(1_000, vec![transaction]);
        held += all;
        longest = longest.max(took);
    }
    let mib = (chain.bytes - before) >> 20;
    println!("3,600 blocks with a rejected 15 MiB anchor offered to each: {held} stand in blocks, {mib} MiB, longest block {longest:?}");
    println!("  then: a block with one small transaction {:?}, {} MiB resident", chain.small_block(), resident_mib());
}

/// Studies: as many a day as may be, approved, so that they stay.
fn studies(chain: &mut Chain, dictionary: &[u8]) {
    let (mut made, mut spent) = (Vec::new(), Duration::ZERO);
    while made.len() < STUDIES {
        let expiry = Day(chain.state.tip().time.day().0 + 300);
        let submit = |chain: &Chain, who: u8, ahead: u64| {
            let texts = ("t".repeat(limits::TITLE_BYTES_MAX), "s".repeat(limits::SUMMARY_BYTES_MAX));
            let study = study(texts, dictionary, who, expiry);
            (chain.sign(who, ahead, Payload::StudySubmit(study.clone())), who, study)
        };
        for round in 0..u64::from(limits::STUDIES_A_DAY_MAX) {
            let submitted: Vec<_> = (1..=RESEARCHERS).map(|who| submit(chain, who, 0)).collect();
            let ids: Vec<StudyId> = submitted.iter().map(|(t, ..)| StudyId(t.id())).collect();
            let transactions = submitted.iter().map(|(t, ..)| t.clone()).collect();
            let (_, accepted, took) = chain.block(if round == 0 { DAY_MS } else { 1_000 }, transactions);
            assert_eq!(accepted, ids.len());
            let signed = submitted.iter().flat_map(|(t, who, study)| approvals(&chain.state, StudyId(t.id()), *who, study));
            let approvals = signed.enumerate().map(|(i, payload)| chain.sign(BOARD, i as u64, payload)).collect();
            spent += took + chain.block(1_000, approvals).2;
            made.extend(ids);
        }
    }
    println!(
        "{} studies with the longest texts, approved: {:?} a study, {} MiB resident",
        made.len(),
        spent / made.len() as u32,
        resident_mib()
    );
    println!("  then: a block with one small transaction {:?}, a snapshot {} MiB", chain.small_block(), chain.state.snapshot().len() >> 20);
}

/// A register of a million slots, all withdrawn.
fn withdrawals(chain: &mut Chain, dictionary: &[u8]) {
    let any = Digest32::default();
    let rows = countersign_circuits::dictionary::Dictionary::from_canonical(dictionary).unwrap().layout().rows();
    let count = SLOTS_WITHDRAWN.div_ceil(SLOTS as u32);
    let mut points = Points::new();
    let table = AnchoredTable::Data { dictionary: Digest32::of(dictionary), mapping: any, report: any, source_root: any };
    for index in 0..count {
        let anchor =
            Anchor { table: table.clone(), segments: vec![(SegmentId { index, version: 0 }, points.bytes(rows))], proof: Vec::new() };
        let transaction = chain.sign(HOSPITAL, 0, Payload::Anchor(anchor));
        assert_eq!(chain.block(if index == 0 { DAY_MS } else { 1_000 }, vec![transaction]).1, 1);
    }
    let (before, mut spent) = (resident_mib(), Duration::ZERO);
    let slots: Vec<u32> = (0..SLOTS_WITHDRAWN).collect();
    for part in slots.chunks(limits::WITHDRAWN_SLOTS_MAX) {
        let transaction =
            chain.sign(HOSPITAL, 0, Payload::Withdraw(Withdraw { slots: part.to_vec(), cause: Cause::Word, received: Day(0) }));
        let (_, accepted, took) = chain.block(1_000, vec![transaction]);
        assert_eq!(accepted, 1);
        spent += took;
    }
    println!("{SLOTS_WITHDRAWN} slots withdrawn: {:?} a slot, {} MiB more", spent / SLOTS_WITHDRAWN, resident_mib().saturating_sub(before));
    println!("  then: a block with one small transaction {:?}, a snapshot {} MiB", chain.small_block(), chain.state.snapshot().len() >> 20);
}
