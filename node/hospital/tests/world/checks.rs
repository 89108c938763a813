//! What must hold of the world at any time.

use super::{RUNNING, World, row_bins};
use crate::common::reopen;
use crate::plain::{plain_points, tables};
use crate::source::{Person, number};
use countersign_circuits::segment::{EMPTY, SegmentId, SlotCodes};
use countersign_hospital::{
    HospitalStore,
    ledger_view::LedgerView,
    opening::{OpeningKey, TableKind, TableName},
    slots::SlotIndex,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

impl World {
    /// Before an answer is begun, the ledger is heard and withdrawals are finished; and then nobody without a present grant is counted, nor anybody who left.
    pub(crate) async fn answer(&mut self, path: &Path) {
        let store = reopen(path).await;
        store.hear(&self.ledger).await.unwrap();
        let _ = self.drive(&store).await;
        for (ago, cut) in self.ledger.cuts.iter().rev().enumerate() {
            self.check_cut(&store, cut, ago < RUNNING).await;
        }
        self.check_research(&store).await;
        store.close().await;
    }

    /// A study's cut counts nobody whose grants of today are less than those it pinned.
    pub(crate) async fn check_cut(&self, store: &HospitalStore, cut: &[OpeningKey], running: bool) {
        for key in cut.iter().filter(|key| key.table.kind == TableKind::Consent) {
            // an opening that is lost with the file answers nothing
            let Ok(opening) = store.opening(key).await else { continue };
            assert!(opening.codes.is_some() || !running, "what a running study needs was destroyed");
            let Some(codes) = opening.codes else { continue };
            for offset in 0..codes.blocks[0].len() {
                let slot = SlotIndex(key.segment.index * 2048 + offset as u32);
                if codes.blocks[0][offset] == EMPTY || self.ledger.withdrawn.contains(&slot) {
                    continue;
                }
                let person = self.holders[&slot];
                assert!(!self.held.contains(&person), "somebody who withdrew is counted");
                assert!(!self.left.contains(&person), "somebody who left by a key is counted");
                assert!(!self.erased.contains(&person), "somebody who was erased is counted");
                let present = self.known.get(&person).map_or([0, 0], |p| p.bins);
                for (block, now) in codes.blocks.iter().zip(present) {
                    assert!(block[offset] <= now, "person {person} is counted by a consent that is gone");
                }
            }
        }
    }

    /// By the model's own slots: no opening that can be read holds a row of somebody who was erased, but what cuts pin.
    pub(crate) async fn check_erased(&self, store: &HospitalStore, pinned: &BTreeSet<OpeningKey>) {
        let slots: Vec<SlotIndex> = self.holders.iter().filter(|(_, who)| self.erased.contains(who)).map(|(slot, _)| *slot).collect();
        for ((table, segment), (newest, _)) in &self.ledger.current {
            for version in 0..=*newest {
                let key = OpeningKey { table: *table, segment: SegmentId { index: *segment, version } };
                let Some(codes) = store.opening(&key).await.ok().and_then(|opening| opening.codes) else { continue };
                let mut here = slots.iter().filter(|slot| slot.segment() == *segment);
                let held = here.any(|slot| codes.blocks.iter().any(|block| block[slot.offset() as usize] != EMPTY));
                assert!(!held || pinned.contains(&key), "a row of somebody who was erased can be opened");
            }
        }
    }

    /// What the studies that are not over pin: the last ones.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = OpeningKey> {
        self.ledger.cuts.iter().rev().take(RUNNING).flatten().copied()
    }

    /// By the model alone: an opening of these is gone, or holds a row of somebody who was erased.
    pub(crate) async fn must_go(&self, store: &HospitalStore, keys: &[OpeningKey]) -> bool {
        for key in keys {
            let Some(codes) = store.opening(key).await.ok().and_then(|opening| opening.codes) else { return true };
            let of = |(slot, who): &(&SlotIndex, &u32)| slot.segment() == key.segment.index && self.erased.contains(who);
            if self.holders.iter().filter(of).any(|(slot, _)| codes.blocks.iter().any(|block| block[slot.offset() as usize] != EMPTY)) {
                return true;
            }
        }
        false
    }

    /// The research cut opens to the rows of its day.
    pub(crate) async fn check_research(&self, store: &HospitalStore) {
        let Some(cut) = &self.ledger.research else { return };
        let mut found = BTreeMap::new();
        for segment in &cut.data {
            let Ok(opening) = store.opening(&OpeningKey { table: tables()[0], segment: *segment }).await else { return };
            // it goes when somebody in it is erased
            let Some(codes) = opening.codes else {
                assert!(!self.erased.is_empty());
                return;
            };
            for offset in 0..2048 {
                let slot = SlotIndex(segment.index * 2048 + offset as u32);
                if codes.blocks[0][offset] != EMPTY && !cut.out.contains(&slot) {
                    found.insert(self.holders[&slot], codes.blocks.iter().map(|b| b[offset]).collect::<Vec<_>>());
                }
            }
        }
        assert_eq!(found, cut.people, "the research cut holds other rows than on its day");
    }

    /// The ledger, opened by the hospital's openings, is the last import.
    pub(crate) async fn check(&self, path: &Path) {
        let store = reopen(path).await;
        let report = store.check().await.unwrap();
        assert_eq!((report.unfinished, report.openings_pending), (0, 0));
        let register = store.register().await.unwrap();
        let slots: HashMap<u32, SlotIndex> = register.live().map(|(p, a)| (number(p), a.slot)).collect();
        for (person, slot) in &slots {
            assert!(
                self.ledger.keyed.get(slot).is_none_or(|holder| holder == person),
                "p{person} is in a slot for which another person's key stands"
            );
        }
        let expected: BTreeMap<SlotIndex, (u32, &Person)> = self.counted().map(|(id, p)| (slots[&id], (id, p))).collect();
        let [data, consent] = tables();
        assert_eq!(self.ledger.segments(data), self.ledger.segments(consent));
        let mut seen = 0;
        for segment in 0..self.ledger.segments(data) {
            let open = async |table: TableName| {
                let (version, points) = self.ledger.current(table, segment).unwrap();
                let id = SegmentId { index: segment, version };
                let opening = store.opening(&OpeningKey { table, segment: id }).await.unwrap();
                assert_eq!(opening.points.as_ref(), Some(&points), "the ledger holds other commitments than the hospital can open");
                assert_eq!(plain_points(&opening.blinders.unwrap()), points);
                opening.codes.unwrap()
            };
            let (rows, grants) = (open(data).await, open(consent).await);
            for offset in 0..2048 {
                let slot = SlotIndex(segment * 2048 + offset as u32);
                let bins = |codes: &SlotCodes| codes.blocks.iter().map(|b| b[offset]).collect::<Vec<_>>();
                let Some((id, person)) = expected.get(&slot) else {
                    let empty = bins(&rows).iter().chain(&bins(&grants)).all(|b| *b == EMPTY);
                    assert!(empty || self.ledger.withdrawn.contains(&slot), "somebody is on the ledger who is not in the import");
                    continue;
                };
                seen += 1;
                assert!(!self.ledger.withdrawn.contains(&slot), "p{id} is in a slot that is out of force");
                assert_eq!(bins(&grants), person.bins, "grants of p{id}");
                assert_eq!(bins(&rows), row_bins(person), "row of p{id}");
            }
        }
        assert_eq!(seen, expected.len(), "somebody of the import is not on the ledger");
        store.close().await;
    }
}
