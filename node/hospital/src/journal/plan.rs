//! Which segments differ from what is anchored, and erasure anchors.

use super::{
    anchor::{AnchorContent, AnchorId},
    import::Begun,
};
use crate::{
    HospitalStore, HospitalStoreError, codes,
    hospital_store::small,
    ledger_view::LedgerView,
    opening::{OpeningKey, TableKind, TableName},
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    hash::Digest32,
    segment::{SLOTS, SegmentId, SlotCodes},
};
use sqlx::SqliteConnection;
use std::collections::{BTreeSet, HashSet};
use zeroize::Zeroizing;

/// The newest anchor of a segment that this file knows.
pub(super) struct Newest {
    pub(super) version: u32,
    /// `None` once destroyed.
    pub(super) codes: Option<Zeroizing<Vec<u8>>>,
    pub(super) points: Option<Vec<u8>>,
    pub(super) provenance: Option<Vec<u8>>,
}

impl Newest {
    async fn read(c: &mut SqliteConnection, table: TableName, segment: u32) -> Result<Option<Self>, HospitalStoreError> {
        type Stored = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);
        let row: Option<Stored> = sqlx::query_as(
            "SELECT version, codes, points, provenance FROM opening WHERE kind = ? AND table_id = ? AND segment = ? ORDER BY version DESC LIMIT 1",
        )
        .bind(table.kind as i64)
        .bind(&table.digest.0[..])
        .bind(segment)
        .fetch_optional(c)
        .await?;
        let Some((version, codes, points, provenance)) = row else { return Ok(None) };
        Ok(Some(Self { version: small(version, "a segment's version")?, codes: codes.map(Zeroizing::new), points, provenance }))
    }
}

/// Plans an opening for every segment that is not on the ledger exactly so, with these codes, read by this mapping or policy. Returns their number.
///
/// A row in a withdrawn slot is nobody's, whatever it holds: that it is still there is no reason to anchor a segment. Where there is another reason, it goes; and an
/// [erasure anchor](HospitalStore::plan_erasure) takes it away for its own sake.
pub(super) async fn plan_table(
    c: &mut SqliteConnection,
    anchor: AnchorId,
    (table, provenance): (TableName, Digest32),
    codes: &SlotCodes,
    ledger: &dyn LedgerView,
) -> Result<u64, HospitalStoreError> {
    let mut planned = 0;
    let withdrawn: Vec<i64> = sqlx::query_scalar("SELECT slot FROM slot WHERE state = 1").fetch_all(&mut *c).await?;
    let withdrawn = withdrawn.into_iter().map(|s| small(s, "a slot").map(SlotIndex)).collect::<Result<HashSet<_>, _>>()?;
    for index in 0..(codes.slots() / SLOTS) as u32 {
        let segment = codes::segment(codes, index).ok_or(HospitalStoreError::Damaged("a segment"))?;
        let bytes = Zeroizing::new(codes::to_bytes(&segment));
        let (kept, held) = (Newest::read(c, table, index).await?, ledger.current(table, index));
        if let (Some(kept), Some((version, points))) = (&kept, &held) {
            let on_ledger = kept.version == *version && kept.points.as_ref() == Some(points);
            let nobodys = |offset: usize| withdrawn.contains(&SlotIndex(index * SLOTS as u32 + offset as u32));
            let same = kept.codes.as_ref().is_some_and(|old| same_rows(old, &bytes, nobodys))
                && kept.provenance.as_deref() == Some(&provenance.0[..]);
            if on_ledger && same {
                continue;
            }
        }
        // a version is never used twice, neither here nor on the ledger
        let last = kept.map(|k| k.version).max(held.map(|(version, _)| version));
        let next = |v: u32| v.checked_add(1).ok_or(HospitalStoreError::Damaged("a segment's version"));
        let version = last.map_or(Ok(0), next)?;
        insert_planned(c, anchor, &OpeningKey { table, segment: SegmentId { index, version } }, (&bytes, &provenance)).await?;
        planned += 1;
    }
    Ok(planned)
}

/// True if two segments differ in rows that are nobody's alone. Both are as [`codes::to_bytes`] writes them.
fn same_rows(old: &[u8], new: &[u8], nobodys: impl Fn(usize) -> bool) -> bool {
    let differing = || old.chunks_exact(2).zip(new.chunks_exact(2)).enumerate().filter(|(_, (a, b))| a != b);
    old == new || (old.len() == new.len() && differing().all(|(place, _)| nobodys(place % SLOTS)))
}

async fn insert_planned(
    c: &mut SqliteConnection,
    anchor: AnchorId,
    key: &OpeningKey,
    (codes, provenance): (&[u8], &Digest32),
) -> Result<(), HospitalStoreError> {
    sqlx::query("INSERT INTO opening (kind, table_id, segment, version, anchor, state, codes, provenance) VALUES (?, ?, ?, ?, ?, 0, ?, ?)")
        .bind(key.table.kind as i64)
        .bind(&key.table.digest.0[..])
        .bind(key.segment.index)
        .bind(key.segment.version)
        .bind(anchor.0)
        .bind(codes)
        .bind(&provenance.0[..])
        .execute(c)
        .await?;
    Ok(())
}

impl HospitalStore {
    /// Begins an *erasure anchor*: every segment of the content's two tables whose newest version still has a row in an erased
    /// slot is planned anew with that slot empty and nothing else changed, if the ledger has it in force and it was read by the content's mapping or policy: all others only an import can anchor. Go on with [`HospitalStore::next_step`]; afterwards the
    /// versions before are [`HospitalStore::superseded`] and can be destroyed. Nothing to clear: the anchor is done at once. The slots must be out of force on the
    /// ledger before ([`HospitalStore::withdraw`]), as studies pin the versions before.
    ///
    /// # Errors
    /// Another anchor is running, or the file is damaged.
    #[boxed]
    pub async fn plan_erasure(&self, content: &AnchorContent, ledger: &dyn LedgerView) -> Result<Begun, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        if sqlx::query("SELECT 1 FROM anchor WHERE stage < 3").fetch_optional(&mut *tx).await?.is_some() {
            return Err(HospitalStoreError::AnchorRunning);
        }
        let anchor = super::import::enter(&mut tx, content, &Digest32::default(), &mut rand::rngs::OsRng).await?;
        let dead: Vec<(i64, i64)> = sqlx::query_as("SELECT slot, state FROM slot WHERE state > 0").fetch_all(&mut *tx).await?;
        let place = |(slot, state): (i64, i64)| Ok::<_, HospitalStoreError>((SlotIndex(small(slot, "a slot")?), state == 2));
        let dead = dead.into_iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let segments: BTreeSet<u32> = dead.iter().filter(|(_, erased)| *erased).map(|(slot, _)| slot.segment()).collect();
        let mut cleared = 0;
        let tables = [(TableKind::Data, content.data_table, content.mapping), (TableKind::Consent, content.consent_table, content.policy)];
        for (kind, digest, read_by) in tables {
            let table = TableName { kind, digest };
            for index in segments.iter().copied() {
                let Some(Newest { version, codes: Some(old), points: Some(points), provenance: Some(provenance) }) =
                    Newest::read(&mut tx, table, index).await?
                else {
                    continue;
                };
                // a file that was brought back, or a segment that an interrupted import left behind
                if ledger.current(table, index) != Some((version, points)) || *provenance != read_by.0 {
                    continue;
                }
                let mut codes = codes::from_bytes(&old)?;
                let clear = |codes: &mut SlotCodes, which: &dyn Fn(bool) -> bool| {
                    let inside = dead.iter().filter(|(slot, erased)| slot.segment() == index && which(*erased));
                    inside.map(|(slot, _)| SlotIndex(slot.offset())).try_for_each(|slot| codes::clear(codes, slot))
                };
                // rows of withdrawn slots are no reason, and go with the others
                clear(&mut codes, &|erased| erased)?;
                if codes::to_bytes(&codes) != **old {
                    clear(&mut codes, &|erased| !erased)?;
                }
                let bytes = Zeroizing::new(codes::to_bytes(&codes));
                if *bytes != *old {
                    let version = version.checked_add(1).ok_or(HospitalStoreError::Damaged("a segment's version"))?;
                    let key = OpeningKey { table, segment: SegmentId { index, version } };
                    insert_planned(&mut tx, anchor, &key, (&bytes, &read_by)).await?;
                    cleared += 1;
                }
            }
        }
        if cleared == 0 {
            sqlx::query("UPDATE anchor SET stage = 3 WHERE id = ?").bind(anchor.0).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(Begun::New { anchor, planned: super::import::Planned { segments: cleared, ..Default::default() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_circuits::segment::EMPTY;

    #[test]
    fn rows_that_are_nobodys_do_not_matter_and_all_others_do() {
        let mut codes = SlotCodes { blocks: vec![vec![3; SLOTS], vec![4; SLOTS]] };
        let old = codes::to_bytes(&codes);
        codes.blocks[1][7] = 5;
        let changed = codes::to_bytes(&codes);
        assert!(same_rows(&old, &old, |_| false));
        assert!(same_rows(&old, &changed, |offset| offset == 7));
        assert!(!same_rows(&old, &changed, |offset| offset == 8), "the row of somebody");
        codes.blocks.iter_mut().for_each(|block| block[8] = EMPTY);
        let gone = codes::to_bytes(&codes);
        assert!(!same_rows(&old, &gone, |offset| offset == 7), "the row of somebody who is gone");
        assert!(same_rows(&old, &gone, |offset| offset == 7 || offset == 8));
        assert!(!same_rows(&old, &old[..SLOTS * 2], |_| true), "another width");
    }
}
