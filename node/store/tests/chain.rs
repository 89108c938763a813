//! Chains on fresh databases with every migration.

use crate::databases::{TestDatabase, certified, on_both, stored};
use countersign_circuits::hash::Digest32;
use countersign_harness::{self as harness, *};
use countersign_ledger::*;
use countersign_messages::*;
use countersign_store::{
    Auditor, BLOB_BYTES_MAX, ChainStore, LocalChain, PROPOSALS_MAX, StoreError, VotingRecord,
    archive::{self, Blobs},
};
use std::sync::Arc;

on_both!(
    blocks_come_back_as_they_were,
    blocks_are_appended_in_order_and_once,
    full_blocks_come_back,
    snapshots_save_time_and_nothing_else,
    tampering_on_disk_is_found,
    sealed_answers,
    a_ciphertext_is_kept_and_given_only_for_an_accepted_answer,
    a_write_that_fails_leaves_nothing_and_the_next_succeeds,
    a_write_that_is_given_up_leaves_nothing,
    what_is_known_of_votes_goes_with_the_blocks,
    a_local_chain_goes_on_where_it_was,
    archives_carry_a_chain_and_are_audited,
    an_answer_is_exported_and_checked_alone,
    blocks_are_served_as_they_were_encoded,
    proposals_are_kept_until_their_height_is_decided,
);

async fn blocks_come_back_as_they_were(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    store.close().await;
    let store = ChainStore::open(&place.url()).await.unwrap();
    assert_eq!(store.genesis(), &genesis());
    assert_eq!(store.last_height().await.unwrap(), net.state.tip().height);
    for (block, results) in &net.blocks {
        let height = block.header.height;
        let found = store.block(height).await.unwrap().unwrap();
        assert_eq!((&found.block, &found.results, &found.certificate), (block, results, &certified(block)));
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

async fn blocks_are_appended_in_order_and_once(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    let (block, results) = net.blocks.last().unwrap();
    let refused = async |block: &Block, results: &[TransactionResult]| store.append(block, results, &certified(block)).await.unwrap_err();
    assert!(matches!(refused(block, results).await, StoreError::NotNext { .. }));
    let mut gap = block.clone();
    gap.header.height = Height(block.header.height.0 + 2);
    assert!(matches!(refused(&gap, results).await, StoreError::NotNext { .. }));
    let mut next = block.clone();
    next.header.height = block.header.height.next();
    assert!(matches!(refused(&next, &results[1..]).await, StoreError::Damaged { .. }));
    // transactions seen before: the block is refused whole
    assert!(matches!(refused(&next, results).await, StoreError::Database(_)));
    assert_eq!(store.last_height().await.unwrap(), block.header.height);
    store.close().await;
    assert!(matches!(ChainStore::create(&place.url(), &genesis()).await, Err(StoreError::Exists(_))));
    let empty = place.another().await;
    if place.is_sqlite() {
        assert!(matches!(ChainStore::open(&empty.url()).await, Err(StoreError::Database(_))));
        assert!(matches!(ChainStore::read(&empty.url()).await, Err(StoreError::Database(_))));
        assert_eq!(std::fs::read_dir(empty.folder.path()).unwrap().count(), 0, "opening makes no file");
    } else {
        assert!(matches!(ChainStore::read(&empty.url()).await, Err(StoreError::Empty)));
        assert!(matches!(ChainStore::open(&empty.url()).await, Err(StoreError::Empty)));
    }
}

/// More transactions than one statement writes.
async fn full_blocks_come_back(place: TestDatabase) {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    net.tables(HospitalA, 1);
    for count in [64, 65, 200] {
        let first = net.state.withdrawals(id(HospitalA)).count() as u32;
        net.block((first..first + count).map(|slot| (HospitalA, withdraw(&[slot], Cause::Word))).collect());
    }
    let store = ChainStore::create(&place.url(), &genesis()).await.unwrap();
    for (block, results) in &net.blocks {
        store.append(block, results, &certified(block)).await.unwrap();
        let found = store.block(block.header.height).await.unwrap().unwrap();
        assert_eq!((&found.block, &found.results), (block, results));
    }
}

async fn snapshots_save_time_and_nothing_else(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    for height in [2, 4, 6] {
        store.write_snapshot(&net.past[&Height(height)]).await.unwrap();
    }
    assert_eq!(store.load().await.unwrap().digest(), net.state.digest());
    // a damaged one is passed over
    assert_eq!(place.count("snapshot").await, 2);
    for height in [4, 6] {
        place.tamper("snapshot", "bytes", &format!("height = {height}"), |b| b.truncate(b.len() - 1)).await;
    }
    assert_eq!(store.load().await.unwrap().digest(), net.state.digest());
}

async fn tampering_on_disk_is_found(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    let wrong = async |what: &str| {
        assert!(store.load().await.is_err(), "{what}");
        assert!(Auditor::store(&store, &Script::default(), |_| ()).await.is_err(), "{what}");
    };
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 0x10;
    for (table, column, at, change) in [
        ("block", "header", "height = 3", flip(200)),
        ("entry", "bytes", "height = 2 AND position = 0", flip(90)),
        ("entry", "result", "height = 2 AND position = 0", flip(3)),
    ] {
        place.tamper(table, column, at, change).await;
        wrong(at).await;
        place.tamper(table, column, at, change).await;
    }
    let other = borsh::to_vec(&net.blocks[0].1[0]).unwrap();
    for result in [vec![0], other] {
        let before = borsh::to_vec(&net.blocks[1].1[0]).unwrap();
        place.tamper("entry", "result", "height = 2 AND position = 0", |b| *b = result).await;
        wrong("another result").await;
        place.tamper("entry", "result", "height = 2 AND position = 0", |b| *b = before).await;
    }
    assert!(store.load().await.is_ok() && Auditor::store(&store, &Script::default(), |_| ()).await.is_ok(), "as it was");
    place.run("UPDATE entry SET position = 9 WHERE height = 8 AND position = 0").await;
    wrong("another order").await;
    place.run("UPDATE entry SET position = 0 WHERE height = 8 AND position = 9").await;
    place.run("DELETE FROM entry WHERE height = 4").await;
    wrong("a transaction is gone").await;
}

async fn sealed_answers(place: TestDatabase) {
    let (_, _, store) = stored(&place).await;
    assert_eq!(store.blobs_missing(10).await.unwrap(), [digest("sealed")]);
    let digest = store.put_blob(b"sealed").await.unwrap();
    assert!(store.blobs_missing(10).await.unwrap().is_empty());
    assert_eq!(store.put_blob(b"sealed").await.unwrap(), digest);
    assert_eq!(digest, Digest32::of(b"sealed"));
    assert_eq!(store.blob(&digest).await.unwrap().unwrap(), b"sealed");
    assert_eq!(store.blob(&harness::digest("other")).await.unwrap(), None);
    assert!(matches!(store.put_blob(&vec![0; BLOB_BYTES_MAX + 1]).await, Err(StoreError::BlobTooLong(_))));
    place.tamper("blob", "bytes", "1 = 1", |b| b.push(0)).await;
    assert!(matches!(store.blob(&digest).await, Err(StoreError::BlobDamaged(_))));
}

/// The chain of `short_chain` has a rejected answer beside the accepted one.
async fn a_ciphertext_is_kept_and_given_only_for_an_accepted_answer(place: TestDatabase) {
    let (mut net, study, store) = {
        let mut net = Net::new(genesis());
        let study = net.open();
        let store = ChainStore::create(&place.url(), &genesis()).await.unwrap();
        for (block, results) in &net.blocks {
            store.append(block, results, &certified(block)).await.unwrap();
        }
        (net, study, store)
    };
    let query = net.ask(study);
    let with = |payload: Payload, sealed: Digest32| match payload {
        Payload::Answer(answer) => Payload::Answer(Answer { sealed, ..answer }),
        other => other,
    };
    let bad = with(net.bad_answer(query), Digest32::of(b"rejected"));
    let good = with(net.answer_now(HospitalA, query), Digest32::of(b"accepted"));
    let refused = async |bytes: &[u8]| matches!(store.put_blob(bytes).await, Err(StoreError::BlobNotNamed(d)) if d == Digest32::of(bytes));
    assert!(refused(b"accepted").await, "before its block");
    net.block(vec![(HospitalA, bad), (HospitalA, good)]);
    for (block, results) in net.blocks.iter().skip(usize::try_from(store.last_height().await.unwrap().0).unwrap()) {
        store.append(block, results, &certified(block)).await.unwrap();
    }
    let results = &net.blocks.last().unwrap().1;
    assert!(results[0].rejection().is_some() && results[1].effect().is_some());
    assert!(refused(b"rejected").await && refused(b"never answered").await);
    store.put_blob(b"accepted").await.unwrap();
    store.close().await;
    // a chain from before blocks named their answers: both ciphertexts were kept
    let put = |bytes: &str| {
        format!(
            "INSERT INTO blob (digest, bytes) VALUES ({}, {})",
            place.bytes(&Digest32::of(bytes.as_bytes()).0),
            place.bytes(bytes.as_bytes())
        )
    };
    place.run(&put("rejected")).await;
    let reader = ChainStore::read(&place.url()).await.unwrap();
    assert_eq!(reader.blob(&Digest32::of(b"rejected")).await.unwrap(), None, "not given");
    assert_eq!(reader.blobs().await.unwrap(), [Digest32::of(b"accepted")]);
    reader.close().await;
    place.run("DELETE FROM named").await;
    let store = ChainStore::open(&place.url()).await.unwrap();
    assert_eq!(store.blob(&Digest32::of(b"accepted")).await.unwrap().unwrap(), b"accepted");
    assert_eq!(place.count("blob").await, 1, "the rejected one is forgotten");
}

/// What SQLite does when the disk is full: the statement fails and the transaction is over, though nobody has ended it.
async fn a_write_that_fails_leaves_nothing_and_the_next_succeeds(place: TestDatabase) {
    let (mut net, _, store) = stored(&place).await;
    place.refuse_writes("block").await;
    let (block, results) = {
        net.block(vec![]);
        net.blocks.last().unwrap().clone()
    };
    for _ in 0..3 {
        assert!(matches!(store.append(&block, &results, &certified(&block)).await, Err(StoreError::Database(_))));
    }
    let next = block.header.height;
    store.put_proposal(next, 0, block.header.id(), b"other tables have room").await.unwrap();
    place.accept_writes("block").await;
    store.append(&block, &results, &certified(&block)).await.unwrap();
    assert_eq!(store.last_height().await.unwrap(), next);
    assert!(matches!(ChainStore::open(&place.url()).await, Err(StoreError::InUse(_))), "it is still the one that writes");
}

/// A caller that nobody waits for any more must not leave its half-written block to the next one.
async fn a_write_that_is_given_up_leaves_nothing(place: TestDatabase) {
    let (mut net, _, store) = stored(&place).await;
    net.block(vec![]);
    let (block, results) = net.blocks.last().unwrap().clone();
    for polls in 0..12 {
        let certificate = certified(&block);
        let mut writing = Box::pin(store.append(&block, &results, &certificate));
        for _ in 0..polls {
            let waited = tokio::time::timeout(std::time::Duration::from_micros(200), writing.as_mut()).await;
            if waited.is_ok() {
                break;
            }
        }
        drop(writing);
        if store.last_height().await.unwrap() == block.header.height {
            break;
        }
    }
    if store.last_height().await.unwrap() < block.header.height {
        store.append(&block, &results, &certified(&block)).await.unwrap();
    }
    assert_eq!(store.block(block.header.height).await.unwrap().unwrap().block, block);
}

async fn what_is_known_of_votes_goes_with_the_blocks(place: TestDatabase) {
    let (mut net, _, store) = stored(&place).await;
    assert_eq!(store.voting().await.unwrap(), VotingRecord::default());
    let tip = net.state.tip().height;
    let record = VotingRecord { engine: tip.next(), before: Height(3), silent_until: Some(Height(2)) };
    store.set_voting(&record).await.unwrap();
    net.block(vec![]);
    let (block, results) = net.blocks.last().unwrap();
    // a block taken from others says nothing about votes; one that the engine decided does
    let copy = place.another().await;
    let other = ChainStore::create(&copy.url(), &genesis()).await.unwrap();
    for (block, results) in &net.blocks {
        other.append(block, results, &certified(block)).await.unwrap();
    }
    assert_eq!(other.voting().await.unwrap(), VotingRecord::default());
    store.append_decided(block, results, &certified(block)).await.unwrap();
    store.close().await;
    let store = ChainStore::read(&place.url()).await.unwrap();
    let went_on = VotingRecord { engine: block.header.height.next(), before: block.header.height, ..record };
    assert_eq!(store.voting().await.unwrap(), went_on);
}

async fn a_local_chain_goes_on_where_it_was(place: TestDatabase) {
    let mut net = Net::new(genesis());
    net.open();
    let mut chain = LocalChain::create(&place.url(), genesis(), key(Validator), Arc::new(Script::default())).await.unwrap();
    for (block, results) in &net.blocks {
        let submitted = chain.submit(block.transactions.clone(), block.header.time).await.unwrap();
        assert_eq!((&submitted.block, &submitted.results), (block, results));
        assert!(submitted.refused.is_empty() && submitted.deferred.is_empty());
    }
    chain.close().await.unwrap();
    let mut chain = LocalChain::open(&place.url(), key(Validator), Arc::new(Script::default())).await.unwrap();
    assert_eq!(chain.state().digest(), net.state.digest());
    // a replay is refused, and a clock that went back does not stop the chain
    let replay = net.blocks[0].0.transactions.clone();
    let submitted = chain.submit(replay, BlockTime(0)).await.unwrap();
    assert!(matches!(submitted.refused[..], [(_, EnvelopeError::Sequence { .. })]));
    assert_eq!(submitted.block.header.time, net.time.plus_ms(1));
    Auditor::store(chain.store(), &Script::default(), |_| ()).await.unwrap();
    chain.close().await.unwrap();
    // a checker with other keys, and a key that decides nothing, are turned away
    let mut other = genesis();
    other.circuit_keys = digest("other");
    let elsewhere = place.another().await.url();
    let made = LocalChain::create(&elsewhere, other, key(Validator), Arc::new(Script::default())).await;
    assert!(matches!(made, Err(StoreError::Keys(KeysError::Missing(_)))));
    let made = LocalChain::create(&elsewhere, genesis(), key(HospitalA), Arc::new(Script::default())).await;
    assert!(matches!(made, Err(StoreError::NotAlone)));
    let opened = LocalChain::open(&place.url(), key(HospitalA), Arc::new(Script::default())).await;
    assert!(matches!(opened, Err(StoreError::NotAlone)));
}

async fn archives_carry_a_chain_and_are_audited(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    store.put_blob(b"sealed").await.unwrap();
    let mut file = Vec::new();
    archive::export(&store, Blobs::Include, &mut file).await.unwrap();
    let mut heights = Vec::new();
    let auditor =
        Auditor::archive(file.as_slice(), &Script::default(), |r| heights.push(r.tip.height)).map(|a| a.report().clone()).unwrap();
    assert_eq!(auditor.tip, net.state.tip());
    assert_eq!(auditor.signatures, net.blocks.len() as u64);
    assert_eq!((auditor.segments, auditor.answers, auditor.blobs, auditor.rejected), (4, 1, 1, 1));
    assert_eq!(heights.last(), Some(&net.state.tip().height));
    let copy = place.another().await;
    let (copied, report) = Auditor::import(file.as_slice(), &copy.url(), &Script::default()).await.unwrap();
    assert_eq!(report, auditor);
    let mut again = Vec::new();
    archive::export(&copied, Blobs::Include, &mut again).await.unwrap();
    assert_eq!(again, file);
    let mut lean = Vec::new();
    archive::export(&store, Blobs::Leave, &mut lean).await.unwrap();
    assert!(lean.len() < file.len());
    let old = [b"countersign-archive/1\n", &file[archive::MAGIC.len()..]].concat();
    let refused = Auditor::archive(old.as_slice(), &Script::default(), |_| ()).unwrap_err();
    assert!(matches!(&refused, StoreError::ArchiveVersion(v) if v == "1"), "{refused}");
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

async fn an_answer_is_exported_and_checked_alone(place: TestDatabase) {
    let (_, query, store) = stored(&place).await;
    let state = store.load().await.unwrap();
    let export = store.export_answer(&state, &query, &id(HospitalA)).await.unwrap();
    let finding = light::AnswerExport::decode(&export.encode()).unwrap().check(&Script::default()).unwrap();
    assert_eq!(finding.answer.hospital, id(HospitalA));
    assert_eq!(finding.block, state.tip().block);
    assert!(matches!(store.export_answer(&state, &query, &id(HospitalB)).await, Err(StoreError::NotFound(_))));
}

async fn blocks_are_served_as_they_were_encoded(place: TestDatabase) {
    let mut net = Net::new(genesis());
    net.open();
    net.block(vec![]);
    let store = ChainStore::create(&place.url(), &genesis()).await.unwrap();
    for (block, results) in &net.blocks {
        store.append(block, results, &certified(block)).await.unwrap();
    }
    let expected: Vec<_> = net.blocks.iter().map(|(b, _)| (b.header.height, b.encode(), certified(b).encode())).collect();
    let serve = async |first, blocks, bytes| -> Vec<_> {
        let served = store.blocks_from(Height(first), blocks, bytes).await.unwrap();
        served.into_iter().map(|b| (b.height, b.block, b.certificate)).collect()
    };
    assert_eq!(serve(1, 100, usize::MAX).await, expected);
    assert_eq!(serve(3, 2, usize::MAX).await, expected[2..4]);
    assert_eq!(serve(2, 100, 1).await, expected[1..2], "the first is always served");
    let two = expected[1].1.len() + expected[2].1.len();
    assert_eq!(serve(2, 100, two).await, expected[1..3]);
    assert_eq!(serve(2, 100, two - 1).await, expected[1..2]);
    assert_eq!(serve(2, 0, usize::MAX).await, []);
    assert_eq!(serve(expected.len() as u64 + 1, 100, usize::MAX).await, []);
}

async fn proposals_are_kept_until_their_height_is_decided(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    let (next, block) = (net.state.tip().height.next(), BlockId(digest("block")));
    store.put_proposal(next, 0, block, b"first").await.unwrap();
    store.put_proposal(next, 0, block, b"again").await.unwrap();
    store.put_proposal(next, 0, BlockId(digest("equivocated")), b"other").await.unwrap();
    store.put_proposal(next, 2, block, b"later").await.unwrap();
    store.put_proposal(net.state.tip().height, 0, block, b"late").await.unwrap();
    let ahead = store.put_proposal(next.next(), 0, block, b"ahead").await;
    assert!(matches!(ahead, Err(StoreError::ProposalHeight { .. })));
    let long = store.put_proposal(next, 0, block, &vec![0; Block::BYTES_MAX + (1 << 20)]).await;
    assert!(matches!(long, Err(StoreError::ProposalTooLong { .. })));
    // what a process that is killed here finds again
    drop(store);
    let store = ChainStore::open(&place.url()).await.unwrap();
    let found = store.proposals(next).await.unwrap();
    let rounds: Vec<_> = found.iter().map(|p| (p.round, p.bytes.as_slice())).collect();
    assert_eq!(rounds.len(), 3);
    assert!(rounds.contains(&(0, b"first")) && rounds.contains(&(0, b"other")) && rounds[2] == (2, b"later"));
    assert_eq!(place.count("proposal").await, 3, "none for another height");
    for round in 3..100 {
        store.put_proposal(next, round, block, b"more").await.unwrap();
    }
    let kept: Vec<_> = store.proposals(next).await.unwrap().iter().map(|p| p.round).collect();
    assert_eq!(kept, (100 - PROPOSALS_MAX as u32..100).collect::<Vec<_>>());
    let proposed = net.state.propose(net.time.plus_ms(1), vec![], &Script::default()).unwrap();
    store.append(proposed.outcome.block(), &[], &certified(proposed.outcome.block())).await.unwrap();
    assert_eq!(place.count("proposal").await, 0);
}
