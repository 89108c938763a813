//! The whole use of a network by separate organisations, each with its own process: from keys to a verified answer.

use crate::organisations;

use crate::common::{CORE, arguments, entry, folder, run, table};
use crate::organisations::{Organisation, genesis};
use serde_json::json;
use std::{path::PathBuf, process::Stdio};

const SQL: &str = "SELECT diabetes, COUNT(*), AVG(age) FROM cardiometabolic-core GROUP BY diabetes";

#[test]
fn organisations_with_their_own_nodes_come_to_a_verified_answer() {
    run(["keys", "generate"]).done();
    let network = folder();
    let init = |name: &str, role: &[&str]| Organisation::init(network.path(), name, role);
    let (mut verifier, mut board) = (init("verifier", &["validator", "governance"]), init("board", &["board"]));
    let (mut automatic, mut asked) = (init("clinic", &["hospital"]), init("valley", &["hospital"]));
    let mut researcher = init("researcher", &["researcher"]);
    automatic.edit("#answer = \"ask\"", "answer = \"automatic\"");
    let file = genesis(network.path(), &[&verifier, &board, &automatic, &asked, &researcher]);
    let cards: Vec<PathBuf> = vec![verifier.card(), board.card()];
    for member in [&mut verifier, &mut board, &mut automatic, &mut asked, &mut researcher] {
        member.join(&file, &cards);
        member.start();
    }
    researcher.reach(1);

    // the dictionary, by vote of the only governance member; the hospitals' records
    verifier.reach(1);
    verifier.run(arguments!["propose", "dictionary", CORE[1], "--reason", "what is measured"]).done();
    for (hospital, seed) in [(&automatic, "7"), (&asked, "8")] {
        let records = hospital.folder.join("records");
        run(arguments!["generate", records, "--profile", "complete", "--patients", "150", "--seed", seed]).done();
        // a change is in force after the block that carries it
        hospital.reach(verifier.height());
        let consents = records.join("consents.csv");
        let anchor = arguments!["anchor", records, CORE[0], CORE[1], "--mapping", "mapping-fhir", "--consents", consents];
        let anchored = hospital.run(anchor).done().json();
        assert_eq!((&anchored["new"], &anchored["site"]), (&json!(true), &json!(hospital.name)));
    }

    // a study: submitted, approved, accepted, each with its own key
    let early = researcher.run(arguments!["query", SQL]).failed(2);
    assert!(early.error()["message"].as_str().unwrap().contains("countersign study submit"), "{early:?}");
    let submit = arguments!["study", "submit", "--title", "A study", "--summary", "What it is about.", CORE[0], CORE[1]];
    let study = researcher.run(submit).done().json();
    assert_eq!((&study["number"], &study["approved"]), (&json!(1), &json!(false)));
    let name = "S-1";
    let seen = |member: &Organisation, height: u64| drop(member.reach(height));
    seen(&board, researcher.height());
    board.run(arguments!["study", "approve", name]).done();
    for hospital in [&automatic, &asked] {
        seen(hospital, board.height());
        hospital.run(arguments!["study", "accept", name]).done();
    }
    seen(&researcher, asked.height().max(automatic.height()));

    // one hospital answers by itself, the other when its person says so
    let mut question = researcher.command(arguments!["query", SQL, "--export", network.path().join("out")]);
    let question = question.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = std::time::Instant::now();
    while asked.run(arguments!["answer"]).done().json()["open"].as_array().unwrap().is_empty() {
        assert!(start.elapsed() < organisations::PATIENCE, "the query does not reach the hospital");
    }
    asked.run(arguments!["answer", "Q-1"]).done();
    let out = question.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{out:?}\n{}", automatic.log_text());
    let result: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&result["verified"], &result["title"]), (&json!(2), &json!("2 of 2 sites")));
    let age = entry(table(&result, Some("clinic")), &json!({ "diabetes": "no" }), "age");
    assert!((18.0..100.0).contains(&age["mean"].as_f64().unwrap()), "{age}");

    // anybody verifies: the exported file, the answer from a gateway, the chain from a gateway
    for file in result["exported"].as_array().unwrap() {
        run(arguments!["verify", file.as_str().unwrap()]).done();
    }
    let url = board.url();
    let found = run(arguments!["--json", "verify", "--url", url, "--query", "Q-1", "--site", "valley"]).done().json();
    assert_eq!((&found["verified"], &found["signed"], &found["validators"]), (&json!(true), &json!(1), &json!(1)));
    let audit = run(arguments!["--json", "audit", "--url", url, "--genesis", file]).done().json();
    assert_eq!((&audit["verified"], &audit["answers"]), (&json!(true), &json!(2)));
    assert_eq!(board.terminate(), Some(0));
    let stored = run(arguments!["--json", "audit", board.folder]).done().json();
    assert_eq!((&stored["verified"], &stored["answers"]), (&json!(true), &json!(2)));
}
