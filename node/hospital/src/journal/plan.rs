//! Planning an anchor: slots for new people, codes for every segment, and which segments changed.

use super::anchor::{AnchorContent, AnchorId, Begun, MISSING, NO_GRANT, advance, begin};
use crate::{
    Keeping, KeepingError, codes,
    keeping::{load_register, small, store_slots},
    opening::{OpeningKey, TableKind, TableName},
    slots::{PatientId, SlotIndex, SlotRegister},
};
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::Dictionary,
    hash::Digest32,
    segment::{SLOTS, SegmentId, SlotCodes},
};
use rand::{CryptoRng, RngCore};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// Imported rows read at a time.
const PAGE: i64 = 4096;

/// The layouts an import refers to.
struct Layouts<'a> {
    dictionary: &'a Dictionary,
    registry: &'a ScopeRegistry,
}

impl Keeping {
    /// Gives slots to new people, fixes the codes of every segment that is new or changed, and forgets the imported rows.
    /// Returns the openings planned; if nothing changed there are none and the anchor is done.
    ///
    /// # Errors
    /// The anchor is past this step, was imported for another dictionary or registry, or its rows do not fit them.
    pub async fn plan(
        &self,
        anchor: AnchorId,
        dictionary: &Dictionary,
        registry: &ScopeRegistry,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<OpeningKey>, KeepingError> {
        let mut tx = self.pool.begin().await?;
        let (data, consent): (Vec<u8>, Vec<u8>) = sqlx::query_as("SELECT data_table, consent_table FROM anchor WHERE id = ?")
            .bind(anchor.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(KeepingError::Unknown("anchor"))?;
        if data != dictionary.digest().0 || consent != registry.digest().0 {
            return Err(KeepingError::OutOfOrder("the rows were imported for another dictionary or scope registry"));
        }
        let patients: Vec<String> =
            sqlx::query_scalar("SELECT patient FROM imported WHERE anchor = ? ORDER BY patient").bind(anchor.0).fetch_all(&mut *tx).await?;
        let patients = patients.into_iter().map(PatientId::new).collect::<Result<Vec<_>, _>>()?;
        let mut register = load_register(&mut tx).await?;
        let new = register.assign(&patients, rng)?;
        store_slots(&mut tx, &new).await?;
        drop(patients);
        let codes = place_all(&mut tx, anchor, &Layouts { dictionary, registry }, &register).await?;
        let mut planned = Vec::new();
        for (kind, digest, codes) in [(TableKind::Data, dictionary.digest(), &codes.0), (TableKind::Consent, registry.digest(), &codes.1)] {
            plan_table(&mut tx, anchor, TableName { kind, digest }, codes, &mut planned).await?;
        }
        sqlx::query("DELETE FROM imported WHERE anchor = ?").bind(anchor.0).execute(&mut *tx).await?;
        advance(&mut tx, anchor, 0, if planned.is_empty() { 3 } else { 1 }).await?;
        tx.commit().await?;
        Ok(planned)
    }
}

impl Keeping {
    /// Begins an *erasure anchor*: every segment of the content's two tables whose newest version still has a row in an erased
    /// slot is planned anew with that slot empty and nothing else changed. Go on with [`Keeping::next_step`]; afterwards the
    /// versions before are [`Keeping::superseded`] and can be destroyed. Nothing to clear: the anchor is done at once.
    ///
    /// # Errors
    /// Another anchor is running, or the file is damaged.
    pub async fn plan_erasure(&self, content: &AnchorContent) -> Result<Begun, KeepingError> {
        let mut tx = self.pool.begin().await?;
        let anchor = match begin(&mut tx, content).await? {
            Begun::New { anchor, .. } => anchor,
            known => return Ok(known),
        };
        let erased: Vec<i64> = sqlx::query_scalar("SELECT slot FROM slot WHERE state = 2").fetch_all(&mut *tx).await?;
        let erased = erased.into_iter().map(|s| small(s, "a slot").map(SlotIndex)).collect::<Result<Vec<_>, _>>()?;
        let segments: BTreeSet<u32> = erased.iter().map(|slot| slot.segment()).collect();
        let mut cleared = 0;
        for (kind, digest) in [(TableKind::Data, content.data_table), (TableKind::Consent, content.consent_table)] {
            let table = TableName { kind, digest };
            for index in segments.iter().copied() {
                let Some((version, Some(old))) = newest(&mut tx, table, index).await? else { continue };
                let mut codes = codes::from_bytes(&old)?;
                let inside = erased.iter().filter(|slot| slot.segment() == index);
                inside.map(|slot| SlotIndex(slot.offset())).try_for_each(|slot| codes::clear(&mut codes, slot))?;
                let bytes = Zeroizing::new(codes::to_bytes(&codes));
                if *bytes != *old {
                    let version = version.checked_add(1).ok_or(KeepingError::Damaged("a segment's version"))?;
                    insert_planned(&mut tx, anchor, &OpeningKey { table, segment: SegmentId { index, version } }, &bytes).await?;
                    cleared += 1;
                }
            }
        }
        advance(&mut tx, anchor, 0, if cleared == 0 { 3 } else { 1 }).await?;
        tx.commit().await?;
        Ok(Begun::New { anchor, people: 0 })
    }
}

/// Codes of the data and the consent table. People who withdrew have no slot and are left out.
async fn place_all(
    c: &mut SqliteConnection,
    anchor: AnchorId,
    layouts: &Layouts<'_>,
    register: &SlotRegister,
) -> Result<(SlotCodes, SlotCodes), KeepingError> {
    let slots = register.segments() as usize * SLOTS;
    let blocks = layouts.dictionary.attributes().iter().map(|a| a.blocks().len()).sum();
    let mut data = codes::empty(blocks, slots);
    let mut consents = codes::empty(layouts.registry.scopes.len(), slots);
    let mut after = String::new();
    loop {
        let page: Vec<(String, Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT patient, levels, grants FROM imported WHERE anchor = ? AND patient > ? ORDER BY patient LIMIT ?")
                .bind(anchor.0)
                .bind(&after)
                .bind(PAGE)
                .fetch_all(&mut *c)
                .await?;
        let Some(last) = page.last() else { return Ok((data, consents)) };
        after.clone_from(&last.0);
        for (patient, levels, grants) in page {
            let (levels, grants) = (Zeroizing::new(levels), Zeroizing::new(grants));
            let Some(assignment) = register.find(&PatientId::new(patient)?) else { continue };
            let levels: Zeroizing<Vec<Option<u32>>> =
                Zeroizing::new(words(&levels).map(u32::from_le_bytes).map(|l| (l != MISSING).then_some(l)).collect());
            codes::place_levels(&mut data, layouts.dictionary, assignment.slot, &levels)?;
            let grants: Vec<Option<Day>> = words(&grants).map(i32::from_le_bytes).map(|d| (d != NO_GRANT).then_some(Day(d))).collect();
            codes::place_grants(&mut consents, layouts.registry, assignment.slot, &grants)?;
        }
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]])
}

/// Plans an opening for every segment whose codes differ from those last anchored.
async fn plan_table(
    c: &mut SqliteConnection,
    anchor: AnchorId,
    table: TableName,
    codes: &SlotCodes,
    planned: &mut Vec<OpeningKey>,
) -> Result<(), KeepingError> {
    let segments = (codes.slots() / SLOTS) as u32;
    for index in 0..segments {
        let segment = codes::segment(codes, index).ok_or(KeepingError::Damaged("a segment"))?;
        let bytes = Zeroizing::new(codes::to_bytes(&segment));
        let newest = newest(c, table, index).await?;
        let version = match newest {
            Some((_, Some(old))) if *old == *bytes => continue,
            Some((version, _)) => version.checked_add(1).ok_or(KeepingError::Damaged("a segment's version"))?,
            None => 0,
        };
        let key = OpeningKey { table, segment: SegmentId { index, version } };
        insert_planned(c, anchor, &key, &bytes).await?;
        planned.push(key);
    }
    Ok(())
}

async fn insert_planned(c: &mut SqliteConnection, anchor: AnchorId, key: &OpeningKey, codes: &[u8]) -> Result<(), KeepingError> {
    sqlx::query("INSERT INTO opening (kind, table_id, segment, version, anchor, state, codes) VALUES (?, ?, ?, ?, ?, 0, ?)")
        .bind(key.table.kind as i64)
        .bind(&key.table.digest.0[..])
        .bind(key.segment.index)
        .bind(key.segment.version)
        .bind(anchor.0)
        .bind(codes)
        .execute(c)
        .await?;
    Ok(())
}

/// Version and codes (unless destroyed) of a segment's newest anchor.
async fn newest(c: &mut SqliteConnection, table: TableName, index: u32) -> Result<Option<(u32, Option<Zeroizing<Vec<u8>>>)>, KeepingError> {
    let Digest32(digest) = table.digest;
    let row: Option<(i64, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT version, codes FROM opening WHERE kind = ? AND table_id = ? AND segment = ? ORDER BY version DESC LIMIT 1")
            .bind(table.kind as i64)
            .bind(&digest[..])
            .bind(index)
            .fetch_optional(c)
            .await?;
    row.map(|(version, codes)| Ok((small(version, "a segment's version")?, codes.map(Zeroizing::new)))).transpose()
}
