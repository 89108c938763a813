//! S4: what erases verifies, and whatever else a hospital would like to change does not.

use ark_ff::{Field, One};
use countersign_circuits::{
    commitment::Generators,
    dictionary::SegmentLayout,
    erasure::{ErasureInstance, ErasureProof, ErasureStep, ErasureViolation},
    field::{Fr, G1},
    segment::{EMPTY, SLOTS, Segment, SegmentId, SlotCodes, TableContext},
    validity::ValidityViolation,
};
use countersign_prover::{
    commitment::{Blinders, commit_segment},
    erasure::{ErasureWitness, draft, prove_erasure},
};
use countersign_testkit::world::World;
use countersign_verifier::{VerifyError, verify_erasure};
use rand::{SeedableRng, rngs::StdRng};

/// A version of a segment with its secrets.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) codes: SlotCodes,
    pub(crate) blinders: Blinders,
    pub(crate) segment: Segment,
}

/// The tables of a small hospital, data and consents: each a layout, the version so far, and the next.
pub(crate) struct Scene {
    pub(crate) layouts: [SegmentLayout; 2],
    pub(crate) contexts: [TableContext; 2],
    pub(crate) old: [Version; 2],
    pub(crate) new: [Version; 2],
    pub(crate) erased: Vec<u16>,
}

fn without(codes: &SlotCodes, slots: &[u16]) -> SlotCodes {
    let mut codes = codes.clone();
    codes.blocks.iter_mut().for_each(|block| slots.iter().for_each(|slot| block[usize::from(*slot)] = EMPTY));
    codes
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new(1500, 5);
        let occupied = (0..SLOTS as u16).filter(|i| world.data.blocks[0][usize::from(*i)] != EMPTY);
        let empty = (0..SLOTS as u16).find(|i| world.data.blocks[0][usize::from(*i)] == EMPTY).unwrap();
        // one of them held no row: nobody sees which
        let mut erased: Vec<u16> = occupied.take(3).chain([empty]).collect();
        erased.sort_unstable();
        let layouts = [world.data_layout.clone(), world.consent_layout.clone()];
        let contexts = [world.context.data_table(), world.context.consent_table()];
        let old = [
            Version { codes: world.data.clone(), blinders: world.data_blinders[0].clone(), segment: world.data_segments[0].clone() },
            Version {
                codes: world.consent.clone(),
                blinders: world.consent_blinders[0].clone(),
                segment: world.consent_segments[0].clone(),
            },
        ];
        let new = [0, 1].map(|t| next(&contexts[t], &layouts[t], without(&old[t].codes, &erased), 1 + t as u64));
        Self { layouts, contexts, old, new, erased }
    }

    pub(crate) fn steps(&self) -> [ErasureStep<'_>; 2] {
        [0, 1].map(|t| ErasureStep { layout: &self.layouts[t], old: &self.old[t].segment, new: &self.new[t].segment })
    }

    fn witnesses(&self) -> [ErasureWitness<'_>; 2] {
        [0, 1]
            .map(|t| ErasureWitness { old: (&self.old[t].codes, &self.old[t].blinders), new: (&self.new[t].codes, &self.new[t].blinders) })
    }

    pub(crate) fn honest(&self) -> Result<ErasureProof, ErasureViolation> {
        prove_erasure(&ErasureInstance { slots: &self.erased, steps: &self.steps() }, &self.witnesses(), &mut StdRng::seed_from_u64(9))
    }

    /// The best a prover can do who does not care for its own check.
    fn forced(&self) -> ErasureProof {
        draft(&ErasureInstance { slots: &self.erased, steps: &self.steps() }, &self.witnesses(), &mut StdRng::seed_from_u64(9))
    }

    pub(crate) fn verify(&self, proof: &ErasureProof) -> Result<(), VerifyError> {
        verify_erasure(&ErasureInstance { slots: &self.erased, steps: &self.steps() }, &proof.encode())
    }
}

pub(crate) fn next(context: &TableContext, layout: &SegmentLayout, codes: SlotCodes, seed: u64) -> Version {
    let blinders = Blinders::draw(layout, &mut StdRng::seed_from_u64(seed));
    let segment = commit_segment(context, layout, SegmentId { index: 0, version: 1 }, &codes, &blinders);
    Version { codes, blinders, segment }
}

/// One bin further, round the block.
pub(crate) fn moved(codes: &SlotCodes, layout: &SegmentLayout, block: usize, slot: u16) -> SlotCodes {
    let mut codes = codes.clone();
    let bin = &mut codes.blocks[block][usize::from(slot)];
    assert_ne!(*bin, EMPTY);
    *bin = (*bin + 1) % layout.blocks[block] as u16;
    codes
}

#[test]
fn an_erasure_verifies_for_all_tables_at_once() {
    let scene = Scene::new();
    let proof = scene.honest().unwrap();
    assert_eq!(scene.verify(&proof), Ok(()));
    assert_eq!(ErasureProof::decode(&proof.encode()), Ok(proof.clone()));
    // an erasure of whom an earlier one erased, and another: versions of versions
    let mut again = Scene { old: scene.new.clone(), erased: scene.erased.clone(), ..Scene::new() };
    let another = (0..SLOTS as u16).rev().find(|i| again.old[0].codes.blocks[0][usize::from(*i)] != EMPTY).unwrap();
    again.erased.push(another);
    again.new = [0, 1].map(|t| next(&again.contexts[t], &again.layouts[t], without(&again.old[t].codes, &again.erased), 11 + t as u64));
    assert_eq!(again.verify(&again.honest().unwrap()), Ok(()));
    // everybody may leave
    let mut all = Scene::new();
    all.erased = (0..SLOTS as u16).collect();
    all.new = [0, 1].map(|t| next(&all.contexts[t], &all.layouts[t], without(&all.old[t].codes, &all.erased), 21 + t as u64));
    assert_eq!(all.verify(&all.honest().unwrap()), Ok(()));
}

#[test]
fn attacks_erasure_a_neighbour_altered_added_or_taken_along() {
    let scene = Scene::new();
    let stays = |slot: &u16| !scene.erased.contains(slot);
    let neighbour = (0..SLOTS as u16).filter(stays).find(|i| scene.old[0].codes.blocks[0][usize::from(*i)] != EMPTY).unwrap();
    let nobody = (0..SLOTS as u16).filter(stays).find(|i| scene.old[0].codes.blocks[0][usize::from(*i)] == EMPTY).unwrap();
    let mut added = scene.new[0].codes.clone();
    added.blocks.iter_mut().for_each(|block| block[usize::from(nobody)] = 0);
    let altered = moved(&scene.new[0].codes, &scene.layouts[0], 1, neighbour);
    let taken = without(&scene.new[0].codes, &[neighbour]);
    for codes in [altered, added, taken] {
        let mut cheat = Scene::new();
        cheat.new[0] = next(&cheat.contexts[0], &cheat.layouts[0], codes, 31);
        assert_eq!(cheat.honest(), Err(ErasureViolation::Changed { step: 0 }));
        assert_eq!(cheat.verify(&cheat.forced()), Err(VerifyError::Opening), "S4.1");
    }
    // in the consents: somebody permits more than before
    let holder = (0..SLOTS as u16).filter(stays).find(|i| scene.old[1].codes.blocks[0][usize::from(*i)] != EMPTY).unwrap();
    let mut cheat = Scene::new();
    cheat.new[1] = next(&cheat.contexts[1], &cheat.layouts[1], moved(&scene.new[1].codes, &scene.layouts[1], 0, holder), 32);
    assert_eq!(cheat.verify(&cheat.forced()), Err(VerifyError::Opening), "S4.1");
}

#[test]
fn attacks_erasure_a_row_that_stays_or_is_replaced() {
    let scene = Scene::new();
    let erased = scene.erased.iter().copied().find(|i| scene.old[0].codes.blocks[0][usize::from(*i)] != EMPTY).unwrap();
    let others: Vec<u16> = scene.erased.iter().copied().filter(|slot| *slot != erased).collect();
    let kept = without(&scene.old[0].codes, &others);
    let replaced = moved(&kept, &scene.layouts[0], 2, erased);
    for codes in [kept, replaced] {
        let mut cheat = Scene::new();
        cheat.new[0] = next(&cheat.contexts[0], &cheat.layouts[0], codes, 33);
        assert_eq!(cheat.honest(), Err(ErasureViolation::NotEmpty { step: 0 }));
        assert_eq!(cheat.verify(&cheat.forced()), Err(VerifyError::Opening), "S4.2");
    }
}

/// The slots are the ledger's: a proof for others is none.
#[test]
fn attacks_erasure_slots_of_its_own_choice() {
    let scene = Scene::new();
    let proof = scene.honest().unwrap();
    let more: Vec<u16> = (0..SLOTS as u16).filter(|i| scene.erased.contains(i) || *i == SLOTS as u16 - 1).collect();
    for slots in [&more[..], &scene.erased[1..]] {
        let instance = ErasureInstance { slots, steps: &scene.steps() };
        assert_eq!(verify_erasure(&instance, &proof.encode()), Err(VerifyError::Opening));
        let forced = draft(&instance, &scene.witnesses(), &mut StdRng::seed_from_u64(9));
        assert_eq!(verify_erasure(&instance, &forced.encode()), Err(VerifyError::Opening));
    }
    for slots in [&[][..], &[5, 4], &[4, 4], &[SLOTS as u16]] {
        let instance = ErasureInstance { slots, steps: &scene.steps() };
        assert!(matches!(verify_erasure(&instance, &proof.encode()), Err(VerifyError::Statement(_))));
    }
    let none = ErasureInstance { slots: &scene.erased, steps: &[] };
    assert!(matches!(verify_erasure(&none, &proof.encode()), Err(VerifyError::Statement(_))));
    // the table of another layout
    let [data, consent] = scene.steps();
    let mixed = [ErasureStep { layout: &scene.layouts[1], ..data }, consent];
    let instance = ErasureInstance { slots: &scene.erased, steps: &mixed };
    assert!(matches!(verify_erasure(&instance, &proof.encode()), Err(VerifyError::Statement(_))));
}

/// Changes of three rows of one block that add up to nothing, plainly and under the weights: the block's occupancy holds, and so would the openings, if the weights were known before.
#[test]
fn attacks_erasure_lies_that_cancel_under_a_known_alpha() {
    let mut scene = Scene::new();
    let instance = ErasureInstance { slots: &scene.erased, steps: &scene.steps() };
    let weights = instance.challenges().rows[0].clone();
    let proof = scene.honest().unwrap();
    let first: usize = scene.layouts[0].blocks[..4].iter().sum();
    let (a, b, c) = (first + 1, first + 2, first + 3);
    // x + y + z = 0 and x w_a + y w_b + z w_c = 0, with x = 1
    let y = (weights[c] - weights[a]) * (weights[b] - weights[c]).inverse().unwrap();
    let lies = [(a, Fr::one()), (b, y), (c, -Fr::one() - y)];
    let sum = |points: &[countersign_circuits::field::G1Affine]| -> G1 { points.iter().zip(&weights).map(|(p, w)| *p * w).sum() };
    let before = sum(scene.new[0].segment.points());
    let g = Generators::get().g[700];
    let mut points = scene.new[0].segment.points().to_vec();
    lies.iter().for_each(|(row, x)| points[*row] = (points[*row] + g * x).into());
    assert_eq!(sum(&points), before, "the lies cancel under the weights they were made for");
    scene.new[0].segment = Segment::new(&scene.contexts[0], SegmentId { index: 0, version: 1 }, points);
    assert_eq!(scene.verify(&proof), Err(VerifyError::Opening));
    assert_eq!(scene.verify(&scene.forced()), Err(VerifyError::Opening));
}

#[test]
fn attacks_erasure_old_commitments_and_false_occupancy() {
    // S4.3: the rows of a bin that nobody erased is in, carried over with their blinder: who was in the others would show
    let mut scene = Scene::new();
    let mut points = scene.new[0].segment.points().to_vec();
    points[3] = scene.old[0].segment.points()[3];
    scene.new[0].segment = Segment::new(&scene.contexts[0], SegmentId { index: 0, version: 1 }, points);
    let block_breaks = scene.verify(&scene.forced());
    assert!(matches!(block_breaks, Err(VerifyError::Native(ValidityViolation::Occupancy { .. }))), "{block_breaks:?}");
    // a whole version again
    let mut scene = Scene::new();
    let old = &scene.old[0];
    scene.new[0].segment = Segment::new(&scene.contexts[0], SegmentId { index: 0, version: 1 }, old.segment.points().to_vec());
    let again = scene.verify(&scene.forced());
    assert!(matches!(again, Err(VerifyError::Native(ValidityViolation::Reused { segment: 0, row: 0 }))), "{again:?}");
    // occupancy that is not the sum of the bins
    let mut scene = Scene::new();
    let mut points = scene.new[1].segment.points().to_vec();
    let last = points.len() - 1;
    points[last] = (points[last] + Generators::get().h).into();
    scene.new[1].segment = Segment::new(&scene.contexts[1], SegmentId { index: 0, version: 1 }, points);
    let occupancy = scene.verify(&scene.forced());
    assert!(matches!(occupancy, Err(VerifyError::Native(ValidityViolation::Occupancy { .. }))), "{occupancy:?}");
}

/// Each message and each place is bound.
#[test]
fn attacks_erasure_every_element_of_the_proof() {
    let scene = Scene::new();
    let proof = scene.honest().unwrap();
    let mut bytes = proof.encode();
    for at in (0..bytes.len()).step_by(32) {
        bytes[at] ^= 1;
        let found = verify_erasure(&ErasureInstance { slots: &scene.erased, steps: &scene.steps() }, &bytes);
        assert!(matches!(found, Err(VerifyError::Opening | VerifyError::Decode(_))), "byte {at}");
        bytes[at] ^= 1;
    }
    assert!(matches!(scene.verify(&proof), Ok(())));
    let trailing = [bytes.clone(), vec![0]].concat();
    let instance = scene.steps();
    let instance = ErasureInstance { slots: &scene.erased, steps: &instance };
    assert!(matches!(verify_erasure(&instance, &trailing), Err(VerifyError::Decode(_))));
    assert!(matches!(verify_erasure(&instance, &bytes[..bytes.len() - 1]), Err(VerifyError::Decode(_))));
    // the two openings are not each other's
    let swapped = ErasureProof { unchanged: proof.empty.clone(), empty: proof.unchanged.clone() };
    assert_eq!(scene.verify(&swapped), Err(VerifyError::Opening));
    // a mask whose value is said after chi
    for which in [0, 1] {
        let mut lie = proof.clone();
        let opening = if which == 0 { &mut lie.unchanged } else { &mut lie.empty };
        opening.masked += Fr::one();
        assert_eq!(scene.verify(&lie), Err(VerifyError::Opening));
    }
    // another place or version of the same points
    let mut moved = Scene::new();
    moved.new[0].segment = Segment::new(&moved.contexts[0], SegmentId { index: 0, version: 2 }, moved.new[0].segment.points().to_vec());
    assert_eq!(moved.verify(&proof), Err(VerifyError::Opening));
    // one table alone, by a proof for both
    let [data, _] = scene.steps();
    let alone = ErasureInstance { slots: &scene.erased, steps: &[data] };
    assert_eq!(verify_erasure(&alone, &proof.encode()), Err(VerifyError::Opening));
}
