//! People who left by key and bring a note: what is left of their consents counts again, and never the scope that went.

use super::{TODAY, World};
use crate::{
    common::reopen,
    plain::registry,
    source::{SCOPES, Source, number},
};
use countersign_hospital::{Noted, slots::SlotIndex};
use countersign_ingest::{ConsentSource, ConsentTable, read_consents};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;
use sqlx::{ConnectOptions, Connection};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

impl World {
    /// Consents as the files and the notes say.
    pub(super) async fn narrowed_consents(&self, path: &Path, files: &(PathBuf, PathBuf)) -> ConsentTable {
        let mut consents = read_consents(ConsentSource::Csv(&files.1), &registry()).unwrap();
        let store = reopen(path).await;
        consents.narrow(&store.narrowed().await.unwrap());
        store.close().await;
        consents.table
    }

    /// The same by the model.
    pub(super) fn narrowed_source(&self, source: &Source) -> Source {
        let mut source = source.clone();
        for (_, person) in source.iter_mut().filter(|(id, _)| self.narrowed.contains(*id)) {
            person.bins[1] = 0;
        }
        source
    }

    /// One of those who left by key brings a note. It counts for the last slot of a person, and once.
    pub(crate) async fn note(&mut self, path: &Path, dice: &mut ChaCha20Rng) {
        let all: Vec<SlotIndex> = self.ledger.left_by_key.iter().copied().collect();
        let Some(slot) = all.choose(dice).copied() else { return };
        // the hospital's node refuses a note of nobody, and one of a slot after which its person left by another one
        let owners = owners(path).await;
        let Some(person) = owners.get(&slot).copied() else { return };
        if self.ledger.order.iter().rfind(|left| owners.get(left) == Some(&person)) != Some(&slot) {
            return;
        }
        let store = reopen(path).await;
        store.hear(&self.ledger).await.unwrap();
        let noted = store.narrow(slot, &[SCOPES[1].to_owned()], TODAY).await.unwrap();
        let again = store.narrow(slot, &[SCOPES[1].to_owned()], TODAY).await.unwrap();
        assert!(again == noted || (noted, again) == (Noted::Kept, Noted::Before), "a note counts once: {noted:?}, {again:?}");
        let held: BTreeSet<u32> = store.held_back().await.unwrap().iter().map(number).collect();
        store.close().await;
        if noted == Noted::Kept {
            assert!(self.left.contains(&person) && !self.erased.contains(&person), "it is not the key that took the person out");
            assert!(!held.contains(&person));
            self.left.remove(&person);
            self.held.remove(&person);
            self.narrowed.insert(person);
            self.noted.insert(person);
        }
    }
}

/// Whose slots are, as a file knows it.
async fn owners(path: &Path) -> BTreeMap<SlotIndex, u32> {
    let mut file = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let rows: Vec<(u32, String)> =
        sqlx::query_as("SELECT slot, patient FROM slot WHERE patient IS NOT NULL").fetch_all(&mut file).await.unwrap();
    file.close().await.unwrap();
    rows.iter().map(|(slot, patient)| (SlotIndex(*slot), patient[1..].parse().unwrap())).collect()
}

/// What a file that was brought back knows of notes: who brought one, and the slots they were of.
pub(crate) async fn noted(path: &Path) -> (BTreeSet<u32>, BTreeSet<SlotIndex>) {
    let store = reopen(path).await;
    let people = store.narrowed().await.unwrap().iter().map(|(patient, _)| number(patient)).collect();
    store.close().await;
    let mut file = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let slots: Vec<u32> = sqlx::query_scalar("SELECT slot FROM narrowing_taken").fetch_all(&mut file).await.unwrap();
    file.close().await.unwrap();
    (people, slots.into_iter().map(SlotIndex).collect())
}
