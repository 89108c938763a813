//! Members and validators.

use super::Id;
use serde::{Deserialize, Serialize};

/// A member of the network: an organisation, or a researcher in their role. All of it is public on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// Its Ed25519 key.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// The X25519 key answers are sealed to where it may open them.
    pub sealing: Id,
    /// Sequence number of its next transaction.
    pub next_sequence: u64,
}

/// Who decides the next block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Validators {
    /// Digest of the set, as the last header names it.
    pub digest: Id,
    /// Votes that decide.
    pub quorum: usize,
    /// The validators' keys, ascending; one vote each.
    pub members: Vec<Id>,
}
