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

/// A version of a hospital's table that a slot is in. Whether it holds a row there, the ledger does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SlotRow {
    /// Dictionary of the data, or scope registry of the consents.
    pub table: Id,
    /// `id@version` of the dictionary; `consents`.
    pub name: String,
    /// The segment.
    pub segment: u32,
    /// Its version.
    pub version: u32,
    /// Anchored at.
    pub height: u64,
    /// Anchored by.
    pub transaction: Id,
    /// True for the version in force.
    pub current: bool,
    /// Numbers of the studies in date that are answered from it (`S-3`).
    pub studies: Vec<u32>,
}

/// A slot of a hospital's register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Slot {
    /// The hospital.
    pub hospital: Id,
    /// Its name.
    pub hospital_name: String,
    /// The slot.
    pub slot: u32,
    /// Present once it is out of force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// The versions it is in, those in force first.
    pub rows: Vec<SlotRow>,
}
