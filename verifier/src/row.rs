//! Verification of a single opened row.

use crate::{VerifyError, opening::Equation};
use ark_ff::{One, Zero};
use countersign_circuits::{
    field::Fr,
    row::{RowOpening, claimed, draw_row_challenge, unit},
    segment::{SLOTS, Segment},
};

/// Verifies that slot `offset` of an anchored segment holds exactly the opened bits.
///
/// # Errors
/// The bytes are no opening, or it does not match the segment.
pub fn verify_row(segment: &Segment, offset: usize, opening: &[u8]) -> Result<RowOpening, VerifyError> {
    if offset >= SLOTS {
        return Err(VerifyError::Statement("a segment has 2048 slots"));
    }
    let row = RowOpening::decode(opening, segment.points().len())?;
    let (mut outer, chi) = draw_row_challenge(segment, offset, &row.bits, &row.masked, &row.d);
    let w = claimed(&row.bits, &row.masked, chi);
    let powers = std::iter::successors(Some(Fr::one() * chi), |p| Some(*p * chi));
    let c_star = segment.points().iter().copied().zip(powers);
    let equation = Equation::new(row.d, &w, &row.opening, &unit(offset), &mut outer, Fr::zero(), c_star);
    if equation.holds() { Ok(row) } else { Err(VerifyError::Opening) }
}
