//! Errors as problem details (RFC 9457).

use serde::{Deserialize, Serialize};

/// Problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Problem))]
pub struct ProblemBody {
    /// What kind of problem it is: stable, for programs. `urn:countersign:problem:` and a word.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^urn:countersign:problem:[a-z-]+$"))]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    pub status: u16,
    /// This occurrence in words, and what to do.
    pub detail: String,
}
