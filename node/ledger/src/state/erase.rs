//! Erasures: versions of segments that are replaced, wherever they stand, by ones without the rows of slots that are out of force.
//!
//! A cut keeps its name and its list of versions; what it is answered from follows from the list and the height an answer names ([`State::version_at`]). So an answer in the making stays valid, and a cut
//! outlives the openings of the versions it was made from.

use super::{
    Context, State,
    records::{DataCut, SegmentKey, SegmentRecord, TableKey},
    result::Effect,
};
use crate::{
    checker::ErasureCheck,
    rejection::{ErasureRefused, Rejection},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    consent::Day,
    dictionary::SegmentLayout,
    erasure::ErasureStep,
    hash::Digest32,
    segment::{POINT_BYTES, SEGMENTS_MAX, SLOTS, Segment, SegmentId, TableContext},
};
use countersign_messages::{Erase, ErasedVersion, Height, MemberId};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

/// What replaced a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Replaced {
    /// By which version.
    by: u32,
    /// From the state after this block on.
    height: Height,
}

/// The versions that a cut is answered from at a height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutVersions {
    /// Data segments, in order.
    pub data: Vec<SegmentId>,
    /// Consent segments, in order; as many.
    pub consent: Vec<SegmentId>,
}

/// Versions of one segment, by table.
type Versions = BTreeSet<(Digest32, u32)>;

/// Whether a transaction is executed with all that the ledger holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// By a validator, or whoever replays the chain.
    Everything,
    /// For a light client: cuts and tables that its answer does not need may be missing.
    Excerpt,
}

impl State {
    /// The version that stands for a version of a segment at a height: itself, or what replaced it by then.
    pub fn version_at(&self, key: &SegmentKey, height: Height) -> SegmentId {
        let mut id = key.id;
        // every step goes to a later version
        while let Some(next) = self.replaced.get(&SegmentKey { table: key.table, id }).filter(|next| next.height <= height) {
            id.version = next.by;
        }
        id
    }

    /// The versions that a cut is answered from at a height.
    pub fn cut_versions(&self, cut: &DataCut, height: Height) -> CutVersions {
        let (data, consent) = self.study(&cut.study).map_or_else(Default::default, |s| (s.submitted.dictionary, s.registry));
        let at = |table: Digest32, ids: &[SegmentId]| {
            let table = TableKey { hospital: cut.hospital, table };
            ids.iter().map(|id| self.version_at(&SegmentKey { table, id: *id }, height)).collect()
        };
        CutVersions { data: at(data, &cut.data), consent: at(consent, &cut.consent) }
    }

    /// True if a segment of a hospital was replaced until a height.
    pub(crate) fn erased_until(&self, hospital: &MemberId, height: Height) -> bool {
        let id = |at: u32| SegmentId { index: at, version: at };
        let first = SegmentKey { table: TableKey { hospital: *hospital, table: Digest32([0; 32]) }, id: id(0) };
        let last = SegmentKey { table: TableKey { hospital: *hospital, table: Digest32([u8::MAX; 32]) }, id: id(u32::MAX) };
        self.replaced.range(first..=last).any(|(_, replaced)| replaced.height <= height)
    }

    /// The versions of a hospital's segment that an erasure must replace: those in force of every table that can still be used, and those that cuts of studies in date are answered from.
    /// Beside them it may replace those of its research cuts.
    pub fn versions_to_erase(&self, hospital: &MemberId, index: u32) -> (Versions, Versions) {
        self.versions_to_erase_at(hospital, index, (self.tip.height, self.tip.time.day()))
    }

    /// The same in a block of a height and day.
    fn versions_to_erase_at(&self, hospital: &MemberId, index: u32, (height, today): (Height, Day)) -> (Versions, Versions) {
        let (mut must, mut may) = (Versions::new(), Versions::new());
        let current = |table: &TableKey| self.tables.get(table)?.versions.get(index as usize).copied();
        let keys =
            TableKey { hospital: *hospital, table: Digest32([0; 32]) }..=TableKey { hospital: *hospital, table: Digest32([u8::MAX; 32]) };
        for (key, record) in self.tables.range(keys) {
            let usable = self.dictionaries.get(&key.table).is_some()
                || key.table == self.in_force.registry
                || self.studies.iter().any(|(_, s)| s.registry == key.table && !s.is_over(today));
            must.extend(record.versions.get(index as usize).filter(|_| usable).map(|version| (key.table, *version)));
        }
        for (id, study) in self.studies.iter().filter(|(_, study)| !study.is_over(today)) {
            must.extend(
                self.cut(id, hospital)
                    .into_iter()
                    .flat_map(|cut| self.pinned(cut, (study.submitted.dictionary, study.registry), (index, height))),
            );
        }
        let first = (*hospital, Digest32([0; 32]), Digest32([0; 32]));
        let last = (*hospital, Digest32([u8::MAX; 32]), Digest32([u8::MAX; 32]));
        for ((_, dictionary, registry), study) in self.research.range(first..=last) {
            may.extend(self.cut(study, hospital).into_iter().flat_map(|cut| self.pinned(cut, (*dictionary, *registry), (index, height))));
        }
        // the version in force goes along with any other of its table: it is the last one always
        let tables: BTreeSet<Digest32> = may.iter().map(|(table, _)| *table).collect();
        may.extend(tables.into_iter().filter_map(|table| Some((table, current(&TableKey { hospital: *hospital, table })?))));
        (must, may)
    }

    /// Data and consent version of an index that a cut is answered from at a height.
    pub(super) fn pinned(
        &self,
        cut: &DataCut,
        (data, consent): (Digest32, Digest32),
        (index, height): (u32, Height),
    ) -> Vec<(Digest32, u32)> {
        let now = |table: Digest32, ids: &[SegmentId]| {
            let key = SegmentKey { table: TableKey { hospital: cut.hospital, table }, id: *ids.get(index as usize)? };
            Some((table, self.version_at(&key, height).version))
        };
        [now(data, &cut.data), now(consent, &cut.consent)].into_iter().flatten().collect()
    }

    /// Offsets of a segment's slots that are out of force at a height.
    pub fn slots_to_erase(&self, hospital: MemberId, index: u32, height: Height) -> Vec<u16> {
        let bits = self.withdrawals.bitmap(hospital, index, height);
        (0..SLOTS as u16).filter(|offset| !bits.get(usize::from(*offset))).collect()
    }

    pub(super) fn apply_erase(&mut self, cx: &Context<'_>, erase: &Erase) -> Result<Effect, Rejection> {
        let index = erase.index;
        let last = Height(cx.height.0.saturating_sub(1));
        if erase.height > last {
            return Err(ErasureRefused::Height { found: erase.height, last }.into());
        }
        let slots = if (index as usize) < SEGMENTS_MAX { self.slots_to_erase(cx.signer, index, erase.height) } else { Vec::new() };
        if slots.is_empty() {
            return Err(ErasureRefused::Nothing(index).into());
        }
        self.check_versions(cx, erase)?;
        let points = erase.steps.iter().map(|step| (step.points.len() / POINT_BYTES) as u64).sum();
        let account = self.account(cx).with_points(points, self.in_force.rules.points_a_day)?;
        let old: Vec<Arc<SegmentRecord>> = erase.steps.iter().map(|step| self.erased_from(cx, erase, step)).collect::<Result<_, _>>()?;
        let layouts: Vec<SegmentLayout> =
            erase.steps.iter().map(|step| self.layout_of(&step.table).ok_or(Rejection::DictionaryUnknown)).collect::<Result<_, _>>()?;
        for (step, layout) in erase.steps.iter().zip(&layouts) {
            self.take_commitments(layout, [(&step.standing(index), &step.points[..])])?;
        }
        let hospital = cx.signer.digest();
        let decode = |(step, layout): (&ErasedVersion, &SegmentLayout)| {
            let context = TableContext { network: self.network.0, hospital, table: step.table };
            Segment::decode(&context, step.standing(index), &step.points, layout.rows())
        };
        let new: Vec<Segment> = erase.steps.iter().zip(&layouts).map(decode).collect::<Result<_, _>>()?;
        let steps: Vec<ErasureStep<'_>> =
            layouts.iter().zip(&old).zip(&new).map(|((layout, old), new)| ErasureStep { layout, old: old.segment(), new }).collect();
        let check = ErasureCheck { transaction: cx.transaction, slots: &slots, steps: &steps, proof: &erase.proof };
        cx.checker.check_erasure(&check).map_err(|e| ErasureRefused::Proof(e.to_string()))?;
        let versions = new.len() as u32;
        for ((step, old), segment) in erase.steps.iter().zip(&old).zip(new) {
            self.replace(cx, (step, index), old, segment);
        }
        self.accounts.insert(cx.signer, account);
        Ok(Effect::Erased { index, slots: slots.len() as u32, versions })
    }

    /// Puts a version in the place of another.
    fn replace(&mut self, cx: &Context<'_>, (step, index): (&ErasedVersion, u32), old: &SegmentRecord, segment: Segment) {
        let table = TableKey { hospital: cx.signer, table: step.table };
        let record = SegmentRecord {
            bytes: step.points.clone(),
            context: old.context,
            id: step.standing(index),
            rows: old.rows,
            digest: segment.digest(),
            provenance: old.provenance,
            height: cx.height,
            transaction: cx.transaction,
            decoded: OnceLock::from(segment),
        };
        self.segments.insert(SegmentKey { table, id: record.id }, record);
        self.replaced.insert(SegmentKey { table, id: step.replaced(index) }, Replaced { by: step.to, height: cx.height });
        if let Some(record) = self.tables.get(&table) {
            let mut record = record.as_ref().clone();
            if let Some(current) = record.versions.get_mut(index as usize).filter(|version| **version == step.from) {
                *current = step.to;
                self.tables.insert(table, record);
            }
        }
    }

    /// The layout of a dictionary's or scope registry's table.
    fn layout_of(&self, table: &Digest32) -> Option<SegmentLayout> {
        let data = self.dictionaries.get(table).map(|record| record.dictionary().layout());
        data.or_else(|| Some(self.registry_of(table)?.layout()))
    }

    /// The record of a version that is to be replaced.
    fn erased_from(&self, cx: &Context<'_>, erase: &Erase, step: &ErasedVersion) -> Result<Arc<SegmentRecord>, Rejection> {
        let key = SegmentKey { table: TableKey { hospital: cx.signer, table: step.table }, id: step.replaced(erase.index) };
        let refused = Rejection::from(ErasureRefused::Versions(erase.index));
        self.segments.get(&key).filter(|_| self.replaced.get(&key).is_none()).cloned().ok_or(refused)
    }

    /// All versions that have to go, no other, each to the next version its segment has not had.
    fn check_versions(&self, cx: &Context<'_>, erase: &Erase) -> Result<(), Rejection> {
        let refused = Rejection::from(ErasureRefused::Versions(erase.index));
        let from = |step: &ErasedVersion| (step.table, step.from);
        if !erase.steps.windows(2).all(|pair| from(&pair[0]) < from(&pair[1])) {
            return Err(refused);
        }
        let named: Versions = erase.steps.iter().map(from).collect();
        let (must, may) = self.versions_to_erase_at(&cx.signer, erase.index, (cx.height, cx.time.day()));
        if cx.known == Known::Everything
            && !(must.is_subset(&named) && named.iter().all(|version| must.contains(version) || may.contains(version)))
        {
            return Err(refused);
        }
        let mut next: BTreeMap<Digest32, u32> = BTreeMap::new();
        for step in &erase.steps {
            let table = TableKey { hospital: cx.signer, table: step.table };
            let current = self.tables.get(&table).and_then(|record| record.versions.get(erase.index as usize).copied());
            let current = current.ok_or(refused.clone())?;
            // the last version of the segment is the one in force, and stays so
            if !named.contains(&(step.table, current)) {
                return Err(refused);
            }
            let expected = next.entry(step.table).or_insert(current);
            *expected = expected.checked_add(1).ok_or(refused.clone())?;
            if step.to != *expected {
                return Err(Rejection::SegmentVersion { index: erase.index, found: step.to, expected: *expected });
            }
        }
        if erase.steps.is_empty() { Err(refused) } else { Ok(()) }
    }
}
