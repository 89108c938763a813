//! Honest proofs verify: anchors and answers of every shape.

use countersign_circuits::{
    aggregate::{AggregateSize, Withheld},
    field::Fr,
    statement::{CellMeaning, Clause, Grouping, Literal, Measure, Measures, Statement},
};
use countersign_testkit::world::{World, keys};
use countersign_verifier::verify_segments;

fn literal(attribute: u16, bins: impl IntoIterator<Item = u16>) -> Literal {
    Literal { attribute, bins: bins.into_iter().collect() }
}

fn clause(literals: Vec<Literal>) -> Clause {
    Clause { any_of: literals }
}

/// Mean age and HbA1c by sex among diabetics.
fn means_by_sex() -> Statement {
    Statement {
        filter: vec![clause(vec![literal(2, [2])])],
        groups: vec![Grouping { attribute: 1, bands: vec![vec![1], vec![2], vec![3], vec![0]] }],
        measures: Measures::Descriptive {
            count_rows: true,
            of: vec![Measure::Moments { attribute: 0 }, Measure::Moments { attribute: 3 }],
        },
    }
}

#[test]
fn anchors_verify() {
    for rows in [1500, 3000, 5000] {
        let world = World::new(rows, 7);
        let proof = world.anchor_proof(1);
        println!("anchor proof: {} bytes", proof.len());
        assert_eq!(verify_segments(&keys().verifying, &world.segments(), &proof), Ok(()));
    }
}

#[test]
fn answers_of_every_shape_verify_and_open() {
    let mut world = World::new(5000, 8);
    let gone: Vec<usize> = (0..world.active.len()).filter(|i| i % 37 == 0).collect();
    world.withdraw(&gone);
    let every_level: Vec<Vec<u16>> = world.dictionary.attributes()[0].bands().iter().map(|b| b.bins.clone()).collect();
    let statements = [
        Statement { filter: vec![], groups: vec![], measures: Measures::Descriptive { count_rows: true, of: vec![] } },
        means_by_sex(),
        // a two-block attribute brings a second term column
        Statement {
            filter: vec![],
            groups: vec![],
            measures: Measures::Descriptive {
                count_rows: true,
                of: vec![Measure::Moments { attribute: 4 }, Measure::Moments { attribute: 0 }],
            },
        },
        // OR, and an attribute counted by parts
        Statement {
            filter: vec![clause(vec![literal(1, [1]), literal(2, [1])]), clause(vec![literal(5, 0..3)])],
            groups: vec![Grouping { attribute: 0, bands: every_level }],
            measures: Measures::Descriptive {
                count_rows: false,
                of: vec![Measure::Parts { attribute: 1, parts: vec![vec![1], vec![2, 3]] }],
            },
        },
        // a model: known by filter
        Statement {
            filter: vec![
                clause(vec![literal(0, 1..112)]),
                clause(vec![literal(4, 1..world.dictionary.attributes()[4].first_block().bins() as u16)]),
            ],
            groups: vec![Grouping { attribute: 2, bands: vec![vec![1], vec![2]] }],
            measures: Measures::Model { values: vec![0, 4] },
        },
    ];
    for (i, statement) in statements.iter().enumerate() {
        let wiring = world.wiring(statement, 3).unwrap_or_else(|e| panic!("statement {i}: {e}"));
        let answer = world.answer(&wiring, &[], i as u64).unwrap();
        let bytes = answer.proof.encode();
        println!("statement {i}: {} cells, {} bytes, {:?}", wiring.cells().len(), bytes.len(), answer.proof.counts);
        let verified = world.verify(&wiring, &bytes).unwrap_or_else(|e| panic!("statement {i}: {e}"));
        answer.opening.check(verified.size, wiring.cells().len(), &answer.proof.cells_digest).unwrap();
        assert!(verified.counts.released > 0, "something is released");
        assert!(answer.opening.values.iter().any(|v| *v > 0));
    }
}

#[test]
fn withheld_blocks_are_counted_and_zero() {
    let world = World::new(3000, 9);
    let wiring = world.wiring(&means_by_sex(), 2).unwrap();
    let mut withheld = vec![Withheld::No; wiring.cells().len()];
    let block = wiring.cells().iter().position(|c| c.group == 1 && c.kind.block_start && c.meaning == CellMeaning::Missing(3)).unwrap();
    withheld[block] = Withheld::Overlap;
    let answer = world.answer(&wiring, &withheld, 1).unwrap();
    let verified = world.verify(&wiring, &answer.proof.encode()).unwrap();
    assert_eq!(verified.counts.withheld, [1, 0, 0]);
    assert!(answer.opening.values[block..block + 4].iter().all(|v| *v == 0));
}

#[test]
fn two_hundred_and_fifty_six_cells() {
    let world = World::new(2000, 10);
    let bands = |a: usize| world.dictionary.attributes()[a].bands().iter().map(|b| b.bins.clone()).chain([vec![0]]).collect::<Vec<_>>();
    let groups = vec![
        Grouping { attribute: 0, bands: bands(0) },
        Grouping { attribute: 1, bands: bands(1) },
        Grouping { attribute: 5, bands: bands(5) },
    ];
    let statement = Statement { filter: vec![], groups, measures: Measures::Descriptive { count_rows: true, of: vec![] } };
    let wiring = world.wiring(&statement, 1).unwrap();
    assert_eq!(AggregateSize::for_cells(wiring.cells().len()), Some(AggregateSize::Cells256));
    let answer = world.answer(&wiring, &[], 1).unwrap();
    assert_eq!(world.verify(&wiring, &answer.proof.encode()).unwrap().size, AggregateSize::Cells256);
    assert_ne!(answer.proof.gamma, Fr::from(0u64));
}

/// The same state of a generator twice (a machine that was copied, a broken source): other reasons, another salt. With one salt the two digests of the
/// sealed cells would differ by the reasons alone, which can be guessed.
#[test]
fn other_reasons_of_withholding_have_other_salts_though_randomness_repeats() {
    let world = World::new(3000, 9);
    let wiring = world.wiring(&means_by_sex(), 2).unwrap();
    let none = vec![Withheld::No; wiring.cells().len()];
    let mut some = none.clone();
    let block = wiring.cells().iter().position(|c| c.group == 1 && c.kind.block_start && c.meaning == CellMeaning::Missing(3)).unwrap();
    some[block] = Withheld::Overlap;
    let salt = |withheld: &[Withheld]| world.answer(&wiring, withheld, 1).unwrap().opening.result_salt;
    assert_eq!(salt(&none), salt(&none), "the same answer has the same salt: only the reasons make the difference below");
    assert_ne!(salt(&none), salt(&some));
}
