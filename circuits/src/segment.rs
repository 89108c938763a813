//! Segments: what is anchored of a table. A segment is a 0/1 matrix of [`SLOTS`] columns, one commitment a row.

mod decoded;
mod roots;

pub use roots::{Roots, use_roots};

use crate::{field::G1Affine, hash::Digest32, opening::Reader, tag};
use ark_serialize::CanonicalSerialize;
use borsh::{BorshDeserialize, BorshSerialize};
use rayon::prelude::*;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Slots of a segment (M in the protocol).
pub const SLOTS: usize = 1 << SLOT_VARIABLES;
/// log2 of [`SLOTS`].
pub const SLOT_VARIABLES: usize = 11;
/// Variables of the slot space of one table: 4 Mi slots.
pub const TABLE_VARIABLES: usize = 22;
/// Most segments of one table.
pub const SEGMENTS_MAX: usize = 1 << (TABLE_VARIABLES - SLOT_VARIABLES);

/// Code of a slot that holds no row.
pub const EMPTY: u16 = u16::MAX;

/// Secret; zeroed when dropped. The private side of a table: for every one-hot block and slot, the bin that is set. The slots of all segments in order.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SlotCodes {
    /// `blocks[block][slot]`: a bin of the block, or [`EMPTY`]; a slot is empty in every block or in none.
    pub blocks: Vec<Vec<u16>>,
}

impl std::fmt::Debug for SlotCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SlotCodes({} blocks, redacted)", self.blocks.len())
    }
}

impl SlotCodes {
    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.blocks.first().map_or(0, Vec::len)
    }

    /// Number of whole segments.
    pub fn segments(&self) -> usize {
        self.slots() / SLOTS
    }

    /// True if the shape is the layout's: its blocks, whole segments, bins in range, slots empty in all blocks or none.
    pub fn fits(&self, blocks: &[usize]) -> bool {
        let slots = self.slots();
        let in_range =
            |(codes, bins): (&Vec<u16>, &usize)| codes.len() == slots && codes.iter().all(|c| *c == EMPTY || usize::from(*c) < *bins);
        let first = |i: usize| self.blocks.first().is_some_and(|b| b[i] == EMPTY);
        self.blocks.len() == blocks.len()
            && slots.is_multiple_of(SLOTS)
            && self.blocks.iter().zip(blocks).all(in_range)
            && self.blocks.iter().all(|codes| codes.iter().enumerate().all(|(i, c)| (*c == EMPTY) == first(i)))
    }
}

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

/// The public side of a segment: a commitment for each row of the matrix, occupancy last. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    id: SegmentId,
    // not a slice: what is found of the points elsewhere would keep them, and not their place
    points: Arc<Vec<G1Affine>>,
    digest: Digest32,
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
    /// A segment from its points: `SegmentLayout::rows()` of them.
    pub fn new(context: &TableContext, id: SegmentId, points: Vec<G1Affine>) -> Self {
        let bytes: Vec<u8> = points.iter().flat_map(point_bytes).collect();
        let digest = digest(context, id, &bytes);
        roots::keep(&digest, &points);
        Self { id, points: Arc::new(points), digest }
    }

    /// Decodes `rows` points strictly: canonical, on the curve (G1 has cofactor 1), exact length.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn decode(context: &TableContext, id: SegmentId, bytes: &[u8], rows: usize) -> Result<Self, SegmentError> {
        if bytes.len() != rows * POINT_BYTES {
            return Err(SegmentError::Length { index: id.index, found: bytes.len(), expected: rows * POINT_BYTES });
        }
        let digest = digest(context, id, bytes);
        if let Some(points) = decoded::find(&digest) {
            return Ok(Self { id, points, digest });
        }
        let points = match roots::find(&digest, bytes) {
            Some(points) => Arc::new(points),
            None => {
                let points: Vec<Option<G1Affine>> = bytes.par_chunks(POINT_BYTES).map(|chunk| Reader::new(chunk).point().ok()).collect();
                let point = |(row, p): (usize, Option<G1Affine>)| p.ok_or(SegmentError::Point { index: id.index, row });
                let points = points.into_iter().enumerate().map(point).collect::<Result<Vec<G1Affine>, _>>()?;
                roots::keep(&digest, &points);
                Arc::new(points)
            }
        };
        decoded::keep(digest, &points);
        Ok(Self { id, points, digest })
    }

    /// Its place.
    pub fn id(&self) -> SegmentId {
        self.id
    }

    /// The commitments.
    pub fn points(&self) -> &[G1Affine] {
        &self.points
    }

    /// The canonical bytes of the points.
    pub fn encode(&self) -> Vec<u8> {
        self.points.iter().flat_map(point_bytes).collect()
    }

    /// What anchors, statements and S1's transcript name: the context, place and every commitment in order.
    pub fn digest(&self) -> Digest32 {
        self.digest
    }
}

/// # Panics
/// Never: writing to memory does not fail.
fn digest(context: &TableContext, id: SegmentId, bytes: &[u8]) -> Digest32 {
    let place = borsh::to_vec(&(context, id)).expect("writing to memory does not fail");
    Digest32::tagged(tag::SEGMENT, [place.as_slice(), bytes])
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
