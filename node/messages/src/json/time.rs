//! Moments.

use serde::{Deserialize, Serialize};

/// A moment, twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Time {
    /// Milliseconds since 1970-01-01T00:00:00 UTC.
    pub ms: u64,
    /// The same by RFC 3339.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    pub utc: String,
}
