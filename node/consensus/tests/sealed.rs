//! Ciphertexts of answers: taken and given by nodes only for answers that the ledger has accepted.

use crate::cluster::{Cluster, PATIENCE};
use countersign_circuits::hash::Digest32;
use countersign_consensus::{
    BlobError, Clock,
    request::{Method, PutBlobAnswer},
};
use countersign_harness::*;
use countersign_messages::*;
use countersign_store::{ChainStore, StoreError};
use std::time::Duration;

const REJECTED: &[u8] = b"cells of an answer that the ledger rejected";
const ACCEPTED: &[u8] = b"cells of the answer that it accepted";
const EARLY: &[u8] = b"cells of an answer that is not sent yet";

/// A validator, a hospital and a researcher, each with a chain on which one answer of the hospital was rejected and the next accepted.
async fn answered() -> (Cluster, usize, usize) {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    let sealed = |payload: Payload, bytes: &[u8]| match payload {
        Payload::Answer(answer) => Payload::Answer(Answer { sealed: Digest32::of(bytes), ..answer }),
        other => other,
    };
    let (bad, good) = (sealed(net.bad_answer(query), REJECTED), sealed(net.answer_now(HospitalA, query), ACCEPTED));
    let results = net.block(vec![(HospitalA, bad), (HospitalA, good)]);
    assert!(results[0].rejection().is_some() && results[1].effect().is_some());

    let mut cluster = Cluster::with(genesis(), 1);
    cluster.seats[0].key = key(Validator);
    let (hospital, researcher) = (cluster.seat(key(HospitalA), false), cluster.seat(key(Researcher), false));
    let after = net.time.plus_ms(1_000);
    for i in 0..3 {
        cluster.seats[i].clock = Some(Clock::new(move || after));
        let store = ChainStore::create(&cluster.url(i), &genesis()).await.unwrap();
        for (block, results) in &net.blocks {
            store.append(block, results, &Certificate::sign_alone(&key(Validator), &block.header)).await.unwrap();
        }
        store.close().await;
    }
    cluster.start_all().await;
    for i in [hospital, researcher] {
        let connected = async {
            while !cluster.node(i).net().is_connected(&id(Validator)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, connected).await.unwrap();
    }
    (cluster, hospital, researcher)
}

/// Asks the validator for a ciphertext over the wire, whoever asks.
async fn fetched(cluster: &Cluster, by: usize, bytes: &[u8]) -> Option<Vec<u8>> {
    let digest = Digest32::of(bytes).0.to_vec();
    let answer = cluster.node(by).net().request(&id(Validator), Method::Blob as u8, digest.into(), PATIENCE).await;
    answer.ok().map(Into::into)
}

/// Sends the validator a ciphertext over the wire, as a hospital's program that has no patience would.
async fn pushed(cluster: &Cluster, by: usize, bytes: &[u8]) -> PutBlobAnswer {
    let answer = cluster.node(by).net().request(&id(Validator), Method::PutBlob as u8, bytes.to_vec().into(), PATIENCE).await;
    PutBlobAnswer::decode(&answer.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_of_a_rejected_answer_never_reach_the_study_team() {
    let (mut cluster, hospital, researcher) = answered().await;
    for bytes in [REJECTED, EARLY] {
        let refused = cluster.node(hospital).put_blob(bytes).await;
        assert!(matches!(refused, Err(BlobError::Store(StoreError::BlobNotNamed(d))) if d == Digest32::of(bytes)));
        assert_eq!(pushed(&cluster, hospital, bytes).await, PutBlobAnswer::NotAccepted);
        assert_eq!(fetched(&cluster, researcher, bytes).await, None);
        assert_eq!(cluster.node(0).store().blob(&Digest32::of(bytes)).await.unwrap(), None);
    }
    assert!(cluster.accusations(0, &id(HospitalA)).is_empty(), "being early is no offence");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_of_an_accepted_answer_are_left_with_the_validators() {
    let (mut cluster, hospital, researcher) = answered().await;
    assert_eq!(fetched(&cluster, researcher, ACCEPTED).await, None, "not here yet");
    assert_eq!(pushed(&cluster, researcher, ACCEPTED).await, PutBlobAnswer::NoHospital);
    for _ in 0..2 {
        assert_eq!(cluster.node(hospital).put_blob(ACCEPTED).await.unwrap(), Digest32::of(ACCEPTED), "again is harmless");
    }
    assert_eq!(fetched(&cluster, researcher, ACCEPTED).await.unwrap(), ACCEPTED);
    assert_eq!(cluster.node(researcher).blob(&Digest32::of(ACCEPTED)).await.unwrap().unwrap(), ACCEPTED);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hospital_sends_in_vain_is_bounded() {
    let (mut cluster, hospital, _) = answered().await;
    let mut largest = vec![7; countersign_store::BLOB_BYTES_MAX];
    let mut refused = 0;
    while pushed(&cluster, hospital, &largest).await == PutBlobAnswer::NotAccepted {
        refused += 1;
        largest[0] ^= u8::try_from(refused % 250).unwrap();
        assert!(refused < 1_000, "no bound");
    }
    assert!(refused >= 200, "an honest hospital has room for a large study: {refused}");
    assert_eq!(pushed(&cluster, hospital, &largest).await, PutBlobAnswer::TooMuch);
    cluster.stop_all().await;
}
