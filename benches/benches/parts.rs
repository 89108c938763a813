//! Criterion: the parts of an answer at 20,000 rows.
#![allow(clippy::unwrap_used, missing_docs, reason = "measurements")]

use countersign_benches::table::{Table, dictionary};
use countersign_circuits::{aggregate::AggregateSize, commitment::Generators, field::Fr, keys::CircuitName, msm::msm};
use countersign_prover::{
    aggregate::{Draft, moment_table, prove_aggregate},
    keys::CircuitKey,
};
use countersign_verifier::{VerifyingKey, VerifyingKeys, verify_aggregate};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{SeedableRng, rngs::StdRng};

fn parts(c: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    let [validity, aggregate_128, aggregate_256] = CircuitName::ALL.map(|name| CircuitKey::generate_development(name, &mut rng).unwrap());
    let read = |key: &CircuitKey| VerifyingKey::read(key.name(), &key.verifying_file()).unwrap();
    let keys = VerifyingKeys { validity: read(&validity), aggregate_128: read(&aggregate_128), aggregate_256: read(&aggregate_256) };
    let table = Table::new(dictionary(4, 2), 20_000);
    let wiring = table.wiring();
    let (instance, witness) = (table.instance(&wiring), table.witness());
    let cells = moment_table(&wiring, &witness);
    let mut group = c.benchmark_group("20k rows");
    group.sample_size(10);
    group.bench_function("moment table", |b| b.iter(|| moment_table(&wiring, &witness)));
    group.bench_function("sumcheck", |b| {
        b.iter(|| {
            let mut draft = Draft::start(AggregateSize::Cells128, &instance, &witness, &cells, &[], &mut rng).unwrap();
            draft.run_rounds(&instance, &witness);
        });
    });
    group.bench_function("answer", |b| b.iter(|| prove_aggregate(&aggregate_128, &instance, &witness, &cells, &[], &mut rng).unwrap()));
    let answer = prove_aggregate(&aggregate_128, &instance, &witness, &cells, &[], &mut rng).unwrap().proof.encode();
    group.bench_function("verify", |b| b.iter(|| verify_aggregate(&keys, &instance, &answer).unwrap()));
    let generators = Generators::get();
    let scalars: Vec<Fr> = (0..generators.g.len() as u64).map(|i| Fr::from(i) * Fr::from(u64::MAX)).collect();
    group.bench_function("msm 2048", |b| b.iter(|| msm(&generators.g, &scalars)));
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);
