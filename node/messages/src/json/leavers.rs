//! Slots that left.

use serde::{Deserialize, Serialize};

/// Slots that left, by cause. Slots are numbers of a hospital's register; nobody but the hospital knows whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Leavers {
    /// By wish of the patient.
    pub patient: u32,
    /// By the hospital.
    pub hospital: u32,
}
