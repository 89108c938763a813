//! Segments: what is anchored of a table. A segment is a 0/1 matrix of [`SLOTS`] columns, one commitment a row.

use crate::{field::G1Affine, hash::Digest32};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use borsh::{BorshDeserialize, BorshSerialize};

/// Slots of a segment (M in the protocol).
pub const SLOTS: usize = 1 << SLOT_VARIABLES;
/// log2 of [`SLOTS`].
pub const SLOT_VARIABLES: usize = 11;
/// Variables of the slot space of one table: 4 Mi slots.
pub const TABLE_VARIABLES: usize = 22;
/// Most segments of one table.
pub const SEGMENTS_MAX: usize = 1 << (TABLE_VARIABLES - SLOT_VARIABLES);

/// Which table of which hospital on which network a segment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TableContext {
    /// Hash of the network's genesis.
    pub network: Digest32,
    /// The hospital's identity.
    pub hospital: Digest32,
    /// The dictionary's digest (data) or the scope registry's (consent): fixes the layout and tells the two kinds apart.
    pub table: Digest32,
}

/// Place of a segment in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct SegmentId {
    /// Position: slots `index * SLOTS ..` .
    pub index: u32,
    /// Counts how often the segment was anchored anew.
    pub version: u32,
}

/// The public side of a segment: a commitment for each row of the matrix, occupancy last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its place.
    pub id: SegmentId,
    /// `SegmentLayout::rows()` points.
    pub points: Vec<G1Affine>,
}

/// Bytes that are not a segment. Whoever sent them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Not exactly the bytes the layout needs.
    #[error("segment {index}: {found} bytes of commitments, the layout needs {expected}")]
    Length {
        /// The segment's index.
        index: u32,
        /// Bytes found.
        found: usize,
        /// Bytes needed.
        expected: usize,
    },
    /// A point that is not a canonical, compressed point of the curve.
    #[error("segment {index}: commitment {row} is not a point of the curve in canonical form")]
    Point {
        /// The segment's index.
        index: u32,
        /// The matrix row.
        row: usize,
    },
}

/// Bytes of a compressed point.
pub const POINT_BYTES: usize = 32;

impl Segment {
    /// Decodes `rows` points strictly: canonical, on the curve (G1 has cofactor 1), exact length.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn decode(id: SegmentId, bytes: &[u8], rows: usize) -> Result<Self, SegmentError> {
        if bytes.len() != rows * POINT_BYTES {
            return Err(SegmentError::Length { index: id.index, found: bytes.len(), expected: rows * POINT_BYTES });
        }
        let point = |(row, chunk): (usize, &[u8])| {
            G1Affine::deserialize_compressed(chunk).map_err(|_| SegmentError::Point { index: id.index, row })
        };
        let points = bytes.chunks(POINT_BYTES).enumerate().map(point).collect::<Result<_, _>>()?;
        Ok(Self { id, points })
    }

    /// The canonical bytes of the points.
    pub fn encode(&self) -> Vec<u8> {
        self.points.iter().flat_map(point_bytes).collect()
    }

    /// What anchors, statements and S1's transcript name: the context, place and every commitment in order.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn digest(&self, context: &TableContext) -> Digest32 {
        let place = borsh::to_vec(&(context, self.id)).expect("writing to memory does not fail");
        Digest32::tagged("countersign/segment/1", [place.as_slice(), &self.encode()])
    }
}

/// Canonical compressed bytes of a point.
///
/// # Panics
/// Never: a compressed point is 32 bytes.
pub fn point_bytes(point: &G1Affine) -> [u8; POINT_BYTES] {
    let mut bytes = [0; POINT_BYTES];
    point.serialize_compressed(&mut bytes[..]).expect("a compressed point is 32 bytes");
    bytes
}
