//! Countersign's answer, with development keys, as the report measures it.

use crate::{
    figures::{Figures, RUNS, VERIFICATIONS, first_and_again, median},
    rows::{GROUPS, Group},
};
use countersign_benches::table::Table;
use countersign_circuits::{
    keys::CircuitName,
    statement::{CellMeaning, Wiring},
};
use countersign_prover::{
    aggregate::{moment_table, prove_aggregate},
    keys::CircuitKey,
};
use countersign_verifier::{VerifyingKey, VerifyingKeys, verify_aggregate};
use rand::{SeedableRng, rngs::StdRng};
use std::time::Instant;

/// Keys of all circuits: to prove with 128 cells, to verify with any.
pub(crate) struct Keys {
    proving: CircuitKey,
    verifying: VerifyingKeys,
}

impl Keys {
    /// Makes them; one set does for every size.
    pub(crate) fn generate() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let [validity, aggregate_128, aggregate_256] =
            CircuitName::ALL.map(|name| CircuitKey::generate_development(name, &mut rng).unwrap());
        let read = |key: &CircuitKey| VerifyingKey::read(key.name(), &key.verifying_file()).unwrap();
        let verifying =
            VerifyingKeys { validity: read(&validity), aggregate_128: read(&aggregate_128), aggregate_256: read(&aggregate_256) };
        Self { proving: aggregate_128, verifying }
    }
}

/// Proves and verifies. The table was committed when it was made, which is not counted.
pub(crate) fn measure(keys: &Keys, table: &Table, groups: &[Group; GROUPS]) -> Figures {
    let wiring = table.wiring();
    let (instance, witness) = (table.instance(&wiring), table.witness());
    let mut rng = StdRng::seed_from_u64(9);
    let (mut proving, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let cells = moment_table(&wiring, &witness);
        let answer = prove_aggregate(&keys.proving, &instance, &witness, &cells, &[], &mut rng).unwrap();
        proving.push(start.elapsed().as_secs_f64());
        bytes = answer.proof.encode();
        compare(&wiring, &cells, groups);
    }
    let mut verifying = Vec::new();
    for _ in 0..VERIFICATIONS {
        let start = Instant::now();
        verify_aggregate(&keys.verifying, &instance, &bytes).unwrap();
        verifying.push(start.elapsed().as_secs_f64());
    }
    Figures {
        system: "Countersign",
        proving_seconds: median(&proving),
        committing_seconds: None,
        proof_bytes: Some(bytes.len()),
        verifying_seconds: Some(first_and_again(&verifying)),
    }
}

/// The cells that are proved are those found by counting: the same rows, the same question.
fn compare(wiring: &Wiring, cells: &[u64], groups: &[Group; GROUPS]) {
    for (cell, found) in wiring.cells().iter().zip(cells) {
        let group = &groups[cell.group];
        let expected = match cell.meaning {
            CellMeaning::Known(_) => group.known,
            CellMeaning::Sum(_) => group.sum,
            CellMeaning::SumOfSquares(_) => group.squares,
            _ => continue,
        };
        assert_eq!(*found, expected, "{cell:?}");
    }
}
