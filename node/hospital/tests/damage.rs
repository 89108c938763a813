//! Values in the file that this program never stores, and a second process that opens it.

use crate::common::{folder, import, person, reopen, rng};
use countersign_circuits::field::Fr;
use countersign_hospital::{
    HospitalStore, HospitalStoreError,
    journal::{Begun, Committed},
};
use countersign_prover::commitment::Blinders;
use sqlx::Connection as _;

/// What this version would not store, it does not take for a patient or a blinder.
#[tokio::test]
async fn stored_values_that_do_not_fit_are_damage() {
    let folder = folder();
    let path = folder.path().join("hospital.sqlite");
    let spoil = async |statement: &str| {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    let store = reopen(&path).await;
    let Begun::New { anchor, .. } = import(&store, (0..3).map(person), &mut rng(1)).await.unwrap() else { panic!("unfinished") };
    let key = store.anchor_openings(anchor).await.unwrap()[0];
    let blinders = Blinders(vec![Fr::from(7u64); 3]);
    store.store_commitments(anchor, &[Committed { key, blinders: &blinders, points: &[7; 96], source: None }]).await.unwrap();
    store.close().await;

    // three elements above the modulus
    spoil(&format!("UPDATE opening SET blinders = x'{}'", "ff".repeat(96))).await;
    let store = reopen(&path).await;
    assert!(matches!(store.opening(&key).await, Err(HospitalStoreError::Damaged("blinders"))));
    store.close().await;

    let long = "x".repeat(129);
    for patient in ["", "a\nb", &long] {
        spoil("DELETE FROM withdrawn").await;
        spoil(&format!("INSERT INTO withdrawn (patient) VALUES ('{patient}')")).await;
        let store = reopen(&path).await;
        assert!(matches!(store.register().await, Err(HospitalStoreError::Damaged("a patient's identifier"))), "{patient:?}");
        assert!(matches!(store.held_back().await, Err(HospitalStoreError::Damaged("a patient's identifier"))), "{patient:?}");
        store.close().await;
    }
}

/// Two processes that had both opened the file would each find at its first write that the other is there: the second is told when it opens it.
#[tokio::test]
async fn a_second_process_does_not_open_the_file() {
    let folder = folder();
    let path = folder.path().join("store.sqlite");
    let first = HospitalStore::open(&path).await.unwrap();
    let second = HospitalStore::open(&path).await.map(|_| ()).unwrap_err();
    assert!(format!("{second:?}").contains("locked"), "{second:?}");
    import(&first, (0..3).map(person), &mut rng(1)).await.unwrap();
    first.close().await;
    HospitalStore::open(&path).await.unwrap().close().await;
}
