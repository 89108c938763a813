//! A crash at any point leaves the chain as it was before a block or after it.

use crate::databases::{TestDatabase, on_both};
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use countersign_store::{Auditor, ChainStore, LocalChain, StoreUrl};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

on_both!(killed_processes_lose_nothing);

const CHAIN: &str = "COUNTERSIGN_CRASH_TEST_CHAIN";

fn withdrawal(state: &State) -> Transaction {
    let sequence = state.next_sequence(&id(HospitalA));
    let slot = state.withdrawals(id(HospitalA)).count() as u32;
    Transaction::sign(&key(HospitalA), state.network(), sequence, withdraw(&[slot], Cause::Word))
}

async fn begin(url: &StoreUrl) -> LocalChain {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    net.tables(HospitalA, 1);
    let mut chain = LocalChain::create(url, genesis(), key(Validator), Arc::new(Script::default())).await.unwrap();
    for (block, _) in &net.blocks {
        chain.submit(block.transactions.clone(), block.header.time).await.unwrap();
    }
    chain
}

/// Not a test of its own: the process that is killed. It writes blocks for ever and says so after each.
#[tokio::test]
#[ignore = "run by killed_processes_lose_nothing"]
async fn writes_until_killed() {
    let Ok(place) = std::env::var(CHAIN) else { return };
    let mut chain = LocalChain::open(&place.parse().unwrap(), key(Validator), Arc::new(Script::default())).await.unwrap();
    let say = |word: &str, height: Height| {
        let mut out = std::io::stdout();
        writeln!(out, "\n{word} {height}").unwrap();
        out.flush().unwrap();
    };
    loop {
        let next = chain.state().tip().height.next();
        chain.store().put_proposal(next, 0, BlockId(digest("proposed")), &[7; 20_000]).await.unwrap();
        say("proposed", next);
        let transaction = withdrawal(chain.state());
        let submitted = chain.submit(vec![transaction], BlockTime(0)).await.unwrap();
        say("written", submitted.block.header.height);
    }
}

async fn killed_processes_lose_nothing(place: TestDatabase) {
    begin(&place.url()).await.store().close().await;
    let mut last = Height(0);
    for round in 1..=8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writes_until_killed", "--ignored", "--nocapture"])
            .env(CHAIN, &place.text)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // killed right after a block or a proposal was acknowledged, that is in the middle of what follows
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (mut acknowledged, mut proposed) = (last, None);
        let said = lines.filter_map(|line| {
            let (word, height) = line.split_once(' ')?;
            matches!(word, "written" | "proposed").then(|| (word.to_owned(), Height(height.parse().unwrap())))
        });
        for (word, height) in said.take(round * 3 + 1) {
            match word.as_str() {
                "written" => acknowledged = height,
                _ => proposed = Some(height),
            }
        }
        let proposed = proposed.expect("the child wrote proposals");
        child.kill().unwrap();
        child.wait().unwrap();
        let chain = LocalChain::open(&place.url(), key(Validator), Arc::new(Script::default())).await.unwrap();
        let height = chain.state().tip().height;
        assert!(height >= acknowledged && acknowledged > last, "{height} after {acknowledged} was acknowledged");
        // nothing lost, nothing doubled: one withdrawal a block
        assert_eq!(chain.state().withdrawals(id(HospitalA)).count() as u64, height.0 - 2);
        // an acknowledged proposal is there until its block is
        let kept = chain.store().proposals(proposed).await.unwrap();
        assert_eq!(kept.len(), usize::from(height < proposed), "{kept:?}");
        assert!(kept.iter().all(|p| p.bytes == [7; 20_000]));
        Auditor::store(chain.store(), &Script::default(), |_| ()).await.unwrap();
        chain.store().close().await;
        last = height;
    }
}

/// The log cut at many lengths stands for a machine that lost power with any part of it written.
#[tokio::test]
async fn a_torn_log_leaves_whole_blocks() {
    let place = TestDatabase::sqlite();
    let mut chain = begin(&place.url()).await;
    for _ in 0..6 {
        let transaction = withdrawal(chain.state());
        chain.submit(vec![transaction], BlockTime(0)).await.unwrap();
    }
    let log = std::fs::read(place.folder.path().join("chain.sqlite-wal")).unwrap();
    let main = std::fs::read(place.file()).unwrap();
    assert!(log.len() > 4_096 * 8, "blocks are in the log");
    let mut heights = Vec::new();
    for part in 0..=60 {
        let length = log.len() * part / 60;
        let torn = tempfile::tempdir().unwrap();
        let copy = torn.path().join("chain.sqlite");
        std::fs::write(&copy, &main).unwrap();
        std::fs::write(torn.path().join("chain.sqlite-wal"), &log[..length]).unwrap();
        let Ok(store) = ChainStore::open(&StoreUrl::from(copy.as_path())).await else {
            // before the genesis was written there is no chain to lose
            assert!(heights.is_empty(), "a chain that was there is gone at {length}");
            continue;
        };
        let state = store.load().await.unwrap();
        let height = state.tip().height;
        assert_eq!(state.withdrawals(id(HospitalA)).count() as u64, height.0.saturating_sub(2));
        Auditor::store(&store, &Script::default(), |_| ()).await.unwrap();
        heights.push(height);
        store.close().await;
    }
    assert!(heights.windows(2).all(|w| w[0] <= w[1]));
    assert_eq!(heights.last(), Some(&chain.state().tip().height));
    assert!(heights.iter().collect::<std::collections::BTreeSet<_>>().len() > 4, "{heights:?}");
}
