//! Erasures that keep cuts: every version of a segment that can be used is replaced by one without the rows of slots that are out of force.

use super::anchor::AnchorId;
use crate::{
    HospitalStore, HospitalStoreError, codes,
    hospital_store::{height_to_sql, read_height, small},
    opening::{OpeningKey, OpeningState, TableKind, TableName, read_key},
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::segment::{EMPTY, SLOTS, SegmentId, SlotCodes};
use countersign_messages::{Height, limits::ERASURE_STEPS_MAX};
use sqlx::SqliteConnection;
use zeroize::Zeroizing;

/// A version that is to be replaced, as the ledger holds it.
#[derive(Debug, Clone, Copy)]
pub struct Replaceable<'a> {
    /// Which.
    pub key: OpeningKey,
    /// Its commitments.
    pub points: &'a [u8],
    /// The version that is to stand in its place.
    pub to: u32,
}

/// An erasure in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Position of the segment.
    pub index: u32,
    /// The slots emptied are those out of force at this height.
    pub height: Height,
    /// The versions that are replaced and those that replace them, ascending by table and version.
    pub versions: Vec<(OpeningKey, OpeningKey)>,
}

impl HospitalStore {
    /// Begins an erasure of slots (offsets of a segment) in versions of it. `None`, and nothing is kept, if one of these versions is not in this file as the ledger holds it, or they are more than one transaction takes: then only an import can anchor the table
    /// without the rows, and a study that pins the version is to be waited for.
    ///
    /// # Errors
    /// Another anchor is running, or the file is damaged.
    #[boxed]
    pub async fn plan_replacement(
        &self,
        (index, height): (u32, Height),
        slots: &[u16],
        versions: &[Replaceable<'_>],
    ) -> Result<Option<AnchorId>, HospitalStoreError> {
        if versions.len() > ERASURE_STEPS_MAX {
            return Ok(None);
        }
        let mut tx = self.pool.begin().await?;
        if sqlx::query("SELECT 1 FROM anchor WHERE stage < 3").fetch_optional(&mut *tx).await?.is_some() {
            return Err(HospitalStoreError::AnchorRunning);
        }
        let nothing = [0_u8; 32];
        let entered = sqlx::query(
            "INSERT INTO anchor (content, data_table, consent_table, stage, erased_segment, erased_height) VALUES (?, ?, ?, 1, ?, ?)",
        )
        .bind(&nothing[..])
        .bind(&nothing[..])
        .bind(&nothing[..])
        .bind(index)
        .bind(height_to_sql(height))
        .execute(&mut *tx)
        .await?;
        let anchor = AnchorId(entered.last_insert_rowid());
        for version in versions {
            if !plan_version(&mut tx, anchor, version, slots).await? {
                return Ok(None);
            }
        }
        tx.commit().await?;
        Ok(Some(anchor))
    }

    /// The erasure that an anchor is, if it is one.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn replacement(&self, anchor: AnchorId) -> Result<Option<Replacement>, HospitalStoreError> {
        let stored: Option<(Option<i64>, Option<i64>)> = sqlx::query_as("SELECT erased_segment, erased_height FROM anchor WHERE id = ?")
            .bind(anchor.0)
            .fetch_optional(&self.pool)
            .await?;
        let Some((Some(index), Some(height))) = stored else { return Ok(None) };
        let (index, height) = (small(index, "a segment's index")?, read_height(height)?);
        type Planned = (i64, Vec<u8>, i64, i64, Option<i64>);
        let rows: Vec<Planned> =
            sqlx::query_as("SELECT kind, table_id, segment, version, origin FROM opening WHERE anchor = ? ORDER BY table_id, version")
                .bind(anchor.0)
                .fetch_all(&self.pool)
                .await?;
        let pair = |(kind, table, segment, version, origin): Planned| {
            let new = read_key((kind, table, segment, version))?;
            let origin = origin.ok_or(HospitalStoreError::Damaged("an erasure's version"))?;
            let old = SegmentId { version: small(origin, "a segment's version")?, ..new.segment };
            Ok((OpeningKey { segment: old, ..new }, new))
        };
        let versions = rows.into_iter().map(pair).collect::<Result<_, HospitalStoreError>>()?;
        Ok(Some(Replacement { index, height, versions }))
    }
}

/// Plans one version; false: what it replaces is not here.
async fn plan_version(
    c: &mut SqliteConnection,
    anchor: AnchorId,
    version: &Replaceable<'_>,
    slots: &[u16],
) -> Result<bool, HospitalStoreError> {
    type Stored = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);
    let Replaceable { key: OpeningKey { table, segment }, points, to } = version;
    let stored: Option<Stored> = sqlx::query_as(
        "SELECT state, codes, points, provenance FROM opening WHERE kind = ? AND table_id = ? AND segment = ? AND version = ?",
    )
    .bind(table.kind as i64)
    .bind(&table.digest.0[..])
    .bind(segment.index)
    .bind(segment.version)
    .fetch_optional(&mut *c)
    .await?;
    let Some((state, Some(codes), Some(kept), provenance)) = stored else { return Ok(false) };
    let codes = Zeroizing::new(codes);
    let taken = sqlx::query("SELECT 1 FROM opening WHERE kind = ? AND table_id = ? AND segment = ? AND version >= ?")
        .bind(table.kind as i64)
        .bind(&table.digest.0[..])
        .bind(segment.index)
        .bind(to);
    // a version is never used twice, neither here nor on the ledger; those of this erasure ascend
    if state != OpeningState::Anchored as i64 || kept != *points || taken.fetch_optional(&mut *c).await?.is_some() {
        return Ok(false);
    }
    let mut codes = codes::from_bytes(&codes)?;
    for slot in slots {
        codes::clear(&mut codes, SlotIndex(u32::from(*slot)))?;
    }
    let bytes = Zeroizing::new(codes::to_bytes(&codes));
    sqlx::query(
        "INSERT INTO opening (kind, table_id, segment, version, anchor, state, codes, provenance, origin) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
    )
    .bind(table.kind as i64)
    .bind(&table.digest.0[..])
    .bind(segment.index)
    .bind(to)
    .bind(anchor.0)
    .bind(&bytes[..])
    .bind(provenance)
    .bind(segment.version)
    .execute(&mut *c)
    .await?;
    Ok(true)
}

/// Rows of exactly this version, if they are here.
async fn rows(c: &mut SqliteConnection, table: &TableName, segment: SegmentId) -> Result<Option<SlotCodes>, HospitalStoreError> {
    let found = standing_codes(c, *table, segment).await?.filter(|(standing, _)| *standing == segment);
    Ok(found.map(|(_, bytes)| codes::from_bytes(&bytes)).transpose()?)
}

/// Notes which places an erasure empties in a version that replaces another, with those that were emptied before.
async fn note_emptied(
    c: &mut SqliteConnection,
    table: &TableName,
    (from, to): (SegmentId, u32),
    held: &[u32],
) -> Result<(), HospitalStoreError> {
    // nothing is compared with the version of before any more
    sqlx::query("UPDATE emptied SET version = ? WHERE table_id = ? AND segment = ? AND version = ?")
        .bind(to)
        .bind(&table.digest.0[..])
        .bind(from.index)
        .bind(from.version)
        .execute(&mut *c)
        .await?;
    for slot in held {
        sqlx::query("INSERT OR IGNORE INTO emptied (table_id, segment, version, slot) VALUES (?, ?, ?, ?)")
            .bind(&table.digest.0[..])
            .bind(from.index)
            .bind(to)
            .bind(slot)
            .execute(&mut *c)
            .await?;
    }
    Ok(())
}

/// Places that erasures emptied in a version of research data.
pub(crate) async fn emptied(c: &mut SqliteConnection, table: &TableName, segment: SegmentId) -> Result<Vec<SlotIndex>, HospitalStoreError> {
    let slots: Vec<i64> = sqlx::query_scalar("SELECT slot FROM emptied WHERE table_id = ? AND segment = ? AND version = ? ORDER BY slot")
        .bind(&table.digest.0[..])
        .bind(segment.index)
        .bind(segment.version)
        .fetch_all(c)
        .await?;
    slots.into_iter().map(|slot| small(slot, "a slot").map(SlotIndex)).collect()
}

/// Once an erasure is anchored, no answer can need the versions that it replaced: destroys their openings, and notes what stands in their place.
pub(super) async fn note_replaced(c: &mut SqliteConnection, anchor: AnchorId) -> Result<(), HospitalStoreError> {
    let pairs: Vec<(i64, Vec<u8>, i64, i64, i64)> = sqlx::query_as(
        "SELECT kind, table_id, segment, version, origin FROM opening WHERE anchor = ? AND state = 3 AND origin IS NOT NULL",
    )
    .bind(anchor.0)
    .fetch_all(&mut *c)
    .await?;
    for (kind, table, segment, version, origin) in pairs {
        let new = read_key((kind, table.clone(), segment, version))?;
        if new.table.kind == TableKind::Data {
            let from = SegmentId { version: small(origin, "a segment's version")?, ..new.segment };
            let (old, now) = (rows(c, &new.table, from).await?, rows(c, &new.table, new.segment).await?);
            let held = |codes: &Option<SlotCodes>, offset: usize| {
                let bin = codes.as_ref().and_then(|codes| codes.blocks.first()).and_then(|block| block.get(offset));
                bin.is_some_and(|bin| *bin != EMPTY)
            };
            let first = from.index.saturating_mul(SLOTS as u32);
            let slots: Vec<u32> = (0..SLOTS)
                .filter(|offset| held(&old, *offset) && !held(&now, *offset))
                .map(|offset| first.saturating_add(offset as u32))
                .collect();
            note_emptied(c, &new.table, (from, new.segment.version), &slots).await?;
        }
        sqlx::query(
            "UPDATE opening SET replaced = ?, state = 4, codes = NULL, blinders = NULL, source_seed = NULL
             WHERE kind = ? AND table_id = ? AND segment = ? AND version = ?",
        )
        .bind(version)
        .bind(kind)
        .bind(table)
        .bind(segment)
        .bind(origin)
        .execute(&mut *c)
        .await?;
    }
    Ok(())
}

/// The version that stands for one, with its rows as they are stored: itself, or what replaced it. `None`: neither is here.
pub(crate) async fn standing_codes(
    c: &mut SqliteConnection,
    table: TableName,
    mut segment: SegmentId,
) -> Result<Option<(SegmentId, Zeroizing<Vec<u8>>)>, HospitalStoreError> {
    loop {
        let stored: Option<(Option<Vec<u8>>, Option<i64>)> =
            sqlx::query_as("SELECT codes, replaced FROM opening WHERE kind = ? AND table_id = ? AND segment = ? AND version = ?")
                .bind(table.kind as i64)
                .bind(&table.digest.0[..])
                .bind(segment.index)
                .bind(segment.version)
                .fetch_optional(&mut *c)
                .await?;
        match stored {
            Some((Some(codes), _)) => return Ok(Some((segment, Zeroizing::new(codes)))),
            Some((None, Some(next))) if next > i64::from(segment.version) => segment.version = small(next, "a segment's version")?,
            _ => return Ok(None),
        }
    }
}
