//! The plain model of a ledger, as far as one hospital goes.

use crate::{source::SCOPES, world::RUNNING};
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
    Replace(Replace),
}

/// Versions of one segment in place of others: old, new and commitments of each.
#[derive(Debug, Clone)]
pub(crate) struct Replace {
    pub(crate) index: u32,
    pub(crate) emptied: BTreeSet<SlotIndex>,
    pub(crate) versions: Vec<(OpeningKey, OpeningKey, Vec<u8>)>,
}

/// Stands for commitments.
pub(crate) fn plain_points(blinders: &Blinders) -> Vec<u8> {
    blinders.0.iter().flat_map(scalar_bytes).collect()
}

/// The ledger: current segments, slots out of force, what it has seen, and cuts of studies.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) current: BTreeMap<(TableName, u32), (u32, Vec<u8>)>,
    /// Commitments of every version that was ever anchored.
    pub(crate) anchored: BTreeMap<OpeningKey, Vec<u8>>,
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
    /// Who was in it and is emptied since.
    pub(crate) emptied: BTreeSet<u32>,
    /// Where they were then.
    pub(crate) slots: BTreeMap<u32, SlotIndex>,
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
                    self.anchored.insert(*key, points.clone());
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
            Sent::Replace(replace) => self.replace(replace),
        }
    }

    /// Slots of a segment that had left when so many had.
    pub(crate) fn left(&self, index: u32, count: usize) -> BTreeSet<SlotIndex> {
        self.order[..count].iter().copied().filter(|slot| slot.segment() == index).collect()
    }

    /// What an erasure of a segment replaces, with the versions that come after: those in force, those of the studies that run, and those of the research cut.
    pub(crate) fn replaceable(&self, index: u32, running: usize) -> Vec<(OpeningKey, u32)> {
        let current = |table: TableName| self.current.get(&(table, index)).map(|(version, _)| *version);
        let key = |table: TableName, version: u32| OpeningKey { table, segment: SegmentId { index, version } };
        let mut keys: BTreeSet<OpeningKey> = tables().into_iter().filter_map(|table| Some(key(table, current(table)?))).collect();
        keys.extend(self.cuts.iter().rev().take(running).flatten().filter(|key| key.segment.index == index));
        for (table, segments) in self.research.iter().flat_map(|cut| tables().into_iter().zip([&cut.data, &cut.consent])) {
            keys.extend(segments.iter().filter(|segment| segment.index == index).map(|segment| key(table, segment.version)));
        }
        let mut next: BTreeMap<TableName, u32> = BTreeMap::new();
        keys.into_iter()
            .map(|key| {
                let to = next.entry(key.table).or_insert_with(|| current(key.table).unwrap());
                *to += 1;
                (key, *to)
            })
            .collect()
    }

    fn replace(&mut self, replace: &Replace) -> bool {
        let now: BTreeMap<OpeningKey, u32> = self.replaceable(replace.index, RUNNING).into_iter().collect();
        let named: BTreeMap<OpeningKey, u32> = replace.versions.iter().map(|(old, new, _)| (*old, new.segment.version)).collect();
        if now != named {
            return false;
        }
        let moved: BTreeMap<OpeningKey, OpeningKey> = replace.versions.iter().map(|(old, new, _)| (*old, *new)).collect();
        for (old, new, points) in &replace.versions {
            self.anchored.insert(*new, points.clone());
            let current = self.current.get_mut(&(old.table, replace.index)).unwrap();
            if current.0 == old.segment.version {
                *current = (new.segment.version, points.clone());
            }
        }
        self.cuts.iter_mut().flatten().for_each(|key| *key = moved.get(key).copied().unwrap_or(*key));
        if let Some(cut) = &mut self.research {
            for (table, segments) in tables().into_iter().zip([&mut cut.data, &mut cut.consent]) {
                let new = |segment: &SegmentId| moved.get(&OpeningKey { table, segment: *segment }).map_or(*segment, |key| key.segment);
                segments.iter_mut().for_each(|segment| *segment = new(segment));
            }
            // who was in it and is emptied is in it no more
            let gone: Vec<u32> = cut.slots.iter().filter(|(_, slot)| replace.emptied.contains(slot)).map(|(id, _)| *id).collect();
            for id in gone {
                cut.people.remove(&id);
                cut.slots.remove(&id);
                cut.emptied.insert(id);
            }
        }
        true
    }

    pub(crate) fn leave<'a>(&mut self, slots: impl IntoIterator<Item = &'a SlotIndex>) {
        let new: Vec<SlotIndex> = slots.into_iter().copied().filter(|slot| self.withdrawn.insert(*slot)).collect();
        self.order.extend(new);
    }
}
