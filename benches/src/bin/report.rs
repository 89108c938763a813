//! Measures what docs/benchmarks.md reports: `cargo run --release -p countersign-benches --bin report -- [--json] [--quick]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::{
    baseline,
    table::{Table, commit, dictionary, random_codes},
};
use countersign_circuits::{
    aggregate::AggregateSize, hash::Digest32, keys::CircuitName, segment::TableContext, validity::SegmentsInstance,
};
use countersign_prover::{
    aggregate::{Draft, moment_table},
    groth16,
    keys::CircuitKey,
    validity::{STACK_SEGMENTS, prove_validity, sparse_rows},
};
use countersign_verifier::{VerifyingKey, VerifyingKeys, verify_aggregate, verify_segments};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};
use std::time::Instant;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A field of /proc/self/status in MiB; zero where there is no such file.
fn status_mib(field: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines().find(|l| l.starts_with(field)).and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

struct Report {
    json: bool,
    values: Map<String, Value>,
}

impl Report {
    fn put(&mut self, name: &str, value: f64) {
        let rounded = (value * 1e6).round() / 1e6;
        if !self.json {
            println!("{name:34} {rounded}");
        }
        self.values.insert(name.to_owned(), json!(rounded));
    }
}

fn answers(report: &mut Report, key: &CircuitKey, verifying: &VerifyingKeys, label: &str, rows: usize, repeats: usize) {
    let table = Table::new(dictionary(4, 2), rows);
    let wiring = table.wiring();
    let (instance, witness) = (table.instance(&wiring), table.witness());
    let mut rng = StdRng::seed_from_u64(9);
    let mut parts: [Vec<f64>; 5] = Default::default();
    let mut answer = Vec::new();
    let mut peak = 0f64;
    for _ in 0..=repeats {
        // resets the peak counter where the system allows it
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let start = Instant::now();
        let cells = moment_table(&wiring, &witness);
        let mut draft = Draft::start(AggregateSize::Cells128, &instance, &witness, &cells, &[], &mut rng).unwrap();
        draft.run_rounds(&instance, &witness);
        let sumcheck = start.elapsed().as_secs_f64();
        draft.bind(&mut rng);
        draft.check().unwrap();
        let mark = Instant::now();
        let assignment = draft.assignment().unwrap();
        let proof = groth16::prove(key, &assignment, &mut draft.blinding(&mut rng)).unwrap();
        let circuit = mark.elapsed().as_secs_f64();
        let opened = draft.finish_with(proof, &instance, &witness).unwrap();
        let total = start.elapsed().as_secs_f64();
        answer = opened.proof.encode();
        for (list, value) in parts.iter_mut().zip([total, sumcheck, circuit, total - sumcheck - circuit, 0.0]) {
            list.push(value);
        }
        peak = peak.max(status_mib("VmHWM"));
    }
    let [total, sumcheck, circuit, opening, _] = parts.map(|list| median(list[1..].to_vec()));
    report.put(&format!("answer_seconds_{label}"), total);
    report.put(&format!("answer_seconds_{label}_sumcheck"), sumcheck);
    report.put(&format!("answer_seconds_{label}_groth16"), circuit);
    report.put(&format!("answer_seconds_{label}_opening"), opening);
    report.put(&format!("peak_mib_{label}"), peak);
    report.put(&format!("rss_mib_{label}"), status_mib("VmRSS"));
    report.put("answer_bytes", answer.len() as f64);
    if rows >= 100_000 {
        report.put(&format!("sumcheck_us_per_row_{label}"), sumcheck / rows as f64 * 1e6);
    }
    let mut times = Vec::new();
    for _ in 0..8 {
        let start = Instant::now();
        verify_aggregate(verifying, &instance, &answer).unwrap();
        times.push(start.elapsed().as_secs_f64());
    }
    report.put(&format!("verify_seconds_{label}_first"), times[0]);
    report.put(&format!("verify_seconds_{label}"), median(times[1..].to_vec()));
}

/// 30 attributes, 810 bins: commitments, S1 proofs and their verification, stack by stack.
fn anchor(report: &mut Report, key: &CircuitKey, verifying: &VerifyingKeys, rows: usize) {
    let dictionary = dictionary(6, 24);
    let layout = dictionary.layout();
    report.put("anchor_bin_rows", layout.bin_rows() as f64);
    let context = TableContext { network: Digest32::of(b"n"), hospital: Digest32::of(b"h"), table: dictionary.digest() };
    let codes = random_codes(&layout, rows, 5);
    let start = Instant::now();
    let (blinders, segments) = commit(&context, &layout, &codes, 6);
    let committed = start.elapsed().as_secs_f64();
    let mut rng = StdRng::seed_from_u64(7);
    let mut proofs = Vec::new();
    for stack in (0..segments.len()).collect::<Vec<_>>().chunks(STACK_SEGMENTS) {
        let range = stack[0]..stack[0] + stack.len();
        let instance = SegmentsInstance { context, layout: &layout, segments: &segments[range.clone()] };
        let sparse = range.clone().map(|j| sparse_rows(&layout, &codes, j)).collect();
        proofs.push((range.clone(), prove_validity(key, &instance, sparse, &blinders[range], &mut rng).unwrap().encode()));
    }
    report.put("anchor_seconds_100k", start.elapsed().as_secs_f64());
    report.put("anchor_seconds_100k_commitments", committed);
    let start = Instant::now();
    for (range, proof) in &proofs {
        let instance = SegmentsInstance { context, layout: &layout, segments: &segments[range.clone()] };
        verify_segments(verifying, &instance, proof).unwrap();
    }
    report.put("anchor_verify_seconds_100k", start.elapsed().as_secs_f64());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = arguments.iter().find(|a| *a != "--json" && *a != "--quick") {
        eprintln!("unknown argument {unknown}; usage: report [--json] [--quick]");
        std::process::exit(2);
    }
    let has = |name: &str| arguments.iter().any(|a| a == name);
    let (json, quick) = (has("--json"), has("--quick"));
    let mut report = Report { json, values: Map::new() };
    let mut rng = StdRng::seed_from_u64(1);
    let start = Instant::now();
    let [validity, aggregate_128, aggregate_256] = CircuitName::ALL.map(|name| CircuitKey::generate_development(name, &mut rng).unwrap());
    report.put("keys_seconds", start.elapsed().as_secs_f64());
    report.put("s1_constraints", validity.constraints() as f64);
    report.put("s2_constraints", aggregate_128.constraints() as f64);
    report.put("s2_constraints_256", aggregate_256.constraints() as f64);
    let read = |key: &CircuitKey| VerifyingKey::read(key.name(), &key.verifying_file()).unwrap();
    let verifying = VerifyingKeys { validity: read(&validity), aggregate_128: read(&aggregate_128), aggregate_256: read(&aggregate_256) };
    drop(aggregate_256);
    let repeats = if quick { 1 } else { 5 };
    answers(&mut report, &aggregate_128, &verifying, "1k", 1024, repeats);
    answers(&mut report, &aggregate_128, &verifying, "100k", 100_000, repeats);
    if !quick {
        answers(&mut report, &aggregate_128, &verifying, "1m", 1_000_000, repeats);
    }
    anchor(&mut report, &validity, &verifying, if quick { 20_000 } else { 100_000 });
    let (constraints, seconds) = baseline::measure(256);
    report.put("baseline_rows", 256.0);
    report.put("baseline_constraints_per_row", constraints as f64 / 256.0);
    report.put("baseline_ms_per_row", seconds / 256.0 * 1e3);
    let (label, rows) = if quick { ("100k", 1e5) } else { ("1m", 1e6) };
    let ours = report.values[&format!("answer_seconds_{label}")].as_f64().unwrap() / rows;
    report.put("baseline_ratio_per_row", seconds / 256.0 / ours);
    report.put("sumcheck_us_per_row", report.values[&format!("sumcheck_us_per_row_{label}")].as_f64().unwrap());
    if json {
        println!("{}", Value::Object(report.values));
    }
}
