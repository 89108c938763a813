//! People who left while the hospital's file was another one.

use crate::{
    common::{folder, import, patient, person, rng},
    plain::Ledger,
};
use countersign_circuits::hash::Digest32;
use countersign_hospital::{
    HospitalStore,
    ledger_view::LedgerView,
    slots::{SlotIndex, SlotState},
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::collections::BTreeSet;

/// A copy of before is brought back. Since it was made a patient got another slot, and left by the key that stands for it: the copy does not know the slot, and knows the key.
#[tokio::test]
async fn a_key_takes_its_patient_out_also_under_a_slot_that_the_file_does_not_know() {
    let folder = folder();
    let path = folder.path().join("hospital.sqlite");
    let store = HospitalStore::open(&path).await.unwrap();
    import(&store, [1, 2].map(person), &mut rng(1)).await.unwrap();
    let slot = store.register().await.unwrap().find(&patient(1)).unwrap().slot;
    store.close().await;

    let foreign = SlotIndex(if slot.0 == 777 { 778 } else { 777 });
    let key = Digest32::of(&foreign.0.to_le_bytes());
    let mut file = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let known = sqlx::query("INSERT INTO patient_key (patient, number, key, possession) VALUES (?, 1, ?, zeroblob(64))");
    known.bind(patient(1).expose()).bind(&key.0[..]).execute(&mut file).await.unwrap();
    file.close().await.unwrap();

    let mut ledger = Ledger::default();
    ledger.leave(&[foreign]);
    ledger.left_by_key = BTreeSet::from([foreign]);
    ledger.keyed.insert(foreign, 1);
    assert_eq!(ledger.key(foreign).map(|key| key.0), Some(key.0));
    let store = HospitalStore::open(&path).await.unwrap();
    store.hear(&ledger).await.unwrap();
    assert_eq!(store.held_back().await.unwrap(), [patient(1)], "and not the other one");
    assert!(store.register().await.unwrap().find(&patient(1)).is_none() && store.register().await.unwrap().find(&patient(2)).is_some());
    assert_eq!(store.slot_state(slot).await.unwrap(), Some(SlotState::Withdrawn));
    store.close().await;
}
