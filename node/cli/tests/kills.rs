//! A process killed anywhere: run again, it goes on, and nothing is anchored or answered twice.
//!
//! A run is killed after its n-th change to the files on disk, with n growing until a run ends by itself: so every kind of half-done state
//! is met, and nothing depends on how fast the machine is.

use crate::common::{Outcome, Two, arguments, entry, run, start, table};
use serde_json::{Value, json};
use std::{ffi::OsString, path::Path, time::Duration};

/// Sizes and times of the files of a data folder.
fn look(folder: &Path) -> Vec<(OsString, u64, Option<std::time::SystemTime>)> {
    let mut seen = Vec::new();
    for folder in [folder.to_owned(), folder.join("sites")] {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            // files may vanish while they are looked at
            if let Ok(meta) = entry.metadata() {
                seen.push((entry.file_name(), meta.len(), meta.modified().ok()));
            }
        }
    }
    seen.sort();
    seen
}

/// Starts a command and kills it after a number of changes. True if it ended by itself before.
fn ended_before(two: &Two, arguments: &[OsString], changes: u32) -> bool {
    let net = two.path("net");
    let mut child = start(arguments);
    let (mut last, mut left) = (look(&net), changes);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status} after a kill before");
            return true;
        }
        let now = look(&net);
        if now != last {
            last = now;
            left = left.saturating_sub(1);
        }
        if left == 0 {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Kills at growing counts of changes until a run ends by itself; the number of kills.
fn killed_until_done(two: &Two, arguments: &[OsString]) -> u32 {
    let (mut kills, mut changes) = (0, 1);
    while !ended_before(two, arguments, changes) {
        kills += 1;
        changes += 1 + changes / 6;
    }
    kills
}

fn anchored(two: &Two) {
    for site in ["a", "b"] {
        run(two.anchor(site)).done();
    }
}

const SQL: &str = "SELECT diabetes, COUNT(*), AVG(age) FROM cardiometabolic-core GROUP BY diabetes";

/// The numbers of a result.
fn numbers(outcome: &Outcome) -> Value {
    let result = outcome.json();
    assert_eq!((&result["verified"], &result["rejected"]), (&json!(2), &json!(0)));
    json!([result["table"], result["by_site"]])
}

#[test]
fn anchors_and_answers_survive_being_killed() {
    let (quiet, killed) = (Two::generated(80), Two::generated(80));
    for two in [&quiet, &killed] {
        two.init().done();
    }
    anchored(&quiet);
    for site in ["a", "b"] {
        let kills = killed_until_done(&killed, &killed.anchor(site));
        assert!(kills >= 5, "the anchor of {site} was killed {kills} times only");
        let again = run(killed.anchor(site)).done().json();
        assert_eq!((&again["new"], &again["people_new"], &again["withdrawn"]), (&json!(false), &json!(0), &json!(0)), "{site}");
    }
    // one dictionary, one anchor a table and hospital, nothing rejected: what an undisturbed network has
    let figures = |two: &Two| {
        let mut audit = two.audit();
        // the last block's id differs from network to network
        assert_eq!(audit.as_object_mut().unwrap().remove("tip").unwrap().as_str().unwrap().len(), 64);
        audit
    };
    assert_eq!(figures(&killed), figures(&quiet));

    let expected = numbers(&run(quiet.query(SQL)).done());
    let kills = killed_until_done(&killed, &killed.query(SQL));
    assert!(kills >= 5, "the query was killed {kills} times only");
    let last = run(killed.query(SQL)).done();
    assert_eq!(numbers(&last), expected);
    // a run that was killed after its last answer has asked a question more; every question asked has one answer of each hospital
    let files: Vec<String> = serde_json::from_value(last.json()["exported"].clone()).unwrap();
    let name = Path::new(&files[0]).file_name().unwrap().to_str().unwrap().to_owned();
    let asked: u64 = name.trim_start_matches('q').split('-').next().unwrap().parse().unwrap();
    let audit = killed.audit();
    assert_eq!((&audit["answers"], &audit["rejected"]), (&json!(2 * asked), &json!(0)));
    assert_eq!(audit["segments"], quiet.audit()["segments"]);
    for file in files {
        run(arguments!["verify", file]).done();
    }
    assert!(entry(table(&last.json(), None), &json!({ "diabetes": "no" }), "*")["n"]["value"].as_u64().unwrap() > 0);
}

#[test]
fn two_programs_at_once_do_no_harm() {
    let two = Two::generated(80);
    two.init().done();
    // both hospitals, and one of them twice: who comes too late fails, and does what is left when run again
    let running = ["a", "b", "a"].map(|site| (site, start(two.anchor(site))));
    for (site, mut child) in running {
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0..=2)), "{site}: {code:?}");
    }
    anchored(&two);
    anchored(&two);
    let audit = two.audit();
    assert_eq!((&audit["segments"], &audit["rejected"]), (&json!(4), &json!(0)), "a table of data and one of consents for each");
    assert_eq!(run(two.query(SQL)).done().json()["verified"], 2);
}

#[test]
fn init_killed_leaves_a_network_or_none() {
    let two = Two::generated(1);
    std::fs::create_dir_all(two.path("net/sites")).unwrap();
    let arguments = arguments!["init", "--data", two.path("net"), "--site", "a"];
    for changes in [1, 2, 4] {
        if ended_before(&two, &arguments, changes) {
            break;
        }
        // either there is a network, or another init makes one
        let there = run(arguments!["audit", two.path("net")]).code == Some(0);
        let again = run(&arguments);
        assert_eq!(again.code, Some(if there { 2 } else { 0 }), "after {changes} changes: {again:?}");
        std::fs::remove_dir_all(two.path("net")).unwrap();
        std::fs::create_dir_all(two.path("net/sites")).unwrap();
    }
}
