//! What patients took from what they had signed, by notes of their own keys.

use crate::{HospitalStore, HospitalStoreError, hospital_store::read_patient, slots::SlotIndex};
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ingest::PatientId;
use countersign_messages::PatientKey;

/// Days after a slot left by its key, by the ledger's day on which this file heard of it, in which a note lets the rest count again: later on the departure stands, and nobody who finds the sheet changes that.
pub(crate) const NOTE_DAYS: i32 = 30;

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is kept, and the person is held back no more.
    Kept,
    /// This file heard more than 30 days ago that the slot had left by its key, or not at all.
    TooLate,
    /// The slot's note was taken before, or something was decided since that goes before it.
    Before,
    /// The slot is nobody's, or its patient was erased.
    Nobody,
    /// The patient has a slot in use, or is not held back: the note changes nothing.
    Elsewhere,
}

impl HospitalStore {
    /// Keeps what a note takes from the patient whose slot left by its key, and lets the rest have a fresh slot at the next anchor; all of it or nothing. Once a slot. That
    /// it is the last slot that the person left, only the ledger knows: it must be known before.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn narrow(&self, slot: SlotIndex, scopes: &[String], today: Day) -> Result<Noted, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let heard: Option<Option<i32>> =
            sqlx::query_scalar("SELECT heard FROM left_by_key WHERE slot = ?").bind(slot.0).fetch_optional(&mut *tx).await?;
        if heard.flatten().is_none_or(|heard| today.0.saturating_sub(heard) > NOTE_DAYS) {
            return Ok(Noted::TooLate);
        }
        let taken = sqlx::query("INSERT OR IGNORE INTO narrowing_taken (slot) VALUES (?)").bind(slot.0).execute(&mut *tx).await?;
        if taken.rows_affected() == 0 {
            return Ok(Noted::Before);
        }
        let whose: Option<Option<String>> =
            sqlx::query_scalar("SELECT patient FROM slot WHERE slot = ?").bind(slot.0).fetch_optional(&mut *tx).await?;
        let Some(patient) = whose.flatten().map(read_patient).transpose()? else { return Ok(Noted::Nobody) };
        let in_use =
            sqlx::query("SELECT 1 FROM slot WHERE patient = ? AND state = 0").bind(patient.expose()).fetch_optional(&mut *tx).await?;
        let released = sqlx::query("DELETE FROM withdrawn WHERE patient = ?").bind(patient.expose()).execute(&mut *tx).await?;
        if in_use.is_some() || released.rows_affected() == 0 {
            return Ok(Noted::Elsewhere);
        }
        for scope in scopes {
            sqlx::query("INSERT OR IGNORE INTO narrowed (patient, scope) VALUES (?, ?)")
                .bind(patient.expose())
                .bind(scope)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(Noted::Kept)
    }

    /// The keys of the patient of a slot, in their order; none if the slot is nobody's.
    #[boxed]
    pub(crate) async fn keys_of(&self, slot: SlotIndex) -> Result<Vec<PatientKey>, HospitalStoreError> {
        let keys: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT k.key FROM slot s JOIN patient_key k ON k.patient = s.patient WHERE s.slot = ? ORDER BY k.number")
                .bind(slot.0)
                .fetch_all(&self.pool)
                .await?;
        let key = |bytes: Vec<u8>| bytes.try_into().map(PatientKey).map_err(|_| HospitalStoreError::Damaged("a patient's key"));
        keys.into_iter().map(key).collect()
    }

    /// Who took which scopes from what was signed.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn narrowed(&self) -> Result<Vec<(PatientId, String)>, HospitalStoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT patient, scope FROM narrowed ORDER BY patient, scope").fetch_all(&self.pool).await?;
        rows.into_iter().map(|(patient, scope)| Ok((read_patient(patient)?, scope))).collect()
    }
}
