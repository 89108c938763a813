//! S4: what would pass if one message were not fixed before its challenge.

use crate::attacks_erasure::{Scene, moved, next};
use ark_ff::{Field, Zero};
use countersign_circuits::{
    commitment::Generators,
    erasure::{ErasureInstance, ErasureProof, ZeroOpening},
    field::Fr,
    outer::OuterTranscript,
    segment::{EMPTY, SLOTS, Segment, SegmentId},
};
use countersign_prover::{opening::Mask, validity::sparse_rows};
use countersign_verifier::VerifyError;
use rand::{SeedableRng, rngs::StdRng};

/// A weighted sum of rows, and its blinder.
struct Folded(Vec<Fr>, Fr);

/// A hospital that has changed the row of somebody who stays: what the two openings are of, with the weights of slots.
struct Forger {
    scene: Scene,
    changed: Folded,
    kept: Folded,
    outside: Vec<Fr>,
    inside: Vec<Fr>,
    outer: OuterTranscript,
}

impl Forger {
    fn new() -> Self {
        let mut scene = Scene::new();
        let stays = |slot: &u16| !scene.erased.contains(slot) && scene.old[0].codes.blocks[0][usize::from(*slot)] != EMPTY;
        let neighbour = (0..SLOTS as u16).find(stays).unwrap();
        let codes = moved(&scene.new[0].codes, &scene.layouts[0], 1, neighbour);
        scene.new[0] = next(&scene.contexts[0], &scene.layouts[0], codes, 41);
        let drawn = ErasureInstance { slots: &scene.erased, steps: &scene.steps() }.challenges();
        let (mut changed, mut kept) = (Folded(vec![Fr::zero(); SLOTS], Fr::zero()), Folded(vec![Fr::zero(); SLOTS], Fr::zero()));
        for (t, weights) in drawn.rows.iter().enumerate() {
            let old = &scene.old[t];
            changed.add(&sparse_rows(&scene.layouts[t], &old.codes, 0), &old.blinders.0, weights, false);
            let new = &scene.new[t];
            changed.add(&sparse_rows(&scene.layouts[t], &new.codes, 0), &new.blinders.0, weights, true);
            kept.add(&sparse_rows(&scene.layouts[t], &new.codes, 0), &new.blinders.0, weights, false);
        }
        let (outside, inside, outer) = (drawn.outside, drawn.inside, drawn.outer);
        Self { scene, changed, kept, outside, inside, outer }
    }

    /// The second opening is as it should be.
    fn finish(mut self, unchanged: ZeroOpening) -> Result<(), VerifyError> {
        let mask = Mask::draw(&mut StdRng::seed_from_u64(43));
        let masked = mask.evaluation(&self.inside);
        let chi = ZeroOpening::draw_chi(&mut self.outer, &mask.commitment, &masked);
        let opening = mask.open(&self.kept.scaled(chi), self.kept.1 * chi, &self.inside, &masked, &mut self.outer);
        let empty = ZeroOpening { d: mask.commitment, masked, opening };
        self.scene.verify(&ErasureProof { unchanged, empty })
    }
}

impl Folded {
    fn add(&mut self, rows: &[countersign_prover::validity::SparseRow], blinders: &[Fr], weights: &[Fr], less: bool) {
        for ((row, blinder), weight) in rows.iter().zip(blinders).zip(weights) {
            let weight = if less { -*weight } else { *weight };
            row.entries().for_each(|(slot, x)| self.0[usize::from(slot)] += weight * x);
            self.1 += weight * blinder;
        }
    }

    fn scaled(&self, by: Fr) -> Vec<Fr> {
        self.0.iter().map(|x| *x * by).collect()
    }

    fn under(&self, weights: &[Fr]) -> Fr {
        self.0.iter().zip(weights).map(|(x, w)| *x * w).sum()
    }
}

/// The mask's value, chosen after chi, makes any change one of zero.
#[test]
fn erasure_masked_chosen_after_chi() {
    let mut forger = Forger::new();
    let mask = Mask::draw(&mut StdRng::seed_from_u64(42));
    let chi = ZeroOpening::draw_chi(&mut forger.outer, &mask.commitment, &mask.evaluation(&forger.outside));
    let masked = mask.evaluation(&forger.outside) + chi * forger.changed.under(&forger.outside);
    assert_ne!(masked, mask.evaluation(&forger.outside), "something changed");
    let opening = mask.open(&forger.changed.scaled(chi), forger.changed.1 * chi, &forger.outside, &masked, &mut forger.outer);
    let d = mask.commitment;
    assert_eq!(forger.finish(ZeroOpening { d, masked, opening }), Err(VerifyError::Opening));
}

/// So does D, moved along the generator of a slot outside E.
#[test]
fn erasure_d_chosen_after_chi() {
    let mut forger = Forger::new();
    let mask = Mask::draw(&mut StdRng::seed_from_u64(42));
    let masked = mask.evaluation(&forger.outside);
    let chi = ZeroOpening::draw_chi(&mut forger.outer, &mask.commitment, &masked);
    let slot = (0..SLOTS).find(|slot| !forger.outside[*slot].is_zero()).unwrap();
    let shift = -chi * forger.changed.under(&forger.outside) * forger.outside[slot].inverse().unwrap();
    let d = (mask.commitment + Generators::get().g[slot] * shift).into();
    let mut z = forger.changed.scaled(chi);
    z[slot] += shift;
    let opening = mask.open(&z, forger.changed.1 * chi, &forger.outside, &masked, &mut forger.outer);
    assert_eq!(forger.finish(ZeroOpening { d, masked, opening }), Err(VerifyError::Opening));
}

/// Slots, both versions, their order and their places: whatever is said moves all that is drawn.
#[test]
fn every_item_of_an_erasure_moves_alpha() {
    let scene = Scene::new();
    let drawn =
        |slots: &[u16], steps: &[countersign_circuits::erasure::ErasureStep<'_>]| ErasureInstance { slots, steps }.challenges().rows[0][0];
    let [data, consent] = scene.steps();
    let honest = drawn(&scene.erased, &[data, consent]);
    assert_eq!(honest, drawn(&scene.erased, &[data, consent]));
    let place = SegmentId { index: 0, version: 7 };
    let other = Segment::new(&scene.contexts[0], place, scene.new[0].segment.points().to_vec());
    let with = |old, new| countersign_circuits::erasure::ErasureStep { layout: data.layout, old, new };
    for changed in [
        drawn(&scene.erased[1..], &[data, consent]),
        drawn(&scene.erased, &[consent, data]),
        drawn(&scene.erased, &[data]),
        drawn(&scene.erased, &[with(data.new, data.new), consent]),
        drawn(&scene.erased, &[with(data.old, data.old), consent]),
        drawn(&scene.erased, &[with(data.old, &other), consent]),
    ] {
        assert_ne!(changed, honest);
    }
}
