//! The plain model of a ledger, as far as one hospital goes.

use crate::source::SCOPES;
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    hash::Digest32,
    outer::scalar_bytes,
    segment::SegmentId,
};
use countersign_hospital::{
    ledger_view::LedgerView,
    opening::{OpeningKey, TableKind, TableName},
    slots::SlotIndex,
};
use countersign_ingest::{Mapping, Reading, shipped};
use countersign_messages::PatientKey;
use countersign_prover::commitment::Blinders;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

pub(crate) static READING: LazyLock<Reading> = LazyLock::new(|| Reading::from_toml(shipped::HEART_DISEASE).unwrap());
pub(crate) static MAPPING: LazyLock<Mapping> = LazyLock::new(|| Mapping::from_toml(shipped::MAPPING_HEART_CSV, &READING).unwrap());

pub(crate) fn registry() -> ScopeRegistry {
    ScopeRegistry { scopes: SCOPES.map(String::from).to_vec(), grid: vec![Day(18_500), Day(19_000), Day(20_000)] }
}

pub(crate) fn tables() -> [TableName; 2] {
    [TableName { kind: TableKind::Data, digest: READING.digest() }, TableName { kind: TableKind::Consent, digest: registry().digest() }]
}

/// A transaction, as the model reads it.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Anchor(Vec<(OpeningKey, Vec<u8>)>),
    Withdraw(BTreeSet<SlotIndex>),
}

/// Stands for commitments.
pub(crate) fn plain_points(blinders: &Blinders) -> Vec<u8> {
    blinders.0.iter().flat_map(scalar_bytes).collect()
}

/// The ledger: current segments, slots out of force, what it has seen, and cuts of studies.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) current: BTreeMap<(TableName, u32), (u32, Vec<u8>)>,
    pub(crate) withdrawn: BTreeSet<SlotIndex>,
    /// The same, in the order in which they left.
    pub(crate) order: Vec<SlotIndex>,
    /// Slots that patients' keys took out.
    pub(crate) left_by_key: BTreeSet<SlotIndex>,
    /// Slots that left as the hospital said that their patients said so; told apart only where a test needs it.
    pub(crate) by_word: BTreeSet<SlotIndex>,
    /// Whose key stands for a slot.
    pub(crate) keyed: BTreeMap<SlotIndex, u32>,
    pub(crate) decided: HashMap<Vec<u8>, bool>,
    pub(crate) cuts: Vec<Vec<OpeningKey>>,
    pub(crate) research: Option<Research>,
}

/// The research cut: which versions, which slots were out of force, and who was in it with which row.
pub(crate) struct Research {
    pub(crate) data: Vec<SegmentId>,
    pub(crate) consent: Vec<SegmentId>,
    pub(crate) out: BTreeSet<SlotIndex>,
    pub(crate) people: BTreeMap<u32, Vec<u16>>,
}

impl LedgerView for Ledger {
    fn segments(&self, table: TableName) -> u32 {
        self.current.keys().filter(|(of, _)| *of == table).count() as u32
    }

    fn current(&self, table: TableName, segment: u32) -> Option<(u32, Vec<u8>)> {
        self.current.get(&(table, segment)).cloned()
    }

    fn withdrawn(&self) -> Vec<SlotIndex> {
        self.withdrawn.iter().copied().collect()
    }

    fn left_by_key(&self) -> Vec<SlotIndex> {
        self.left_by_key.iter().copied().collect()
    }

    fn left_by_word(&self, slot: SlotIndex) -> bool {
        self.by_word.contains(&slot)
    }

    fn keyed(&self) -> Vec<SlotIndex> {
        self.keyed.keys().copied().collect()
    }

    fn key(&self, slot: SlotIndex) -> Option<PatientKey> {
        Some(PatientKey(Digest32::of(&slot.0.to_le_bytes()).0))
    }

    fn today(&self) -> Day {
        Day(18_000)
    }

    fn registry(&self, digest: &Digest32) -> Option<ScopeRegistry> {
        (*digest == registry().digest()).then(registry)
    }
}

impl Ledger {
    pub(crate) fn execute(&mut self, sent: &Sent) -> bool {
        match sent {
            Sent::Anchor(segments) => {
                let next = |key: &OpeningKey| self.current.get(&(key.table, key.segment.index)).map_or(0, |(version, _)| version + 1);
                if segments.iter().any(|(key, _)| key.segment.version != next(key)) {
                    return false;
                }
                for (key, points) in segments {
                    self.current.insert((key.table, key.segment.index), (key.segment.version, points.clone()));
                }
                true
            }
            Sent::Withdraw(slots) => {
                let spanned = tables().map(|t| self.segments(t)).into_iter().max().unwrap();
                if slots.iter().any(|s| s.segment() >= spanned || self.withdrawn.contains(s)) {
                    return false;
                }
                self.leave(slots);
                true
            }
        }
    }

    pub(crate) fn leave<'a>(&mut self, slots: impl IntoIterator<Item = &'a SlotIndex>) {
        let new: Vec<SlotIndex> = slots.into_iter().copied().filter(|slot| self.withdrawn.insert(*slot)).collect();
        self.order.extend(new);
    }
}
