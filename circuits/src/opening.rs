//! The masked opening (S1.3, S2.9, S2.10): what both sides share.
//!
//! `v = d + z` is committed in `P = D + C*`; shown is `<v, eq(r_lo, .)> = w` by an inner-product argument (Bünz et al., "Bulletproofs",
//! IEEE S&P 2018, section 3) on unfolded bases with 128-bit challenges x: `v' = x v_lo + v_hi`, `g' = g_lo + x g_hi`, `b' = b_lo + x b_hi`,
//! `P' = x P + x^2 L + R`. No inverses are needed, and it stops at four elements, which is smaller than folding on. d masks v, so
//! the plain argument is enough and the blinder of P may be revealed.

use crate::{
    field::{Fr, G1Affine},
    outer::{OuterTranscript, scalar_bytes},
    segment::{SLOT_VARIABLES, point_bytes},
};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// Elements at which the argument stops.
pub const STOP: usize = 4;
/// Folding rounds: from 2048 to 4.
pub const FOLDS: usize = SLOT_VARIABLES - STOP.trailing_zeros() as usize;

/// The opening as it is sent, D apart (it precedes chi).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Blinder of D + C*.
    pub blinder: Fr,
    /// L and R of every fold.
    pub folds: [(G1Affine, G1Affine); FOLDS],
    /// The folded v.
    pub last: [Fr; STOP],
}

/// A proof's bytes are not what they should be. Whoever sent them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Too few bytes.
    #[error("the proof ends early")]
    Short,
    /// Bytes behind the end.
    #[error("the proof has trailing bytes")]
    Trailing,
    /// A number that is not canonical or a point that is not in its group.
    #[error("the proof holds {0} that is not canonical or not in its group")]
    Element(&'static str),
}

/// Reads canonical elements off a slice.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(n).ok_or(DecodeError::Short)?;
        self.0 = tail;
        Ok(head)
    }

    /// The next `n` bytes as a validated element; its canonical encoding is `n` bytes and unique.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn element<T: CanonicalDeserialize + CanonicalSerialize>(&mut self, n: usize, what: &'static str) -> Result<T, DecodeError> {
        let bytes = self.bytes(n)?;
        let element = T::deserialize_compressed(bytes).map_err(|_| DecodeError::Element(what))?;
        // the library reads some encodings it would not write; one element has one encoding here
        let mut again = Vec::with_capacity(n);
        element.serialize_compressed(&mut again).map_err(|_| DecodeError::Element(what))?;
        if again == bytes { Ok(element) } else { Err(DecodeError::Element(what)) }
    }

    /// A field element, below the modulus.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn scalar(&mut self) -> Result<Fr, DecodeError> {
        self.element(32, "a field element")
    }

    /// A point of G1.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn point(&mut self) -> Result<G1Affine, DecodeError> {
        self.element(32, "a point")
    }

    /// `n` field elements.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn scalars(&mut self, n: usize) -> Result<Vec<Fr>, DecodeError> {
        (0..n).map(|_| self.scalar()).collect()
    }

    /// A little-endian number of 32 bits.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn number(&mut self) -> Result<u32, DecodeError> {
        let bytes = self.bytes(4)?;
        Ok(bytes.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`].
    pub fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

impl Opening {
    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(scalar_bytes(&self.blinder));
        for (l, r) in &self.folds {
            out.extend(point_bytes(l));
            out.extend(point_bytes(r));
        }
        self.last.iter().for_each(|x| out.extend(scalar_bytes(x)));
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let blinder = reader.scalar()?;
        let mut folds = [(G1Affine::default(), G1Affine::default()); FOLDS];
        for fold in &mut folds {
            *fold = (reader.point()?, reader.point()?);
        }
        let mut last = [Fr::default(); STOP];
        for x in &mut last {
            *x = reader.scalar()?;
        }
        Ok(Self { blinder, folds, last })
    }
}

/// The challenge that scales u, drawn after w and the blinder (unscaled, w could be shifted into L and R).
pub fn start_opening(outer: &mut OuterTranscript, w: &Fr, blinder: &Fr) -> Fr {
    outer.absorb_scalars("w", &[*w]);
    outer.absorb_scalars("blinder", &[*blinder]);
    outer.challenge("u")
}

/// The challenge of a fold.
pub fn fold_challenge(outer: &mut OuterTranscript, l: &G1Affine, r: &G1Affine) -> u128 {
    outer.absorb_point("L", l);
    outer.absorb_point("R", r);
    outer.short_challenge("fold")
}
