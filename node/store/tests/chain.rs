//! Chains on fresh databases with every migration.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic, and share a harness between binaries")]

#[path = "../../ledger/tests/harness/mod.rs"]
mod harness;

use countersign_circuits::hash::Digest32;
use countersign_ledger::*;
use countersign_store::{
    Auditor, BLOB_BYTES_MAX, ChainStore, LocalChain, StoreError,
    archive::{self, Blobs},
};
use harness::*;
use std::{path::PathBuf, sync::Arc};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.sqlite");
    (folder, path)
}

/// A chain of the harness, written block by block through the store.
async fn stored(path: &std::path::Path) -> (Net, QueryId, ChainStore) {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    net.accept(HospitalA, withdraw(&[3, 2_050], WithdrawnBy::Patient));
    let (bad, answer) = (net.bad_answer(query), net.answer_now(HospitalA, query));
    net.block(vec![(HospitalA, bad), (HospitalA, answer), (HospitalB, refusal(query, 30))]);
    let store = ChainStore::create(path, &genesis()).await.unwrap();
    for (block, results) in &net.blocks {
        store.append(block, results).await.unwrap();
    }
    (net, query, store)
}

#[tokio::test]
async fn blocks_come_back_as_they_were() {
    let (_folder, path) = folder();
    let (net, _, store) = stored(&path).await;
    store.close().await;
    let store = ChainStore::open(&path).await.unwrap();
    assert_eq!(store.genesis(), &genesis());
    assert_eq!(store.last_height().await.unwrap(), net.state.tip().height);
    for (block, results) in &net.blocks {
        let height = block.header.height;
        let found = store.block(height).await.unwrap().unwrap();
        assert_eq!((&found.block, &found.results), (block, results));
        for (position, (transaction, result)) in block.transactions.iter().zip(results).enumerate() {
            let entry = store.transaction(&result.transaction).await.unwrap().unwrap();
            assert_eq!((entry.height, entry.position as usize), (height, position));
            assert_eq!((&entry.transaction, &entry.result), (transaction, result));
        }
    }
    assert_eq!(store.headers(Height(2), Height(3)).await.unwrap().len(), 2);
    assert!(store.block(net.state.tip().height.next()).await.unwrap().is_none());
    assert!(store.transaction(&TransactionId(digest("none"))).await.unwrap().is_none());
    let state = store.load().await.unwrap();
    assert_eq!((state.digest(), state.tip()), (net.state.digest(), net.state.tip()));
}

#[tokio::test]
async fn blocks_are_appended_in_order_and_once() {
    let (_folder, path) = folder();
    let (net, _, store) = stored(&path).await;
    let (block, results) = net.blocks.last().unwrap();
    assert!(matches!(store.append(block, results).await, Err(StoreError::NotNext { .. })));
    let mut gap = block.clone();
    gap.header.height = Height(block.header.height.0 + 2);
    assert!(matches!(store.append(&gap, results).await, Err(StoreError::NotNext { .. })));
    let mut next = block.clone();
    next.header.height = block.header.height.next();
    assert!(matches!(store.append(&next, &results[1..]).await, Err(StoreError::Damaged { .. })));
    // transactions seen before: the block is refused whole
    assert!(matches!(store.append(&next, results).await, Err(StoreError::Database(_))));
    assert_eq!(store.last_height().await.unwrap(), block.header.height);
    assert!(matches!(ChainStore::create(&path, &genesis()).await, Err(StoreError::Exists(_))));
    let empty = path.with_file_name("empty.sqlite");
    assert!(matches!(ChainStore::open(&empty).await, Err(StoreError::Database(_))), "opening makes no file");
}

#[tokio::test]
async fn snapshots_save_time_and_nothing_else() {
    let (_folder, path) = folder();
    let (net, _, store) = stored(&path).await;
    for height in [2, 4, 6] {
        store.write_snapshot(&net.past[&Height(height)]).await.unwrap();
    }
    assert_eq!(store.load().await.unwrap().digest(), net.state.digest());
    // a damaged one is passed over
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM snapshot").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, 2);
    sqlx::query("UPDATE snapshot SET bytes = substr(bytes, 1, length(bytes) - 1)").execute(&pool).await.unwrap();
    assert_eq!(store.load().await.unwrap().digest(), net.state.digest());
}

#[tokio::test]
async fn tampering_on_disk_is_found() {
    for statement in [
        "UPDATE block SET header = CAST(substr(header, 1, 200) || x'00' || substr(header, 202) AS BLOB) WHERE height = 3",
        "DELETE FROM entry WHERE height = 4",
        "UPDATE entry SET bytes = CAST(substr(bytes, 1, 90) || x'ff' || substr(bytes, 92) AS BLOB) WHERE height = 2",
        "UPDATE entry SET result = (SELECT result FROM entry WHERE height = 1) WHERE height = 2",
        "UPDATE entry SET position = 9 WHERE height = 8 AND position = 0",
        "UPDATE entry SET result = x'00' WHERE height = 5",
    ] {
        let (_folder, path) = folder();
        let (_, _, store) = stored(&path).await;
        let pool = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&path)).await.unwrap();
        let changed = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
        assert!(changed.rows_affected() > 0, "{statement}");
        assert!(store.load().await.is_err(), "{statement}");
        assert!(Auditor::store(&store, &Script::default(), |_| ()).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn sealed_answers() {
    let (_folder, path) = folder();
    let store = ChainStore::create(&path, &genesis()).await.unwrap();
    let digest = store.put_blob(b"sealed").await.unwrap();
    assert_eq!(store.put_blob(b"sealed").await.unwrap(), digest);
    assert_eq!(digest, Digest32::of(b"sealed"));
    assert_eq!(store.blob(&digest).await.unwrap().unwrap(), b"sealed");
    assert_eq!(store.blob(&harness::digest("other")).await.unwrap(), None);
    assert!(matches!(store.put_blob(&vec![0; BLOB_BYTES_MAX + 1]).await, Err(StoreError::BlobTooLong(_))));
    let pool = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&path)).await.unwrap();
    sqlx::query("UPDATE blob SET bytes = x'00'").execute(&pool).await.unwrap();
    assert!(matches!(store.blob(&digest).await, Err(StoreError::BlobDamaged(_))));
}

#[tokio::test]
async fn a_local_chain_goes_on_where_it_was() {
    let (_folder, path) = folder();
    let mut net = Net::new(genesis());
    net.open();
    let mut chain = LocalChain::create(&path, genesis(), Arc::new(Script::default())).await.unwrap();
    for (block, results) in &net.blocks {
        let submitted = chain.submit(block.transactions.clone(), block.header.time).await.unwrap();
        assert_eq!((&submitted.block, &submitted.results), (block, results));
        assert!(submitted.refused.is_empty() && submitted.deferred.is_empty());
    }
    chain.close().await.unwrap();
    let mut chain = LocalChain::open(&path, Arc::new(Script::default())).await.unwrap();
    assert_eq!(chain.state().digest(), net.state.digest());
    // a replay is refused, and a clock that went back does not stop the chain
    let replay = net.blocks[0].0.transactions.clone();
    let submitted = chain.submit(replay, BlockTime(0)).await.unwrap();
    assert!(matches!(submitted.refused[..], [(_, EnvelopeError::Sequence { .. })]));
    assert_eq!(submitted.block.header.time, net.time.plus_ms(1));
    // a checker with other keys is turned away
    let mut other = genesis();
    other.circuit_keys = digest("other");
    let elsewhere = path.with_file_name("other.sqlite");
    assert!(matches!(LocalChain::create(&elsewhere, other, Arc::new(Script::default())).await, Err(StoreError::Genesis(_))));
}

#[tokio::test]
async fn two_writers_do_not_mix() {
    let (_folder, path) = folder();
    let mut one = LocalChain::create(&path, genesis(), Arc::new(Script::default())).await.unwrap();
    let mut two = LocalChain::open(&path, Arc::new(Script::default())).await.unwrap();
    one.submit(vec![], START.plus_ms(1)).await.unwrap();
    assert!(matches!(two.submit(vec![], START.plus_ms(2)).await, Err(StoreError::NotNext { .. })));
    assert_eq!(two.state().tip().height, Height(0), "a block that was not written did not happen");
}

#[tokio::test]
async fn archives_carry_a_chain_and_are_audited() {
    let (_folder, path) = folder();
    let (net, _, store) = stored(&path).await;
    store.put_blob(b"sealed").await.unwrap();
    let mut file = Vec::new();
    archive::export(&store, Blobs::Include, &mut file).await.unwrap();
    let mut heights = Vec::new();
    let auditor =
        Auditor::archive(file.as_slice(), &Script::default(), |r| heights.push(r.tip.height)).map(|a| a.report().clone()).unwrap();
    assert_eq!(auditor.tip, net.state.tip());
    assert_eq!((auditor.segments, auditor.answers, auditor.blobs, auditor.rejected), (4, 1, 1, 1));
    assert_eq!(heights.last(), Some(&net.state.tip().height));
    let copy = path.with_file_name("copy.sqlite");
    let (copied, report) = Auditor::import(file.as_slice(), &copy, &Script::default()).await.unwrap();
    assert_eq!(report, auditor);
    let mut again = Vec::new();
    archive::export(&copied, Blobs::Include, &mut again).await.unwrap();
    assert_eq!(again, file);
    let mut lean = Vec::new();
    archive::export(&store, Blobs::Leave, &mut lean).await.unwrap();
    assert!(lean.len() < file.len());
    // cut, lengthened or changed anywhere: refused (messages of rejections are not committed to, so they may differ)
    assert!(Auditor::archive([file.as_slice(), &[0]].concat().as_slice(), &Script::default(), |_| ()).is_err());
    for at in (0..file.len()).step_by(file.len() / 300) {
        assert!(Auditor::archive(&file[..at], &Script::default(), |_| ()).is_err(), "cut at {at}");
        let mut bad = file.clone();
        bad[at] ^= 0x10;
        if let Ok(auditor) = Auditor::archive(bad.as_slice(), &Script::default(), |_| ()) {
            assert_eq!(auditor.report().tip, net.state.tip(), "byte {at}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_exported_and_checked_alone() {
    let (_folder, path) = folder();
    let (_, query, store) = stored(&path).await;
    let state = store.load().await.unwrap();
    let export = store.export_answer(&state, &query, &id(HospitalA)).await.unwrap();
    let finding = light::AnswerExport::decode(&export.encode()).unwrap().check(&Script::default()).unwrap();
    assert_eq!(finding.answer.hospital, id(HospitalA));
    assert_eq!(finding.block, state.tip().block);
    assert!(matches!(store.export_answer(&state, &query, &id(HospitalB)).await, Err(StoreError::NotFound(_))));
}
