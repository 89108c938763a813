//! Validators that lost something: their database, their log, room on their disk. They catch up as followers do, vote when that can do no harm, and
//! accuse nobody of what they were not there for.

use crate::cluster::{Cluster, PATIENCE, validator_id};
use countersign_consensus::{AlertCode, Offence, RoleNow};
use countersign_messages::*;
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

/// The one that loses something.
const LOST: usize = 3;

async fn wait(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what} does not come");
}

fn log(cluster: &Cluster) -> PathBuf {
    cluster.seats[LOST].folder.path().join("wal").join("consensus.wal")
}

fn lose_database(cluster: &Cluster) {
    for entry in std::fs::read_dir(cluster.seats[LOST].folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::remove_file(path).unwrap();
        }
    }
}

fn lose_log(cluster: &Cluster) {
    std::fs::remove_file(log(cluster)).unwrap();
}

fn raised(cluster: &Cluster, code: AlertCode) -> bool {
    cluster.node(LOST).alerts().raised().iter().any(|(raised, _)| *raised == code)
}

async fn signers(cluster: &Cluster, at: usize, height: Height) -> BTreeSet<MemberId> {
    let stored = cluster.node(at).store().block(height).await.unwrap().unwrap();
    stored.certificate.signatures.iter().map(|(member, _)| *member).collect()
}

/// It validates again when a block is decided with its signature.
async fn takes_part(cluster: &Cluster, after: Height) {
    let me = validator_id(LOST);
    wait("a block with its signature", async || {
        let tip = cluster.node(0).state().tip().height;
        for height in (after.0 + 1..=tip.0).rev().take(8) {
            if signers(cluster, 0, Height(height)).await.contains(&me) {
                return true;
            }
        }
        false
    })
    .await;
    assert_eq!(cluster.node(LOST).status().role, RoleNow::Validator);
    assert!(!raised(cluster, AlertCode::NotVoting) && !raised(cluster, AlertCode::EngineStopped));
}

/// Nobody was accused of anything that concerns heights: neither by the one that was behind, nor it by the others.
fn nobody_is_accused(cluster: &Cluster, since: Height) {
    let of_heights = |offence: Offence| {
        matches!(
            offence,
            Offence::NoProposal
                | Offence::InvalidBlock
                | Offence::BlockTime
                | Offence::InvalidSync
                | Offence::Equivocation
                | Offence::OutOfTurn
        )
    };
    let by = cluster.node(LOST).alerts().accusations();
    assert!(!by.iter().any(|a| a.height > since && of_heights(a.offence)), "{by:?}");
    for i in 0..LOST {
        let of = cluster.accusations(i, &validator_id(LOST));
        // its own rounds passed while it was away
        assert!(!of.iter().any(|a| a.height > since && of_heights(a.offence) && a.offence != Offence::NoProposal), "{of:?}");
    }
}

async fn running(blocks: u64) -> Cluster {
    let mut cluster = Cluster::new(4);
    cluster.start_all().await;
    // an empty block a second would take long
    while cluster.node(0).state().tip().height.0 < blocks {
        cluster.tick(0).await;
    }
    cluster.reach(LOST, 1).await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lost_everything_follows_and_then_validates() {
    let mut cluster = running(120).await;
    let since = cluster.node(LOST).state().tip().height;
    cluster.stop(LOST).await;
    lose_database(&cluster);
    lose_log(&cluster);
    let tip = cluster.tick(0).await;
    cluster.start(LOST).await;
    // others decide two more heights first
    wait("the alert, or it is over", async || raised(&cluster, AlertCode::NotVoting) || cluster.node(LOST).state().tip().height > tip)
        .await;
    for _ in 0..4 {
        cluster.tick(1).await;
    }
    takes_part(&cluster, tip).await;
    for height in tip.0..=tip.0 + 2 {
        assert!(!signers(&cluster, 0, Height(height)).await.contains(&validator_id(LOST)), "it was silent at {height}");
    }
    nobody_is_accused(&cluster, since);
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_away_for_long_catches_up_in_runs() {
    let mut cluster = running(5).await;
    let since = cluster.node(LOST).state().tip().height;
    cluster.stop(LOST).await;
    for _ in 0..100 {
        cluster.tick(0).await;
    }
    let tip = cluster.node(0).state().tip().height;
    cluster.start(LOST).await;
    takes_part(&cluster, tip).await;
    nobody_is_accused(&cluster, since);
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

/// It does not vote at the height it was at, whatever has become of its log; with two others it makes no quorum.
async fn silent_after(lose: impl FnOnce(&Cluster)) {
    let mut cluster = running(4).await;
    let since = cluster.node(LOST).state().tip().height;
    cluster.stop_all().await;
    lose(&cluster);
    for i in [0, 1, LOST] {
        cluster.start(i).await;
    }
    wait("the alert", async || raised(&cluster, AlertCode::NotVoting)).await;
    assert_eq!(cluster.node(LOST).status().role, RoleNow::CatchingUp);
    let words = cluster.node(LOST).alerts().raised();
    assert!(words.iter().any(|(_, words)| words.contains("when others have decided block")), "{words:?}");
    cluster.start(2).await;
    let tip = cluster.tick(0).await;
    cluster.tick(0).await;
    takes_part(&cluster, tip).await;
    // no height was decided with a vote it may have made twice
    let record = cluster.node(LOST).store().voting().await.unwrap();
    let silent = record.silent_until.unwrap();
    assert!(silent > Height(0));
    assert!(!signers(&cluster, 0, silent).await.contains(&validator_id(LOST)));
    nobody_is_accused(&cluster, since);
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_log_was_deleted_is_silent_until_the_height_is_decided() {
    silent_after(lose_log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_log_is_damaged_in_the_middle_is_silent_until_the_height_is_decided() {
    silent_after(|cluster| {
        let mut bytes = std::fs::read(log(cluster)).unwrap();
        if bytes.len() == 12 {
            // stopped before anything was said at this height
            bytes.extend([0; 20]);
        }
        let middle = 12 + (bytes.len() - 12) / 2;
        bytes[middle..].iter_mut().take(8).for_each(|b| *b ^= 0x55);
        std::fs::write(log(cluster), bytes).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_log_was_cut_off_is_silent_until_the_height_is_decided() {
    silent_after(|cluster| {
        let bytes = std::fs::read(log(cluster)).unwrap();
        // also inside its head
        std::fs::write(log(cluster), &bytes[..bytes.len() - 3]).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_knows_better_says_so() {
    let mut cluster = Cluster::new(1);
    cluster.start(0).await;
    cluster.reach(0, 2).await;
    cluster.stop(0).await;
    std::fs::remove_file(cluster.seats[0].folder.path().join("wal").join("consensus.wal")).unwrap();
    // nobody else can decide the height it was at
    cluster.start(0).await;
    let tip = cluster.node(0).state().tip().height;
    let silent = async || cluster.node(0).alerts().raised().iter().any(|(code, _)| *code == AlertCode::NotVoting);
    wait("the alert", silent).await;
    assert_eq!(cluster.node(0).state().tip().height, tip);
    cluster.stop(0).await;
    cluster.accept_lost_votes = true;
    cluster.start(0).await;
    cluster.reach(0, tip.0 + 2).await;
    cluster.stop_all().await;
}

/// Writes of some tables fail as on a full disk: SQLite ends the transaction by itself.
async fn full(cluster: &Cluster, full: bool) {
    use sqlx::{AssertSqlSafe, ConnectOptions, any::AnyConnectOptions};
    let text = format!("sqlite://{}", cluster.seats[LOST].folder.path().join("chain.sqlite").display());
    let mut connection = text.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap();
    for table in ["block", "proposal", "snapshot", "voting"] {
        let statement = if full {
            format!(
                "PRAGMA busy_timeout = 10000; CREATE TRIGGER full_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END"
            )
        } else {
            format!("PRAGMA busy_timeout = 10000; DROP TRIGGER full_{table}")
        };
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
}

/// Names a folder on a file system of some megabytes, for example a `tmpfs` of 6 MB.
const SMALL_DISK: &str = "COUNTERSIGN_TEST_SMALL_DISK";

/// The same on a real full disk: the log of the engine cannot be written either, and the engine waits for ever, on purpose.
#[tokio::test(flavor = "multi_thread")]
async fn one_on_a_small_disk_goes_on_when_there_is_room() {
    let Ok(small) = std::env::var(SMALL_DISK) else {
        return std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {SMALL_DISK} is not set\n").as_bytes()).unwrap();
    };
    let mut cluster = Cluster::new(4);
    cluster.seats[LOST].folder = tempfile::tempdir_in(&small).unwrap();
    cluster.start_all().await;
    cluster.tick(LOST).await;
    for round in 0..3 {
        let since = cluster.node(LOST).state().tip().height;
        let filler = std::path::Path::new(&small).join("filler");
        let mut file = std::fs::File::create(&filler).unwrap();
        while std::io::Write::write_all(&mut file, &[7; 4_096]).is_ok() {}
        drop(file);
        // what was left is used up by blocks
        wait("an alert", async || {
            cluster.tick(0).await;
            raised(&cluster, AlertCode::Storage) || raised(&cluster, AlertCode::EngineStopped)
        })
        .await;
        for _ in 0..20 {
            cluster.tick(0).await;
        }
        let tip = cluster.node(0).state().tip().height;
        assert!(cluster.node(LOST).state().tip().height < tip, "round {round}");
        std::fs::remove_file(&filler).unwrap();
        cluster.reach(LOST, tip.0).await;
        takes_part(&cluster, tip).await;
        nobody_is_accused(&cluster, since);
    }
    cluster.check_agreement().await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_disk_was_full_goes_on_when_there_is_room() {
    let mut cluster = running(4).await;
    cluster.tick(LOST).await;
    let since = cluster.node(LOST).state().tip().height;
    full(&cluster, true).await;
    wait("the alert", async || raised(&cluster, AlertCode::Storage)).await;
    // the others go on
    for _ in 0..20 {
        cluster.tick(0).await;
    }
    let tip = cluster.node(0).state().tip().height;
    assert!(cluster.node(LOST).state().tip().height < tip);
    full(&cluster, false).await;
    cluster.reach(LOST, tip.0).await;
    takes_part(&cluster, tip).await;
    assert!(!raised(&cluster, AlertCode::Storage));
    nobody_is_accused(&cluster, since);
    cluster.check_agreement().await;
    cluster.stop_all().await;
}
