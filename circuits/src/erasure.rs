//! S4, erasure: versions of a segment are replaced by next ones that differ in nothing but the rows of some slots, which are empty now.
//!
//! No circuit and no keys: two masked openings (S2.10), whatever the number of tables and versions that share the slots. With weights drawn after all versions,
//!
//! * S4.1 `sum of alpha^n (C_old,n - C_new,n)` is zero outside the slots E: nothing but E changed;
//! * S4.2 `sum of alpha^n C_new,n` is zero on E: its rows are empty;
//! * S4.3 the bins of every block of a new version add up to its occupancy as points, and no commitment stands twice (the equalities of S1.2).
//!
//! A vector is zero on a set of slots if its inner product with powers of rho on that set is, rho drawn after the vector. The openings show that inner product masked:
//! the mask's own value is sent before chi. What was valid (S1) is valid still: outside E the new version is the old one, and inside it is zero.

use crate::{
    dictionary::SegmentLayout,
    field::{Fr, G1Affine},
    hash::Digest32,
    opening::{DecodeError, Opening, Reader},
    outer::{OuterTranscript, scalar_bytes},
    segment::{EMPTY, SLOTS, Segment, SlotCodes, point_bytes},
    tag,
};
use ark_ff::{One, Zero};

/// A version of a segment and the one that replaces it.
#[derive(Debug, Clone, Copy)]
pub struct ErasureStep<'a> {
    /// Layout of the table.
    pub layout: &'a SegmentLayout,
    /// The version so far.
    pub old: &'a Segment,
    /// The version that replaces it.
    pub new: &'a Segment,
}

/// What is shown at once: versions of segments that cover the same slots, of whatever tables.
#[derive(Debug, Clone, Copy)]
pub struct ErasureInstance<'a> {
    /// E: offsets of the slots that are emptied, strictly ascending; at least one.
    pub slots: &'a [u16],
    /// The steps; at least one.
    pub steps: &'a [ErasureStep<'a>],
}

/// A clause of S4 that rows do not satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErasureViolation {
    /// No slot, no step, lists of the wrong length, or slots that do not ascend.
    #[error("S4: a list has the wrong length or order")]
    Shape,
    /// A row that stays is another one.
    #[error("S4.1: step {step}: a row outside the erased slots changed")]
    Changed {
        /// Which step.
        step: usize,
    },
    /// A row that goes is there.
    #[error("S4.2: step {step}: an erased slot is not empty")]
    NotEmpty {
        /// Which step.
        step: usize,
    },
}

/// A vector of slots shown to be zero where a set of weights is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZeroOpening {
    /// Commitment of the mask.
    pub d: G1Affine,
    /// The mask's inner product with the weights.
    pub masked: Fr,
    /// The opening.
    pub opening: Opening,
}

/// The proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureProof {
    /// S4.1.
    pub unchanged: ZeroOpening,
    /// S4.2.
    pub empty: ZeroOpening,
}

impl ZeroOpening {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(point_bytes(&self.d));
        out.extend(scalar_bytes(&self.masked));
        self.opening.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { d: reader.point()?, masked: reader.scalar()?, opening: Opening::decode(reader)? })
    }

    /// The challenge that scales the vector, after the mask and its value.
    pub fn draw_chi(outer: &mut OuterTranscript, d: &G1Affine, masked: &Fr) -> Fr {
        outer.absorb_point("D", d);
        outer.absorb_scalars("masked", &[*masked]);
        outer.challenge("chi")
    }
}

impl ErasureProof {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.unchanged.encode(&mut out);
        self.empty.encode(&mut out);
        out
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let proof = Self { unchanged: ZeroOpening::decode(&mut reader)?, empty: ZeroOpening::decode(&mut reader)? };
        reader.end()?;
        Ok(proof)
    }
}

/// What both sides draw before the openings.
#[derive(Debug)]
pub struct ErasureChallenges {
    /// The transcript, for the openings: S4.1 first.
    pub outer: OuterTranscript,
    /// Weight of every matrix row of every step.
    pub rows: Vec<Vec<Fr>>,
    /// Weight of every slot: outside E for S4.1, in E for S4.2; zero elsewhere.
    pub outside: Vec<Fr>,
    /// See `outside`.
    pub inside: Vec<Fr>,
}

impl ErasureInstance<'_> {
    /// True if slots and steps have the shape the statement needs.
    pub fn fits(&self) -> bool {
        let step = |s: &ErasureStep<'_>| s.old.points().len() == s.layout.rows() && s.new.points().len() == s.layout.rows();
        let ascending = self.slots.windows(2).all(|pair| pair[0] < pair[1]);
        ascending
            && self.slots.last().is_some_and(|last| usize::from(*last) < SLOTS)
            && !self.steps.is_empty()
            && self.steps.iter().all(step)
    }

    /// Everything that is fixed before the first challenge: both versions of every step (context, place and all commitments), and E.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn digest(&self) -> Digest32 {
        let steps: Vec<(Digest32, Digest32)> = self.steps.iter().map(|step| (step.old.digest(), step.new.digest())).collect();
        let bytes = borsh::to_vec(&(steps, self.slots)).expect("writing to memory does not fail");
        Digest32::tagged(tag::S4_STATEMENT, [bytes.as_slice()])
    }

    /// Draws the weights.
    pub fn challenges(&self) -> ErasureChallenges {
        let mut outer = OuterTranscript::new(tag::S4_OUTER);
        outer.absorb("statement", &self.digest().0);
        let alpha = outer.challenge("alpha");
        let rho = outer.challenge("rho");
        let mut power = Fr::one();
        let mut next = || {
            power *= alpha;
            power
        };
        let rows = self.steps.iter().map(|step| (0..step.layout.rows()).map(|_| next()).collect()).collect();
        let (mut outside, mut inside) = (vec![Fr::zero(); SLOTS], vec![Fr::zero(); SLOTS]);
        let powers = std::iter::successors(Some(rho), |p| Some(*p * rho));
        for (slot, weight) in (0..SLOTS as u16).zip(powers) {
            let side = if self.slots.binary_search(&slot).is_ok() { &mut inside } else { &mut outside };
            side[usize::from(slot)] = weight;
        }
        ErasureChallenges { outer, rows, outside, inside }
    }
}

/// Checks S4.1 and S4.2 on the rows themselves: a segment's codes before and after, of every step.
///
/// # Errors
/// The first clause that does not hold.
pub fn check_erasure(slots: &[u16], steps: &[(&SlotCodes, &SlotCodes)]) -> Result<(), ErasureViolation> {
    let whole = |codes: &SlotCodes| codes.blocks.iter().all(|block| block.len() == SLOTS);
    let shape = |(old, new): &(&SlotCodes, &SlotCodes)| whole(old) && whole(new) && old.blocks.len() == new.blocks.len();
    let ascending = slots.windows(2).all(|pair| pair[0] < pair[1]) && slots.last().is_some_and(|last| usize::from(*last) < SLOTS);
    if !ascending || steps.is_empty() || !steps.iter().all(shape) {
        return Err(ErasureViolation::Shape);
    }
    for (step, (old, new)) in steps.iter().enumerate() {
        for (old, new) in old.blocks.iter().zip(&new.blocks) {
            let stays = (0..SLOTS as u16).filter(|slot| slots.binary_search(slot).is_err()).map(usize::from);
            if stays.into_iter().any(|slot| old[slot] != new[slot]) {
                return Err(ErasureViolation::Changed { step });
            }
            if slots.iter().any(|slot| new[usize::from(*slot)] != EMPTY) {
                return Err(ErasureViolation::NotEmpty { step });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> SlotCodes {
        SlotCodes { blocks: vec![vec![1; SLOTS], vec![2; SLOTS]] }
    }

    fn without(slots: &[u16]) -> SlotCodes {
        let mut codes = codes();
        codes.blocks.iter_mut().for_each(|block| slots.iter().for_each(|slot| block[usize::from(*slot)] = EMPTY));
        codes
    }

    #[test]
    fn rows_are_checked_clause_by_clause() {
        let (old, new) = (codes(), without(&[3, 9]));
        assert_eq!(check_erasure(&[3, 9], &[(&old, &new)]), Ok(()));
        // an empty slot may be emptied again
        assert_eq!(check_erasure(&[3, 9], &[(&old, &new), (&new, &new)]), Ok(()));
        assert_eq!(check_erasure(&[3], &[(&old, &new)]), Err(ErasureViolation::Changed { step: 0 }));
        let mut neighbour = new.clone();
        neighbour.blocks[1][8] = 1;
        assert_eq!(check_erasure(&[3, 9], &[(&old, &new), (&old, &neighbour)]), Err(ErasureViolation::Changed { step: 1 }));
        assert_eq!(check_erasure(&[3, 9, 10], &[(&old, &new)]), Err(ErasureViolation::NotEmpty { step: 0 }));
        assert_eq!(check_erasure(&[3, 9], &[(&old, &old)]), Err(ErasureViolation::NotEmpty { step: 0 }));
        for slots in [&[][..], &[9, 3], &[3, 3], &[SLOTS as u16]] {
            assert_eq!(check_erasure(slots, &[(&old, &new)]), Err(ErasureViolation::Shape));
        }
        assert_eq!(check_erasure(&[3], &[]), Err(ErasureViolation::Shape));
        assert_eq!(check_erasure(&[3], &[(&old, &SlotCodes { blocks: vec![vec![1; SLOTS]] })]), Err(ErasureViolation::Shape));
    }
}
