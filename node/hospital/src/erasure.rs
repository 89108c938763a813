//! Erasure: a patient's rows, names and openings leave the file; what is anchored of them is noise from then on.
//!
//! Once a patient is [erased](HospitalStore::erase), no slot names the person and the slots stand in the withdrawals; an [erasure anchor](HospitalStore::plan_erasure) makes the row leave the segments
//! in force, and earlier versions that hold it are [told](HospitalStore::erased_rows) and [destroyed](HospitalStore::destroy) when nothing pins them any more.

use crate::{
    HospitalStore, HospitalStoreError, codes,
    hospital_store::{secret, small},
    journal::{AnchorContent, Heard, enter_withdrawal},
    opening::{OpeningKey, StoredKey, read_key},
    slots::{SlotIndex, SlotRegister},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{hash::Digest32, segment::EMPTY, tag};
use countersign_ingest::PatientId;
use rand::rngs::OsRng;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, HashSet};
use zeroize::Zeroizing;

/// An anchored opening that holds a row in an erased slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedRow {
    /// The opening.
    pub key: OpeningKey,
    /// True if no later version of the segment is anchored.
    pub newest: bool,
}

/// The name in [`secret`] of the key of the hashes.
const SECRET: &str = "erased";

fn hash(key: &[u8; 32], patient: &PatientId) -> Digest32 {
    Digest32::tagged(tag::ERASED, [&key[..], patient.expose().as_bytes()])
}

impl HospitalStore {
    /// Forgets whose slots a patient's were, their row ids, keys and codes; the slots stay dead, and what the ledger has to hear stands in the journal ([`WithdrawalStep`](crate::journal::WithdrawalStep)).
    /// The person gets no new slot until [`HospitalStore::readmit`], and none after it if it is erased again. Returns the slots; none, if the patient was erased before.
    ///
    /// # Errors
    /// The patient never had a slot.
    #[boxed]
    pub async fn erase(&self, patient: &PatientId, heard: Heard) -> Result<Vec<SlotIndex>, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let hash = hash(&*secret(&mut tx, SECRET, &mut OsRng).await?, patient);
        let slots: Vec<(i64, i64)> = sqlx::query_as("SELECT slot, state FROM slot WHERE patient = ? ORDER BY slot")
            .bind(patient.expose())
            .fetch_all(&mut *tx)
            .await?;
        if slots.is_empty() {
            let before = sqlx::query("UPDATE erased SET readmitted = 0 WHERE patient = ?").bind(&hash.0[..]).execute(&mut *tx).await?;
            tx.commit().await?;
            return if before.rows_affected() > 0 { Ok(Vec::new()) } else { Err(HospitalStoreError::Unknown("patient")) };
        }
        let index = |slot: i64| small(slot, "a slot").map(SlotIndex);
        // a slot still in use is taken out of force on the ledger too
        let live = slots.iter().filter(|(_, state)| *state == 0).map(|(slot, _)| index(*slot)).collect::<Result<_, _>>()?;
        enter_withdrawal(&mut tx, live, heard).await?;
        for statement in [
            "INSERT OR IGNORE INTO retired_row_id SELECT DISTINCT row_id FROM slot WHERE patient = ? AND row_id IS NOT NULL",
            "UPDATE slot SET patient = NULL, row_id = NULL, state = 2 WHERE patient = ?",
            "DELETE FROM withdrawn WHERE patient = ?",
            "DELETE FROM claim WHERE patient = ?",
            "DELETE FROM narrowed WHERE patient = ?",
            "DELETE FROM patient_key WHERE patient = ?",
        ] {
            sqlx::query(statement).bind(patient.expose()).execute(&mut *tx).await?;
        }
        // what would tell by trying that an anchored leaf is the patient's
        for (slot, _) in &slots {
            sqlx::query("UPDATE opening SET source_seed = NULL WHERE segment = ?").bind(index(*slot)?.segment()).execute(&mut *tx).await?;
        }
        sqlx::query("INSERT OR REPLACE INTO erased (patient) VALUES (?)").bind(&hash.0[..]).execute(&mut *tx).await?;
        tx.commit().await?;
        slots.into_iter().map(|(slot, _)| index(slot)).collect()
    }

    /// Lets a patient who withdrew or was erased have a new slot at the next anchor, and whom a note narrowed count for all that is signed: only after a new document signed by the patient. False: nobody
    /// of that id is held back or narrowed.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn readmit(&self, patient: &PatientId) -> Result<bool, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let hash = hash(&*secret(&mut tx, SECRET, &mut OsRng).await?, patient);
        let withdrawn = sqlx::query("DELETE FROM withdrawn WHERE patient = ?").bind(patient.expose()).execute(&mut *tx).await?;
        let erased = sqlx::query("UPDATE erased SET readmitted = 1 WHERE patient = ? AND readmitted = 0")
            .bind(&hash.0[..])
            .execute(&mut *tx)
            .await?;
        // the new document says what is permitted from now on, and no note of before it
        let notes = "INSERT OR IGNORE INTO narrowing_taken SELECT slot FROM slot WHERE patient = ? AND state > 0";
        sqlx::query(notes).bind(patient.expose()).execute(&mut *tx).await?;
        let narrowed = sqlx::query("DELETE FROM narrowed WHERE patient = ?").bind(patient.expose()).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(withdrawn.rows_affected() + erased.rows_affected() + narrowed.rows_affected() > 0)
    }

    /// Notes people who were erased while this file was another one: an import gives them no slot.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub(crate) async fn hold_erased(&self, patients: &[PatientId]) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let key = secret(&mut tx, SECRET, &mut OsRng).await?;
        for patient in patients {
            let statement = "INSERT OR REPLACE INTO erased (patient) VALUES (?)";
            sqlx::query(statement).bind(&hash(&key, patient).0[..]).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// How many lines of the list of erasures this file has taken over, with the digest of the list up to them; `None`: none so far.
    #[boxed]
    pub(crate) async fn erasure_list(&self) -> Result<Option<(usize, Digest32)>, HospitalStoreError> {
        let stored: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT lines, digest FROM erasure_list").fetch_optional(&self.pool).await?;
        let damaged = || HospitalStoreError::Damaged("the list of erasures' state");
        let state = |(lines, digest): (i64, Vec<u8>)| {
            Ok((usize::try_from(lines).map_err(|_| damaged())?, Digest32(digest.try_into().map_err(|_| damaged())?)))
        };
        stored.map(state).transpose()
    }

    /// Notes how much of the list this file has taken over; `None`: a new list begins.
    #[boxed]
    pub(crate) async fn took_erasure_list(&self, state: Option<(usize, Digest32)>) -> Result<(), HospitalStoreError> {
        let statement = match &state {
            Some((lines, digest)) => sqlx::query("INSERT OR REPLACE INTO erasure_list (id, lines, digest) VALUES (0, ?, ?)")
                .bind(*lines as i64)
                .bind(&digest.0[..]),
            None => sqlx::query("DELETE FROM erasure_list"),
        };
        statement.execute(&self.pool).await?;
        Ok(())
    }

    /// What the newest anchor of every dictionary was read with, for an erasure anchor under a scope registry. Dictionaries that were never anchored under it are not among them: only an import can anchor them.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn anchored_contents(&self, registry: &Digest32) -> Result<Vec<AnchorContent>, HospitalStoreError> {
        let mut c = self.pool.acquire().await?;
        // all share the consent table, which the newest of them has read
        let policy: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT policy FROM anchor WHERE stage = 3 AND consent_table = ? AND policy IS NOT NULL ORDER BY id DESC LIMIT 1",
        )
        .bind(&registry.0[..])
        .fetch_optional(&mut *c)
        .await?;
        let Some(policy) = policy else { return Ok(Vec::new()) };
        let stored: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT data_table, mapping, report FROM anchor WHERE id IN
             (SELECT max(id) FROM anchor WHERE stage = 3 AND consent_table = ? AND mapping IS NOT NULL AND report IS NOT NULL GROUP BY data_table)
             ORDER BY id",
        )
        .bind(&registry.0[..])
        .fetch_all(&mut *c)
        .await?;
        let digest =
            |bytes: Vec<u8>| bytes.try_into().map(Digest32).map_err(|_| HospitalStoreError::Damaged("what an anchor was read with"));
        let policy = digest(policy)?;
        let content = |(data, mapping, report): (Vec<u8>, Vec<u8>, Vec<u8>)| {
            let (data_table, consent_table) = (digest(data)?, *registry);
            Ok(AnchorContent { data_table, consent_table, mapping: digest(mapping)?, policy, report: digest(report)? })
        };
        stored.into_iter().map(content).collect()
    }

    /// Anchored openings that hold rows in erased slots, in whatever table and version.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn erased_rows(&self) -> Result<Vec<ErasedRow>, HospitalStoreError> {
        let mut c = self.pool.acquire().await?;
        let mut found = Vec::new();
        for (segment, offsets) in erased_places(&mut c).await? {
            let keys: Vec<StoredKey> = sqlx::query_as(
                "SELECT kind, table_id, segment, version FROM opening WHERE segment = ? AND state = 3 ORDER BY kind, table_id, version",
            )
            .bind(segment)
            .fetch_all(&mut *c)
            .await?;
            let keys: Vec<OpeningKey> = keys.into_iter().map(read_key).collect::<Result<_, _>>()?;
            for (at, key) in keys.iter().enumerate() {
                let held = holds_rows(&mut c, key, &offsets).await?;
                if held.ok_or(HospitalStoreError::Damaged("an anchored opening without rows"))? {
                    found.push(ErasedRow { key: *key, newest: keys.get(at + 1).is_none_or(|next| next.table != key.table) });
                }
            }
        }
        Ok(found)
    }

    /// True if all of some openings are here and none holds a row in an erased slot: a study can be answered from them, and they need not go.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn can_stay(&self, keys: &[OpeningKey]) -> Result<bool, HospitalStoreError> {
        let mut c = self.pool.acquire().await?;
        let places = erased_places(&mut c).await?;
        for key in keys {
            let offsets = places.get(&key.segment.index).map_or(&[][..], Vec::as_slice);
            if holds_rows(&mut c, key, offsets).await? != Some(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Places of erased slots, by segment.
async fn erased_places(c: &mut SqliteConnection) -> Result<BTreeMap<u32, Vec<usize>>, HospitalStoreError> {
    let slots: Vec<i64> = sqlx::query_scalar("SELECT slot FROM slot WHERE state = 2").fetch_all(c).await?;
    let mut segments = BTreeMap::<u32, Vec<usize>>::new();
    for slot in slots {
        let slot = SlotIndex(small(slot, "a slot")?);
        segments.entry(slot.segment()).or_default().push(slot.offset() as usize);
    }
    Ok(segments)
}

/// True if one of some places of an anchored opening's segment is not empty; `None`: the opening is not here, or was destroyed.
async fn holds_rows(c: &mut SqliteConnection, key: &OpeningKey, offsets: &[usize]) -> Result<Option<bool>, HospitalStoreError> {
    let stored: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("SELECT codes FROM opening WHERE kind = ? AND table_id = ? AND segment = ? AND version = ? AND state = 3")
            .bind(key.table.kind as i64)
            .bind(&key.table.digest.0[..])
            .bind(key.segment.index)
            .bind(key.segment.version)
            .fetch_optional(c)
            .await?;
    let Some(bytes) = stored.flatten().map(Zeroizing::new) else { return Ok(None) };
    let codes = codes::from_bytes(&bytes)?;
    let held = |block: &Vec<u16>| offsets.iter().any(|offset| block.get(*offset).is_some_and(|bin| *bin != EMPTY));
    Ok(Some(codes.blocks.iter().any(held)))
}

/// Holds back whom the files still name and who was erased.
pub(crate) async fn hold_back_erased(
    c: &mut SqliteConnection,
    register: &mut SlotRegister,
    patients: &[&PatientId],
) -> Result<(), HospitalStoreError> {
    let erased: Vec<Vec<u8>> = sqlx::query_scalar("SELECT patient FROM erased WHERE readmitted = 0").fetch_all(&mut *c).await?;
    if erased.is_empty() {
        return Ok(());
    }
    let erased: HashSet<Vec<u8>> = erased.into_iter().collect();
    let key = secret(c, SECRET, &mut OsRng).await?;
    for patient in patients {
        if register.find(patient).is_none() && erased.contains(&hash(&key, patient).0[..]) {
            register.insert_withdrawn((*patient).clone());
        }
    }
    Ok(())
}
