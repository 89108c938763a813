//! The memory of released numbers.

use crate::common::{NoDictionaries, folder, query_id, rng, table};
use countersign_hospital::{
    HospitalStore,
    disclosure::{RowSet, Withhold},
    slots::RowId,
};
use countersign_messages::Height;
use rand::RngCore;

#[tokio::test]
async fn the_memory_is_searched_to_its_end() {
    let folder = folder();
    let store = HospitalStore::open(&folder.path().join("hospital.sqlite")).await.unwrap();
    let mut entropy = rng(4);
    // more sets of nearly one size than are read at a time; only the last differs by few rows
    let set = |from: u32| -> RowSet { (from..from + 100).map(RowId).collect() };
    let all = 1_100_u32;
    for i in 0..all / 50 {
        let query = query_id(&entropy.next_u64().to_le_bytes());
        store.query_seen(query, Height(1)).await.unwrap();
        let attempt = store.start_attempt(query, &mut entropy).await.unwrap();
        let sets: Vec<RowSet> = (i * 50..(i + 1) * 50).map(|i| set(i * 1000)).collect();
        let judged = store.judge(&table(sets), 10, &NoDictionaries).await.unwrap();
        assert_eq!(judged.withheld, [Withhold::None; 50]);
        store.store_answer(&attempt, b"x", b"sealed", &judged).await.unwrap();
    }
    for i in (0..all).step_by(7).chain([all - 1]) {
        for (from, verdict) in [(i * 1000 + 4, Withhold::Overlap), (i * 1000 + 5, Withhold::None)] {
            assert_eq!(store.judge(&table([set(from)]), 10, &NoDictionaries).await.unwrap().withheld, [verdict], "{i}");
        }
    }
}
