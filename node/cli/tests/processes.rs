//! Validators as separate processes on loopback: killed, restarted, voted in and out.

use crate::common::{arguments, folder, run};
use crate::organisations::{Organisation, genesis, has_alert, validators_are};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Four validators that have joined and run.
fn four(network: &Path) -> (Vec<Organisation>, PathBuf) {
    let mut all: Vec<Organisation> = (1..=4).map(|i| Organisation::init(network, &format!("v{i}"), &["validator", "governance"])).collect();
    let file = genesis(network, &all.iter().collect::<Vec<_>>());
    let cards: Vec<PathBuf> = all.iter().map(Organisation::card).collect();
    for member in &mut all {
        let joined = member.join(&file, &cards).json();
        assert_eq!((&joined["member"], joined["peers_added"].as_array().unwrap().len()), (&json!(true), 3));
        member.start();
    }
    // the last to start does not vote before two blocks of the others: none may be killed until then
    for member in &all {
        let status = member.until("block 2, voting", |s| s["height"].as_u64() >= Some(2) && s["validating"] == true);
        assert!(validators_are(&status, &["v1", "v2", "v3", "v4"]), "{status}");
    }
    (all, file)
}

#[test]
fn validators_are_killed_restarted_voted_in_and_voted_out() {
    let network = folder();
    let (mut v, file) = four(network.path());

    // one of four may be killed
    v[3].kill();
    let stopped = v[3].status();
    assert_eq!(stopped["running"], false, "{stopped}");
    let height = v[0].height();
    v[0].reach(height + 5);
    v[3].start();
    v[3].reach(v[0].height());

    // with two killed the chain stops, and loses nothing
    v[2].kill();
    v[3].kill();
    v[0].until("no quorum", |s| has_alert(s, "no-quorum"));
    let height = v[0].height();
    let propose = arguments!["propose", "rules", rules(network.path()), "--reason", "a test"];
    let mut waiting = v[0].command(propose).stdout(std::process::Stdio::null()).spawn().unwrap();
    v[0].until("a transaction that waits", |s| s["mempool_transactions"].as_u64().unwrap() > 0);
    assert_eq!(v[0].height(), height);
    assert_eq!(waiting.try_wait().unwrap(), None);
    v[2].start();
    assert!(waiting.wait().unwrap().success(), "the proposal that waited is in a block");
    let proposals = v[0].run(arguments!["proposals"]).done().json();
    assert_eq!((&proposals["proposals"][0]["number"], &proposals["proposals"][0]["approve"]), (&json!(1), &json!(1)));
    v[3].start();
    let height = v[0].height();
    for member in &v {
        member.reach(height);
    }

    admit_a_fifth(network.path(), &mut v, &file);
    vote_one_out(&v);

    // graceful end, and what a stopped node's folder holds
    assert_eq!(v[1].terminate(), Some(0));
    let stopped = v[1].status();
    assert_eq!(stopped["running"], false);
    let audit = run(arguments!["--json", "audit", v[1].folder]).done().json();
    assert_eq!((&audit["verified"], &audit["blocks"]), (&json!(true), &stopped["height"]));
    let signatures = audit["signatures"].as_u64().unwrap();
    assert!(signatures >= 3 * audit["blocks"].as_u64().unwrap(), "three of four or four of five sign each block");
}

fn rules(network: &Path) -> PathBuf {
    let file = network.join("rules.toml");
    std::fs::write(&file, "k_min = 12\n").unwrap();
    file
}

/// A fifth joins late, is voted in, and validates.
fn admit_a_fifth(network: &Path, v: &mut Vec<Organisation>, file: &Path) {
    let mut fifth = Organisation::init(network, "v5", &["validator"]);
    let mut cards: Vec<PathBuf> = v.iter().map(Organisation::card).collect();
    let joined = fifth.join(file, &cards).json();
    assert!(joined["admission"].as_str().unwrap().contains("countersign propose member v5.member.json"), "{joined}");
    fifth.start();
    cards.push(fifth.card());
    let proposed = v[0].run(arguments!["propose", "member", fifth.card(), "--reason", "a fifth verifies"]).done().json();
    let name = format!("G-{}", proposed["number"]);
    v[1].run(arguments!["vote", name, "yes"]).done();
    v[2].run(arguments!["vote", name, "yes"]).done();
    // in the set, and two heights later, as its database is new, at work
    let status = fifth.until("validating", |s| s["roles"].as_array().unwrap().contains(&json!("validating")));
    assert!(validators_are(&status, &["v1", "v2", "v3", "v4", "v5"]), "{status}");
    // now four of five decide: with the fifth, one of the old four may be away
    v[0].kill();
    let height = fifth.height();
    fifth.reach(height + 3);
    v[0].start();
    v[0].reach(height + 3);
    v.push(fifth);
}

/// One is voted out: it follows from then on.
fn vote_one_out(v: &[Organisation]) {
    let proposed = v[1].run(arguments!["propose", "remove-member", "v1", "--reason", "it leaves"]).done().json();
    let name = format!("G-{}", proposed["number"]);
    v[2].run(arguments!["vote", name, "yes"]).done();
    let last = v[3].run(arguments!["vote", name, "yes"]).done().json();
    assert!(last["status"].as_str().unwrap().contains("in force from block"), "{last}");
    let status = v[1].until("four validators", |s| validators_are(s, &["v2", "v3", "v4", "v5"]));
    let height = status["height"].as_u64().unwrap();
    v[4].reach(height + 3);
}
