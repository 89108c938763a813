//! Erasing: versions of a segment without the rows of slots that are out of force.

use crate::{
    Height,
    codec::{DecodeError, bound},
    limits::{ERASURE_PROOF_BYTES_MAX, ERASURE_STEPS_MAX},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    dictionary::ROWS_MAX,
    hash::Digest32,
    segment::{POINT_BYTES, SegmentId},
};

/// A version of one of the signer's segments and the version that replaces it wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ErasedVersion {
    /// The table: a dictionary or a scope registry.
    pub table: Digest32,
    /// The version that is replaced.
    pub from: u32,
    /// The new one: the next that the segment has not had.
    pub to: u32,
    /// Its commitments, compressed.
    pub points: Vec<u8>,
}

/// Empties the slots of a segment that are out of force, in every table and every version of it that is in force or pinned, with a proof that nothing else changed (S4). Cuts stay as they
/// are, and are answered from the new versions.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Erase {
    /// Position of the segment.
    pub index: u32,
    /// The slots emptied are those out of force at this height: all of them, whoever asked.
    pub height: Height,
    /// Ascending by table and version.
    pub steps: Vec<ErasedVersion>,
    /// Root of the salted digests of the source records, as in an anchor: a leaf a step, in their order, of zeros for consents.
    pub source_root: Digest32,
    /// The S4 proof over all of them.
    pub proof: Vec<u8>,
}

impl ErasedVersion {
    /// The version that is replaced, of the segment at an index.
    pub fn replaced(&self, index: u32) -> SegmentId {
        SegmentId { index, version: self.from }
    }

    /// The new version.
    pub fn standing(&self, index: u32) -> SegmentId {
        SegmentId { index, version: self.to }
    }
}

impl Erase {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("erasure", "versions", self.steps.len(), ERASURE_STEPS_MAX)?;
        bound("erasure", "proof bytes", self.proof.len(), ERASURE_PROOF_BYTES_MAX)?;
        self.steps.iter().try_for_each(|step| bound("erasure", "bytes of a segment", step.points.len(), ROWS_MAX * POINT_BYTES))
    }
}
