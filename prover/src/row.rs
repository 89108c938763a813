//! Opening one row alone: a patient or an auditor sees what one slot holds, and nothing of its neighbours.
//!
//! A masked opening (S2.10) of `sum over k of chi^(k+1) C_k` at the unit vector of the slot. The mask's own value at the slot is sent
//! before chi: with it and the claimed bins the verifier knows what the opening must show, so each bin must be as claimed.

use crate::{commitment::Blinders, entropy::Hedge, opening::Mask, validity::SparseRow};
use ark_ff::{One, Zero};
use countersign_circuits::{
    field::Fr,
    outer::scalar_bytes,
    row::{RowOpening, claimed, draw_row_challenge, unit},
    segment::{SLOTS, Segment},
    tag,
};
use rand::{CryptoRng, RngCore};

/// Opens slot `offset` of a segment with these rows (bins, occupancy last) and blinders.
///
/// # Panics
/// If the rows and blinders are not the segment's, or the offset is beyond it.
pub fn open_row(
    segment: &Segment,
    rows: &[SparseRow],
    blinders: &Blinders,
    offset: usize,
    os: &mut (impl RngCore + CryptoRng),
) -> RowOpening {
    assert!(
        offset < SLOTS && rows.len() == segment.points().len() && blinders.0.len() == rows.len(),
        "the rows and blinders are the segment's"
    );
    let set = |row: &SparseRow| row.entries().any(|(slot, _)| usize::from(slot) == offset);
    let bits: Vec<bool> = rows.iter().map(set).collect();
    let mut hedge = Hedge::new(os, tag::HEDGE_ROW);
    hedge.add(&segment.digest().0);
    hedge.add(&(offset as u64).to_le_bytes());
    blinders.0.iter().for_each(|b| hedge.add(&scalar_bytes(b)));
    let mask = Mask::draw(&mut hedge.rng("mask"));
    let at = unit(offset);
    let masked = mask.evaluation(&at);
    let (mut outer, chi) = draw_row_challenge(segment, offset, &bits, &masked, &mask.commitment);
    let (mut z, mut rho, mut power) = (vec![Fr::zero(); SLOTS], Fr::zero(), Fr::one());
    for (row, blinder) in rows.iter().zip(&blinders.0) {
        power *= chi;
        row.entries().for_each(|(slot, value)| z[usize::from(slot)] += power * value);
        rho += power * blinder;
    }
    let w = claimed(&bits, &masked, chi);
    let opening = mask.open(&z, rho, &at, &w, &mut outer);
    RowOpening { bits, masked, d: mask.commitment, opening }
}
