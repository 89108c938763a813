//! Anchoring a table: from imported rows to confirmed transactions.

use crate::{
    HospitalStore, HospitalStoreError,
    hospital_store::{height_to_sql, small},
    opening::{OpeningKey, StoredKey, blinders_to_bytes, read_key},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    hash::Digest32,
    segment::{POINT_BYTES, SEGMENTS_MAX},
    tag,
};
use countersign_messages::Height;
use countersign_prover::commitment::Blinders;
use sqlx::SqliteConnection;

/// Most transactions of one anchor: one for every segment of both tables.
pub const TRANSACTIONS_MAX: usize = 2 * SEGMENTS_MAX;
/// Longest reason of a rejection that is kept, characters.
const REASON_CHARS_MAX: usize = 400;

/// An anchor in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnchorId(pub(super) i64);

/// What an import says beside its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnchorContent {
    /// Digest of the dictionary.
    pub data_table: Digest32,
    /// Digest of the scope registry.
    pub consent_table: Digest32,
    /// Hash of the mapping the rows were read with.
    pub mapping: Digest32,
    /// Hash of what reduced consents to scopes.
    pub policy: Digest32,
    /// Hash of the import report. The ledger sees it salted ([`Provenance::report`]).
    pub report: Digest32,
}

/// What an anchor names on the ledger beside its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// Digest of the dictionary.
    pub dictionary: Digest32,
    /// Digest of the scope registry.
    pub registry: Digest32,
    /// Hash of the mapping.
    pub mapping: Digest32,
    /// Hash of what reduced consents to scopes.
    pub policy: Digest32,
    report: Digest32,
    salt: Digest32,
}

impl Provenance {
    /// The salted hash of the import report: its counts and extremes cannot be guessed and confirmed by who reads the ledger.
    pub fn report(&self) -> Digest32 {
        Digest32::tagged(tag::IMPORT_REPORT, [&self.salt.0[..], &self.report.0])
    }

    /// What opens [`Provenance::report`], kept with the report at the hospital.
    pub fn report_salt(&self) -> Digest32 {
        self.salt
    }
}

/// A signed transaction and the segments it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorTransaction {
    /// Its bytes, as they will be submitted.
    pub bytes: Vec<u8>,
    /// The openings whose commitments it carries.
    pub openings: Vec<OpeningKey>,
}

/// A segment's secret and public side, to be stored before anything that needs them.
#[derive(Debug)]
pub struct Committed<'a> {
    /// Which.
    pub key: OpeningKey,
    /// Blinders of its commitments.
    pub blinders: &'a Blinders,
    /// The commitments, 32 bytes each, one a matrix row, occupancy last.
    pub points: &'a [u8],
    /// Of a segment with research data: what its records' salts follow from, and the root of their leaves.
    pub source: Option<(&'a [u8; 32], Digest32)>,
}

/// What an anchor needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnchorStep {
    /// Draw blinders for segments and commit: for all of these, or for some of them first.
    Commit {
        /// The anchor.
        anchor: AnchorId,
        /// The segments without blinders, ascending by table and index; at least one.
        openings: Vec<OpeningKey>,
    },
    /// Prove the segments and sign their transactions.
    Build {
        /// The anchor.
        anchor: AnchorId,
        /// All segments; each goes into exactly one transaction.
        openings: Vec<OpeningKey>,
    },
    /// Report a transaction as submitted, then send it.
    Submit {
        /// The anchor.
        anchor: AnchorId,
        /// Which transaction, from 0.
        sequence: u32,
        /// What to send.
        bytes: Vec<u8>,
    },
    /// Ask the ledger for a transaction that may have been sent; send it again if the ledger does not know it.
    Await {
        /// The anchor.
        anchor: AnchorId,
        /// Which transaction.
        sequence: u32,
        /// What to send.
        bytes: Vec<u8>,
    },
}

impl AnchorStep {
    /// The anchor it is a step of.
    pub fn anchor(&self) -> AnchorId {
        match self {
            Self::Commit { anchor, .. } | Self::Build { anchor, .. } | Self::Submit { anchor, .. } | Self::Await { anchor, .. } => *anchor,
        }
    }
}

/// Moves an anchor from one stage to another.
pub(super) async fn advance(c: &mut SqliteConnection, anchor: AnchorId, from: i64, to: i64) -> Result<(), HospitalStoreError> {
    let moved = sqlx::query("UPDATE anchor SET stage = ? WHERE id = ? AND stage = ?").bind(to).bind(anchor.0).bind(from).execute(c).await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(HospitalStoreError::OutOfOrder("the anchor is at another stage")) }
}

/// Gives up a running anchor unless a transaction of it may have left the hospital; false then.
pub(super) async fn abandon_unsent(c: &mut SqliteConnection, anchor: AnchorId) -> Result<bool, HospitalStoreError> {
    let sent = sqlx::query("SELECT 1 FROM anchor_transaction WHERE anchor = ? AND state > 0").bind(anchor.0);
    if sent.fetch_optional(&mut *c).await?.is_some() {
        return Ok(false);
    }
    let moved = sqlx::query("UPDATE anchor SET stage = 5 WHERE id = ? AND stage < 3").bind(anchor.0).execute(&mut *c).await?;
    if moved.rows_affected() != 1 {
        return Err(HospitalStoreError::Unknown("running anchor"));
    }
    for statement in ["DELETE FROM opening WHERE anchor = ?", "DELETE FROM anchor_transaction WHERE anchor = ?"] {
        sqlx::query(statement).bind(anchor.0).execute(&mut *c).await?;
    }
    Ok(true)
}

impl HospitalStore {
    /// What the running anchor needs next, if one is running.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn next_anchor_step(&self) -> Result<Option<AnchorStep>, HospitalStoreError> {
        let mut c = self.pool.acquire().await?;
        let running: Option<(i64, i64)> = sqlx::query_as("SELECT id, stage FROM anchor WHERE stage < 3").fetch_optional(&mut *c).await?;
        let Some((id, stage)) = running else { return Ok(None) };
        let anchor = AnchorId(id);
        match stage {
            0 | 1 => {
                let stored: Vec<(i64, Vec<u8>, i64, i64, i64)> = sqlx::query_as(
                    "SELECT kind, table_id, segment, version, state FROM opening WHERE anchor = ? ORDER BY kind, table_id, segment",
                )
                .bind(id)
                .fetch_all(&mut *c)
                .await?;
                let planned: Vec<_> = stored.iter().filter(|o| o.4 == 0).cloned().collect();
                if !planned.is_empty() {
                    let openings = planned.into_iter().map(|o| read_key((o.0, o.1, o.2, o.3))).collect::<Result<_, _>>()?;
                    return Ok(Some(AnchorStep::Commit { anchor, openings }));
                }
                let openings = stored.into_iter().map(|o| read_key((o.0, o.1, o.2, o.3))).collect::<Result<_, _>>()?;
                return Ok(Some(AnchorStep::Build { anchor, openings }));
            }
            _ => {}
        }
        let (sequence, bytes, state): (i64, Vec<u8>, i64) = sqlx::query_as(
            "SELECT sequence, bytes, state FROM anchor_transaction WHERE anchor = ? AND state < 2 ORDER BY sequence LIMIT 1",
        )
        .bind(id)
        .fetch_optional(&mut *c)
        .await?
        .ok_or(HospitalStoreError::Damaged("an anchor without transactions"))?;
        let sequence = small(sequence, "a transaction's number")?;
        Ok(Some(match state {
            0 => AnchorStep::Submit { anchor, sequence, bytes },
            _ => AnchorStep::Await { anchor, sequence, bytes },
        }))
    }

    /// True if a transaction of the running anchor may have left the hospital.
    pub(super) async fn anchor_sent(&self) -> Result<bool, HospitalStoreError> {
        let sent = "SELECT 1 FROM anchor_transaction WHERE state > 0 AND anchor IN (SELECT id FROM anchor WHERE stage < 3) LIMIT 1";
        Ok(sqlx::query(sent).fetch_optional(&self.pool).await?.is_some())
    }

    /// Stores segments' blinders and commitments, all of them or none.
    ///
    /// # Errors
    /// An opening is not planned by this anchor, or its numbers of blinders and commitments differ.
    #[boxed]
    pub async fn store_commitments(&self, anchor: AnchorId, committed: &[Committed<'_>]) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        for Committed { key, blinders, points, source } in committed {
            if blinders.0.is_empty() || points.len() != POINT_BYTES * blinders.0.len() {
                return Err(HospitalStoreError::OutOfOrder("a segment has one blinder for each commitment"));
            }
            let secret = blinders_to_bytes(blinders);
            let stored = sqlx::query(
                "UPDATE opening SET state = 1, blinders = ?, points = ?, source_seed = ?, source_root = ?
                 WHERE kind = ? AND table_id = ? AND segment = ? AND version = ? AND anchor = ? AND state = 0",
            )
            .bind(&secret[..])
            .bind(*points)
            .bind(source.map(|(seed, _)| &seed[..]))
            .bind(source.as_ref().map(|(_, root)| &root.0[..]))
            .bind(key.table.kind as i64)
            .bind(&key.table.digest.0[..])
            .bind(key.segment.index)
            .bind(key.segment.version)
            .bind(anchor.0)
            .execute(&mut *tx)
            .await?;
            if stored.rows_affected() != 1 {
                return Err(HospitalStoreError::OutOfOrder("the segment is not waiting for blinders"));
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Stores the signed transactions of an anchor, in the order in which they will be submitted.
    ///
    /// # Errors
    /// A segment is not prepared, or is in none or two of the transactions.
    #[boxed]
    pub async fn store_transactions(&self, anchor: AnchorId, transactions: &[AnchorTransaction]) -> Result<(), HospitalStoreError> {
        if !(1..=TRANSACTIONS_MAX).contains(&transactions.len()) {
            return Err(HospitalStoreError::OutOfOrder("an anchor has at least one transaction, and at most one for each segment"));
        }
        let mut tx = self.pool.begin().await?;
        advance(&mut tx, anchor, 1, 2).await?;
        for (sequence, transaction) in transactions.iter().enumerate() {
            sqlx::query("INSERT INTO anchor_transaction (anchor, sequence, bytes, state) VALUES (?, ?, ?, 0)")
                .bind(anchor.0)
                .bind(sequence as i64)
                .bind(&transaction.bytes)
                .execute(&mut *tx)
                .await?;
            for key in &transaction.openings {
                let carried = sqlx::query(
                    "UPDATE opening SET sequence = ?
                     WHERE kind = ? AND table_id = ? AND segment = ? AND version = ? AND anchor = ? AND state = 1 AND sequence IS NULL",
                )
                .bind(sequence as i64)
                .bind(key.table.kind as i64)
                .bind(&key.table.digest.0[..])
                .bind(key.segment.index)
                .bind(key.segment.version)
                .bind(anchor.0)
                .execute(&mut *tx)
                .await?;
                if carried.rows_affected() != 1 {
                    return Err(HospitalStoreError::OutOfOrder("a segment is not prepared, or goes into two transactions"));
                }
            }
        }
        let left = sqlx::query("SELECT 1 FROM opening WHERE anchor = ? AND sequence IS NULL").bind(anchor.0);
        if left.fetch_optional(&mut *tx).await?.is_some() {
            return Err(HospitalStoreError::OutOfOrder("a segment is in none of the transactions"));
        }
        tx.commit().await?;
        Ok(())
    }

    /// Records that a transaction is about to be sent. Call this before sending.
    ///
    /// # Errors
    /// The transaction is not the next one to be submitted.
    #[boxed]
    pub async fn anchor_submitted(&self, anchor: AnchorId, sequence: u32) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        self.move_transaction(&mut tx, anchor, sequence, (0, 1), None).await?;
        sqlx::query("UPDATE opening SET state = 2 WHERE anchor = ? AND sequence = ?")
            .bind(anchor.0)
            .bind(sequence)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records that the ledger holds a transaction. With the last one the anchor is done.
    ///
    /// # Errors
    /// The transaction was not submitted, or is confirmed already.
    #[boxed]
    pub async fn anchor_confirmed(&self, anchor: AnchorId, sequence: u32, height: Height) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        self.move_transaction(&mut tx, anchor, sequence, (1, 2), Some(height)).await?;
        sqlx::query("UPDATE opening SET state = 3, height = ? WHERE anchor = ? AND sequence = ?")
            .bind(height_to_sql(height))
            .bind(anchor.0)
            .bind(sequence)
            .execute(&mut *tx)
            .await?;
        super::replace::note_replaced(&mut tx, anchor).await?;
        let left = sqlx::query("SELECT 1 FROM anchor_transaction WHERE anchor = ? AND state < 2").bind(anchor.0);
        if left.fetch_optional(&mut *tx).await?.is_none() {
            advance(&mut tx, anchor, 2, 3).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn move_transaction(
        &self,
        c: &mut SqliteConnection,
        anchor: AnchorId,
        sequence: u32,
        (from, to): (i64, i64),
        height: Option<Height>,
    ) -> Result<(), HospitalStoreError> {
        let moved = sqlx::query(
            "UPDATE anchor_transaction SET state = ?, height = ? WHERE anchor = ? AND sequence = ? AND state = ?
             AND sequence = (SELECT min(sequence) FROM anchor_transaction WHERE anchor = ? AND state < 2)",
        )
        .bind(to)
        .bind(height.map(height_to_sql))
        .bind(anchor.0)
        .bind(sequence)
        .bind(from)
        .bind(anchor.0)
        .execute(c)
        .await?;
        if moved.rows_affected() == 1 {
            Ok(())
        } else {
            Err(HospitalStoreError::OutOfOrder("the transaction is not the next, or at another state"))
        }
    }

    /// Records that the ledger refused the transaction awaited. Segments confirmed before stay anchored; the openings of the
    /// others are deleted. The same content may be imported again.
    ///
    /// # Errors
    /// No transaction of the anchor is awaited.
    #[boxed]
    pub async fn anchor_rejected(&self, anchor: AnchorId, reason: &str) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let awaited = sqlx::query("SELECT 1 FROM anchor_transaction WHERE anchor = ? AND state = 1").bind(anchor.0);
        if awaited.fetch_optional(&mut *tx).await?.is_none() {
            return Err(HospitalStoreError::OutOfOrder("no transaction of this anchor is awaited"));
        }
        advance(&mut tx, anchor, 2, 4).await?;
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        sqlx::query("UPDATE anchor SET reason = ? WHERE id = ?").bind(reason).bind(anchor.0).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM opening WHERE anchor = ? AND state < 3").bind(anchor.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives up an anchor of which nothing was submitted. Its slots stay given out, and slots it took out of use stay out of use.
    ///
    /// # Errors
    /// The anchor is not running, or a transaction may have left the hospital.
    #[boxed]
    pub async fn abandon(&self, anchor: AnchorId) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        if !abandon_unsent(&mut tx, anchor).await? {
            return Err(HospitalStoreError::OutOfOrder("a transaction may have left the hospital"));
        }
        tx.commit().await?;
        Ok(())
    }

    /// What the transactions of an anchor name beside its segments.
    ///
    /// # Errors
    /// The journal knows no such anchor, or the file is damaged.
    #[boxed]
    pub async fn provenance(&self, anchor: AnchorId) -> Result<Provenance, HospitalStoreError> {
        type Stored = (Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);
        let row: Stored = sqlx::query_as("SELECT data_table, consent_table, mapping, policy, report, report_salt FROM anchor WHERE id = ?")
            .bind(anchor.0)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(HospitalStoreError::Unknown("anchor"))?;
        let digest = |bytes: Option<Vec<u8>>| -> Result<Digest32, HospitalStoreError> {
            let bytes = bytes.and_then(|b| b.try_into().ok()).ok_or(HospitalStoreError::Damaged("what an anchor was read with"))?;
            Ok(Digest32(bytes))
        };
        let (data, consent, mapping, policy, report, salt) = row;
        Ok(Provenance {
            dictionary: digest(Some(data))?,
            registry: digest(Some(consent))?,
            mapping: digest(mapping)?,
            policy: digest(policy)?,
            report: digest(report)?,
            salt: digest(salt)?,
        })
    }

    /// Keys of an anchor's openings.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn anchor_openings(&self, anchor: AnchorId) -> Result<Vec<OpeningKey>, HospitalStoreError> {
        let keys: Vec<StoredKey> =
            sqlx::query_as("SELECT kind, table_id, segment, version FROM opening WHERE anchor = ? ORDER BY kind, table_id, segment")
                .bind(anchor.0)
                .fetch_all(&self.pool)
                .await?;
        keys.into_iter().map(read_key).collect()
    }
}
