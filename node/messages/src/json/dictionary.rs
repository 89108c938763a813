//! Dictionaries.

use super::Id;
use serde::{Deserialize, Serialize};

/// A published dictionary, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DictionarySummary {
    /// Hash of its canonical bytes.
    pub digest: Id,
    /// Its own id.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Attributes.
    pub attributes: usize,
    /// The first block it may be used in.
    pub height: u64,
    /// The transaction that proposed it.
    pub transaction: Id,
}
