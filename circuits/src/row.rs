//! The opening of one row: what both sides share.

use crate::{
    field::{Fr, G1Affine},
    opening::{DecodeError, Opening, Reader},
    outer::{OuterTranscript, scalar_bytes},
    segment::{SLOTS, Segment, point_bytes},
    tag,
};
use ark_ff::{One, Zero};

/// What a slot holds, with what shows it. The bits are the content: keep it to the person it is about.
#[derive(Clone, PartialEq, Eq)]
pub struct RowOpening {
    /// One bit a matrix row, occupancy last.
    pub bits: Vec<bool>,
    /// The mask's value at the slot.
    pub masked: Fr,
    /// Commitment of the mask.
    pub d: G1Affine,
    /// The opening.
    pub opening: Opening,
}

impl std::fmt::Debug for RowOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowOpening(redacted)")
    }
}

impl RowOpening {
    /// The canonical bytes: a byte a bit, then the elements.
    pub fn encode(&self) -> Vec<u8> {
        let mut out: Vec<u8> = self.bits.iter().map(|b| u8::from(*b)).collect();
        out.extend(scalar_bytes(&self.masked));
        out.extend(point_bytes(&self.d));
        self.opening.encode(&mut out);
        out
    }

    /// Reads the canonical bytes of a row of a layout with so many matrix rows.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8], rows: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let bit = |b: &u8| if *b <= 1 { Ok(*b == 1) } else { Err(DecodeError::Element("a bit")) };
        let bits = reader.bytes(rows)?.iter().map(bit).collect::<Result<_, _>>()?;
        let opening = Self { bits, masked: reader.scalar()?, d: reader.point()?, opening: Opening::decode(&mut reader)? };
        reader.end()?;
        Ok(opening)
    }
}

/// The unit vector of a slot.
pub fn unit(offset: usize) -> Vec<Fr> {
    (0..SLOTS).map(|i| if i == offset { Fr::one() } else { Fr::zero() }).collect()
}

/// What the opening must show: `masked + sum chi^(k+1) bit_k`.
pub fn claimed(bits: &[bool], masked: &Fr, chi: Fr) -> Fr {
    bits.iter().rev().fold(Fr::zero(), |acc, bit| (acc + Fr::from(*bit)) * chi) + masked
}

/// Everything said before chi, absorbed; chi.
pub fn draw_row_challenge(segment: &Segment, offset: usize, bits: &[bool], masked: &Fr, d: &G1Affine) -> (OuterTranscript, Fr) {
    let mut outer = OuterTranscript::new(tag::ROW_OUTER);
    outer.absorb("segment", &segment.digest().0);
    outer.absorb("slot", &(offset as u64).to_le_bytes());
    outer.absorb("bits", &bits.iter().map(|b| u8::from(*b)).collect::<Vec<_>>());
    outer.absorb_scalars("masked", &[*masked]);
    outer.absorb_point("D", d);
    let chi = outer.challenge("chi");
    (outer, chi)
}
