//! Cheating provers of S1 against the verifier (protocol, section 9: 9, 10, 11, 12, 13, 15, 18, 19, 22 and 1 for anchors).

use ark_ff::{Field, One, Zero};
use countersign_circuits::{
    field::Fr,
    hash::Digest32,
    opening::DecodeError,
    segment::{Segment, SegmentId, TableContext},
    sumcheck::fold,
    validity::{SegmentsInstance, ValidityTranscript, ValidityViolation, check_validity, eq_point, stack_digest, start_outer},
};
use countersign_prover::validity::{Draft, prove_validity};
use countersign_testkit::{
    cheats::{
        anchor::Table,
        wire::{self, Kind},
    },
    world::{World, keys},
};
use countersign_verifier::{VerifyError, verify_segments};
use rand::{SeedableRng, rngs::StdRng};
use std::sync::OnceLock;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new(400, 9))
}

fn verify(table: &Table, segment: &Segment, proof: &[u8]) -> Result<(), VerifyError> {
    verify_segments(&keys().verifying, &table.instance(std::slice::from_ref(segment)), proof)
}

/// The honest table: it verifies by the cheat's own code path.
fn honest(seed: u64) -> Table {
    Table::of(world(), seed)
}

fn occupied(table: &Table) -> u16 {
    table.rows[table.occupancy()].entries().next().unwrap().0
}

fn empty(table: &Table) -> u16 {
    let taken: Vec<u16> = table.rows[table.occupancy()].entries().map(|(s, _)| s).collect();
    (0..2048).find(|s| !taken.contains(s)).unwrap()
}

fn occupancy(block: usize) -> VerifyError {
    VerifyError::Native(ValidityViolation::Occupancy { segment: 0, block })
}

#[test]
fn a09_the_honest_table_is_accepted() {
    let table = honest(1);
    let (segment, proof) = table.anchor(1);
    assert_eq!(verify(&table, &segment, &proof), Ok(()));
}

/// Entries 2 and -1 that still add up to one bin a block: S1.2 holds, S1.1 must notice.
#[test]
fn a09_two_and_minus_one_that_add_up() {
    let base = honest(2);
    let slot = occupied(&base);
    // attribute 1 (sex) is block 1: its set bin 2, another -1
    let mut table = base.clone();
    let set = table.bin_of(1, slot);
    let other = table.block(1).find(|r| *r != set).unwrap();
    table.set(set, slot, Fr::from(2u64));
    table.set(other, slot, -Fr::one());
    let (segment, proof) = table.anchor(2);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Groth16));
    // an empty slot with 1 and -1: counted in one bin, taken back in another
    let mut table = base.clone();
    let slot = empty(&table);
    table.set(set, slot, Fr::one());
    table.set(other, slot, -Fr::one());
    let (segment, proof) = table.anchor(2);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Groth16));
    // halves
    let mut table = base.clone();
    let (slot, half) = (occupied(&table), Fr::from(2u64).inverse().unwrap());
    table.set(set, slot, half);
    table.set(other, slot, half);
    let (segment, proof) = table.anchor(2);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Groth16));
}

/// The same with the circuit made content: an evaluation that solves `eq e (e - 1) = claim`, refused by the opening.
#[test]
fn a09_a13_an_evaluation_that_hides_the_two() {
    let base = honest(3);
    let mut solved = false;
    for seed in 0..12 {
        let mut table = base.clone();
        let slot = occupied(&table);
        let set = table.bin_of(1, slot);
        let other = table.block(1).find(|r| *r != set).unwrap();
        table.set(set, slot, Fr::from(2u64));
        table.set(other, slot, -Fr::one());
        let mut met = false;
        let (segment, proof) = table.anchor_with(seed, |draft| {
            let claim = draft.private.messages.iter().zip(&draft.public.r).fold(Fr::zero(), |c, (m, r)| fold(c, m, *r));
            // e^2 - e - claim / eq = 0
            let c = claim * draft.public.eq.inverse().unwrap();
            if let Some(root) = (Fr::one() + Fr::from(4u64) * c).sqrt() {
                draft.private.e = (Fr::one() + root) * Fr::from(2u64).inverse().unwrap();
                met = true;
            }
        });
        let expected = if met { VerifyError::Opening } else { VerifyError::Groth16 };
        assert_eq!(verify(&table, &segment, &proof), Err(expected));
        if met {
            solved = true;
            break;
        }
    }
    assert!(solved, "half of all claims have a root");
}

#[test]
fn a09_two_bins_none_and_an_occupancy_of_two() {
    let base = honest(4);
    let slot = occupied(&base);
    let set = base.bin_of(1, slot);
    let other = base.block(1).find(|r| *r != set).unwrap();
    // two bins, no bin: bits, but S1.2 does not add up
    for value in [Fr::one(), Fr::zero()] {
        let mut table = base.clone();
        table.set(if value.is_one() { other } else { set }, slot, value);
        let (segment, proof) = table.anchor(4);
        assert_eq!(verify(&table, &segment, &proof), Err(occupancy(1)));
    }
    // two bins of every attribute and U = 2: S1.2 adds up, U is a row of S1.1
    let mut table = base.clone();
    for block in 0..world().data_layout.blocks.len() {
        let set = table.bin_of(block, slot);
        // tied rows ("missing") stay as they are
        let other = table.block(block).skip(1).find(|r| *r != set).unwrap();
        let second = if set == table.block(block).start { Fr::from(2u64) } else { Fr::one() };
        if second.is_one() {
            table.set(other, slot, Fr::one());
        } else {
            table.set(set, slot, second);
        }
    }
    let row = table.occupancy();
    table.set(row, slot, Fr::from(2u64));
    let (segment, proof) = table.anchor(4);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Groth16));
    // U = 2 alone, U = 0 for an occupied slot, U = 1 for an empty one
    for (slot, value) in [(slot, 2u64), (slot, 0), (empty(&base), 1)] {
        let mut table = base.clone();
        table.set(row, slot, Fr::from(value));
        let (segment, proof) = table.anchor(4);
        assert_eq!(verify(&table, &segment, &proof), Err(occupancy(0)));
    }
}

#[test]
fn a10_sums_right_for_all_attributes_but_one() {
    let base = honest(5);
    let (segment, proof) = base.anchor(5);
    assert_eq!(verify(&base, &segment, &proof), Ok(()));
    let blocks = world().data_layout.blocks.len();
    for block in 0..blocks {
        // a blinder that does not add up: the last bin of a block is never tied
        let mut table = base.clone();
        let last = table.block(block).end - 1;
        table.blinders.0[last] += Fr::one();
        let (segment, proof) = table.anchor(5);
        assert_eq!(verify(&table, &segment, &proof), Err(occupancy(block)), "block {block} of {blocks}");
    }
    // a part of u in one bin
    let u = countersign_circuits::commitment::Generators::get().u;
    let mut points = segment.points().to_vec();
    let last = base.block(2).end - 1;
    points[last] = (points[last] + u).into();
    let forged = Segment::new(&base.context, base.id, points);
    assert_eq!(verify(&base, &forged, &proof), Err(occupancy(2)));
}

/// A part of u moved from one bin to another: S1.2 adds up, but the opening is over the g and h only.
#[test]
fn a10_a_part_of_u_in_two_bins_that_cancels() {
    let base = honest(51);
    let (segment, _) = base.anchor(51);
    let u = countersign_circuits::commitment::Generators::get().u;
    let mut points = segment.points().to_vec();
    let rows = base.block(1);
    points[rows.start + 1] = (points[rows.start + 1] + u).into();
    points[rows.start + 2] = (points[rows.start + 2] - u).into();
    let forged = Segment::new(&base.context, base.id, points);
    // the rows are still bits, and the prover proves them under the forged points' digest
    let list = [forged.clone()];
    let instance = SegmentsInstance { context: base.context, layout: &world().data_layout, segments: &list };
    let mut rng = StdRng::seed_from_u64(51);
    let proof =
        prove_validity(&keys().validity, &instance, vec![base.rows.clone()], std::slice::from_ref(&base.blinders), &mut rng).unwrap();
    assert_eq!(verify(&base, &forged, &proof.encode()), Err(VerifyError::Opening));
}

#[test]
fn a10_reused_commitments_and_blinders() {
    let base = honest(6);
    let (segment, proof) = base.anchor(6);
    // a row's commitment twice: a second empty bin with the first's blinder
    let mut points = segment.points().to_vec();
    let rows = base.block(4);
    let (a, b, c) = (rows.start + 1, rows.start + 2, rows.start + 3);
    let sum = points[b] + points[c];
    points[b] = points[a];
    points[c] = (sum - points[a]).into();
    let forged = Segment::new(&base.context, base.id, points);
    let error = verify(&base, &forged, &proof).unwrap_err();
    assert_eq!(error, VerifyError::Native(ValidityViolation::Reused { segment: 0, row: b }));
    // the same segment under two indices of one stack
    let twin = Segment::new(&base.context, SegmentId { index: 1, version: 0 }, segment.points().to_vec());
    let stack = [segment.clone(), twin];
    let error = verify_segments(&keys().verifying, &base.instance(&stack), &proof).unwrap_err();
    assert_eq!(error, VerifyError::Native(ValidityViolation::Reused { segment: 1, row: 0 }));
    assert_eq!(verify(&base, &segment, &proof), Ok(()));
}

#[test]
fn a11_an_anchor_from_another_network_hospital_table_index_or_version() {
    let base = honest(7);
    let (segment, proof) = base.anchor(7);
    assert_eq!(verify(&base, &segment, &proof), Ok(()));
    let d = Digest32::of(b"other");
    type Move = fn(&mut Table, Digest32);
    let moves: [(&str, Move); 5] = [
        ("network", |t, d| t.context.network = d),
        ("hospital", |t, d| t.context.hospital = d),
        ("dictionary", |t, d| t.context.table = d),
        ("index", |t, _| t.id.index = 1),
        ("version", |t, _| t.id.version = 1),
    ];
    for (name, change) in moves {
        let mut table = base.clone();
        change(&mut table, d);
        let copied = Segment::new(&table.context, table.id, segment.points().to_vec());
        assert_ne!(copied.digest(), segment.digest());
        assert_eq!(verify(&table, &copied, &proof), Err(VerifyError::Groth16), "{name}");
    }
    // the same segments in a stack that is said to be another's
    let own = base.context;
    for context in [TableContext { network: d, ..own }, TableContext { hospital: d, ..own }, TableContext { table: d, ..own }] {
        let instance = SegmentsInstance { context, ..base.instance(std::slice::from_ref(&segment)) };
        assert_eq!(verify_segments(&keys().verifying, &instance, &proof), Err(VerifyError::Groth16));
    }
    // another hospital's points under this one's name, stacks out of order, twice, none
    let other = honest(77);
    let (foreign, _) = other.anchor(77);
    assert_eq!(verify(&base, &foreign, &proof), Err(VerifyError::Groth16));
    for stack in [vec![], vec![segment.clone(), segment.clone()]] {
        let error = verify_segments(&keys().verifying, &base.instance(&stack), &proof).unwrap_err();
        assert!(matches!(error, VerifyError::Statement(_)));
    }
    // a data segment with the consent layout
    let consent = SegmentsInstance { context: base.context, layout: &world().consent_layout, segments: std::slice::from_ref(&segment) };
    assert_eq!(verify_segments(&keys().verifying, &consent, &proof), Err(VerifyError::Native(ValidityViolation::Shape)));
}

#[test]
fn a01_every_element_of_an_anchor_changed() {
    let table = honest(8);
    let (segment, proof) = table.anchor(8);
    assert_eq!(verify(&table, &segment, &proof), Ok(()));
    let regions = wire::regions(30, false);
    let last = regions.last().unwrap();
    assert_eq!(last.start + last.len, proof.len());
    for region in &regions {
        let behind = ["blinder", "L_", "R_", "last_"].iter().any(|n| region.name.starts_with(n));
        let expected = if behind { VerifyError::Opening } else { VerifyError::Groth16 };
        assert_eq!(verify(&table, &segment, &wire::increment(&proof, region)), Err(expected), "{}", region.name);
        if region.kind == Kind::Scalar {
            let forged = wire::plus_modulus(&proof, region);
            assert_eq!(verify(&table, &segment, &forged), Err(DecodeError::Element("a field element").into()));
        }
    }
    assert_eq!(verify(&table, &segment, &proof[..proof.len() - 1]), Err(DecodeError::Short.into()));
    assert_eq!(verify(&table, &segment, &[&proof[..], &[0]].concat()), Err(DecodeError::Trailing.into()));
}

fn draft(table: &Table, segment: &Segment, seed: u64) -> Draft {
    let rows = vec![table.rows.clone()];
    let mut rng = StdRng::seed_from_u64(seed);
    let segments = std::slice::from_ref(segment);
    let mut draft = Draft::start(&table.instance(segments), &rows, std::slice::from_ref(&table.blinders), &mut rng).unwrap();
    draft.run_rounds(&rows);
    draft.bind(&mut rng);
    draft
}

#[test]
fn a12_a15_anchor_messages_after_their_challenges_and_wrong_rounds() {
    let table = honest(10);
    let segment = table.commit();
    let good = draft(&table, &segment, 10);
    assert_eq!(check_validity(&good.public, &good.private), Ok(()));
    let check = |change: &dyn Fn(&mut Draft)| {
        let mut bad = draft(&table, &segment, 10);
        change(&mut bad);
        check_validity(&bad.public, &bad.private)
    };
    for round in 0..30 {
        for c in 0..3 {
            let after = check(&|d| d.private.messages[round][c] += Fr::one());
            assert_eq!(after, Err(ValidityViolation::Transcript), "a message after its challenge");
        }
        // the challenges redrawn: a wrong sum shows at the end
        let replayed = check(&|d| {
            d.private.messages[round][1] += Fr::one();
            let mut transcript = ValidityTranscript::start(d.public.digest, d.private.salt);
            d.public.r = d.private.messages.iter().map(|m| transcript.round(m)).collect();
            let (_, tau) = start_outer(&stack_digest(&table.context, std::slice::from_ref(&segment)));
            d.public.eq = eq_point(&tau, &d.public.r);
        });
        assert_eq!(replayed, Err(ValidityViolation::NotBits));
    }
    assert_eq!(check(&|d| d.private.m += Fr::one()), Err(ValidityViolation::Binding));
    assert_eq!(check(&|d| d.private.s += Fr::one()), Err(ValidityViolation::Binding));
    assert_eq!(check(&|d| d.private.e = Fr::one() - d.private.e), Err(ValidityViolation::Binding), "the other root of e (e - 1)");
    assert_eq!(check(&|d| d.public.w += Fr::one()), Err(ValidityViolation::Mask));
    assert_eq!(check(&|d| d.private.messages[0].push(Fr::one())), Err(ValidityViolation::Shape));
    // the other root, bound before chi: the circuit is content and the opening is not
    let (segment, proof) = table.anchor_with(10, |d| d.private.e = Fr::one() - d.private.e);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Opening));
    // eq of another tau: the verifier computes its own
    let (segment, proof) = table.anchor_with(10, |d| d.public.eq += Fr::one());
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Groth16));
}

#[test]
fn a18_guessing_an_anchor_s_rows_against_its_challenges() {
    let table = honest(11);
    let segment = table.commit();
    let draft = draft(&table, &segment, 11);
    // a guess of all rows gives the first message (the zero-check of bits: only differing neighbours count); a neighbour guess moves one person
    let first = |salt: Fr, message: &[Fr]| ValidityTranscript::start(draft.public.digest, salt).round(message);
    let right = draft.private.messages[0].clone();
    let guessed = {
        let mut other = table.clone();
        let slot = occupied(&other);
        let set = other.bin_of(1, slot);
        let to = other.block(1).find(|r| *r != set).unwrap();
        other.set(set, slot, Fr::zero());
        other.set(to, slot, Fr::one());
        let rows = vec![other.rows.clone()];
        let segments = std::slice::from_ref(&segment);
        let mut rng = StdRng::seed_from_u64(11);
        let mut guess = Draft::start(&table.instance(segments), &rows, std::slice::from_ref(&table.blinders), &mut rng).unwrap();
        guess.run_rounds(&rows);
        guess.private.messages[0].clone()
    };
    assert_ne!(right, guessed);
    assert_eq!(first(draft.private.salt, &right), draft.public.r[0], "with the salt the oracle works");
    assert_ne!(first(draft.private.salt, &guessed), draft.public.r[0]);
    for salt in [Fr::zero(), Fr::one(), draft.public.digest] {
        assert_ne!(first(salt, &right), draft.public.r[0], "without it, it does not");
    }
    // c_m: chi and w are public, so a guess of the rows gives e and m, and the transcript would confirm them but for s
    let c_m_of = |s: Fr| {
        let mut transcript = ValidityTranscript::start(draft.public.digest, draft.private.salt);
        draft.private.messages.iter().for_each(|message| {
            transcript.round(message);
        });
        transcript.finish(draft.public.eq, draft.private.e, draft.public.w - draft.public.chi * draft.private.e, s)
    };
    assert_eq!(c_m_of(draft.private.s), draft.public.c_m);
    assert_ne!(c_m_of(Fr::zero()), draft.public.c_m, "the blinder alone protects");
}

#[test]
fn a19_anchors_after_a_rolled_back_generator() {
    let mask = |table: &Table, seed| table.anchor(seed).1[128 + 31 * 32..128 + 32 * 32].to_vec();
    let table = honest(12);
    assert_eq!(mask(&table, 12), mask(&table, 12), "the same attempt");
    let mut moved = table.clone();
    moved.id.version = 1;
    let mut changed = table.clone();
    let slot = occupied(&changed);
    let set = changed.bin_of(1, slot);
    let to = changed.block(1).find(|r| *r != set).unwrap();
    changed.set(set, slot, Fr::zero());
    changed.set(to, slot, Fr::one());
    let mut masks = vec![mask(&table, 12), mask(&moved, 12), mask(&changed, 12), mask(&honest(121), 12)];
    masks.sort();
    masks.dedup();
    assert_eq!(masks.len(), 4);
}

#[test]
fn a22_coarse_missing_with_fine_present_and_offset_256() {
    let base = honest(13);
    let layout = &world().data_layout;
    let (coarse, fine) = layout.tied[0];
    let block = (0..layout.blocks.len()).find(|b| base.block(*b).start == coarse).unwrap();
    assert_eq!(base.block(block + 1).start, fine);
    let slot = base.rows[base.occupancy()].entries().map(|(s, _)| s).find(|s| base.bin_of(block, *s) != coarse).unwrap();
    // coarse missing, fine present: every entry a bit, every block adds up; only the tie is broken
    let mut table = base.clone();
    table.set(table.bin_of(block, slot), slot, Fr::zero());
    table.set(coarse, slot, Fr::one());
    let (segment, proof) = table.anchor(13);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Native(ValidityViolation::Tied { segment: 0, coarse, fine })));
    // fine missing, coarse present
    let mut table = base.clone();
    table.set(table.bin_of(block + 1, slot), slot, Fr::zero());
    table.set(fine, slot, Fr::one());
    let (segment, proof) = table.anchor(13);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Native(ValidityViolation::Tied { segment: 0, coarse, fine })));
    // a fine block has a bin for the offsets of its widest coarse bin and no more: 256 at most, so offset 256 has no row
    assert!(layout.blocks[block + 1] <= 257);
    let wide = countersign_testkit::plain::dictionary(vec![
        serde_json::json!({"name": "x", "category": "x", "kind": "number", "range": ["0", "99999"]}),
    ]);
    assert_eq!(wide.layout().blocks[1], 257, "missing and offsets 0 to 255");
    let attribute = &wide.attributes()[0];
    for level in [0, 255, 256, 257, 99_999] {
        let bins = attribute.bins(Some(level)).unwrap();
        assert!(usize::from(bins.fine.unwrap()) < 257);
        let value: u64 = attribute
            .value_form()
            .iter()
            .filter(|(row, _)| {
                *row == usize::from(bins.first) || *row == attribute.blocks()[1].first_row() + usize::from(bins.fine.unwrap())
            })
            .map(|(_, v)| v)
            .sum();
        assert_eq!(value, u64::from(level), "the linear form gives the level back");
    }
    assert_eq!(attribute.bins(Some(100_000)), None);
}

/// What S1 does not say, pinned so that nobody believes it does: a fine offset beyond a narrower coarse bin is a bit pattern like any
/// other (protocol, section 4: the importer checks it, and it is stated).
#[test]
fn a22_a_fine_offset_beyond_its_coarse_bin_is_not_noticed() {
    let mut table = honest(14);
    let (coarse, fine) = world().data_layout.tied[0];
    let block = (0..world().data_layout.blocks.len()).find(|b| table.block(*b).start == coarse).unwrap();
    let slot = table.rows[table.occupancy()].entries().map(|(s, _)| s).find(|s| table.bin_of(block, *s) != coarse).unwrap();
    // the first coarse bin is 85 levels wide, the widest more: move the person to the first and to the highest offset
    table.set(table.bin_of(block, slot), slot, Fr::zero());
    table.set(coarse + 1, slot, Fr::one());
    table.set(table.bin_of(block + 1, slot), slot, Fr::zero());
    let highest = table.block(block + 1).end - 1;
    assert!(highest > fine);
    table.set(highest, slot, Fr::one());
    let (segment, proof) = table.anchor(14);
    assert_eq!(verify(&table, &segment, &proof), Ok(()));
}
