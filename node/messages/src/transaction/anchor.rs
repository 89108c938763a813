//! Anchoring segments of a table.

use crate::{
    codec::{DecodeError, bound},
    limits::SEGMENTS_PROOF_BYTES_MAX,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    dictionary::ROWS_MAX,
    hash::Digest32,
    segment::{POINT_BYTES, SEGMENTS_MAX, SegmentId},
};

/// Which of the signer's tables is anchored, and what was read into it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AnchoredTable {
    /// Research data.
    Data {
        /// The dictionary that gives the layout.
        dictionary: Digest32,
        /// Hash of the mapping the rows were read with.
        mapping: Digest32,
        /// Hash of the import report.
        report: Digest32,
        /// Root of the salted digests of the source records, for audits of one record.
        source_root: Digest32,
    },
    /// Consents.
    Consent {
        /// The scope registry that gives the layout: the one in force, or an earlier one that studies still use.
        registry: Digest32,
        /// Hash of the policy that reduced consents to scopes.
        policy: Digest32,
    },
}

/// Anchors whole segments with one proof of their validity (S1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Anchor {
    /// The table.
    pub table: AnchoredTable,
    /// Contiguous segments, ascending by index: new ones follow the last, known ones come with the next version. The bytes are
    /// the commitments of all rows, compressed.
    pub segments: Vec<(SegmentId, Vec<u8>)>,
    /// The S1 proof over all of them.
    pub proof: Vec<u8>,
}

impl Anchor {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("anchor", "segments", self.segments.len(), SEGMENTS_MAX)?;
        bound("anchor", "proof bytes", self.proof.len(), SEGMENTS_PROOF_BYTES_MAX)?;
        self.segments.iter().try_for_each(|(_, bytes)| bound("anchor", "bytes of a segment", bytes.len(), ROWS_MAX * POINT_BYTES))
    }
}
