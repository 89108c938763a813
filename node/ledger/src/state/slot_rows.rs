//! What a hospital has anchored at one slot: the versions in force, and those that studies are answered from.

use super::{
    State,
    records::{SegmentKey, TableKey},
};
use countersign_circuits::{
    hash::Digest32,
    segment::{SLOTS, SegmentId},
};
use countersign_messages::MemberId;
use std::collections::BTreeMap;

/// A version of a table's segment that a slot is in. Whether the slot holds a row there, the ledger does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRow {
    /// Dictionary of the data, or scope registry of the consents.
    pub table: Digest32,
    /// The segment and its version.
    pub segment: SegmentId,
    /// True for the version in force.
    pub current: bool,
    /// Numbers of the studies in date that are answered from it, ascending.
    pub studies: Vec<u32>,
}

impl State {
    /// The versions that a slot of a hospital is in, those in force first.
    pub fn slot_rows(&self, hospital: &MemberId, slot: u32) -> Vec<SlotRow> {
        let index = slot / SLOTS as u32;
        let mut rows: BTreeMap<(Digest32, u32), SlotRow> = BTreeMap::new();
        let row = |table: Digest32, segment: SegmentId| SlotRow { table, segment, current: false, studies: Vec::new() };
        let first = TableKey { hospital: *hospital, table: Digest32([0; 32]) };
        let last = TableKey { hospital: *hospital, table: Digest32([u8::MAX; 32]) };
        for (key, record) in self.tables.range(first..=last) {
            let Some(version) = record.versions.get(index as usize) else { continue };
            let segment = SegmentId { index, version: *version };
            rows.entry((key.table, *version)).or_insert_with(|| row(key.table, segment)).current = true;
        }
        for (id, study) in self.studies.iter() {
            let over = study.is_over(self.tip.time.day());
            let Some(cut) = self.cut(id, hospital).filter(|_| !over) else { continue };
            for (table, version) in self.pinned(cut, (study.submitted.dictionary, study.registry), (index, self.tip.height)) {
                let segment = SegmentId { index, version };
                rows.entry((table, version)).or_insert_with(|| row(table, segment)).studies.push(study.number);
            }
        }
        let mut rows: Vec<SlotRow> = rows.into_values().collect();
        rows.iter_mut().for_each(|row| row.studies.sort_unstable());
        rows.sort_by_key(|row| !row.current);
        rows
    }

    /// The record of a version that a slot is in.
    pub fn slot_segment(&self, hospital: &MemberId, row: &SlotRow) -> Option<&super::SegmentRecord> {
        self.segment(&SegmentKey { table: TableKey { hospital: *hospital, table: row.table }, id: row.segment })
    }
}
