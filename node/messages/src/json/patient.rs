//! What the ledger has of a patient's key.

use super::{Id, Time};
use serde::{Deserialize, Serialize};

/// When and by whose hand a slot left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Left {
    /// From this block on no answer counts it.
    pub height: u64,
    /// `key`, `word` or `source`: by the key itself, by the hospital on the patient's word, or by what it reads.
    pub by: String,
}

/// The slot that a key stands for. Nobody but the hospital and whoever has the key's secret knows whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatientSlot {
    /// The key.
    pub key: Id,
    /// The hospital.
    pub hospital: Id,
    /// Its name.
    pub hospital_name: String,
    /// The slot of its register.
    pub slot: u32,
    /// Enrolled at.
    pub height: u64,
    /// Enrolled by.
    pub transaction: Id,
    /// Present once the slot is out of force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// An answer that a slot could be counted in. Whether its record matched the question, the ledger does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Use {
    /// The query.
    pub query: Id,
    /// Its number (`Q-7`).
    pub number: u32,
    /// As it was asked.
    pub question: String,
    /// Who asked, by name.
    pub asker: String,
    /// When it was asked.
    pub asked: Time,
    /// The study.
    pub study: Id,
    /// Its number (`S-3`).
    pub study_number: u32,
    /// Its title.
    pub title: String,
    /// Block of the answer.
    pub height: u64,
}
