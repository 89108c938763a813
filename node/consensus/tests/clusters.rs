//! Clusters over real connections: they decide, lose nodes and get them back, change their validators.

use crate::cluster::*;
use countersign_consensus::{AlertCode, RoleNow};
use countersign_harness::*;
use countersign_messages::*;

fn log() {
    let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_test_writer().try_init();
}

#[tokio::test(flavor = "multi_thread")]
async fn four_validators_and_a_hospital_agree() {
    log();
    let mut cluster = Cluster::new(4);
    let hospital = cluster.seat(key(Who::HospitalA), false);
    cluster.start_all().await;
    cluster.accept(0, Governance, propose(Change::Dictionary(dictionary()))).await;
    // submitted at the hospital's node, which only connects outwards
    let study = StudyId(
        cluster.accept(hospital, Researcher, Payload::StudySubmit(StudySubmit { expiry: now().day(), ..study(&dictionary()) })).await,
    );
    cluster.approve(2, study).await;
    let height = cluster.tick(hospital).await.0;
    for i in 0..5 {
        cluster.reach(i, height).await;
    }
    assert_eq!(cluster.node(hospital).status().role, RoleNow::Follower);
    assert_eq!(cluster.node(0).status().role, RoleNow::Validator);
    assert!(cluster.node(hospital).state().study(&study).unwrap().approvals.contains_key(&id(Board)));
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_four_may_be_away_and_catches_up_two_may_not() {
    log();
    let mut cluster = Cluster::new(4);
    cluster.start_all().await;
    let height = cluster.tick(0).await.0;
    cluster.stop(3).await;
    cluster.reach(0, height + 5).await;
    let height = cluster.tick(1).await.0;
    cluster.start(3).await;
    cluster.reach(3, height).await;
    // two away: nothing is decided, and nothing is lost
    cluster.stop(2).await;
    cluster.stop(3).await;
    let transaction = cluster.sign(0, &key(Governance), vote(ProposalId(TransactionId(digest("none"))), true));
    cluster.node(0).submit(transaction.clone()).unwrap();
    let alert = async {
        while !cluster.node(0).alerts().raised().iter().any(|(code, _)| *code == AlertCode::NoQuorum) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, alert).await.unwrap();
    let stopped_at = cluster.node(0).state().tip().height;
    assert!(cluster.node(0).store().transaction(&transaction.id()).await.unwrap().is_none());
    cluster.start(2).await;
    let (found, _) = cluster.node(0).confirm(transaction, PATIENCE).await.unwrap();
    assert!(found > stopped_at);
    cluster.start(3).await;
    for i in 0..4 {
        cluster.reach(i, found.0).await;
    }
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifth_joins_and_is_voted_in_and_one_is_voted_out() {
    log();
    let mut cluster = Cluster::new(4);
    for i in 0..4 {
        cluster.start(i).await;
    }
    cluster.reach(0, 3).await;
    let member = Member { id: validator_id(4), name: Name::new("validator 4").unwrap(), roles: vec![Role::Validator], sealing: [9; 32] };
    cluster.accept(0, Governance, propose(Change::Admit(member))).await;
    cluster.until(0, "five validators", |s| s.validators().contains(&validator_id(4))).await;
    let fifth = cluster.seat(validator_key(4), true);
    cluster.start(fifth).await;
    let height = cluster.tick(1).await.0;
    cluster.reach(fifth, height).await;
    // its database is new: it is silent for two heights
    cluster.validates(fifth).await;
    // with the fifth, one of the old four may be away
    cluster.stop(1).await;
    let height = cluster.tick(0).await.0;
    cluster.reach(fifth, height).await;
    cluster.start(1).await;
    cluster.accept(0, Governance, propose(Change::Remove(validator_id(0)))).await;
    cluster.until(1, "four validators", |s| !s.validators().contains(&validator_id(0))).await;
    cluster.stop(0).await;
    let height = cluster.tick(2).await.0;
    for i in 1..5 {
        cluster.reach(i, height).await;
    }
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_voted_out_while_it_was_away_finds_out() {
    log();
    let mut cluster = Cluster::new(4);
    cluster.start_all().await;
    cluster.reach(3, 3).await;
    cluster.stop(3).await;
    let member = Member { id: validator_id(3), name: Name::new("validator 3").unwrap(), roles: vec![Role::Board], sealing: [9; 32] };
    cluster.accept(0, Governance, propose(Change::Admit(member))).await;
    cluster.until(0, "three validators", |s| !s.validators().contains(&validator_id(3))).await;
    let height = cluster.tick(0).await.0;
    // it takes itself for a validator, and hears from those it is connected with that they are further
    cluster.start(3).await;
    cluster.reach(3, height).await;
    let height = cluster.tick(1).await.0;
    cluster.reach(3, height).await;
    assert_eq!(cluster.node(3).status().role, RoleNow::Follower);
    cluster.check_agreement().await;
    cluster.stop_all().await;
}
