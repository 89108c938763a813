//! The outer transcript: SHA-256, chained, every item tagged and framed. It draws what the circuits take as given (chi, tau,
//! the opening's challenges) from everything said before.

use crate::{
    field::{Fr, G1Affine},
    hash::Digest32,
    segment::point_bytes,
};
use ark_ff::PrimeField;
use ark_serialize::CanonicalSerialize;
use sha2::{Digest, Sha256};

/// A running transcript.
#[derive(Debug, Clone)]
pub struct OuterTranscript([u8; 32]);

impl OuterTranscript {
    /// A transcript for a protocol and version.
    pub fn new(protocol: &str) -> Self {
        Self(Sha256::digest(protocol).into())
    }

    /// Absorbs bytes under a tag.
    pub fn absorb(&mut self, tag: &str, bytes: &[u8]) {
        self.0 = Digest32::tagged(tag, [&self.0[..], bytes]).0;
    }

    /// Absorbs field elements under a tag.
    pub fn absorb_scalars(&mut self, tag: &str, scalars: &[Fr]) {
        let bytes: Vec<u8> = scalars.iter().flat_map(scalar_bytes).collect();
        self.absorb(tag, &bytes);
    }

    /// Absorbs a point under a tag.
    pub fn absorb_point(&mut self, tag: &str, point: &G1Affine) {
        self.absorb(tag, &point_bytes(point));
    }

    /// Draws a field element: 512 bits reduced, so the bias is below 2^-250.
    pub fn challenge(&mut self, tag: &str) -> Fr {
        Fr::from_le_bytes_mod_order(&self.draw(tag))
    }

    /// Draws an odd 128-bit number: a short, non-zero challenge for folding.
    pub fn short_challenge(&mut self, tag: &str) -> u128 {
        let wide = self.draw(tag);
        let mut low = [0; 16];
        low.copy_from_slice(&wide[..16]);
        u128::from_le_bytes(low) | 1
    }

    fn draw(&mut self, tag: &str) -> [u8; 64] {
        self.absorb(tag, b"draw");
        let mut wide = [0; 64];
        for (k, half) in wide.chunks_mut(32).enumerate() {
            half.copy_from_slice(&Sha256::new().chain_update(self.0).chain_update([k as u8]).finalize());
        }
        wide
    }
}

/// Canonical bytes of a field element.
///
/// # Panics
/// Never: a field element is 32 bytes.
pub fn scalar_bytes(x: &Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    x.serialize_compressed(&mut bytes[..]).expect("a field element is 32 bytes");
    bytes
}

/// A digest as a field element: 248 bits, so that no two digests in use are reduced to one element.
pub fn digest_to_field(digest: &Digest32) -> Fr {
    Fr::from_le_bytes_mod_order(&digest.0[..31])
}
