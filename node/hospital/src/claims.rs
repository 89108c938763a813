//! Claims: codes that are handed to patients, and the keys that come back for them.

use crate::{HospitalStore, HospitalStoreError, slots::SlotIndex};
use async_recursion::async_recursion as boxed;
use countersign_ingest::PatientId;
use countersign_messages::{BlockTime, ClaimCode, ClaimId, PatientKey, Signature};
use sqlx::SqliteConnection;
use zeroize::Zeroizing;

/// How long a code is good, by the hospital's clock: 14 days.
const CLAIM_MS: u64 = 14 * 24 * 3_600_000;
/// Open codes of one patient: a letter may be lost, and another asked for.
const CLAIMS_OF_A_PATIENT_MAX: i64 = 3;

/// A claim as it is kept.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) code: ClaimCode,
    pub(crate) patient: PatientId,
    pub(crate) expires: BlockTime,
    pub(crate) used: bool,
}

/// What became of keys that came for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    Kept,
    /// The claim was used before.
    Used,
    /// One of them came with another claim.
    Known,
}

/// A key that may be enrolled: the next one of a patient who has a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextKey {
    pub(crate) slot: SlotIndex,
    pub(crate) key: PatientKey,
    pub(crate) possession: Signature,
}

fn array<const N: usize>(bytes: Vec<u8>, what: &'static str) -> Result<[u8; N], HospitalStoreError> {
    let bytes = Zeroizing::new(bytes);
    bytes.as_slice().try_into().map_err(|_| HospitalStoreError::Damaged(what))
}

impl HospitalStore {
    /// Keeps a code for a patient. What is over is forgotten; of three that are open the oldest goes.
    #[boxed]
    pub(crate) async fn keep_claim(&self, code: &ClaimCode, patient: &PatientId, now: BlockTime) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let time = |time: BlockTime| i64::try_from(time.0).unwrap_or(i64::MAX);
        sqlx::query("DELETE FROM claim WHERE used = 0 AND expires < ?").bind(time(now)).execute(&mut *tx).await?;
        sqlx::query(
            "DELETE FROM claim WHERE used = 0 AND patient = ?1 AND id NOT IN
             (SELECT id FROM claim WHERE used = 0 AND patient = ?1 ORDER BY expires DESC LIMIT ?2)",
        )
        .bind(patient.expose())
        .bind(CLAIMS_OF_A_PATIENT_MAX - 1)
        .execute(&mut *tx)
        .await?;
        sqlx::query("INSERT INTO claim (id, code, patient, expires) VALUES (?, ?, ?, ?)")
            .bind(&code.id().0[..])
            .bind(&code.as_bytes()[..])
            .bind(patient.expose())
            .bind(time(now.plus_ms(CLAIM_MS)))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Forgets codes that were not used, in a file that was restored: some may have been used since.
    #[boxed]
    pub(crate) async fn forget_claims(&self) -> Result<(), HospitalStoreError> {
        sqlx::query("DELETE FROM claim WHERE used = 0").execute(&self.pool).await?;
        Ok(())
    }

    /// A claim by its id.
    #[boxed]
    pub(crate) async fn claim(&self, id: &ClaimId) -> Result<Option<Claim>, HospitalStoreError> {
        let row: Option<(Vec<u8>, String, i64, i64)> = sqlx::query_as("SELECT code, patient, expires, used FROM claim WHERE id = ?")
            .bind(&id.0[..])
            .fetch_optional(&self.pool)
            .await?;
        let Some((code, patient, expires, used)) = row else { return Ok(None) };
        let patient = PatientId::new(patient).map_err(|_| HospitalStoreError::Damaged("a patient's id"))?;
        let code = ClaimCode::from_bytes(array(code, "a claim's code")?);
        Ok(Some(Claim { code, patient, expires: BlockTime(u64::try_from(expires).unwrap_or_default()), used: used == 1 }))
    }

    /// Keeps the keys that came for a claim instead of those the patient had (of a sheet that is lost), as one step; the code is used up and overwritten. What stands for a
    /// slot on the ledger stays there. Nothing is kept or used up otherwise.
    #[boxed]
    pub(crate) async fn keep_keys(
        &self,
        id: &ClaimId,
        patient: &PatientId,
        keys: &[(PatientKey, Signature)],
    ) -> Result<Keys, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let used = sqlx::query("UPDATE claim SET used = 1, code = zeroblob(16) WHERE id = ? AND used = 0").bind(&id.0[..]);
        if used.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Keys::Used);
        }
        sqlx::query("DELETE FROM patient_key WHERE patient = ?").bind(patient.expose()).execute(&mut *tx).await?;
        for (number, (key, possession)) in (0..).zip(keys) {
            let known = sqlx::query("SELECT 1 FROM patient_key WHERE key = ?").bind(&key.0[..]).fetch_optional(&mut *tx).await?;
            if known.is_some() {
                return Ok(Keys::Known);
            }
            keep_key(&mut tx, patient, number, key, possession).await?;
        }
        tx.commit().await?;
        Ok(Keys::Kept)
    }

    /// For every slot in use whose patient has keys: those keys in their order.
    #[boxed]
    pub(crate) async fn keys_by_slot(&self) -> Result<Vec<(SlotIndex, Vec<NextKey>)>, HospitalStoreError> {
        let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT s.slot, k.key, k.possession FROM slot s JOIN patient_key k ON k.patient = s.patient WHERE s.state = 0 ORDER BY s.slot, k.number",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found: Vec<(SlotIndex, Vec<NextKey>)> = Vec::new();
        for (slot, key, possession) in rows {
            let slot = SlotIndex(u32::try_from(slot).map_err(|_| HospitalStoreError::Damaged("a slot"))?);
            let next = NextKey {
                slot,
                key: PatientKey(array(key, "a patient's key")?),
                possession: Signature(array(possession, "a patient's key")?),
            };
            match found.last_mut() {
                Some((last, keys)) if *last == slot => keys.push(next),
                _ => found.push((slot, vec![next])),
            }
        }
        Ok(found)
    }
}

async fn keep_key(
    c: &mut SqliteConnection,
    patient: &PatientId,
    number: i64,
    key: &PatientKey,
    possession: &Signature,
) -> Result<(), HospitalStoreError> {
    sqlx::query("INSERT INTO patient_key (patient, number, key, possession) VALUES (?, ?, ?, ?)")
        .bind(patient.expose())
        .bind(number)
        .bind(&key.0[..])
        .bind(&possession.0[..])
        .execute(c)
        .await?;
    Ok(())
}
