//! The ledger's word on a hospital's tables.

use crate::{ledger_view::LedgerView, opening::TableName, released::Dictionaries, slots::SlotIndex};
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::Dictionary,
    hash::Digest32,
    segment::SegmentId,
};
use countersign_ledger::{SegmentKey, State, TableKey, WithdrawnBy};
use countersign_messages::{MemberId, PatientKey};

/// A hospital as the ledger has it.
pub(super) struct OnLedger<'a> {
    pub(super) state: &'a State,
    pub(super) hospital: MemberId,
}

impl OnLedger<'_> {
    fn table(&self, table: TableName) -> TableKey {
        TableKey { hospital: self.hospital, table: table.digest }
    }
}

impl Dictionaries for OnLedger<'_> {
    fn dictionary(&self, digest: &Digest32) -> Option<Dictionary> {
        self.state.dictionary(digest).map(|record| record.dictionary().clone())
    }
}

impl LedgerView for OnLedger<'_> {
    fn segments(&self, table: TableName) -> u32 {
        self.state.table(&self.table(table)).map_or(0, |record| record.segment_count())
    }

    fn current(&self, table: TableName, segment: u32) -> Option<(u32, Vec<u8>)> {
        let version = *self.state.table(&self.table(table))?.versions.get(segment as usize)?;
        let key = SegmentKey { table: self.table(table), id: SegmentId { index: segment, version } };
        Some((version, self.state.segment(&key)?.bytes.clone()))
    }

    fn withdrawn(&self) -> Vec<SlotIndex> {
        self.state.withdrawals(self.hospital).map(|(slot, _)| SlotIndex(slot)).collect()
    }

    fn left_by_key(&self) -> Vec<SlotIndex> {
        let left = self.state.withdrawals(self.hospital).filter(|(_, record)| record.by == WithdrawnBy::Key);
        left.map(|(slot, _)| SlotIndex(slot)).collect()
    }

    fn left_by_word(&self, slot: SlotIndex) -> bool {
        self.state.withdrawal(self.hospital, slot.0).is_some_and(|record| record.by == WithdrawnBy::Word)
    }

    fn keyed(&self) -> Vec<SlotIndex> {
        self.state.patient_keys(&self.hospital).map(|(slot, _)| SlotIndex(slot)).collect()
    }

    fn key(&self, slot: SlotIndex) -> Option<PatientKey> {
        self.state.patient_key(&self.hospital, slot.0).map(|record| record.key)
    }

    fn today(&self) -> Day {
        self.state.tip().time.day().max(Day(0))
    }

    fn registry(&self, digest: &Digest32) -> Option<ScopeRegistry> {
        self.state.registry_of(digest).cloned()
    }
}
