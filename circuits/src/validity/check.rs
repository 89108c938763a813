//! The native check of S1.1 and S1.3, and the point equalities of S1.2.

use super::{VALIDITY_DEGREE, VALIDITY_ROUNDS, ValidityPrivate, ValidityPublic, ValidityTranscript};
use crate::{
    dictionary::SegmentLayout,
    field::{Fr, G1, G1Affine},
    fingerprint::mask,
    segment::{Segment, point_bytes},
    sumcheck::fold,
};
use ark_ff::{One, Zero};
use std::collections::HashSet;

/// The clause of S1 that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValidityViolation {
    /// Lists of the wrong length.
    #[error("S1: a list has the wrong length")]
    Shape,
    /// A round challenge is not the transcript's.
    #[error("S1.1: a round challenge is not drawn from the transcript")]
    Transcript,
    /// The rounds do not end in eq e (e - 1).
    #[error("S1.1: an entry is neither 0 nor 1")]
    NotBits,
    /// The bins of a block do not add up to the occupancy row.
    #[error("S1.2: segment {segment}, block {block}: the bins do not add up to the occupancy row")]
    Occupancy {
        /// Index of the segment.
        segment: u32,
        /// Block of the layout.
        block: usize,
    },
    /// "Missing" of a coarse and a fine block differ.
    #[error("S1.2: segment {segment}: rows {coarse} and {fine} (missing) are not the same commitment")]
    Tied {
        /// Index of the segment.
        segment: u32,
        /// Row of the coarse block.
        coarse: usize,
        /// Row of the fine block.
        fine: usize,
    },
    /// A commitment stands twice: a reused blinder shows which bins changed.
    #[error("S1.2: segment {segment}, row {row}: the commitment was used before; every blinder must be fresh")]
    Reused {
        /// Index of the segment.
        segment: u32,
        /// Row.
        row: usize,
    },
    /// c_m does not bind the evaluation.
    #[error("S1.3: c_m is not the transcript's last squeeze")]
    Binding,
    /// w is not the masked evaluation.
    #[error("S1.3: w is not m + chi e")]
    Mask,
}

/// Checks S1.1 and S1.3 as the circuit does.
///
/// # Errors
/// The first clause that does not hold.
pub fn check_validity(public: &ValidityPublic, private: &ValidityPrivate) -> Result<(), ValidityViolation> {
    if private.messages.len() != VALIDITY_ROUNDS || private.messages.iter().any(|m| m.len() != VALIDITY_DEGREE) {
        return Err(ValidityViolation::Shape);
    }
    let mut transcript = ValidityTranscript::start(public.digest, private.salt);
    let (mut claim, mut r) = (Fr::zero(), Vec::with_capacity(VALIDITY_ROUNDS));
    for message in &private.messages {
        let challenge = transcript.round(message);
        claim = fold(claim, message, challenge);
        r.push(challenge);
    }
    if r != public.r {
        return Err(ValidityViolation::Transcript);
    }
    if claim != public.eq * private.e * (private.e - Fr::one()) {
        return Err(ValidityViolation::NotBits);
    }
    if transcript.finish(public.eq, private.e, private.m, private.s) != public.c_m {
        return Err(ValidityViolation::Binding);
    }
    if mask(public.chi, private.m, &[private.e]) != public.w {
        return Err(ValidityViolation::Mask);
    }
    Ok(())
}

/// S1.2, natively: sums of bins, tied rows, no commitment twice. `seen` carries on over the segments of one table.
///
/// # Errors
/// The first equality that does not hold.
pub fn check_occupancy(layout: &SegmentLayout, segment: &Segment, seen: &mut HashSet<[u8; 32]>) -> Result<(), ValidityViolation> {
    let index = segment.id().index;
    if segment.points().len() != layout.rows() {
        return Err(ValidityViolation::Shape);
    }
    let (bins, occupancy) = segment.points().split_at(layout.bin_rows());
    let mut first = 0;
    for (block, size) in layout.blocks.iter().enumerate() {
        let sum = bins[first..first + size].iter().fold(G1::zero(), |sum, p| sum + p);
        if occupancy.first().map(|u| G1::from(*u)) != Some(sum) {
            return Err(ValidityViolation::Occupancy { segment: index, block });
        }
        first += size;
    }
    for (coarse, fine) in &layout.tied {
        if segment.points()[*coarse] != segment.points()[*fine] {
            return Err(ValidityViolation::Tied { segment: index, coarse: *coarse, fine: *fine });
        }
    }
    for (row, point) in segment.points().iter().enumerate() {
        let tied = layout.tied.iter().any(|(_, fine)| *fine == row);
        if !tied && !seen.insert(point_bytes(point)) {
            return Err(ValidityViolation::Reused { segment: index, row });
        }
    }
    Ok(())
}

/// The sum of weighted rows: `C* = sum over (j, k) of weight C_{j,k}` as the pairs a multi-scalar multiplication takes.
pub fn weighted_rows<'a>(segments: &'a [Segment], weights: &'a [Vec<Fr>]) -> impl Iterator<Item = (G1Affine, Fr)> + 'a {
    segments.iter().zip(weights).flat_map(|(segment, weights)| segment.points().iter().copied().zip(weights.iter().copied()))
}
