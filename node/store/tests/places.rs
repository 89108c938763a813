//! Where chains are kept, and who may write.

use crate::databases::{TestDatabase, certified, on_both, stored};
use countersign_circuits::hash::Digest32;
use countersign_harness::*;
use countersign_store::{ChainStore, LocalChain, StoreError, StoreUrl};
use sqlx::Row;
use std::{collections::BTreeMap, path::Path, sync::Arc};

on_both!(one_writes_and_others_read, a_store_that_is_dropped_lets_go);

async fn one_writes_and_others_read(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    let (url, network) = (place.url(), genesis());
    let (opened, created, local) = tokio::join!(
        ChainStore::open(&url),
        ChainStore::create(&url, &network),
        LocalChain::open(&url, key(Validator), Arc::new(Script::default())),
    );
    for refused in [opened.unwrap_err(), created.unwrap_err(), local.unwrap_err()] {
        assert!(matches!(&refused, StoreError::InUse(_)), "{refused}");
        assert!(refused.to_string().contains(&url.to_string()), "{refused}");
    }
    let reader = ChainStore::read(&place.url()).await.unwrap();
    assert_eq!(reader.load().await.unwrap().digest(), net.state.digest());
    // the writer goes on beside a reader, who sees it
    let proposed = net.state.propose(net.time.plus_ms(1), vec![], &Script::default()).unwrap();
    let block = proposed.outcome.block().clone();
    store.append(&block, &[], &certified(&block)).await.unwrap();
    assert_eq!(reader.last_height().await.unwrap(), block.header.height);
    for refused in [
        reader.append(&block, &[], &certified(&block)).await,
        reader.put_blob(b"sealed").await.map(drop),
        reader.put_proposal(block.header.height.next(), 0, block.header.id(), b"x").await,
        reader.improve_certificate(&certified(&block)).await.map(drop),
        reader.write_snapshot(&net.state).await,
    ] {
        assert!(matches!(refused, Err(StoreError::ReadOnly)));
    }
    store.close().await;
    assert!(matches!(store.append(&block, &[], &certified(&block)).await, Err(StoreError::Database(sqlx::Error::PoolClosed))));
    ChainStore::open(&place.url()).await.unwrap();
}

async fn a_store_that_is_dropped_lets_go(place: TestDatabase) {
    for round in 0..3 {
        if round == 0 {
            ChainStore::create(&place.url(), &genesis()).await.unwrap();
        } else {
            ChainStore::open(&place.url()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn another_name_of_a_file_is_the_same_file() {
    let place = TestDatabase::sqlite();
    let store = ChainStore::create(&place.url(), &genesis()).await.unwrap();
    let link = place.folder.path().join("link.sqlite");
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    let dotted = place.folder.path().join(".").join("chain.sqlite");
    let (link, dotted) = (StoreUrl::from(link.as_path()), StoreUrl::from(dotted.as_path()));
    let (link, dotted) = tokio::join!(ChainStore::open(&link), ChainStore::open(&dotted));
    assert!(matches!((link, dotted), (Err(StoreError::InUse(_)), Err(StoreError::InUse(_)))));
    store.close().await;
}

/// Whoever loses the connection loses the lock, and writes only after taking it again.
#[tokio::test]
async fn a_broken_connection_is_made_again_with_the_lock() {
    let Some(place) = TestDatabase::postgres().await else { return };
    let (net, _, store) = stored(&place).await;
    let cut = async || {
        // waits until the server has let the sessions go
        let mut connection = place.connect().await;
        let cut = "SELECT pg_terminate_backend(pid, 10000) AS gone FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                   AND datname = current_database()";
        let rows = sqlx::query(cut).fetch_all(&mut connection).await.unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|r| r.try_get("gone").unwrap()));
    };
    cut().await;
    store.put_blob(b"sealed").await.unwrap();
    assert!(matches!(ChainStore::open(&place.url()).await, Err(StoreError::InUse(_))), "it has the lock again");
    cut().await;
    let second = ChainStore::open(&place.url()).await.unwrap();
    let proposed = net.state.propose(net.time.plus_ms(1), vec![], &Script::default()).unwrap();
    let block = proposed.outcome.block();
    assert!(matches!(store.append(block, &[], &certified(block)).await, Err(StoreError::InUse(_))));
    second.append(block, &[], &certified(block)).await.unwrap();
    second.close().await;
    assert!(matches!(store.append(block, &[], &certified(block)).await, Err(StoreError::NotNext { .. })));
}

/// A copy that an auditor may only read. Where this test runs as root, who may write anywhere, only what is said about such copies is tested.
#[tokio::test]
async fn a_copy_that_may_not_be_written_is_read_as_it_stands() {
    use std::os::unix::fs::PermissionsExt;
    let place = TestDatabase::sqlite();
    let (net, _, store) = stored(&place).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("chain.sqlite");
    let allow = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    let url = StoreUrl::from(copy.as_path());
    // beside a writer: the last blocks are in its log
    std::fs::copy(place.file(), &copy).unwrap();
    let log = place.file().with_file_name("chain.sqlite-wal");
    std::fs::copy(&log, copy.with_file_name("chain.sqlite-wal")).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o444)).unwrap();
    allow(0o555);
    let may_write = std::fs::File::create(folder.path().join("probe")).is_ok();
    let unfinished = ChainStore::read(&url).await;
    allow(0o755);
    if !may_write {
        let error = unfinished.unwrap_err();
        assert!(matches!(&error, StoreError::UnfinishedCopy { .. }) && !error.is_about_content(), "{error}");
    }
    store.close().await;
    for name in ["chain.sqlite-wal", "chain.sqlite-shm", "probe"] {
        drop(std::fs::remove_file(folder.path().join(name)));
    }
    std::fs::remove_file(&copy).unwrap();
    std::fs::copy(place.file(), &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o444)).unwrap();
    allow(0o555);
    let read = ChainStore::read(&url).await;
    let state = read.unwrap().load().await;
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    allow(0o755);
    assert_eq!(state.unwrap().digest(), net.state.digest());
    assert!(may_write || left == ["chain.sqlite"], "{left:?}");
}

/// Table and column to type, whether it may be null, and place in the primary key.
type Schema = BTreeMap<(String, String), (String, bool, bool)>;

async fn schema(place: &TestDatabase) -> Schema {
    ChainStore::create(&place.url(), &genesis()).await.unwrap().close().await;
    let statement = if place.is_sqlite() {
        "SELECT m.name AS tab, p.name AS col, p.type AS typ, 1 - MAX(p.\"notnull\", p.pk > 0) AS nullable, p.pk > 0 AS keyed \
         FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE '%sqlx%'"
    } else {
        "SELECT c.table_name::text AS tab, c.column_name::text AS col, c.data_type::text AS typ, \
         (c.is_nullable = 'YES')::int::bigint AS nullable, (k.column_name IS NOT NULL)::int::bigint AS keyed \
         FROM information_schema.columns c LEFT JOIN (information_schema.key_column_usage k JOIN information_schema.table_constraints t \
         ON t.constraint_name = k.constraint_name AND t.constraint_type = 'PRIMARY KEY') \
         ON k.table_name = c.table_name AND k.column_name = c.column_name \
         WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '%sqlx%'"
    };
    let rows = sqlx::query(statement).fetch_all(&mut place.connect().await).await.unwrap();
    let read = |row: &sqlx::any::AnyRow| {
        let text = |name: &str| row.try_get::<String, _>(name).unwrap();
        let flag = |name: &str| row.try_get::<i64, _>(name).unwrap() != 0;
        let kind = text("typ").to_uppercase().replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB");
        ((text("tab"), text("col")), (kind, flag("nullable"), flag("keyed")))
    };
    rows.iter().map(read).collect()
}

/// The sum of the migrations is the same on both databases.
#[tokio::test]
async fn both_databases_have_one_schema() {
    let sqlite = schema(&TestDatabase::sqlite()).await;
    let tables: std::collections::BTreeSet<_> = sqlite.keys().map(|k| k.0.as_str()).collect();
    assert_eq!(
        tables.into_iter().collect::<Vec<_>>(),
        ["blob", "block", "certificate", "entry", "genesis", "named", "proposal", "snapshot", "voting"]
    );
    let Some(place) = TestDatabase::postgres().await else { return };
    assert_eq!(schema(&place).await, sqlite);
}

/// A migration that was shipped never changes: databases remember its checksum.
#[test]
fn shipped_migrations_never_change() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let digest = |name: &str| Digest32::of(&std::fs::read(folder.join(name)).unwrap()).to_string();
    assert_eq!(digest("sqlite/0001_chain.sql"), SQLITE_0001);
}

const SQLITE_0001: &str = "27b782ef6415eb19656281876e69ef148770531e0b84a2253b9c1c21d3e4c66f";

/// Every column that is not a reference says what it is, in both folders.
#[test]
fn every_column_has_a_comment() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut columns = 0;
    for kind in ["sqlite", "postgres"] {
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for line in text.lines().filter(|l| l.starts_with("    ") && !l.contains("PRIMARY KEY (") && !l.contains("REFERENCES")) {
                columns += 1;
                assert!(line.contains(" -- "), "{kind}: {line}");
            }
        }
    }
    assert_eq!(columns, 56);
}
