//! Erasures that keep cuts, as the hospital drives them.

use super::{RUNNING, World};
use crate::plain::Replace;
use countersign_circuits::erasure::check_erasure;
use countersign_hospital::{
    HospitalStore,
    journal::{AnchorId, Replaceable},
};
use countersign_messages::Height;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

/// Erasures that were decided, and of them those of versions that only a cut still held.
pub(crate) static REPLACED: AtomicU64 = AtomicU64::new(0);
pub(crate) static PINNED: AtomicU64 = AtomicU64::new(0);

impl World {
    /// Replaces whatever holds a row of somebody who was erased and can still be used. The segments where all of it was.
    pub(crate) async fn replace_erased(&mut self, store: &HospitalStore) -> BTreeSet<u32> {
        let held: BTreeSet<u32> = store.erased_rows().await.unwrap().iter().map(|row| row.key.segment.index).collect();
        let mut replaced = BTreeSet::new();
        for index in held {
            loop {
                // heights count those who left
                let height = self.ledger.order.len();
                let slots: Vec<u16> = self.ledger.left(index, height).iter().map(|slot| slot.offset() as u16).collect();
                let versions = self.ledger.replaceable(index, RUNNING);
                let points: Vec<Vec<u8>> = versions.iter().map(|(key, _)| self.ledger.anchored[key].clone()).collect();
                let versions: Vec<Replaceable<'_>> =
                    versions.iter().zip(&points).map(|((key, to), points)| Replaceable { key: *key, points, to: *to }).collect();
                if slots.is_empty() || store.plan_replacement((index, Height(height as u64)), &slots, &versions).await.unwrap().is_none() {
                    break;
                }
                let pinned = versions.iter().any(|version| version.to > version.key.segment.version + 1);
                if self.drive(store).await {
                    REPLACED.fetch_add(1, Ordering::Relaxed);
                    PINNED.fetch_add(u64::from(pinned), Ordering::Relaxed);
                    replaced.insert(index);
                    break;
                }
            }
        }
        replaced
    }

    /// What is sent of a planned erasure: by the rows themselves, it changes nothing but what left.
    pub(crate) async fn replacement(&self, store: &HospitalStore, anchor: AnchorId) -> Replace {
        let planned = store.replacement(anchor).await.unwrap().unwrap();
        let emptied = self.ledger.left(planned.index, planned.height.0 as usize);
        let slots: Vec<u16> = emptied.iter().map(|slot| slot.offset() as u16).collect();
        let mut versions = Vec::new();
        for (old, new) in planned.versions {
            let (was, is) = (store.opening(&old).await.unwrap(), store.opening(&new).await.unwrap());
            check_erasure(&slots, &[(&was.codes.unwrap(), &is.codes.unwrap())]).unwrap();
            versions.push((old, new, is.points.unwrap()));
        }
        Replace { index: planned.index, emptied, versions }
    }
}
