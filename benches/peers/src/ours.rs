//! Countersign's answer, with development keys, as the report measures it.

use crate::{
    figures::{Figures, RUNS, VERIFICATIONS, first_and_again, median},
    rows::{GROUPS, Group},
    table::Table,
};
use ark_serialize::CanonicalDeserialize;
use countersign_circuits::{aggregate::CellsOpening, context::AggregateInstance, field::Fr, keys::CircuitName, statement::CellMeaning};
use countersign_prover::{
    aggregate::{moment_table, prove_aggregate},
    keys::CircuitKey,
};
use countersign_verifier::{VerifiedAnswer, VerifyingKey, VerifyingKeys, verify_aggregate};
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
    let (mut proving, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let cells = moment_table(&wiring, &witness);
        answers.push(prove_aggregate(&keys.proving, &instance, &witness, &cells, &[], &mut rng).unwrap());
        proving.push(start.elapsed().as_secs_f64());
    }
    let answer = &answers[0];
    let bytes = answer.proof.encode();
    let mut verifying = Vec::new();
    for _ in 0..VERIFICATIONS {
        let start = Instant::now();
        let verified = verify_aggregate(&keys.verifying, &instance, &bytes).unwrap();
        verifying.push(start.elapsed().as_secs_f64());
        compare(&instance, &verified, &answer.opening, groups);
    }
    Figures {
        system: "Countersign",
        proving_seconds: median(&proving),
        committing_seconds: None,
        plain_loop_seconds: None,
        proof_bytes: Some(bytes.len()),
        verifying_seconds: Some(first_and_again(&verifying)),
    }
}

/// What the verified proof seals, opened: the cells found by counting, and nothing where the group's known values are too few.
fn compare(instance: &AggregateInstance<'_>, verified: &VerifiedAnswer, opening: &CellsOpening, groups: &[Group; GROUPS]) {
    let cells = instance.wiring.cells();
    let digest = Fr::deserialize_compressed(&verified.cells_digest[..]).unwrap();
    opening.check(verified.size, cells.len(), &digest).unwrap();
    let mut compared = 0;
    for (i, cell) in cells.iter().enumerate() {
        let group = &groups[cell.group];
        let counted = match cell.meaning {
            CellMeaning::Known(_) => group.known,
            CellMeaning::Sum(_) => group.sum,
            CellMeaning::SumOfSquares(_) => group.squares,
            CellMeaning::Hidden => {
                assert_eq!(opening.values[i], 0, "{cell:?}");
                continue;
            }
            _ => panic!("a cell that was not asked for: {cell:?}"),
        };
        compared += 1;
        let enough = group.known >= u64::from(instance.gate_minimum());
        assert_eq!((opening.flags[i], opening.values[i]), (enough, if enough { counted } else { 0 }), "{cell:?}");
    }
    assert_eq!(compared, 3 * GROUPS, "three numbers of each group");
}
