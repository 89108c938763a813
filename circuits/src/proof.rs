//! The wire format of both proofs. Lengths are fixed; every element is canonical; nothing trails.

use crate::{
    aggregate::{GateCounts, ROUNDS},
    field::{Fr, G1Affine},
    opening::{DecodeError, Opening, Reader},
    outer::{OuterTranscript, scalar_bytes},
    segment::point_bytes,
    tag,
    validity::VALIDITY_ROUNDS,
};
use ark_bn254::Bn254;
use ark_groth16::Proof;
use ark_serialize::CanonicalSerialize;

/// Bytes of a compressed Groth16 proof.
pub const GROTH16_BYTES: usize = 128;

/// # Panics
/// Never: writing to memory does not fail.
fn encode_groth16(proof: &Proof<Bn254>, out: &mut Vec<u8>) {
    proof.serialize_compressed(out).expect("writing to memory does not fail");
}

/// The proof of S2: an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateProof {
    /// The circuit's proof.
    pub groth16: Proof<Bn254>,
    /// Gates by outcome.
    pub counts: GateCounts,
    /// Digest of the released cells.
    pub cells_digest: Fr,
    /// Cell challenge.
    pub gamma: Fr,
    /// Round challenges.
    pub r: Vec<Fr>,
    /// Binding of the evaluations.
    pub c_m: Fr,
    /// Commitment of the mask.
    pub d: G1Affine,
    /// Masked evaluation.
    pub w: Fr,
    /// The opening of D + C*.
    pub opening: Opening,
}

impl AggregateProof {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        encode_groth16(&self.groth16, &mut out);
        self.counts.list().iter().for_each(|n| out.extend(n.to_le_bytes()));
        for x in [self.cells_digest, self.gamma].iter().chain(&self.r).chain([&self.c_m]) {
            out.extend(scalar_bytes(x));
        }
        out.extend(point_bytes(&self.d));
        out.extend(scalar_bytes(&self.w));
        self.opening.encode(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let groth16 = reader.element(GROTH16_BYTES, "a Groth16 proof")?;
        let counts = GateCounts {
            released: reader.number()?,
            small: reader.number()?,
            withheld: [reader.number()?, reader.number()?, reader.number()?],
        };
        let proof = Self {
            groth16,
            counts,
            cells_digest: reader.scalar()?,
            gamma: reader.scalar()?,
            r: reader.scalars(ROUNDS)?,
            c_m: reader.scalar()?,
            d: reader.point()?,
            w: reader.scalar()?,
            opening: Opening::decode(&mut reader)?,
        };
        reader.end()?;
        Ok(proof)
    }

    /// Everything public that precedes chi, absorbed; the transcript that goes on, and chi.
    pub fn draw_chi(
        digest: &Fr,
        counts: &GateCounts,
        cells_digest: &Fr,
        gamma: &Fr,
        r: &[Fr],
        c_m: &Fr,
        d: &G1Affine,
    ) -> (OuterTranscript, Fr) {
        let mut outer = OuterTranscript::new(tag::S2_OUTER);
        outer.absorb_scalars("statement", &[*digest]);
        outer.absorb_scalars("counts", &counts.list().map(Fr::from));
        outer.absorb_scalars("cells", &[*cells_digest]);
        outer.absorb_scalars("gamma", &[*gamma]);
        outer.absorb_scalars("r", r);
        outer.absorb_scalars("c_m", &[*c_m]);
        outer.absorb_point("D", d);
        let chi = outer.challenge("chi");
        (outer, chi)
    }
}

/// The proof of S1: an anchor.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidityProof {
    /// The circuit's proof.
    pub groth16: Proof<Bn254>,
    /// Round challenges.
    pub r: Vec<Fr>,
    /// Binding of the evaluation.
    pub c_m: Fr,
    /// Commitment of the mask.
    pub d: G1Affine,
    /// Masked evaluation.
    pub w: Fr,
    /// The opening of D + C*.
    pub opening: Opening,
}

impl ValidityProof {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        encode_groth16(&self.groth16, &mut out);
        self.r.iter().chain([&self.c_m]).for_each(|x| out.extend(scalar_bytes(x)));
        out.extend(point_bytes(&self.d));
        out.extend(scalar_bytes(&self.w));
        self.opening.encode(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let proof = Self {
            groth16: reader.element(GROTH16_BYTES, "a Groth16 proof")?,
            r: reader.scalars(VALIDITY_ROUNDS)?,
            c_m: reader.scalar()?,
            d: reader.point()?,
            w: reader.scalar()?,
            opening: Opening::decode(&mut reader)?,
        };
        reader.end()?;
        Ok(proof)
    }

    /// Everything public between tau and chi, absorbed; chi.
    pub fn draw_chi(outer: &mut OuterTranscript, r: &[Fr], c_m: &Fr, d: &G1Affine) -> Fr {
        outer.absorb_scalars("r", r);
        outer.absorb_scalars("c_m", &[*c_m]);
        outer.absorb_point("D", d);
        outer.challenge("chi")
    }
}
