//! Pedersen commitments of segments, one row at a time.
//!
//! Bits select generators, so a row costs one addition a set bit, and some for its blinder from a table of multiples of h. All additions of a segment are
//! affine and share inversions.

use crate::entropy::Hedge;
use ark_ff::UniformRand;
use countersign_circuits::{
    commitment::Generators,
    dictionary::SegmentLayout,
    field::{Fr, G1Affine},
    msm::{FixedBase, bucket_sums},
    segment::{EMPTY, SLOTS, Segment, SegmentId, SlotCodes, TableContext},
    tag,
};
use rand::{CryptoRng, RngCore};
use std::sync::OnceLock;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The blinders of a segment's rows, occupancy last. Whoever holds them and the codes can open everything.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Blinders(pub Vec<Fr>);

impl std::fmt::Debug for Blinders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blinders(redacted)")
    }
}

impl Blinders {
    /// Fresh blinders for a segment's codes. Hedged: a generator that comes back in an earlier state (a restored machine image) gives other codes other blinders,
    /// so that two commitments never tell their difference.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn fresh(
        context: &TableContext,
        layout: &SegmentLayout,
        id: SegmentId,
        codes: &SlotCodes,
        os: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let mut hedge = Hedge::new(os, tag::HEDGE_BLINDERS);
        hedge.add(&borsh::to_vec(&(context, id)).expect("writing to memory does not fail"));
        for block in &codes.blocks {
            hedge.add(&Zeroizing::new(block.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<u8>>()));
        }
        Self::draw(layout, &mut hedge.rng("blinders"))
    }

    /// Blinders from a generator that satisfy S1.2: every block's add up to the occupancy's, tied rows share one.
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

fn multiples_of_h() -> &'static FixedBase {
    static TABLE: OnceLock<FixedBase> = OnceLock::new();
    TABLE.get_or_init(|| FixedBase::new(Generators::get().h))
}

/// Blocks whose points are added together.
const BLOCKS_AT_ONCE: usize = 16;

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
    let slots = at * SLOTS..(at + 1) * SLOTS;
    let occupied = |block: &[u16]| Generators::get().g.iter().zip(block[slots.clone()].to_vec()).filter(|(_, code)| *code != EMPTY);
    let mut rows = Vec::with_capacity(layout.rows());
    // some blocks at once: enough to share an inversion, and few enough for any dictionary
    for (blocks, sizes) in codes.blocks.chunks(BLOCKS_AT_ONCE).zip(layout.blocks.chunks(BLOCKS_AT_ONCE)) {
        let own = rows.len()..rows.len() + sizes.iter().sum::<usize>();
        let mut points: Vec<(usize, G1Affine)> = multiples_of_h().addends(&blinders.0[own.clone()]).collect();
        let mut first = 0;
        for (block, size) in blocks.iter().zip(sizes) {
            points.extend(occupied(block).map(|(g, code)| (first + usize::from(code), *g)));
            first += size;
        }
        rows.extend(bucket_sums(own.len(), points.iter().copied()));
    }
    // whoever has a bin of one block has one of each
    let mut points: Vec<(usize, G1Affine)> = multiples_of_h().addends(&blinders.0[rows.len()..]).collect();
    points.extend(occupied(&codes.blocks[0]).map(|(g, _)| (0, *g)));
    rows.extend(bucket_sums(1, points.iter().copied()));
    Segment::new(context, id, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup;
    use countersign_circuits::{field::G1, hash::Digest32};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    /// A machine restored to an earlier image draws the same bytes again: what is committed then must not share a blinder with what was committed before.
    #[test]
    fn a_generator_that_repeats_gives_other_codes_and_places_other_blinders() {
        let any = Digest32::of(b"any");
        let context = TableContext { network: any, hospital: any, table: any };
        let layout = SegmentLayout { blocks: vec![3], tied: Vec::new() };
        let codes = |bin| SlotCodes { blocks: vec![vec![bin; SLOTS]] };
        let draw = |version, codes: &SlotCodes| {
            Blinders::fresh(&context, &layout, SegmentId { index: 0, version }, codes, &mut StdRng::seed_from_u64(1))
        };
        let first = draw(0, &codes(1));
        assert!(first == draw(0, &codes(1)), "only what is hashed makes the difference below");
        for other in [draw(0, &codes(2)), draw(1, &codes(1))] {
            assert!(first.0.iter().zip(&other.0).all(|(a, b)| a != b));
        }
    }

    #[test]
    fn a_row_is_the_sum_of_its_generators_and_its_blinder() {
        let mut rng = StdRng::seed_from_u64(2);
        let any = Digest32::of(b"any");
        let context = TableContext { network: any, hospital: any, table: any };
        let layout = SegmentLayout { blocks: (0..BLOCKS_AT_ONCE + 3).map(|i| i % 4 + 2).collect(), tied: vec![(0, 2)] };
        let empty: Vec<bool> = (0..SLOTS).map(|_| rng.gen_bool(0.9)).collect();
        let mut block = |size: &usize| empty.iter().map(|empty| if *empty { EMPTY } else { rng.gen_range(0..*size as u16) }).collect();
        let codes = SlotCodes { blocks: layout.blocks.iter().map(&mut block).collect() };
        let blinders = Blinders::draw(&layout, &mut rng);
        let made = commit_slots(&context, &layout, SegmentId { index: 4, version: 0 }, (&codes, 0), &blinders);

        let generators = Generators::get();
        let mut rows: Vec<G1> = blinders.0.iter().map(|blinder| generators.h * blinder).collect();
        let mut first = 0;
        for (block, size) in codes.blocks.iter().zip(&layout.blocks) {
            for (g, code) in generators.g.iter().zip(block).filter(|(_, code)| **code != EMPTY) {
                rows[first + usize::from(*code)] += g;
            }
            first += size;
        }
        generators.g.iter().zip(&empty).filter(|(_, empty)| !**empty).for_each(|(g, _)| rows[first] += g);
        assert_eq!(made.points(), G1::normalize_batch(&rows));
    }
}
