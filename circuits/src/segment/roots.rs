//! Square roots that need not be taken again: the y of every point of a segment, kept beside the segment's digest where the process says.
//!
//! What is kept is never believed. A point is made of the x that was to be decoded and the y that was kept, must lie on the curve, and must have exactly the encoding that was
//! to be decoded; whatever else is kept costs the roots, and changes nothing.

use super::{POINT_BYTES, point_bytes};
use crate::{
    field::{Fq, G1Affine},
    hash::Digest32,
};
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The bits of a compressed point's last byte that are no part of x: the sign of y, and infinity (arkworks' encoding).
const FLAGS: u8 = 0b1100_0000;

/// Where the y of segments' points are kept: 32 bytes a point, in order. Nothing found there is believed, so any storage will do, and none need keep all.
pub trait Roots: Send + Sync {
    /// What was kept for a segment's digest.
    fn find(&self, segment: &Digest32) -> Option<Vec<u8>>;

    /// Keeps what belongs to a segment's digest, if there is room. Public, as the segment is.
    fn keep(&self, segment: &Digest32, ys: &[u8]);
}

static USED: Mutex<Option<Weak<dyn Roots>>> = Mutex::new(None);

/// From now on, segments of this process are decoded with what is kept there, as long as somebody holds it.
pub fn use_roots(roots: &Arc<dyn Roots>) {
    *USED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(roots));
}

fn used() -> Option<Arc<dyn Roots>> {
    USED.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Weak::upgrade)
}

/// The points that some bytes encode, if the right y of each are kept.
pub(super) fn find(segment: &Digest32, bytes: &[u8]) -> Option<Vec<G1Affine>> {
    decode(bytes, &used()?.find(segment)?)
}

/// Keeps the y of a segment's points.
pub(super) fn keep(segment: &Digest32, points: &[G1Affine]) {
    if let Some(roots) = used() {
        roots.keep(segment, &encode(points));
    }
}

/// # Panics
/// Never: writing to memory does not fail.
fn encode(points: &[G1Affine]) -> Vec<u8> {
    let mut ys = vec![0; points.len() * POINT_BYTES];
    for (point, y) in points.iter().zip(ys.chunks_mut(POINT_BYTES)) {
        // of no point at infinity anything is kept: it is decoded as any other point without a y
        point.y.serialize_compressed(y).expect("a coordinate is 32 bytes");
    }
    ys
}

fn decode(bytes: &[u8], ys: &[u8]) -> Option<Vec<G1Affine>> {
    if bytes.len() != ys.len() {
        return None;
    }
    bytes.par_chunks(POINT_BYTES).zip(ys.par_chunks(POINT_BYTES)).map(|(bytes, y)| point(bytes, y)).collect()
}

/// The point with this encoding and this y, if there is one.
fn point(bytes: &[u8], y: &[u8]) -> Option<G1Affine> {
    let mut x: [u8; POINT_BYTES] = bytes.try_into().ok()?;
    x[POINT_BYTES - 1] &= !FLAGS;
    let coordinate = |bytes: &[u8]| Fq::deserialize_compressed(bytes).ok();
    let point = G1Affine::new_unchecked(coordinate(&x)?, coordinate(y)?);
    (point.is_on_curve() && !point.is_zero() && point_bytes(&point) == bytes).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::{FLAGS, POINT_BYTES, decode, encode};
    use crate::{commitment::Generators, field::G1Affine, segment::point_bytes};
    use ark_ec::AffineRepr;

    fn points() -> (Vec<G1Affine>, Vec<u8>) {
        let points = Generators::get().g[..40].to_vec();
        let points: Vec<G1Affine> = points.iter().enumerate().map(|(i, p)| if i % 2 == 0 { *p } else { -*p }).collect();
        let bytes = points.iter().flat_map(point_bytes).collect();
        (points, bytes)
    }

    #[test]
    fn what_was_kept_gives_the_same_points() {
        let (points, bytes) = points();
        assert_eq!(decode(&bytes, &encode(&points)), Some(points));
    }

    #[test]
    fn nothing_kept_makes_another_point() {
        let (points, bytes) = points();
        let ys = encode(&points);
        // every byte of one y, the y of the opposite point, that of another point, and too few or many
        for byte in 0..POINT_BYTES {
            for bit in 0..8 {
                let mut wrong = ys.clone();
                wrong[3 * POINT_BYTES + byte] ^= 1 << bit;
                assert_eq!(decode(&bytes, &wrong), None, "byte {byte}, bit {bit}");
            }
        }
        let mut opposite = points.clone();
        opposite[7] = -opposite[7];
        assert_eq!(decode(&bytes, &encode(&opposite)), None);
        let mut exchanged = points.clone();
        exchanged.swap(0, 2);
        assert_eq!(decode(&bytes, &encode(&exchanged)), None);
        assert_eq!(decode(&bytes, &ys[..ys.len() - 1]), None);
        assert_eq!(decode(&bytes, &[&ys[..], &[0; POINT_BYTES]].concat()), None);
    }

    #[test]
    fn no_y_makes_a_point_of_bytes_that_encode_none() {
        let (points, bytes) = points();
        let ys = encode(&points);
        for flags in [FLAGS, 0b0100_0000] {
            let mut wrong = bytes.clone();
            wrong[POINT_BYTES - 1] |= flags;
            assert_eq!(decode(&wrong, &ys), None, "infinity, or both flags");
        }
        let mut beyond = bytes.clone();
        beyond[..POINT_BYTES].fill(0xff);
        assert_eq!(decode(&beyond, &ys), None, "not below the modulus");
        let infinity = G1Affine::zero();
        assert_eq!(decode(&point_bytes(&infinity), &encode(&[infinity])), None, "infinity goes the long way");
    }
}
