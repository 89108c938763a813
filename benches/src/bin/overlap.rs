//! Measures rule D7: `cargo run --release -p countersign-benches --bin overlap`.
//!
//! A hospital answers 1,000 tables of 20 numbers, each of some hundred to some thousand of 100,000 people; how long judging a further table takes is printed as the memory grows.
//! Then the same where all sets have nearly one size, so that sizes tell nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_circuits::{dictionary::Dictionary, hash::Digest32};
use countersign_hospital::{
    HospitalStore,
    disclosure::{CellBlock, CellBlockKind, Number, RowSet, Table},
    released::Dictionaries,
    slots::RowId,
};
use countersign_messages::{Height, QueryId, TransactionId};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::time::{Duration, Instant};

const PEOPLE: u32 = 100_000;
const TABLES: u64 = 1_000;
const BLOCKS: usize = 20;
const K_MIN: u32 = 10;

/// No attribute is measured: people are compared, not values.
struct NoDictionaries;

impl Dictionaries for NoDictionaries {
    fn dictionary(&self, _: &Digest32) -> Option<Dictionary> {
        None
    }
}

fn table(dice: &mut ChaCha20Rng, sizes: &std::ops::Range<u32>) -> Table<'static> {
    let block = |cell: usize, own: RowSet| CellBlock {
        cell,
        group: 0,
        starts_group: false,
        passes: true,
        kind: CellBlockKind::Known(cell as u16),
        numbers: vec![Number::new(own.clone(), own, Vec::new())],
        unknown: RowSet::default(),
        values: Vec::new(),
        products: Vec::new(),
        held_back: false,
    };
    let mut set = |cell| {
        let size = dice.gen_range(sizes.clone()) as usize;
        block(cell, rand::seq::index::sample(dice, PEOPLE as usize, size).into_iter().map(|id| RowId(id as u32)).collect())
    };
    Table { blocks: (0..BLOCKS).map(&mut set).collect(), bands: Vec::new(), unknown: Vec::new() }
}

/// Answers [`TABLES`] tables; prints how long the last twenty of every quarter took to judge.
async fn fill(name: &str, sizes: std::ops::Range<u32>) {
    let folder = tempfile::tempdir().unwrap();
    let store = HospitalStore::open(&folder.path().join("hospital.sqlite")).await.unwrap();
    let mut dice = ChaCha20Rng::seed_from_u64(7);
    let mut times = Vec::new();
    let mut kept = 0;
    for tag in 1..=TABLES {
        let table = table(&mut dice, &sizes);
        let start = Instant::now();
        let judged = store.judge(&table, K_MIN, &NoDictionaries).await.unwrap();
        times.push(start.elapsed());
        kept += judged.numbers.len();
        let query = QueryId(TransactionId(Digest32::of(&tag.to_le_bytes())));
        store.query_seen(query, Height(1)).await.unwrap();
        let attempt = store.start_attempt(query, &mut dice).await.unwrap();
        store.store_answer(&attempt, b"answer", b"sealed", &judged).await.unwrap();
        if tag.is_multiple_of(TABLES / 4) {
            let mut last: Vec<Duration> = times.split_off(times.len() - BLOCKS);
            last.sort();
            println!("{name}: {BLOCKS} new sets against {kept}: median {:.1?}, most {:.1?}", last[BLOCKS / 2], last[BLOCKS - 1]);
        }
    }
    store.close().await;
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        fill("sizes 100 to 5,000", 100..5_000).await;
        fill("sizes 1,000 to 1,100", 1_000..1_100).await;
    });
}
