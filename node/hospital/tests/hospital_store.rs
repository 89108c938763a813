//! The file: privacy, locking, backups, openings and the memory of released cells.

use crate::common;

use crate::common::{NoDictionaries, content, dictionary, folder, import, patient, person, query_id, registry, rng, table};
use countersign_circuits::{field::Fr, hash::Digest32, opening::Reader};
use countersign_hospital::{
    HospitalStore, HospitalStoreError,
    disclosure::{RowSet, Withhold},
    journal::{
        ATTEMPTS_MAX, AnchorContent, AnchorId, AnchorStep, AnchorTransaction, AnswerStep, Begun, Committed, Heard, Import, ImportedPerson,
        Planned, Step, UsedUp, WithdrawalStep,
    },
    opening::{OpeningKey, OpeningState, TableKind, TableName},
    released::Judged,
    slots::{SlotIndex, SlotState},
};
use countersign_messages::Height;
use countersign_prover::commitment::Blinders;
use std::{os::unix::fs::PermissionsExt, path::Path};

/// A field element that can be found again in the bytes of a file.
const MARK: &[u8; 32] = b"a blinder that must not survive!";

async fn hospital_store(folder: &Path) -> HospitalStore {
    HospitalStore::open(&folder.join("hospital.sqlite")).await.unwrap()
}

async fn commit(
    store: &HospitalStore,
    anchor: AnchorId,
    key: &OpeningKey,
    blinders: &Blinders,
    points: &[u8],
) -> Result<(), HospitalStoreError> {
    store.store_commitments(anchor, &[Committed { key: *key, blinders, points, source: None }]).await
}

async fn begun(store: &HospitalStore, people: impl IntoIterator<Item = u32>, seed: u64) -> (AnchorId, Planned) {
    match import(store, people.into_iter().map(person), &mut rng(seed)).await.unwrap() {
        Begun::New { anchor, planned } => (anchor, planned),
        Begun::Unfinished(_) => panic!("unfinished"),
    }
}

/// Everything up to stored transactions, one for all segments.
async fn built(store: &HospitalStore, people: impl IntoIterator<Item = u32>, seed: u64) -> (AnchorId, Vec<OpeningKey>) {
    let (anchor, _) = begun(store, people, seed).await;
    let planned = store.anchor_openings(anchor).await.unwrap();
    for key in &planned {
        commit(store, anchor, key, &Blinders(vec![Reader::new(MARK).scalar().unwrap(); 3]), &[7; 96]).await.unwrap();
    }
    if !planned.is_empty() {
        let transaction = AnchorTransaction { bytes: b"transaction".to_vec(), openings: planned.clone() };
        store.store_transactions(anchor, &[transaction]).await.unwrap();
    }
    (anchor, planned)
}

async fn anchored(store: &HospitalStore, people: impl IntoIterator<Item = u32>, seed: u64) -> Vec<OpeningKey> {
    let (anchor, planned) = built(store, people, seed).await;
    store.anchor_submitted(anchor, 0).await.unwrap();
    store.anchor_confirmed(anchor, 0, Height(5)).await.unwrap();
    planned
}

fn data_table() -> TableName {
    TableName { kind: TableKind::Data, digest: dictionary().digest() }
}

#[tokio::test]
async fn the_file_is_private_and_of_one_process() {
    let folder = folder();
    let first = hospital_store(folder.path()).await;
    let mode = first.path().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let backup = folder.path().join("backup.sqlite");
    first.backup(&backup).await.unwrap();
    assert_eq!(backup.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(HospitalStore::open(&backup).await, Err(HospitalStoreError::Permissions(_))));
    let second = HospitalStore::open(first.path()).await;
    assert!(matches!(second, Err(HospitalStoreError::Database(_) | HospitalStoreError::Migration(_))), "{second:?}");
    let path = first.path().to_owned();
    first.close().await;
    HospitalStore::open(&path).await.unwrap().close().await;
}

#[tokio::test]
async fn a_backup_holds_everything_and_damage_is_noticed() {
    let folder = folder();
    let original = hospital_store(folder.path()).await;
    let planned = anchored(&original, 0..50, 1).await;
    let backup = folder.path().join("backup.sqlite");
    original.backup(&backup).await.unwrap();
    assert!(matches!(original.backup(&backup).await, Err(HospitalStoreError::File { .. })), "a backup was overwritten");
    let report = original.check().await.unwrap();
    assert_eq!((report.slots, report.openings, report.unfinished), (50, 2, 0));
    let restored = HospitalStore::open(&backup).await.unwrap();
    assert_eq!(restored.check().await.unwrap(), report);
    for key in &planned {
        let (a, b) = (original.opening(key).await.unwrap(), restored.opening(key).await.unwrap());
        assert_eq!((a.codes, a.blinders, a.points), (b.codes, b.blinders, b.points));
    }
    restored.close().await;
    let mut bytes = std::fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 6000].fill(0xff);
    std::fs::write(&backup, bytes).unwrap();
    match HospitalStore::open(&backup).await {
        Ok(damaged) => assert!(damaged.check().await.is_err()),
        Err(e) => assert!(matches!(e, HospitalStoreError::Database(_) | HospitalStoreError::Migration(_)), "{e:?}"),
    }
}

#[tokio::test]
async fn unchanged_segments_are_not_anchored_again() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    assert_eq!(anchored(&store, 0..50, 1).await.len(), 2);
    // another export with the same people: nothing to anchor
    let (_, planned) = built(&store, 0..50, 2).await;
    assert_eq!((planned.len(), store.next_step().await.unwrap()), (0, Step::Idle));
    // one person more: both tables of that segment, with the next version
    let planned = anchored(&store, 0..51, 3).await;
    assert_eq!(planned.iter().map(|k| (k.segment.index, k.segment.version)).collect::<Vec<_>>(), [(0, 1), (0, 1)]);
    assert_eq!(store.superseded().await.unwrap().len(), 2);
    // three segments' worth: everything changes, because free places are filled at random
    let planned = anchored(&store, 0..5000, 4).await;
    assert_eq!(planned.len(), 6);
    assert_eq!(store.anchored(data_table()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn imports_without_consent_or_with_repeats() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let mut silent = person(1);
    silent.grants = vec![None, None];
    let people =
        || [person(0), ImportedPerson { patient: patient(1), levels: person(1).levels.clone(), grants: vec![None, None] }, person(2)];
    let first = import(&store, [person(0), silent, person(2)], &mut rng(1)).await.unwrap();
    let Begun::New { anchor, planned: Planned { people: 2, new: 2, segments: 2, .. } } = first else { panic!("{first:?}") };
    let register = store.register().await.unwrap();
    assert!(register.find(&patient(1)).is_none() && register.len() == 2);
    // the same rows go on where they stopped; others give up what was not sent
    assert_eq!(import(&store, people(), &mut rng(2)).await.unwrap(), Begun::Unfinished(anchor));
    let other = import(&store, [person(0)], &mut rng(3)).await.unwrap();
    assert!(matches!(other, Begun::New { anchor: new, .. } if new != anchor), "{other:?}");
    let repeated = import(&store, [person(0), person(1), person(0)], &mut rng(4)).await;
    assert!(matches!(repeated, Err(HospitalStoreError::RepeatedPatient { line: 3 })), "{repeated:?}");
    let Begun::New { anchor: other, .. } = other else { panic!() };
    store.abandon(other).await.unwrap();
    assert_eq!(store.next_step().await.unwrap(), Step::Idle, "half an import was kept");
    // tried again after it was abandoned, on the same slots
    begun(&store, [0, 2], 9).await;
    assert_eq!(store.register().await.unwrap().find(&patient(0)), register.find(&patient(0)));
}

#[tokio::test]
async fn an_anchor_that_was_sent_in_part_is_finished_before_other_rows_are_imported() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let (anchor, _) = built(&store, 0..5, 1).await;
    store.anchor_submitted(anchor, 0).await.unwrap();
    assert!(matches!(import(&store, [person(9)], &mut rng(2)).await, Err(HospitalStoreError::AnchorRunning)));
    store.anchor_confirmed(anchor, 0, Height(1)).await.unwrap();
    begun(&store, [9], 3).await;
}

#[tokio::test]
async fn steps_out_of_order_are_refused_and_change_nothing() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let (anchor, _) = begun(&store, 0..5, 1).await;
    let out_of_order = |r: Result<(), HospitalStoreError>| assert!(matches!(r, Err(HospitalStoreError::OutOfOrder(_))), "{r:?}");
    out_of_order(store.anchor_submitted(anchor, 0).await);
    let planned = store.anchor_openings(anchor).await.unwrap();
    let blinders = Blinders(vec![Fr::from(1u64); 2]);
    out_of_order(commit(&store, anchor, &planned[0], &blinders, &[0; 96]).await);
    commit(&store, anchor, &planned[0], &blinders, &[0; 64]).await.unwrap();
    out_of_order(commit(&store, anchor, &planned[0], &blinders, &[1; 64]).await);
    let transaction = |openings: &[OpeningKey]| AnchorTransaction { bytes: vec![1], openings: openings.to_vec() };
    out_of_order(store.store_transactions(anchor, &[transaction(&planned)]).await);
    commit(&store, anchor, &planned[1], &blinders, &[0; 64]).await.unwrap();
    out_of_order(store.store_transactions(anchor, &[transaction(&planned[..1])]).await);
    out_of_order(store.store_transactions(anchor, &[transaction(&planned), transaction(&planned[..1])]).await);
    out_of_order(store.store_transactions(anchor, &[]).await);
    let both = [transaction(&planned[..1]), transaction(&planned[1..])];
    store.store_transactions(anchor, &both).await.unwrap();
    out_of_order(store.store_transactions(anchor, &both).await);
    out_of_order(store.anchor_confirmed(anchor, 0, Height(1)).await);
    out_of_order(store.anchor_submitted(anchor, 1).await);
    store.anchor_submitted(anchor, 0).await.unwrap();
    out_of_order(store.anchor_submitted(anchor, 0).await);
    out_of_order(store.abandon(anchor).await);
    store.anchor_confirmed(anchor, 0, Height(1)).await.unwrap();
    out_of_order(store.anchor_rejected(anchor, "not awaited").await);
    store.anchor_submitted(anchor, 1).await.unwrap();
    store.anchor_rejected(anchor, "the ledger said no").await.unwrap();
    // what was confirmed stays, what was refused is gone, and the rest can be tried again under the same version
    assert_eq!(store.opening(&planned[0]).await.unwrap().state, OpeningState::Anchored);
    assert!(matches!(store.opening(&planned[1]).await, Err(HospitalStoreError::Unknown(_))));
    let (again, _) = begun(&store, 0..5, 2).await;
    assert_eq!(store.anchor_openings(again).await.unwrap(), planned[1..]);
}

#[tokio::test]
async fn withdrawn_and_erased_slots_stay_dead_on_disk() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    anchored(&store, 0..50, 1).await;
    let slot = store.withdraw(&[patient(3)], Heard::WORD).await.unwrap()[0];
    assert_eq!(store.slot_state(slot).await.unwrap(), Some(SlotState::Withdrawn));
    assert!(store.withdraw(&[patient(3)], Heard::WORD).await.is_err());
    // still in the export: that a row is there which is nobody's is no reason to anchor the table again
    assert_eq!(begun(&store, 0..50, 2).await.1, Planned { people: 49, held: 1, ..Planned::default() });
    // yet out of the next one
    let planned = anchored(&store, 0..51, 2).await;
    let codes = store.opening(&planned[0]).await.unwrap().codes.unwrap();
    assert_eq!((countersign_hospital::codes::occupied(&codes), codes.blocks[0][slot.0 as usize]), (50, u16::MAX));
    store.readmit(&patient(3)).await.unwrap();
    anchored(&store, 0..51, 3).await;
    let new = store.register().await.unwrap().find(&patient(3)).unwrap().slot;
    assert_ne!(new, slot);
    let mut both = vec![slot, new];
    both.sort();
    assert_eq!(store.erase(&patient(3), Heard::WORD).await.unwrap(), both);
    for slot in both {
        assert_eq!(store.slot_state(slot).await.unwrap(), Some(SlotState::Erased));
    }
    assert!(store.erase(&patient(3), Heard::WORD).await.unwrap().is_empty(), "again, it has nothing to do");
    assert!(matches!(store.erase(&patient(99), Heard::WORD).await, Err(HospitalStoreError::Unknown("patient"))));
    assert_eq!(store.slot_state(SlotIndex(u32::MAX)).await.unwrap(), None);
    // all the other places of the segment can be given out, those two cannot
    anchored(&store, 100..100 + 2048 - 52, 4).await;
    let register = store.register().await.unwrap();
    // the others are gone from the export, consents and all: their slots are out of use too
    assert_eq!((register.segments(), register.len()), (1, 1996));
}

#[tokio::test]
async fn who_was_erased_comes_back_only_by_a_new_document() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    anchored(&store, 0..50, 1).await;
    store.erase(&patient(3), Heard::WORD).await.unwrap();
    finish_withdrawal(&store).await;
    // the files of yesterday, with somebody new each time
    assert_eq!(begun(&store, 0..51, 2).await.1, Planned { people: 50, new: 1, held: 1, segments: 2, ..Planned::default() });
    assert!(store.held_back().await.unwrap().is_empty(), "no name is kept");
    assert!(!store.readmit(&patient(99)).await.unwrap());
    assert!(store.readmit(&patient(3)).await.unwrap() && !store.readmit(&patient(3)).await.unwrap());
    assert!(store.erase(&patient(3), Heard::WORD).await.unwrap().is_empty(), "a readmission by mistake is taken back");
    let planned = begun(&store, 0..52, 3).await.1;
    assert_eq!((planned.new, planned.held), (1, 1));
    assert!(store.readmit(&patient(3)).await.unwrap());
    let planned = begun(&store, 0..53, 4).await.1;
    assert_eq!((planned.new, planned.held), (2, 0));
}

#[tokio::test]
async fn an_erasure_anchor_clears_the_erased_slot_and_nothing_else() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let old = anchored(&store, 0..3000, 1).await;
    assert_eq!(old.len(), 4);
    let slot = store.register().await.unwrap().find(&patient(3)).unwrap().slot;
    store.erase(&patient(3), Heard::WORD).await.unwrap();
    assert!(matches!(store.next_step().await.unwrap(), Step::Withdrawal(_)), "an erased slot that studies pin is withdrawn");
    finish_withdrawal(&store).await;
    let Begun::New { anchor, .. } = store.plan_erasure(&content(), &common::Echo::of(&store).await).await.unwrap() else { panic!() };
    assert!(matches!(store.plan_erasure(&content(), &common::Echo::of(&store).await).await, Err(HospitalStoreError::AnchorRunning)));
    let planned = store.anchor_openings(anchor).await.unwrap();
    let expected = [data_table(), TableName { kind: TableKind::Consent, digest: registry().digest() }];
    assert_eq!(planned.iter().map(|k| k.table).collect::<Vec<_>>(), expected);
    for key in &planned {
        assert_eq!((key.segment.index, key.segment.version), (slot.segment(), 1));
        let before = old.iter().find(|k| k.table == key.table && k.segment.index == key.segment.index).unwrap();
        let mut codes = store.opening(before).await.unwrap().codes.unwrap();
        let new = store.opening(key).await.unwrap().codes.unwrap();
        assert_ne!(new, codes);
        countersign_hospital::codes::clear(&mut codes, SlotIndex(slot.offset())).unwrap();
        assert_eq!(new, codes);
    }
    assert!(matches!(store.next_step().await.unwrap(), Step::Anchor(AnchorStep::Commit { .. })));
    store.abandon(anchor).await.unwrap();
}

#[tokio::test]
async fn destroyed_openings_leave_no_trace_in_the_file() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let old = anchored(&store, 0..50, 1).await;
    let path = store.path().to_owned();
    let marks = || std::fs::read(&path).unwrap().windows(32).filter(|w| w == MARK).count();
    assert_eq!(marks(), 6, "the test looks for the wrong thing");
    anchored(&store, 1..51, 2).await;
    assert_eq!(store.superseded().await.unwrap(), old);
    for key in &old {
        store.destroy(key).await.unwrap();
        let opening = store.opening(key).await.unwrap();
        assert_eq!((opening.state, opening.codes, opening.blinders), (OpeningState::Destroyed, None, None));
        assert!(opening.points.is_some(), "what is public stays");
        assert!(store.destroy(key).await.is_err());
    }
    store.check().await.unwrap();
    store.close().await;
    assert_eq!(marks(), 6, "only the newer openings' blinders are left");
}

#[tokio::test]
async fn one_answer_a_query() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let query = query_id(b"q");
    let mut entropy = rng(1);
    assert!(store.start_attempt(query, &mut entropy).await.is_err(), "never seen");
    store.query_seen(query, Height(3)).await.unwrap();
    let first = store.start_attempt(query, &mut entropy).await.unwrap();
    let second = store.start_attempt(query, &mut entropy).await.unwrap();
    assert_ne!(first.entropy, second.entropy);
    assert_eq!(format!("{:?}", first.entropy), "AttemptEntropy(secret)");
    let none = Judged::default();
    // a late first attempt does not win over the second
    assert!(matches!(store.store_answer(&first, b"one", b"sealed", &none).await, Err(HospitalStoreError::OutOfOrder(_))));
    store.store_answer(&second, b"two", b"sealed", &none).await.unwrap();
    assert!(store.store_answer(&second, b"three", b"sealed", &none).await.is_err());
    assert!(store.store_refusal(query, b"no").await.is_err());
    assert!(store.start_attempt(query, &mut entropy).await.is_err());
    store.query_seen(query, Height(4)).await.unwrap();
    let AnswerStep::Submit { bytes, .. } = store.next_answer_step(query).await.unwrap() else { panic!() };
    assert_eq!(bytes, b"two");
    store.answer_submitted(query).await.unwrap();
    // its study was suspended: no attempt is used up, however often
    for _ in 0..3 {
        store.answer_rejected(query, UsedUp::No).await.unwrap();
        assert_eq!(store.next_answer_step(query).await.unwrap(), AnswerStep::Attempt { query, number: 2 });
        let again = store.start_attempt(query, &mut entropy).await.unwrap();
        store.store_answer(&again, b"two", b"sealed", &none).await.unwrap();
        store.answer_submitted(query).await.unwrap();
    }
    store.answer_rejected(query, UsedUp::Yes).await.unwrap();
    assert_eq!(store.next_answer_step(query).await.unwrap(), AnswerStep::Attempt { query, number: 3 });
    for _ in 3..=ATTEMPTS_MAX {
        store.start_attempt(query, &mut entropy).await.unwrap();
    }
    assert_eq!(store.next_answer_step(query).await.unwrap(), AnswerStep::Refuse { query });
    assert!(store.start_attempt(query, &mut entropy).await.is_err());
    store.store_refusal(query, b"no").await.unwrap();
    store.answer_submitted(query).await.unwrap();
    store.answer_confirmed(query, Height(9)).await.unwrap();
    assert!(store.answer_rejected(query, UsedUp::Yes).await.is_err());
    assert!(store.open_queries().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_question_after_a_withdrawal_is_withheld() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    anchored(&store, 0..300, 1).await;
    let rows = |register: &countersign_hospital::slots::SlotRegister, people: std::ops::Range<u32>| -> RowSet {
        people.filter_map(|i| register.find(&patient(i))).map(|a| a.row_id).collect()
    };
    let register = store.register().await.unwrap();
    let [before, unrelated] = [rows(&register, 0..200), rows(&register, 200..300)];
    let released = query_id(b"first study");
    store.query_seen(released, Height(1)).await.unwrap();
    let attempt = store.start_attempt(released, &mut rng(2)).await.unwrap();
    let judged = store.judge(&table([before, unrelated]), 10, &NoDictionaries).await.unwrap();
    assert_eq!(judged.withheld, [Withhold::None, Withhold::None]);
    store.store_answer(&attempt, b"answer", b"sealed", &judged).await.unwrap();
    store.answer_submitted(released).await.unwrap();

    store.withdraw(&[patient(42)], Heard::WORD).await.unwrap();
    let register = store.register().await.unwrap();
    let late = query_id(b"second study");
    store.query_seen(late, Height(2)).await.unwrap();
    let judged =
        async |people: std::ops::Range<u32>| store.judge(&table([rows(&register, people)]), 10, &NoDictionaries).await.unwrap().withheld[0];
    for (people, verdict) in [
        (0..200, Withhold::Overlap),
        (200..300, Withhold::None),
        (0..150, Withhold::None),
        (0..191, Withhold::None),
        (0..192, Withhold::Overlap),
    ] {
        assert_eq!(judged(people.clone()).await, verdict, "{people:?}");
    }
    // an answer judged before the other was stored is caught when it is stored
    let early = store.judge(&table([rows(&register, 200..250)]), 10, &NoDictionaries).await.unwrap();
    let between = query_id(b"in between");
    store.query_seen(between, Height(2)).await.unwrap();
    let attempt = store.start_attempt(between, &mut rng(4)).await.unwrap();
    let other = store.judge(&table([rows(&register, 100..150)]), 10, &NoDictionaries).await.unwrap();
    store.store_answer(&attempt, b"in between", b"sealed", &other).await.unwrap();
    let attempt = store.start_attempt(late, &mut rng(3)).await.unwrap();
    assert!(matches!(store.store_answer(&attempt, b"late", b"sealed", &early).await, Err(HospitalStoreError::Overlap)));
    assert_eq!(store.next_answer_step(late).await.unwrap(), AnswerStep::Attempt { query: late, number: 2 });
    // erasing the person does not change what is remembered
    store.erase(&patient(42), Heard::WORD).await.unwrap();
    assert_eq!(judged(0..200).await, Withhold::Overlap);
    // a rejected answer never left: nobody can read its ciphertext, and it is forgotten
    store.answer_rejected(released, UsedUp::Yes).await.unwrap();
    assert_eq!(judged(0..200).await, Withhold::None);
}

#[tokio::test]
async fn a_ciphertext_leaves_after_its_answer_was_accepted_and_its_numbers_stay_for_ever() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    anchored(&store, 0..100, 1).await;
    let query = query_id(b"q");
    store.query_seen(query, Height(3)).await.unwrap();
    let register = store.register().await.unwrap();
    let everybody: RowSet = register.live().map(|(_, a)| a.row_id).collect();
    let attempt = store.start_attempt(query, &mut rng(1)).await.unwrap();
    let judged = store.judge(&table([everybody.clone()]), 10, &NoDictionaries).await.unwrap();
    store.store_answer(&attempt, b"answer", b"ciphertext", &judged).await.unwrap();
    assert!(store.answer_delivered(query).await.is_err());
    assert!(matches!(store.next_answer_step(query).await.unwrap(), AnswerStep::Submit { bytes, .. } if bytes == b"answer"));
    store.answer_submitted(query).await.unwrap();
    assert!(store.answer_delivered(query).await.is_err());
    store.answer_confirmed(query, Height(4)).await.unwrap();
    assert!(store.answer_rejected(query, UsedUp::Yes).await.is_err(), "what may have left is never forgotten");
    assert_eq!(store.open_queries().await.unwrap(), [query]);
    assert_eq!(store.next_answer_step(query).await.unwrap(), AnswerStep::Deliver { query, sealed: b"ciphertext".to_vec() });
    store.answer_delivered(query).await.unwrap();
    assert!(matches!(store.next_answer_step(query).await.unwrap(), AnswerStep::Done { .. }));
    let one_fewer: RowSet = register.live().map(|(_, a)| a.row_id).skip(1).collect();
    assert_eq!(store.judge(&table([one_fewer]), 10, &NoDictionaries).await.unwrap().withheld, [Withhold::Overlap]);
}

#[tokio::test]
async fn an_answer_that_was_not_sent_is_dropped_when_somebody_of_it_withdraws() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    anchored(&store, 0..30, 1).await;
    let query = query_id(b"q");
    store.query_seen(query, Height(1)).await.unwrap();
    let attempt = store.start_attempt(query, &mut rng(2)).await.unwrap();
    store.store_answer(&attempt, b"answer", b"sealed", &Judged::default()).await.unwrap();
    store.withdraw(&[patient(3)], Heard::WORD).await.unwrap();
    assert!(matches!(store.next_step().await.unwrap(), Step::Withdrawal(_)), "an answer is not begun while a withdrawal waits");
    assert_eq!(store.next_answer_step(query).await.unwrap(), AnswerStep::Attempt { query, number: 2 });
}

#[tokio::test]
async fn rows_of_another_dictionary_are_not_planned() {
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    let (dictionary, registry, ledger) = (dictionary(), registry(), common::Echo::of(&store).await);
    let content = AnchorContent { data_table: Digest32::of(b"another"), ..content() };
    let wrong = Import { content, people: vec![person(1)], dictionary: &dictionary, registry: &registry, ledger: &ledger };
    assert!(matches!(store.import(wrong, &mut rng(1)).await, Err(HospitalStoreError::OutOfOrder(_))));
    assert_eq!(store.next_step().await.unwrap(), Step::Idle);
    assert!(store.register().await.unwrap().is_empty(), "slots of a failed plan were kept");
}

#[tokio::test]
async fn rows_read_by_another_mapping_are_anchored_again() {
    // a cut takes segments of one mapping only: half a table read by another one could not be pinned
    let folder = folder();
    let store = hospital_store(folder.path()).await;
    anchored(&store, 0..50, 1).await;
    let (dictionary, registry, ledger) = (dictionary(), registry(), common::Echo::of(&store).await);
    let people = (0..50).map(person).collect();
    let content = AnchorContent { mapping: Digest32::of(b"another"), ..content() };
    let other = Import { content, people, dictionary: &dictionary, registry: &registry, ledger: &ledger };
    let Begun::New { planned, .. } = store.import(other, &mut rng(2)).await.unwrap() else { panic!() };
    assert_eq!(planned.segments, 1);
}

async fn finish_withdrawal(store: &HospitalStore) {
    while let Some(step) = store.next_withdrawal_step().await.unwrap() {
        match step {
            WithdrawalStep::Sign { withdrawal, .. } => store.store_withdrawal(withdrawal, b"withdraw").await.unwrap(),
            WithdrawalStep::Submit { withdrawal, .. } => store.withdrawal_submitted(withdrawal).await.unwrap(),
            WithdrawalStep::Await { withdrawal, .. } => store.withdrawal_confirmed(withdrawal, Height(9)).await.unwrap(),
        }
    }
}
