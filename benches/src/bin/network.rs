//! Measures the validator network: `cargo run --release -p countersign-benches --bin network -- [--json]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::{
    loopback::{Loopback, SENDERS},
    table::{Table, dictionary},
};
use countersign_circuits::{aggregate::AggregateSize, keys::CircuitName};
use countersign_consensus::Pace;
use countersign_prover::{aggregate::prove_aggregate, keys::CircuitKey};
use countersign_verifier::{VerifyingKey, VerifyingKeys, verify_aggregate, verify_batch};
use futures_util::future::join_all;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Answers verified together: as many as a block carries.
const BATCH: usize = 32;

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part) as usize]
}

fn put(values: &mut Map<String, Value>, name: &str, value: f64) {
    values.insert(name.to_owned(), json!((value * 1e3).round() / 1e3));
}

/// As fast as it goes.
fn pace() -> Pace {
    Pace { block_min: Duration::ZERO, idle: Duration::ZERO, ..Pace::quick() }
}

async fn empty_blocks(values: &mut Map<String, Value>) {
    let network = Loopback::start(4, pace()).await;
    Loopback::reach(&network.nodes[0], 20).await;
    let (start, from) = (Instant::now(), network.nodes[0].state().tip().height.0);
    let mut states = network.nodes[0].subscribe();
    let (mut last, mut gaps) = (Instant::now(), Vec::new());
    while network.nodes[0].state().tip().height.0 < from + 500 {
        states.changed().await.unwrap();
        gaps.push(last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    }
    put(values, "empty blocks a second", (network.nodes[0].state().tip().height.0 - from) as f64 / start.elapsed().as_secs_f64());
    put(values, "empty block, ms (median)", quantile(&mut gaps, 0.5));
    put(values, "empty block, ms (95 %)", quantile(&mut gaps, 0.95));

    let to = network.nodes[0].state().tip().height.0;
    let start = Instant::now();
    let follower = network.follower().await;
    Loopback::reach(&follower, to).await;
    put(
        values,
        "synchronised blocks a second (empty, every certificate checked, beside a running chain)",
        to as f64 / start.elapsed().as_secs_f64(),
    );
    follower.shutdown().await;
    network.stop().await;
}

async fn transactions(values: &mut Map<String, Value>, bytes: usize, count: usize) {
    let network = Loopback::start(4, Pace { block_min: Duration::ZERO, ..Pace::quick() }).await;
    Loopback::reach(&network.nodes[0], 3).await;
    let mut latencies = Vec::new();
    let start = Instant::now();
    for _ in 0..count {
        let sent = Instant::now();
        network.nodes[0].confirm(network.filler(0, &network.nodes[0], bytes), Duration::from_secs(60)).await.unwrap();
        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    let label = format!("{} KiB transaction", bytes >> 10);
    put(values, &format!("{label}, blocks a second, one after the other"), count as f64 / start.elapsed().as_secs_f64());
    put(values, &format!("{label}, submitted to decided, ms (median)"), quantile(&mut latencies, 0.5));
    put(values, &format!("{label}, submitted to decided, ms (95 %)"), quantile(&mut latencies, 0.95));
    network.stop().await;
}

/// [`SENDERS`] members, each with one transaction on its way, at all validators.
async fn many_senders(values: &mut Map<String, Value>, each: usize) {
    let network = Loopback::start(4, Pace { block_min: Duration::ZERO, ..Pace::quick() }).await;
    Loopback::reach(&network.nodes[0], 3).await;
    let (start, from) = (Instant::now(), network.nodes[0].state().tip().height.0);
    let send = async |sender: usize| {
        let node = &network.nodes[sender % network.nodes.len()];
        for _ in 0..each {
            node.confirm(network.filler(sender, node, 1 << 10), Duration::from_secs(60)).await.unwrap();
        }
    };
    join_all((0..SENDERS).map(send)).await;
    let (seconds, blocks) = (start.elapsed().as_secs_f64(), network.nodes[0].state().tip().height.0 - from);
    put(values, &format!("1 KiB transactions a second, {SENDERS} senders with one on its way each"), (SENDERS * each) as f64 / seconds);
    put(values, "  transactions a block", (SENDERS * each) as f64 / blocks as f64);
    network.stop().await;
}

fn answers(values: &mut Map<String, Value>, rows: usize) {
    let mut rng = StdRng::seed_from_u64(5);
    let size = AggregateSize::Cells128;
    let made = |name| CircuitKey::generate_development(name, &mut StdRng::seed_from_u64(3)).unwrap();
    let [validity, small, large] = CircuitName::ALL;
    let key = made(CircuitName::Aggregate(size));
    let read = |name, key: &CircuitKey| VerifyingKey::read(name, &key.verifying_file()).unwrap();
    let keys = VerifyingKeys {
        validity: read(validity, &made(validity)),
        aggregate_128: read(small, &key),
        aggregate_256: read(large, &made(large)),
    };
    let table = Table::new(dictionary(4, 2), rows);
    let wiring = table.wiring();
    let cells = countersign_prover::aggregate::moment_table(&wiring, &table.witness());
    let withheld = vec![countersign_circuits::aggregate::Withheld::No; cells.len()];
    let made: Vec<Vec<u8>> = (0..4)
        .map(|_| prove_aggregate(&key, &table.instance(&wiring), &table.witness(), &cells, &withheld, &mut rng).unwrap().proof.encode())
        .collect();
    // four different answers, in turn: what is measured does not depend on their being different
    let batch: Vec<_> = (0..BATCH).map(|i| (table.instance(&wiring), made[i % made.len()].as_slice())).collect();
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        let start = Instant::now();
        assert!(batch.iter().all(|(instance, answer)| verify_aggregate(&keys, instance, answer).is_ok()));
        measured[0].push(BATCH as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        assert!(verify_batch(&keys, &batch, &mut rng).iter().all(Result::is_ok));
        measured[1].push(BATCH as f64 / start.elapsed().as_secs_f64());
    }
    let [alone, together] = &mut measured;
    put(values, &format!("answers a second, {rows} rows, one by one"), quantile(alone, 0.5));
    put(values, &format!("answers a second, {rows} rows, {BATCH} together"), quantile(together, 0.5));
}

#[tokio::main]
async fn main() {
    let mut values = Map::new();
    empty_blocks(&mut values).await;
    transactions(&mut values, 1 << 10, 300).await;
    transactions(&mut values, 200 << 10, 100).await;
    many_senders(&mut values, 100).await;
    answers(&mut values, 1_024);
    answers(&mut values, 100_000);
    if std::env::args().any(|a| a == "--json") {
        println!("{}", Value::Object(values));
    } else {
        values.iter().for_each(|(name, value)| println!("{name:90} {value}"));
    }
}
