//! Slots that left.

use serde::{Deserialize, Serialize};

/// Slots that left, by cause. Slots are numbers of a hospital's register; nobody but the hospital knows whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Leavers {
    /// By the patient's own key.
    pub key: u32,
    /// By the patient's word to the hospital.
    pub word: u32,
    /// By what the hospital reads: lost or shortened consents, opt-outs, people who are gone.
    pub source: u32,
}
