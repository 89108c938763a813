//! People who left while the hospital's file was another one.

use crate::{
    common::{folder, import, patient, person, registry, rng},
    plain::Ledger,
};
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_hospital::{
    HospitalStore, Noted,
    ledger_view::LedgerView,
    slots::{SlotIndex, SlotState},
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::{collections::BTreeSet, path::Path};

/// A copy of before is brought back. Since it was made a patient got another slot, and left: the copy does not know the slot, and knows the key that stands for it. Gives the patient's slot of the copy.
async fn brought_back(path: &Path, by_word: bool) -> (HospitalStore, Ledger, SlotIndex) {
    let store = HospitalStore::open(path).await.unwrap();
    import(&store, [1, 2].map(person), &mut rng(1)).await.unwrap();
    let slot = store.register().await.unwrap().find(&patient(1)).unwrap().slot;
    store.close().await;

    let foreign = SlotIndex(if slot.0 == 777 { 778 } else { 777 });
    let key = Digest32::of(&foreign.0.to_le_bytes());
    let mut file = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let known = sqlx::query("INSERT INTO patient_key (patient, number, key, possession) VALUES (?, 1, ?, zeroblob(64))");
    known.bind(patient(1).expose()).bind(&key.0[..]).execute(&mut file).await.unwrap();
    file.close().await.unwrap();

    let mut ledger = Ledger::default();
    ledger.leave(&[foreign]);
    *(if by_word { &mut ledger.by_word } else { &mut ledger.left_by_key }) = BTreeSet::from([foreign]);
    ledger.keyed.insert(foreign, 1);
    assert_eq!(ledger.key(foreign).map(|key| key.0), Some(key.0));
    (HospitalStore::open(path).await.unwrap(), ledger, slot)
}

#[tokio::test]
async fn a_key_takes_its_patient_out_also_under_a_slot_that_the_file_does_not_know() {
    for by_word in [false, true] {
        let folder = folder();
        let (store, ledger, slot) = brought_back(&folder.path().join("hospital.sqlite"), by_word).await;
        // heals first, as every import does
        store.take_back(&[], &registry(), &ledger).await.unwrap();
        assert_eq!(store.held_back().await.unwrap(), [patient(1)], "and not the other one");
        let register = store.register().await.unwrap();
        assert!(register.find(&patient(1)).is_none() && register.find(&patient(2)).is_some());
        assert_eq!(store.slot_state(slot).await.unwrap(), Some(SlotState::Withdrawn));
        store.close().await;
    }
}

/// A note lets the rest count again once, within 30 days after the departure was heard of, and not after a word at the counter.
#[tokio::test]
async fn a_note_counts_once_in_time_and_not_after_another_word() {
    let scopes = ["c.labs".to_owned()];
    for (said, at, expected) in [(false, 18_031, Noted::TooLate), (true, 18_030, Noted::Before), (false, 18_030, Noted::Kept)] {
        let folder = folder();
        let store = HospitalStore::open(&folder.path().join("hospital.sqlite")).await.unwrap();
        import(&store, [1, 2].map(person), &mut rng(1)).await.unwrap();
        let slot = store.register().await.unwrap().find(&patient(1)).unwrap().slot;
        let mut ledger = Ledger::default();
        ledger.leave(&[slot]);
        ledger.left_by_key = BTreeSet::from([slot]);
        assert_eq!(store.narrow(slot, &scopes, Day(18_000)).await.unwrap(), Noted::TooLate, "not heard of yet");
        store.hear(&ledger).await.unwrap();
        if said {
            store.hold_back(&[patient(1)]).await.unwrap();
        }
        assert_eq!(store.narrow(slot, &scopes, Day(at)).await.unwrap(), expected);
        let kept = expected == Noted::Kept;
        assert_eq!((store.held_back().await.unwrap().is_empty(), store.narrowed().await.unwrap().len()), (kept, usize::from(kept)));
        if kept {
            assert_eq!(store.narrow(slot, &scopes, Day(at)).await.unwrap(), Noted::Before);
        }
        store.close().await;
    }
}
