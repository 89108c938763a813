//! One of four validators breaks the rules, each in its way. The others agree, honest transactions get in, and they say who it was.

use crate::cluster;

use crate::actors::*;
use crate::cluster::{Cluster, PATIENCE, now, validator_id, validator_key};
use countersign_consensus::{Offence, malachite::signing::Keys};
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use std::sync::Arc;

/// The faulty one.
const FAULTY: usize = 3;

/// Every member proposes within as many heights; so many are decided under the fault.
const HEIGHTS: u64 = 9;

/// The honest ones go on and agree; a transaction of each person gets in; the faulty one is accused of what it did.
async fn goes_on(cluster: &mut Cluster, offences: &[Offence]) {
    cluster.start_all().await;
    cluster.accept(0, Governance, propose(Change::Dictionary(dictionary()))).await;
    let from = cluster.tick(0).await.0;
    cluster.reach(1, from + HEIGHTS).await;
    let submit = StudySubmit { expiry: now().day(), ..study(&dictionary()) };
    cluster.accept(2, Researcher, Payload::StudySubmit(submit)).await;
    for offence in offences {
        for i in 0..FAULTY {
            cluster.accused(i, &validator_id(FAULTY), *offence).await;
        }
    }
    no_other_is_accused(cluster);
    cluster.stop(FAULTY).await;
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

/// Honest ones accuse nobody but the faulty one.
fn no_other_is_accused(cluster: &Cluster) {
    for i in 0..FAULTY {
        let others: Vec<_> = cluster.node(i).alerts().accusations().into_iter().filter(|a| a.member != validator_id(FAULTY)).collect();
        // a round may end without the proposal of an honest validator only because the machine is slow
        assert!(others.iter().all(|a| a.offence == Offence::NoProposal), "node {i} accuses honest members: {others:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equivocator_is_named() {
    let mut cluster = Cluster::new(4);
    let keys = Keys::new(cluster.genesis.network(), validator_key(FAULTY));
    cluster.seats[FAULTY].outgoing = Some(Arc::new(equivocator::Equivocator(keys)));
    goes_on(&mut cluster, &[Offence::Equivocation]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withholder_costs_its_own_turns() {
    let mut cluster = Cluster::new(4);
    cluster.seats[FAULTY].outgoing = Some(Arc::new(withholder::Withholder));
    goes_on(&mut cluster, &[Offence::NoProposal]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_votes_for_another() {
    for name in [Some(validator_id(0)), None] {
        let mut cluster = Cluster::new(4);
        let keys = Keys::new(cluster.genesis.network(), validator_key(FAULTY));
        cluster.seats[FAULTY].outgoing = Some(Arc::new(forger::Forger { keys, name }));
        goes_on(&mut cluster, &[Offence::InvalidMessage]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayer_changes_nothing() {
    let mut cluster = Cluster::new(4);
    cluster.seats[FAULTY].outgoing = Some(Arc::new(replayer::Replayer::default()));
    goes_on(&mut cluster, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proposes_out_of_turn_is_not_listened_to() {
    let mut cluster = Cluster::new(4);
    let actor = out_of_turn::OutOfTurn { network: cluster.genesis.network(), key: validator_key(FAULTY) };
    cluster.seats[FAULTY].outgoing = Some(Arc::new(actor));
    goes_on(&mut cluster, &[Offence::OutOfTurn, Offence::InvalidParts]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_state_is_not_voted_for() {
    let mut cluster = Cluster::new(4);
    cluster.seats[FAULTY].conduct = Arc::new(wrong_state_proposer::WrongStateProposer);
    goes_on(&mut cluster, &[Offence::InvalidBlock]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_an_hour_ahead_is_not_followed() {
    let mut cluster = Cluster::new(4);
    cluster.seats[FAULTY].clock = Some(time_liar::ahead());
    goes_on(&mut cluster, &[Offence::BlockTime]).await;
    block_times_are_true(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_an_hour_behind_harms_nobody() {
    let mut cluster = Cluster::new(4);
    cluster.seats[FAULTY].clock = Some(time_liar::behind());
    // its own proposals take the first millisecond after the last block: near enough, as blocks come often
    goes_on(&mut cluster, &[]).await;
    block_times_are_true(&cluster).await;
}

async fn block_times_are_true(cluster: &Cluster) {
    let store = countersign_store::ChainStore::read(&cluster.url(0)).await.unwrap();
    let last = store.headers(Height(1), Height(u64::MAX >> 1)).await.unwrap();
    assert!(last.windows(2).all(|w| w[0].time < w[1].time));
    assert!(last.last().unwrap().time.0 <= now().0 + countersign_consensus::clock::AHEAD_MS_MAX);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_answer_is_not_recorded_as_accepted() {
    let mut cluster = Cluster::new(4);
    let keys = CircuitKeys { digest: keys_digest(), development: true };
    // blocks come with transactions only, so that turns do not pass unused
    cluster.pace.idle = std::time::Duration::from_secs(10);
    cluster.seats[FAULTY].checker = Some(Arc::new(invalid_proof_proposer::AcceptsEverything(keys)));
    cluster.start_all().await;
    let (study, query) = open_query(&cluster).await;
    // the false answer comes when it is the faulty one's turn to propose
    let turn = cluster.node(0).state().validators().members().iter().position(|m| *m == validator_id(FAULTY)).unwrap() as u64;
    while (cluster.node(0).state().tip().height.0 + 1) % 4 != turn {
        cluster.tick(0).await;
    }
    let height = cluster.node(0).state().tip().height;
    cluster.reach(FAULTY, height.0).await;
    let payload = Payload::Answer(Answer { query, height, proof: b"bad".to_vec(), sealed: digest("sealed") });
    let transaction = cluster.sign(FAULTY, &key(HospitalA), payload);
    cluster.node(FAULTY).submit(transaction.clone()).unwrap();
    let (_, result) = cluster.node(0).confirm(transaction, PATIENCE).await.unwrap();
    assert_eq!(result.rejection(), Some(RejectionCode(179)), "{:?}", result.verdict);
    for i in 0..FAULTY {
        cluster.accused(i, &validator_id(FAULTY), Offence::InvalidBlock).await;
        cluster.reach(i, height.0 + 1).await;
    }
    for i in 0..FAULTY {
        assert!(cluster.node(i).state().study(&study).is_some());
        assert!(!matches!(cluster.node(i).state().pair(&query, &id(HospitalA)).unwrap().status, PairStatus::Answered(_)));
    }
    cluster.stop(FAULTY).await;
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

/// A study that hospital A has accepted, and a query of it.
async fn open_query(cluster: &Cluster) -> (StudyId, QueryId) {
    cluster.accept(0, Governance, propose(Change::Dictionary(dictionary()))).await;
    let submit = StudySubmit { expiry: now().day(), ..study(&dictionary()) };
    let study = StudyId(cluster.accept(0, Researcher, Payload::StudySubmit(submit)).await);
    cluster.approve(0, study).await;
    let mut net = Net::new(cluster::genesis(4));
    let (data, consent) = (net.data(&dictionary(), &[(0, 0)]), net.consent(&[(0, 0)]));
    cluster.accept(0, HospitalA, Payload::Anchor(data)).await;
    cluster.accept(0, HospitalA, Payload::Anchor(consent)).await;
    cluster.accept(0, HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None })).await;
    let deadline = now().plus_ms(HOUR_MS);
    let query = Query { study, statement: statement(), question: "how many?".into(), deadline };
    let query = QueryId(cluster.accept(0, Researcher, Payload::Query(query)).await);
    (study, query)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flooder_is_cut_off_and_others_go_on() {
    let mut cluster = Cluster::new(4);
    cluster.start_all().await;
    cluster.tick(0).await;
    let template = cluster.sign(0, &key(Board), vote(ProposalId(TransactionId(digest("none"))), true));
    let sent = flooder::flood(cluster.node(FAULTY), &validator_id(0), &template, 20_000).await;
    assert!(sent > 0);
    cluster.accused(0, &validator_id(FAULTY), Offence::InvalidTransactions).await;
    // three decide without it
    let height = cluster.tick(0).await.0;
    for i in 0..FAULTY {
        cluster.reach(i, height).await;
    }
    let counts = cluster.node(0).status().mempool;
    assert!(counts.transactions <= 1, "{counts:?}");
    cluster.stop(FAULTY).await;
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_votes_is_cut_off_and_others_go_on() {
    let mut cluster = Cluster::new(4);
    cluster.start_all().await;
    cluster.tick(0).await;
    for i in 0..FAULTY {
        let to = validator_id(i);
        let keys = Keys::new(cluster.genesis.network(), validator_key(FAULTY));
        tokio::time::timeout(PATIENCE, vote_flooder::flood(cluster.node(FAULTY), &keys, &to)).await.unwrap();
        cluster.accused(i, &validator_id(FAULTY), Offence::Flood).await;
    }
    // three decide without it
    let height = cluster.tick(0).await.0;
    for i in 0..FAULTY {
        cluster.reach(i, height).await;
    }
    no_other_is_accused(&cluster);
    cluster.stop(FAULTY).await;
    cluster.check_agreement().await;
    cluster.stop_all().await;
}
