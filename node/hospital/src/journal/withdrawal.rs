//! Taking slots out of force: out of use in this file first, then on the ledger, then done.

use super::anchor::{AnchorId, abandon_unsent};
use crate::{
    HospitalStore, HospitalStoreError,
    hospital_store::{height_to_sql, load_register},
    released,
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ingest::PatientId;
use countersign_messages::{Cause, Height};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;

/// Most slots of one withdrawal; more become several. The ledger's bound.
pub const WITHDRAWAL_SLOTS_MAX: usize = 4096;

/// A withdrawal in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WithdrawalId(i64);

/// Why slots are taken out of force, and since when the hospital knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Why.
    pub cause: Cause,
    /// The day; `None`: the day on which it is signed.
    pub received: Option<Day>,
}

impl Heard {
    /// From a patient.
    pub const WORD: Self = Self { cause: Cause::Word, received: None };
}

/// What a withdrawal needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawalStep {
    /// Sign a transaction that takes these slots out of force.
    Sign {
        /// The withdrawal.
        withdrawal: WithdrawalId,
        /// Its slots, ascending.
        slots: Vec<SlotIndex>,
        /// Why.
        heard: Heard,
    },
    /// Report the bytes as submitted, then send them.
    Submit {
        /// The withdrawal.
        withdrawal: WithdrawalId,
        /// What to send.
        bytes: Vec<u8>,
    },
    /// Ask the ledger for bytes that may have been sent; send them again if the ledger does not know them.
    Await {
        /// The withdrawal.
        withdrawal: WithdrawalId,
        /// What to send.
        bytes: Vec<u8>,
    },
}

/// Id, slots, state, bytes, cause, day.
type Stored = (i64, Vec<u8>, i64, Option<Vec<u8>>, i64, Option<i64>);

/// Enters slots that are out of use in this file. Answers that are stored and not sent are dropped: they count those slots.
pub(super) async fn enter(c: &mut SqliteConnection, slots: &BTreeSet<SlotIndex>, heard: Heard) -> Result<(), HospitalStoreError> {
    let slots: Vec<SlotIndex> = slots.iter().copied().collect();
    if slots.is_empty() {
        return Ok(());
    }
    for chunk in slots.chunks(WITHDRAWAL_SLOTS_MAX) {
        sqlx::query("INSERT INTO withdrawal (slots, state, cause, received) VALUES (?, 0, ?, ?)")
            .bind(to_bytes(chunk))
            .bind(i64::from(heard.cause == Cause::Source))
            .bind(heard.received.map(|day| i64::from(day.0)))
            .execute(&mut *c)
            .await?;
    }
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT query FROM answer WHERE stage = 1 AND kind = 0").fetch_all(&mut *c).await?;
    for query in stored {
        released::forget(c, &query).await?;
        sqlx::query("UPDATE answer SET stage = 0, kind = NULL, bytes = NULL, sealed = NULL WHERE query = ?")
            .bind(query)
            .execute(&mut *c)
            .await?;
    }
    Ok(())
}

/// Enters those of some slots that the ledger knows: a slot in no segment that left the hospital is none it could be told of. An anchor that was
/// planned with their rows and not sent is given up.
pub(crate) async fn enter_told(c: &mut SqliteConnection, mut slots: BTreeSet<SlotIndex>, heard: Heard) -> Result<(), HospitalStoreError> {
    give_up_unsent(c).await?;
    let known: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT segment FROM opening WHERE state >= 2 OR anchor IN (SELECT anchor FROM anchor_transaction WHERE state > 0)",
    )
    .fetch_all(&mut *c)
    .await?;
    let known: BTreeSet<i64> = known.into_iter().collect();
    slots.retain(|slot| known.contains(&i64::from(slot.segment())));
    enter(c, &slots, heard).await
}

/// Gives up a running anchor of which nothing was sent.
pub(super) async fn give_up_unsent(c: &mut SqliteConnection) -> Result<(), HospitalStoreError> {
    if let Some(id) = sqlx::query_scalar::<_, i64>("SELECT id FROM anchor WHERE stage < 3").fetch_optional(&mut *c).await? {
        abandon_unsent(c, AnchorId(id)).await?;
    }
    Ok(())
}

/// No note of a slot that the patient has or had counts from now on: what is decided now goes before.
async fn no_more_notes(c: &mut SqliteConnection, patient: &PatientId) -> Result<(), HospitalStoreError> {
    let statement = "INSERT OR IGNORE INTO narrowing_taken SELECT slot FROM slot WHERE patient = ? AND state > 0";
    sqlx::query(statement).bind(patient.expose()).execute(c).await?;
    Ok(())
}

fn to_bytes(slots: &[SlotIndex]) -> Vec<u8> {
    slots.iter().flat_map(|slot| slot.0.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<SlotIndex> {
    bytes.chunks_exact(4).map(|c| SlotIndex(u32::from_le_bytes([c[0], c[1], c[2], c[3]]))).collect()
}

impl HospitalStore {
    /// Takes patients' slots out of use for ever, and holds back new ones until [`HospitalStore::readmit`]; one step for all of them. What the ledger has
    /// to hear stands in the journal from then on ([`WithdrawalStep`]). An anchor that was planned with their rows and not sent is given up.
    ///
    /// # Errors
    /// A patient has no slot in use; nothing is kept then.
    #[boxed]
    pub async fn withdraw(&self, patients: &[PatientId], heard: Heard) -> Result<Vec<SlotIndex>, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let mut register = load_register(&mut tx).await?;
        let mut slots = BTreeSet::new();
        for patient in patients {
            let slot = register.withdraw(patient)?.slot;
            sqlx::query("UPDATE slot SET state = 1 WHERE slot = ?").bind(slot.0).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO withdrawn (patient) VALUES (?)").bind(patient.expose()).execute(&mut *tx).await?;
            no_more_notes(&mut tx, patient).await?;
            slots.insert(slot);
        }
        enter_told(&mut tx, slots.clone(), heard).await?;
        tx.commit().await?;
        Ok(slots.into_iter().collect())
    }

    /// Holds back patients who have no slot in use, as they left before in another way: nothing but [`HospitalStore::readmit`] lets them count again. All of them or none.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn hold_back(&self, patients: &[PatientId]) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        for patient in patients {
            sqlx::query("INSERT OR IGNORE INTO withdrawn (patient) VALUES (?)").bind(patient.expose()).execute(&mut *tx).await?;
            no_more_notes(&mut tx, patient).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What the oldest unfinished withdrawal needs next, if there is one.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn next_withdrawal_step(&self) -> Result<Option<WithdrawalStep>, HospitalStoreError> {
        let row: Option<Stored> =
            sqlx::query_as("SELECT id, slots, state, bytes, cause, received FROM withdrawal WHERE state < 3 ORDER BY id LIMIT 1")
                .fetch_optional(&self.pool)
                .await?;
        let Some((id, slots, state, bytes, cause, received)) = row else { return Ok(None) };
        let day = |day: i64| i32::try_from(day).map(Day).map_err(|_| HospitalStoreError::Damaged("the day of a withdrawal"));
        let heard = Heard { cause: if cause == 1 { Cause::Source } else { Cause::Word }, received: received.map(day).transpose()? };
        let withdrawal = WithdrawalId(id);
        let bytes = bytes.ok_or(HospitalStoreError::Damaged("a withdrawal without bytes"));
        Ok(Some(match state {
            0 => WithdrawalStep::Sign { withdrawal, slots: from_bytes(&slots), heard },
            1 => WithdrawalStep::Submit { withdrawal, bytes: bytes? },
            _ => WithdrawalStep::Await { withdrawal, bytes: bytes? },
        }))
    }

    /// Stores the signed transaction.
    ///
    /// # Errors
    /// It is stored already.
    #[boxed]
    pub async fn store_withdrawal(&self, withdrawal: WithdrawalId, bytes: &[u8]) -> Result<(), HospitalStoreError> {
        let stored = sqlx::query("UPDATE withdrawal SET state = 1, bytes = ? WHERE id = ? AND state = 0").bind(bytes).bind(withdrawal.0);
        moved(stored.execute(&self.pool).await?.rows_affected())
    }

    /// Records that the stored bytes are about to be sent. Call this before sending.
    ///
    /// # Errors
    /// Nothing is stored, or it was submitted before.
    #[boxed]
    pub async fn withdrawal_submitted(&self, withdrawal: WithdrawalId) -> Result<(), HospitalStoreError> {
        let submitted = sqlx::query("UPDATE withdrawal SET state = 2 WHERE id = ? AND state = 1").bind(withdrawal.0);
        moved(submitted.execute(&self.pool).await?.rows_affected())
    }

    /// Records that the ledger has the slots out of force.
    ///
    /// # Errors
    /// Nothing was submitted.
    #[boxed]
    pub async fn withdrawal_confirmed(&self, withdrawal: WithdrawalId, height: Height) -> Result<(), HospitalStoreError> {
        let done = sqlx::query("UPDATE withdrawal SET state = 3, bytes = NULL, height = ? WHERE id = ? AND state = 2")
            .bind(height_to_sql(height))
            .bind(withdrawal.0);
        moved(done.execute(&self.pool).await?.rows_affected())
    }

    /// Records that the submitted bytes can stand in no block or were rejected, and which slots the ledger still has in force and knows: those
    /// are signed again; none left, and the withdrawal is done.
    ///
    /// # Errors
    /// Nothing was submitted.
    #[boxed]
    pub async fn withdrawal_refused(&self, withdrawal: WithdrawalId, left: &[SlotIndex]) -> Result<(), HospitalStoreError> {
        let left: BTreeSet<SlotIndex> = left.iter().copied().collect();
        let left: Vec<SlotIndex> = left.into_iter().collect();
        let state = if left.is_empty() { 3 } else { 0 };
        let again = sqlx::query("UPDATE withdrawal SET state = ?, slots = ?, bytes = NULL WHERE id = ? AND state = 2")
            .bind(state)
            .bind(to_bytes(&left))
            .bind(withdrawal.0);
        moved(again.execute(&self.pool).await?.rows_affected())
    }
}

fn moved(rows: u64) -> Result<(), HospitalStoreError> {
    if rows == 1 { Ok(()) } else { Err(HospitalStoreError::OutOfOrder("the withdrawal is at another stage")) }
}
