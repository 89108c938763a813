//! Pedersen commitments of segments, one row at a time.
//!
//! Bits select generators, so a row costs one addition a set bit. All additions of a segment are affine and share inversions; blinding many
//! rows uses a table of multiples of h.

use ark_ec::{CurveGroup, scalar_mul::BatchMulPreprocessing};
use ark_ff::{UniformRand, Zero};
use countersign_circuits::{
    commitment::Generators,
    dictionary::SegmentLayout,
    field::{Fr, G1, G1Affine},
    segment::{EMPTY, SLOTS, Segment, SegmentId, SlotCodes, TableContext},
};
use rand::{CryptoRng, RngCore};
use std::sync::OnceLock;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The blinders of a segment's rows, occupancy last. Whoever holds them and the codes can open everything.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Blinders(pub Vec<Fr>);

impl std::fmt::Debug for Blinders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blinders(redacted)")
    }
}

impl Blinders {
    /// Fresh blinders that satisfy S1.2: every block's add up to the occupancy's, tied rows share one.
    pub fn draw(layout: &SegmentLayout, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let occupancy = Fr::rand(rng);
        let mut all: Vec<Fr> = (0..layout.bin_rows()).map(|_| Fr::rand(rng)).collect();
        for (coarse, fine) in &layout.tied {
            all[*fine] = all[*coarse];
        }
        let mut first = 0;
        for size in &layout.blocks {
            // the last bin of a block makes the sum right: the first is "missing" and may be tied
            let others: Fr = all[first..first + size - 1].iter().sum();
            all[first + size - 1] = occupancy - others;
            first += size;
        }
        all.push(occupancy);
        Self(all)
    }
}

fn blind(blinders: &[Fr]) -> Vec<G1Affine> {
    static TABLE: OnceLock<BatchMulPreprocessing<G1>> = OnceLock::new();
    TABLE.get_or_init(|| BatchMulPreprocessing::new(Generators::get().h.into(), 1 << 14)).batch_mul(blinders)
}

/// Commits the segment at `id` of a whole table with given blinders.
///
/// # Panics
/// If the codes do not have the layout's shape or the segment (check [`SlotCodes::fits`] first).
pub fn commit_segment(context: &TableContext, layout: &SegmentLayout, id: SegmentId, codes: &SlotCodes, blinders: &Blinders) -> Segment {
    commit_slots(context, layout, id, (codes, id.index as usize), blinders)
}

/// Commits the segment that stands at `at` in some codes as the segment `id` of its table.
///
/// # Panics
/// If the codes do not have the layout's shape or that many segments.
pub fn commit_slots(
    context: &TableContext,
    layout: &SegmentLayout,
    id: SegmentId,
    (codes, at): (&SlotCodes, usize),
    blinders: &Blinders,
) -> Segment {
    let generators = Generators::get();
    let slots = at * SLOTS..(at + 1) * SLOTS;
    let mut sums = vec![G1::zero(); layout.rows()];
    let mut first = 0;
    for (block, size) in codes.blocks.iter().zip(&layout.blocks) {
        for (g, code) in generators.g.iter().zip(&block[slots.clone()]) {
            if *code != EMPTY {
                sums[first + usize::from(*code)] += g;
            }
        }
        first += size;
    }
    // occupancy is the sum of any block's bins
    let occupancy = sums[..layout.blocks[0]].iter().sum();
    sums[first] = occupancy;
    for (sum, blinder) in sums.iter_mut().zip(blind(&blinders.0)) {
        *sum += blinder;
    }
    Segment::new(context, id, G1::normalize_batch(&sums))
}
