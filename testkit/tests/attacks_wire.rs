//! Edited and moved answers, keys and batches (protocol, section 9: 1, 7, 8, 17, 21, 23, 24, 25, 19).

use ark_bn254::{Bn254, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_ff::{One, UniformRand, Zero};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_serialize::CanonicalSerialize;
use countersign_circuits::{
    aggregate::{AggregateSize, CIRCUIT_VERSION, OpeningError, Withheld},
    commitment::Generators,
    consent::Day,
    context::{AggregateInstance, AnswerContext},
    field::Fr,
    hash::Digest32,
    keys::{CircuitName, KeyFileError, KeyOrigin},
    opening::DecodeError,
    outer::digest_to_field,
    proof::AggregateProof,
    segment::{Segment, SegmentId, point_bytes},
    statement::{Clause, Literal, Measure, Measures, Statement, Wiring},
};
use countersign_prover::{aggregate::Answer, commitment::commit_segment, keys::CircuitKey};
use countersign_testkit::{
    cheats::{
        answer::{Forger, public_values},
        wire::{self, Kind},
    },
    world::{World, keys},
};
use countersign_verifier::{KeyError, VerifyError, VerifyingKey, VerifyingKeys, verify_aggregate, verify_batch};
use rand::{SeedableRng, rngs::StdRng};
use std::sync::OnceLock;

const SIZE: AggregateSize = AggregateSize::Cells128;

fn statement() -> Statement {
    Statement {
        filter: vec![Clause { any_of: vec![Literal { attribute: 2, bins: vec![1, 2] }] }],
        groups: vec![],
        measures: Measures::Descriptive { count_rows: true, of: vec![Measure::Moments { attribute: 0 }] },
    }
}

/// Three segments, a wiring, and an honest answer.
fn case() -> &'static (World, Wiring, Answer) {
    static CASE: OnceLock<(World, Wiring, Answer)> = OnceLock::new();
    CASE.get_or_init(|| {
        let world = World::new(5000, 17);
        let wiring = world.wiring(&statement(), 2).unwrap();
        let answer = world.answer(&wiring, &[], 17).unwrap();
        assert!(world.verify(&wiring, &answer.proof.encode()).is_ok(), "the honest answer verifies");
        (world, wiring, answer)
    })
}

/// Every element of an answer changed in place, to another canonical one.
#[test]
fn a01_every_public_value_changed() {
    let (world, wiring, answer) = case();
    let bytes = answer.proof.encode();
    let regions = wire::regions(22, true);
    let last = regions.last().unwrap();
    assert_eq!(last.start + last.len, bytes.len(), "the regions cover the answer");
    for region in &regions {
        let verdict = world.verify(wiring, &wire::increment(&bytes, region));
        let behind_the_circuit = ["blinder", "L_", "R_", "last_"].iter().any(|n| region.name.starts_with(n));
        let expected = if behind_the_circuit { VerifyError::Opening } else { VerifyError::Groth16 };
        assert_eq!(verdict, Err(expected), "{}", region.name);
    }
}

#[test]
fn a01_numbers_and_points_that_are_not_canonical() {
    let (world, wiring, answer) = case();
    let bytes = answer.proof.encode();
    let mut scalars = 0;
    for region in wire::regions(22, true) {
        let range = region.start..region.start + region.len;
        let verdict = |change: &dyn Fn(&mut [u8])| {
            let mut forged = bytes.clone();
            change(&mut forged[range.clone()]);
            world.verify(wiring, &forged)
        };
        match region.kind {
            Kind::Scalar => {
                scalars += 1;
                let forged = wire::plus_modulus(&bytes, &region);
                assert_eq!(world.verify(wiring, &forged), Err(DecodeError::Element("a field element").into()), "{}", region.name);
            }
            Kind::Point => {
                // flag bits of infinity with a coordinate, all ones, both flags
                for change in [
                    &(|b: &mut [u8]| *b.last_mut().unwrap() |= 0x40) as &dyn Fn(&mut [u8]),
                    &|b| b.fill(0xff),
                    &|b| *b.last_mut().unwrap() |= 0xc0,
                    &|b| (b.fill(0), b[b.len() - 1] = 0xc0).1,
                ] {
                    assert!(matches!(verdict(change), Err(VerifyError::Decode(DecodeError::Element(_)))), "{}", region.name);
                }
            }
            Kind::Number => assert_eq!(verdict(&|b| b.fill(0xff)), Err(VerifyError::Groth16)),
        }
    }
    assert_eq!(scalars, 2 + 22 + 1 + 2 + 4);
}

#[test]
fn a01_missing_extra_and_swapped_bytes() {
    let (world, wiring, answer) = case();
    let bytes = answer.proof.encode();
    for len in (0..bytes.len()).step_by(31).chain([bytes.len() - 1]) {
        assert_eq!(world.verify(wiring, &bytes[..len]), Err(DecodeError::Short.into()));
    }
    for extra in [1, 32, 4096] {
        let longer = [bytes.clone(), vec![0; extra]].concat();
        assert_eq!(world.verify(wiring, &longer), Err(DecodeError::Trailing.into()));
    }
    // two challenges swapped, an element left out and one put in
    let regions = wire::regions(22, true);
    let r = regions.iter().position(|r| r.name == "r_3").unwrap();
    let mut swapped = bytes.clone();
    let at = regions[r].start;
    swapped[at..at + 64].rotate_left(32);
    assert_eq!(world.verify(wiring, &swapped), Err(VerifyError::Groth16));
    let short = [&bytes[..at], &bytes[at + 32..]].concat();
    assert!(matches!(world.verify(wiring, &short), Err(VerifyError::Decode(_))));
    let long = [&bytes[..at], &bytes[at..at + 32], &bytes[at..]].concat();
    assert!(matches!(world.verify(wiring, &long), Err(VerifyError::Decode(_))));
    assert!(world.verify(wiring, &bytes).is_ok());
}

/// What the library lets pass, and what a verifier of four fixed inputs does not meet.
#[test]
fn a01_three_or_five_groth16_inputs() {
    let (world, wiring, answer) = case();
    let key = wire::open_key(CircuitName::Aggregate(SIZE), &keys().aggregate(SIZE).verifying_file());
    let prepared = prepare_verifying_key(&key);
    let (public, _) = public_values(&world.instance(wiring), &answer.proof);
    let inputs = public.inputs(SIZE);
    let library = |inputs: &[Fr]| Groth16::<Bn254>::verify_proof(&prepared, &answer.proof.groth16, inputs);
    assert_eq!(library(&inputs).ok(), Some(true));
    assert_ne!(library(&inputs[..3]).ok(), Some(true), "a missing input reads as zero");
    for (i, _) in inputs.iter().enumerate() {
        let mut changed = inputs;
        changed[i] += Fr::one();
        assert_ne!(library(&changed).ok(), Some(true));
    }
    // the trap itself: an input too many is not noticed by the library. Ours takes an array of four and keys of five points
    let five = [&inputs[..], &[Fr::from(99u64)]].concat();
    assert_eq!(library(&five).ok(), Some(true), "the trap is still there: the library ignores an input too many");
    // a missing one reads as zero: were the last input zero, the shorter list would pass as well
    assert!(!inputs[3].is_zero());
}

#[test]
fn a01_the_opening_of_the_sealed_cells() {
    let (_, _, answer) = case();
    let digest = &answer.proof.cells_digest;
    let count = answer.opening.values.len();
    assert_eq!(answer.opening.check(SIZE, count, digest), Ok(()));
    let mut longer = answer.opening.clone();
    longer.values.push(0);
    assert_eq!(longer.check(SIZE, count, digest), Err(OpeningError::Malformed), "a zero behind the end");
    for i in 0..answer.opening.values.len() {
        let mut forged = answer.opening.clone();
        forged.values[i] += 1;
        assert_eq!(forged.check(SIZE, count, digest), Err(OpeningError::Digest));
        // one unit of the next cell as 2^62 of this one packs to the same element
        forged.values[i] = answer.opening.values[i] + (1 << 62);
        if let Some(next) = forged.values.get_mut(i + 1).filter(|next| i % 4 != 3 && **next > 0) {
            *next -= 1;
        }
        assert_eq!(forged.check(SIZE, count, digest), Err(OpeningError::Malformed));
    }
    let mut forged = answer.opening.clone();
    forged.flags[0] ^= true;
    assert_eq!(forged.check(SIZE, count, digest), Err(OpeningError::Digest));
    forged.flags.pop();
    assert_eq!(forged.check(SIZE, count, digest), Err(OpeningError::Malformed));
    let mut forged = answer.opening.clone();
    forged.withheld[0] = Withheld::Local;
    assert_eq!(forged.check(SIZE, count, digest), Err(OpeningError::Digest));
    let mut forged = answer.opening.clone();
    forged.result_salt = [0xff; 32];
    assert_eq!(forged.check(SIZE, count, digest), Err(OpeningError::Malformed));
    assert_eq!(answer.opening.check(AggregateSize::Cells256, answer.opening.values.len(), digest), Err(OpeningError::Malformed));
}

fn with<'a>(
    world: &'a World,
    wiring: &'a Wiring,
    data: &'a [Segment],
    consent: &'a [Segment],
    active: &'a [G1Affine],
) -> AggregateInstance<'a> {
    AggregateInstance { context: &world.context, wiring, data, consent, active }
}

#[test]
fn a07_any_number_of_segments_and_none() {
    for (rows, segments) in [(700, 1), (5000, 3), (9000, 5)] {
        let mut world = World::new(rows, 7);
        assert_eq!(world.data_segments.len(), segments);
        // somebody left, so that active bits are not all one
        world.withdraw(&[0, 1, 2, 3, world.active.len() - 1]);
        let wiring = world.wiring(&statement(), 2).unwrap();
        let answer = world.answer(&wiring, &[], 7).unwrap();
        assert!(world.verify(&wiring, &answer.proof.encode()).is_ok(), "J = {segments}");
        let consents = |slot: usize| (0..2).all(|s| !matches!(world.consent.blocks[s][slot], 0 | u16::MAX));
        let people = (0..world.levels.len())
            .filter(|i| world.active[*i] && consents(*i) && world.levels[*i].as_ref().is_some_and(|row| row[2].is_some()));
        assert_eq!(answer.opening.values[0], people.count() as u64);
    }
    let (world, wiring, answer) = case();
    let none = with(world, wiring, &[], &[], &[]);
    let error = verify_aggregate(&keys().verifying, &none, &answer.proof.encode()).unwrap_err();
    assert!(matches!(error, VerifyError::Statement(_)));
    // active bits beyond J, consent for other slots than data
    let [data, consent, active] = [3, 3, 3];
    let beyond = [&world.active_points[..], &world.active_points[..1]].concat();
    for instance in [
        with(world, wiring, &world.data_segments, &world.consent_segments, &beyond),
        with(world, wiring, &world.data_segments[..data - 1], &world.consent_segments, &world.active_points),
        with(world, wiring, &world.data_segments, &world.consent_segments[..consent - 1], &world.active_points),
        with(world, wiring, &world.data_segments, &world.consent_segments, &world.active_points[..active - 1]),
    ] {
        let error = verify_aggregate(&keys().verifying, &instance, &answer.proof.encode()).unwrap_err();
        assert!(matches!(error, VerifyError::Statement(_)));
    }
}

/// A prover who counts four segments where the ledger has three: rows in the padding.
#[test]
fn a07_rows_and_active_bits_in_the_padding() {
    let world = World::new(7000, 77);
    assert_eq!(world.data_segments.len(), 4);
    let wiring = world.wiring(&statement(), 2).unwrap();
    let ledger = with(&world, &wiring, &world.data_segments[..3], &world.consent_segments[..3], &world.active_points[..3]);
    let mut forger = Forger::new(&world, &wiring, 7);
    let honest = Forger::new(&world, &wiring, 7).bound().answer();
    assert!(world.verify(&wiring, &honest).is_ok(), "with four segments on the ledger it is the truth");
    assert_eq!(verify_aggregate(&keys().verifying, &ledger, &honest), Err(VerifyError::Groth16));
    forger.digest = ledger.digest();
    let forger = forger.bound();
    assert_eq!(forger.check(), Ok(()));
    assert_eq!(verify_aggregate(&keys().verifying, &ledger, &forger.answer()), Err(VerifyError::Opening));
}

#[test]
fn a08_segment_omitted_duplicated_reordered_or_old() {
    let (world, wiring, answer) = case();
    let bytes = answer.proof.encode();
    let (data, consent, active) = (&world.data_segments, &world.consent_segments, &world.active_points);
    let verify = |data: &[Segment], consent: &[Segment], active: &[G1Affine], bytes: &[u8]| {
        verify_aggregate(&keys().verifying, &with(world, wiring, data, consent, active), bytes)
    };
    assert!(verify(data, consent, active, &bytes).is_ok());
    let pick = |list: &[Segment], order: &[usize]| order.iter().map(|i| list[*i].clone()).collect::<Vec<_>>();
    // out of place lists are no statement
    for order in [[1, 0, 2], [0, 0, 2], [0, 2, 2], [0, 1, 1]] {
        for verdict in [verify(&pick(data, &order), consent, active, &bytes), verify(data, &pick(consent, &order), active, &bytes)] {
            assert!(matches!(verdict, Err(VerifyError::Statement(_))), "{order:?}");
        }
    }
    // the last one omitted, with and without the digest adapted
    let short = with(world, wiring, &data[..2], &consent[..2], &active[..2]);
    assert_eq!(verify_aggregate(&keys().verifying, &short, &bytes), Err(VerifyError::Groth16));
    // an older or newer version of a segment: same rows, other blinders
    let anew = |old: &Segment, table, layout: &_, codes: &_| {
        let mut rng = StdRng::seed_from_u64(8);
        let blinders = countersign_prover::commitment::Blinders::draw(layout, &mut rng);
        commit_segment(&table, layout, SegmentId { index: old.id().index, version: old.id().version + 1 }, codes, &blinders)
    };
    let mut newer = data.clone();
    newer[1] = anew(&data[1], world.context.data_table(), &world.data_layout, &world.data);
    assert_eq!(verify(&newer, consent, active, &bytes), Err(VerifyError::Groth16));
    let mut newer_consent = consent.clone();
    newer_consent[2] = anew(&consent[2], world.context.consent_table(), &world.consent_layout, &world.consent);
    assert_eq!(verify(data, &newer_consent, active, &bytes), Err(VerifyError::Groth16));
    // the prover names the ledger's digest, but counts what it has
    for instance in [short, with(world, wiring, &newer, consent, active), with(world, wiring, data, &newer_consent, active)] {
        let mut forger = Forger::new(world, wiring, 8);
        forger.digest = instance.digest();
        let forged = forger.bound().answer();
        assert_eq!(verify_aggregate(&keys().verifying, &instance, &forged), Err(VerifyError::Opening));
    }
}

/// The whole context, field by field; the last four are what a chain of heights, days and withdrawals changes (21 and 30 at the proof's level).
#[test]
fn a17_an_answer_moved_to_any_other_context() {
    let (world, wiring, answer) = case();
    let bytes = answer.proof.encode();
    let d = Digest32::of(b"other");
    type Change = Box<dyn Fn(&mut AnswerContext)>;
    let changes: Vec<(&str, Change)> = vec![
        ("network", Box::new(move |c| c.network = d)),
        ("query", Box::new(move |c| c.query = d)),
        ("query bytes", Box::new(move |c| c.query_bytes = d)),
        ("study", Box::new(move |c| c.study = d)),
        ("study version", Box::new(|c| c.study_version += 1)),
        ("cut", Box::new(move |c| c.cut = d)),
        ("hospital", Box::new(move |c| c.hospital = d)),
        ("dictionary", Box::new(move |c| c.dictionary = d)),
        ("mapping", Box::new(move |c| c.mapping = d)),
        ("registry", Box::new(move |c| c.registry = d)),
        ("query height", Box::new(|c| c.query_height += 1)),
        ("answer height", Box::new(|c| c.answer_height += 1)),
        ("day", Box::new(|c| c.day = Day(c.day.0 + 1))),
        ("k_min", Box::new(|c| c.k_min += 1)),
    ];
    for (name, change) in changes {
        let mut context = world.context.clone();
        change(&mut context);
        let instance = AggregateInstance { context: &context, ..world.instance(wiring) };
        assert_ne!(instance.digest(), world.instance(wiring).digest());
        assert_eq!(verify_aggregate(&keys().verifying, &instance, &bytes), Err(VerifyError::Groth16), "{name}");
    }
    // the circuit's version is part of the digest
    let digest = |version: u32| {
        let digests = |list: &[Segment]| list.iter().map(Segment::digest).collect::<Vec<_>>();
        let active: Vec<[u8; 32]> = world.active_points.iter().map(point_bytes).collect();
        let lists = (digests(&world.data_segments), digests(&world.consent_segments), active);
        let bytes = borsh::to_vec(&(version, &world.context, lists)).unwrap();
        digest_to_field(&Digest32::tagged("countersign/s2/statement/1", [bytes.as_slice()]))
    };
    assert_eq!(digest(CIRCUIT_VERSION), world.instance(wiring).digest());
    assert_ne!(digest(CIRCUIT_VERSION + 1), world.instance(wiring).digest());
    // another statement, fewer scopes, another size of circuit
    // another filter on the same attribute: one that reads no protected attribute would have other gates too (D3)
    let filter = vec![Clause { any_of: vec![Literal { attribute: 2, bins: vec![0, 2] }] }];
    let other = world.wiring(&Statement { filter, ..statement() }, 2).unwrap();
    assert_eq!(other.cells().len(), wiring.cells().len());
    assert_eq!(world.verify(&other, &bytes), Err(VerifyError::Opening), "same cells and kinds: only the columns differ");
    let fewer = world.wiring(&statement(), 1).unwrap();
    assert_eq!(world.verify(&fewer, &bytes), Err(VerifyError::Opening));
}

/// Point 21 and 30, the part a proof can see: after a withdrawal, a re-anchor or a grid date the old answer is worth nothing.
#[test]
fn a21_a30_other_active_points_another_version_another_day() {
    let (world, wiring, answer) = case();
    let bytes = answer.proof.encode();
    let mut left = world.clone();
    let somebody = (0..world.levels.len()).find(|i| world.levels[*i].is_some()).unwrap();
    left.withdraw(&[somebody]);
    assert_eq!(left.verify(wiring, &bytes), Err(VerifyError::Groth16));
    let after = left.answer(wiring, &[], 21).unwrap().proof.encode();
    assert!(left.verify(wiring, &after).is_ok());
    assert_eq!(world.verify(wiring, &after), Err(VerifyError::Groth16), "nor back");
    // the hospital counts the leaver on under the ledger's new digest
    let mut forger = Forger::new(world, wiring, 21);
    forger.digest = left.instance(wiring).digest();
    assert_eq!(left.verify(wiring, &forger.bound().answer()), Err(VerifyError::Opening));
    // a grid date crossed: other consent rows count
    let mut later = world.clone();
    later.context.day = Day(101);
    let late_wiring = later.wiring(&statement(), 2).unwrap();
    assert_ne!(late_wiring.scopes(), wiring.scopes());
    let mut forger = Forger::for_rows_of(&later, &late_wiring, wiring, 30);
    let expired = forger.private.cells[0] - Forger::new(&later, &late_wiring, 30).private.cells[0];
    assert!(!expired.is_zero(), "some consents have expired");
    forger.run();
    forger.bind_with(|_, _| ());
    assert_eq!(later.verify(&late_wiring, &forger.answer()), Err(VerifyError::Opening));
    assert!(later.verify(&late_wiring, &later.answer(&late_wiring, &[], 1).unwrap().proof.encode()).is_ok());
}

/// Masks after a machine image was restored: another question, another answer or other rows never meet the same d.
#[test]
fn a19_a_rolled_back_generator_never_repeats_a_mask() {
    let (world, wiring, _) = case();
    let same = world.answer(wiring, &[], 19).unwrap();
    let again = world.answer(wiring, &[], 19).unwrap();
    assert_eq!(same.proof, again.proof, "the very same attempt says nothing new");
    let mut other_query = world.clone();
    other_query.context.query = Digest32::of(b"another query");
    let mut withheld = vec![Withheld::No; wiring.cells().len()];
    withheld[1] = Withheld::Local;
    let mut left = world.clone();
    left.withdraw(&[5]);
    let other_wiring = world.wiring(&Statement { filter: vec![], ..statement() }, 2).unwrap();
    let mut other_blinders = world.clone();
    for b in &mut other_blinders.data_blinders {
        *b = countersign_prover::commitment::Blinders::draw(&world.data_layout, &mut StdRng::seed_from_u64(191));
    }
    let attempts = [
        other_query.answer(wiring, &[], 19).unwrap(),
        world.answer(wiring, &withheld, 19).unwrap(),
        left.answer(wiring, &[], 19).unwrap(),
        world.answer(&other_wiring, &[], 19).unwrap(),
        other_blinders.answer(wiring, &[], 19).unwrap(),
    ];
    let mut masks: Vec<G1Affine> = attempts.iter().map(|a| a.proof.d).chain([same.proof.d]).collect();
    masks.sort_by_key(point_bytes);
    masks.dedup();
    assert_eq!(masks.len(), 6, "every attempt has a mask of its own");
    // what would happen otherwise: d under two challenges gives z away, v - v' = z - z'
    assert!(masks.iter().all(|d| !d.is_zero()));
}

#[test]
fn a20_differences_of_two_anchors_test_no_sum_of_generators() {
    let (world, _, _) = case();
    let generators = Generators::get();
    // one person moves from one bin to another between two versions
    let mut changed = world.data.clone();
    let slot = (0..2048).find(|i| changed.blocks[1][*i] == 1).unwrap();
    changed.blocks[1][slot] = 2;
    let row = |bin: usize| world.data_layout.blocks[0] + bin;
    let id = SegmentId { index: 0, version: 1 };
    let commit = |blinders| commit_segment(&world.context.data_table(), &world.data_layout, id, &changed, blinders);
    // with the old blinders the difference is a generator, and everybody sees who changed to what
    let reused = commit(&world.data_blinders[0]);
    let old = &world.data_segments[0];
    let difference = |new: &Segment, row: usize| G1Projective::from(old.points()[row]) - new.points()[row];
    assert_eq!(difference(&reused, row(1)), generators.g[slot], "the oracle works on reused blinders");
    assert_eq!(difference(&reused, row(2)), -G1Projective::from(generators.g[slot]));
    // with fresh ones no difference, and no sum or difference of two rows' differences, is a generator
    let fresh = commit(&countersign_prover::commitment::Blinders::draw(&world.data_layout, &mut StdRng::seed_from_u64(20)));
    let single: std::collections::HashSet<[u8; 32]> =
        generators.g.iter().flat_map(|g| [point_bytes(g), point_bytes(&-*g)]).chain([point_bytes(&G1Affine::default())]).collect();
    let differences: Vec<G1Projective> = (0..world.data_layout.rows()).map(|k| difference(&fresh, k)).collect();
    let mut combinations = differences.clone();
    for k in row(0)..row(4) {
        combinations
            .extend((row(0)..row(4)).filter(|l| *l > k).flat_map(|l| [differences[k] + differences[l], differences[k] - differences[l]]));
    }
    assert!(G1Projective::normalize_batch(&combinations).iter().all(|p| !single.contains(&point_bytes(p))));
    // blocks add up to the occupancy: their differences do too, and the blinder of the occupancy hides all
    let block: G1Projective = (0..4).map(|bin| differences[row(bin)]).sum();
    assert_eq!(block, differences[world.data_layout.bin_rows()]);
    assert!(!block.is_zero());
}

/// Bounds: moments of the highest levels over the most rows stay below 2^62 and pack without wrapping.
#[test]
fn a23_highest_levels_over_the_most_rows_do_not_wrap() {
    use countersign_circuits::{dictionary::LEVELS_MAX, segment::TABLE_VARIABLES};
    let level = u128::from(LEVELS_MAX - 1);
    let most = (level * level) << TABLE_VARIABLES;
    assert!(most < 1 << 62, "a cell has 62 bits");
    assert!(u128::from(u64::MAX) > most);
    // four packed cells stay below the modulus
    use ark_ff::PrimeField;
    const { assert!(4 * 62 < Fr::MODULUS_BIT_SIZE) };
    // one real table with the highest levels of a two-block number
    let dictionary = countersign_testkit::plain::dictionary(vec![
        serde_json::json!({"name": "x", "category": "x", "kind": "number", "range": ["0", "510000"], "cuts": ["1000"]}),
        serde_json::json!({"name": "f", "category": "x", "kind": "flag"}),
    ]);
    let slots = 2048;
    let levels: Vec<_> = (0..slots).map(|i| Some(vec![Some(510_000 - (i % 2) as u32), Some(1)])).collect();
    let data = countersign_testkit::world::encode(&dictionary, &levels);
    let registry = countersign_testkit::world::registry();
    let consent = countersign_circuits::segment::SlotCodes { blocks: vec![vec![3; slots]; registry.scopes.len()] };
    let world = World::anchored(dictionary, registry, data, consent, vec![true; slots], levels, 23);
    let statement = Statement {
        filter: vec![],
        groups: vec![],
        measures: Measures::Descriptive { count_rows: true, of: vec![Measure::Moments { attribute: 0 }] },
    };
    let wiring = world.wiring(&statement, 1).unwrap();
    let answer = world.answer(&wiring, &[], 23).unwrap();
    let verified = world.verify(&wiring, &answer.proof.encode()).unwrap();
    answer.opening.check(verified.size, wiring.cells().len(), &answer.proof.cells_digest).unwrap();
    let sum = 1024 * (510_000u64 + 509_999);
    let squares = 1024 * (510_000u64 * 510_000 + 509_999 * 509_999);
    assert!(answer.opening.values.contains(&sum) && answer.opening.values.contains(&squares));
}

#[test]
fn a24_points_outside_the_subgroup() {
    let (world, wiring, answer) = case();
    let outside = wire::outside_subgroup();
    assert!(outside.is_on_curve() && !outside.is_in_correct_subgroup_assuming_on_curve());
    let mut bytes = answer.proof.encode();
    outside.serialize_compressed(&mut bytes[32..96]).unwrap();
    assert_eq!(world.verify(wiring, &bytes), Err(DecodeError::Element("a Groth16 proof").into()));
    // a proof of identities decodes and is refused by the equation
    let mut proof = answer.proof.clone();
    proof.groth16 = ark_groth16::Proof::default();
    assert_eq!(world.verify(wiring, &proof.encode()), Err(VerifyError::Groth16));
}

/// One line of text in its file makes a development key no ceremony's: it is another key, which no network names, and it is taken for a development key still.
#[test]
fn a_relabelled_development_key_is_another_key_and_of_no_ceremony() {
    let own = keys();
    let relabelled = |key: &CircuitKey| {
        let file = key.verifying_file();
        let at = file.windows(15).position(|w| w == b"DEVELOPMENT-KEY").unwrap();
        let file = [&file[..at], b"ceremony-key", &file[at + 15..]].concat();
        let key = VerifyingKey::read(key.name(), &file).unwrap();
        assert_eq!(key.origin(), KeyOrigin::Ceremony);
        key
    };
    let large = own.aggregate_256.get().unwrap();
    let claimed = VerifyingKeys {
        validity: relabelled(&own.validity),
        aggregate_128: relabelled(&own.aggregate_128),
        aggregate_256: relabelled(large),
    };
    let honest = &own.verifying;
    for (honest, claimed) in [
        (&honest.validity, &claimed.validity),
        (&honest.aggregate_128, &claimed.aggregate_128),
        (&honest.aggregate_256, &claimed.aggregate_256),
    ] {
        assert_eq!(honest.origin(), KeyOrigin::Development);
        assert_ne!(honest.digest(), claimed.digest());
    }
    assert_ne!(honest.digest(), claimed.digest());
    assert!(honest.development() && claimed.development());
}

#[test]
fn a24_degenerate_keys_trailing_bytes_and_other_circuits() {
    let name = CircuitName::Aggregate(SIZE);
    let file = keys().aggregate(SIZE).verifying_file();
    assert!(VerifyingKey::read(name, &file).is_ok());
    let key = wire::open_key(name, &file);
    assert_eq!(wire::crafted_key(name, &key, &[]), file);
    for (reason, bad) in wire::degenerate_keys(&key) {
        let verdict = VerifyingKey::read(name, &wire::crafted_key(name, &bad, &[]));
        assert_eq!(verdict.unwrap_err(), KeyError::Content(name.name(), reason));
    }
    let trailing = VerifyingKey::read(name, &wire::crafted_key(name, &key, &[0]));
    assert_eq!(trailing.unwrap_err(), KeyError::Content(name.name(), "not canonical"));
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(VerifyingKey::read(name, &damaged).unwrap_err(), KeyError::File(KeyFileError::Damaged));
    assert!(matches!(VerifyingKey::read(CircuitName::Validity, &file).unwrap_err(), KeyError::File(KeyFileError::Other { .. })));
    let proving = keys().aggregate(SIZE).proving_file();
    assert!(matches!(VerifyingKey::read(name, &proving).unwrap_err(), KeyError::File(KeyFileError::Other { .. })));
    assert_eq!(VerifyingKey::read(name, b"").unwrap_err(), KeyError::File(KeyFileError::Format));
}

#[test]
fn a25_a_batch_with_one_bad_answer_and_with_two_that_cancel() {
    let (world, wiring, answer) = case();
    let second = world.answer(wiring, &[], 25).unwrap();
    let honest = [answer.proof.encode(), second.proof.encode()];
    let batch = |list: &[Vec<u8>]| {
        let list: Vec<_> = list.iter().map(|b| (world.instance(wiring), b.as_slice())).collect();
        verify_batch(&keys().verifying, &list, &mut StdRng::seed_from_u64(25))
    };
    assert!(batch(&honest).iter().all(Result::is_ok), "the honest batch");
    assert!(batch(&[]).is_empty());
    // one bad: in the circuit's proof, in the opening, in the bytes
    let circuit = wire::increment(&honest[1], &wire::regions(22, true)[2]);
    let opening = wire::increment(&honest[1], wire::regions(22, true).last().unwrap());
    for (bad, error) in
        [(circuit, VerifyError::Groth16), (opening, VerifyError::Opening), (honest[1][..100].to_vec(), DecodeError::Short.into())]
    {
        let verdicts = batch(&[honest[0].clone(), bad, honest[1].clone()]);
        assert!(verdicts[0].is_ok() && verdicts[2].is_ok(), "a bad answer takes no good one with it");
        assert_eq!(verdicts[1], Err(error));
    }
    // two that cancel: C + X and C - X. Without random weights the product of both equations holds
    let x = G1Projective::rand(&mut StdRng::seed_from_u64(1));
    let mut pair: [AggregateProof; 2] = [answer.proof.clone(), second.proof.clone()];
    pair[0].groth16.c = (pair[0].groth16.c + x).into_affine();
    pair[1].groth16.c = (-x + pair[1].groth16.c).into_affine();
    let key = wire::open_key(CircuitName::Aggregate(SIZE), &keys().aggregate(SIZE).verifying_file());
    let (mut g1, mut g2) = (Vec::new(), Vec::new());
    for proof in &pair {
        let inputs = public_values(&world.instance(wiring), proof).0.inputs(SIZE);
        let folded = inputs.iter().zip(&key.gamma_abc_g1[1..]).fold(key.gamma_abc_g1[0].into_group(), |sum, (x, p)| sum + *p * x);
        g1.extend([proof.groth16.a, (-folded).into_affine(), -proof.groth16.c, -key.alpha_g1]);
        g2.extend([proof.groth16.b, key.gamma_g2, key.delta_g2, key.beta_g2]);
    }
    assert!(Bn254::multi_pairing(g1, g2).0.is_one(), "the premise: unweighted, the two cancel");
    let verdicts = batch(&pair.map(|p| p.encode()));
    assert_eq!(verdicts, [Err(VerifyError::Groth16), Err(VerifyError::Groth16)]);
}
