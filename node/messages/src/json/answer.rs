//! Accepted answers, and their ciphertexts.

use super::{Id, Leavers};
use serde::{Deserialize, Serialize};

/// Cells of an answer, by what the release rule said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gates {
    /// Released.
    pub released: u32,
    /// Below the least number of people.
    pub small: u32,
    /// Withheld: they overlap with what was released before.
    pub withheld_overlap: u32,
    /// Withheld: one person dominates.
    pub withheld_dominance: u32,
    /// Withheld by the site.
    pub withheld_local: u32,
}

/// An accepted answer. The cells themselves are in the ciphertext, for the study team and its board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// The query.
    pub query: Id,
    /// The site.
    pub hospital: Id,
    /// The cut it was made from.
    pub cut: Id,
    /// Height whose withdrawals and date it counts with.
    pub named_height: u64,
    /// UTC date of that height.
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub day: String,
    /// Included at.
    pub height: u64,
    /// Included as.
    pub transaction: Id,
    /// Least number of people behind a released cell.
    pub k_min: u32,
    /// Salted digest of the released cells.
    pub cells_digest: Id,
    /// Cells released and not.
    pub gates: Gates,
    /// Digest of the ciphertext with the cells: see `/blobs/{digest}`.
    pub sealed: Id,
    /// Slots that left since the cut.
    pub left_since_cut: Leavers,
    /// Slots that left since the query.
    pub left_since_query: Leavers,
    /// True if more slots left since the query, or by the hospital's hand since the cut, than the network lets pass unmarked.
    pub marked: bool,
}

/// A ciphertext that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Kept {
    /// SHA-256 of the ciphertext.
    pub digest: Id,
}
