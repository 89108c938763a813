//! The whole use of a network by separate organisations, each with its own process: from keys to a verified answer.

use crate::organisations;

use crate::common::{CORE, arguments, entry, folder, run, table};
use crate::organisations::{Organisation, genesis};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

const CONDITION: &str = "results are shown to the hospitals first";
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
    approved_by_two(&board, &verifier, network.path());
    who_signs(&board);
    for hospital in [&automatic, &asked] {
        seen(hospital, board.height());
        hospital.run(arguments!["study", "accept", name]).done();
    }
    seen(&researcher, asked.height().max(automatic.height()));
    suspended_for_a_while(&board, &researcher, &automatic);

    let out = asked_across_a_suspension(&board, &researcher, &asked, &network.path().join("out"));
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

/// The chair signs at the board's node, the secretary on a machine of their own. One signature changes nothing, two of one person neither; nobody but persons of the board signs.
fn approved_by_two(board: &Organisation, verifier: &Organisation, folder: &Path) {
    let approve = |more: Vec<std::ffi::OsString>| board.run([arguments!["study", "approve", "S-1"], more].concat());
    assert!(approve(Vec::new()).failed(2).error()["message"].as_str().unwrap().contains("say who signs"));
    let chair = arguments!["--person", board.person("chair"), "--condition", CONDITION];
    let first = approve(chair.clone()).done().json();
    assert_eq!((&first["standing"], &first["waiting"][0]["signatures"][0]["office"]), (&json!("submitted"), &json!("chair")));
    let again = approve(chair).failed(2);
    assert!(again.error()["message"].as_str().unwrap().contains("signed this already"), "{again:?}");
    let files = ["request", "signature"].map(|name| folder.join(name));
    approve(arguments!["--same", "--ask", files[0]]).done();
    // read without signing first; the words are in the request, whole
    let secretary = arguments!["--json", "person", "sign", files[0], "--person", board.person("secretary")];
    let read = run(secretary.clone()).done().json();
    let words = read["words"].to_string();
    assert!(words.contains("no conflict of interest") && words.contains(CONDITION) && words.contains("What it is about."), "{read}");
    assert!(!files[1].exists());
    run([secretary, arguments!["--out", files[1]]].concat()).done();
    // one changed byte of the request shows; and a signature goes through no other member's node
    let mut changed = std::fs::read(&files[0]).unwrap();
    let title = changed.windows(7).position(|w| w == b"A study").unwrap();
    changed[title] ^= 1;
    std::fs::write(folder.join("changed"), changed).unwrap();
    let forged = run(arguments!["--json", "person", "sign", folder.join("changed"), "--person", board.person("secretary")]).failed(3);
    assert!(forged.error()["message"].as_str().unwrap().contains("another study than it names"), "{forged:?}");
    verifier.run(arguments!["person", "send", files[1]]).failed(2);
    board.run(arguments!["person", "send", files[1]]).done();
    let shown = board.run(arguments!["study", "show", "S-1"]).done().json();
    assert_eq!((&shown["standing"], &shown["waiting"]), (&json!("approved"), &json!([])));
    let decision = &shown["decisions"][0];
    assert_eq!((&decision["conditions"], &decision["signatures"][1]["office"]), (&json!([CONDITION]), &json!("secretary")));
    let used = board.run(arguments!["person", "send", files[1]]).failed(2);
    assert!(used.error()["message"].as_str().unwrap().contains("approved already"), "{used:?}");
}

/// Two of the board admit a third, who signs a day later; a key that is lost is ended by the board's own. Who is who only the cards say.
fn who_signs(board: &Organisation) {
    let (secret, card) = (board.folder.join("deputy.key"), board.folder.join("deputy.person.json"));
    run(arguments!["person", "new", "--name", "Dr Weber", "--board", board.card(), "--out", secret]).done();
    let listed = |more: Vec<std::ffi::OsString>| board.run([arguments!["person", "list"], more].concat()).done().json();
    let until = countersign_circuits::consent::Day(countersign_member::now().day().0 + 300).to_string();
    let admit = arguments!["person", "admit", card, "--office", "deputy", "--until", until];
    board.run([admit.clone(), arguments!["--person", board.person("chair")]].concat()).done();
    let waits = listed(Vec::new());
    assert_eq!((waits["persons"].as_array().unwrap().len(), waits["waiting"].as_array().unwrap().len()), (2, 1), "{waits}");
    board.run([admit, arguments!["--person", board.person("secretary")]].concat()).done();
    let found = |value: &serde_json::Value| {
        let all = value["persons"].as_array().unwrap();
        all.iter().find(|person| person["office"] == "deputy").cloned().unwrap()
    };
    let deputy = found(&listed(arguments!["--card", card]));
    assert_eq!((&deputy["name"], &deputy["signs"], &deputy["ended"]), (&json!("Dr Weber"), &json!(false), &json!(null)));
    assert_eq!(found(&listed(Vec::new()))["name"], json!(null), "no block holds a name");
    let early = board.run(arguments!["study", "suspend", "S-1", "--reason", "too early", "--person", secret]).failed(2);
    assert!(early.error()["message"].as_str().unwrap().contains("admitted less than a day ago"), "{early:?}");
    let key = deputy["key"].as_str().unwrap();
    board.run(arguments!["person", "end", key]).failed(2);
    board.run(arguments!["person", "end", key, "--by-node"]).done();
    assert!(found(&listed(Vec::new()))["ended"].is_u64());
}

/// The board suspends the study: nothing is asked, and everybody reads why. It lifts that, and all goes on.
fn suspended_for_a_while(board: &Organisation, researcher: &Organisation, hospital: &Organisation) {
    let why = "a complaint is looked into";
    let act = |who: &Organisation, act: &str| who.run(arguments!["study", act, "S-1", "--reason", why]);
    let secretary = arguments!["--person", board.person("secretary")];
    let said = board.run([arguments!["study", "suspend", "S-1", "--reason", why], secretary].concat()).done().json();
    assert_eq!((&said["standing"], &said["words"]), (&json!("suspended"), &json!(format!("suspended, by board: {why}, {CONDITION}"))));
    researcher.reach(board.height());
    let held = researcher.run(arguments!["query", SQL]).failed(2);
    assert!(
        held.error()["message"].as_str().unwrap().contains(&format!("study S-1 covers this question, and is suspended, by board: {why}")),
        "{held:?}"
    );
    let refused = researcher.run(arguments!["query", "--study", "S-1", SQL]).failed(2);
    assert!(refused.error()["message"].as_str().unwrap().contains(&format!("the study is suspended: {why}")), "{refused:?}");
    let listed = researcher.run(arguments!["study", "list"]).done().json();
    assert_eq!((&listed["studies"][0]["standing"], &listed["studies"][0]["approved"]), (&json!("suspended"), &json!(false)));
    // only who suspended lifts; a hospital decides nothing
    let as_board = arguments!["study", "suspend", "S-1", "--reason", why, "--person", board.person("chair")];
    assert!(researcher.run(as_board).failed(2).error()["message"].as_str().unwrap().contains("without a person's signature"));
    assert!(act(researcher, "lift").failed(2).error()["message"].as_str().unwrap().contains("lifted only by who made it"));
    act(hospital, "stop").failed(2);
    board.both_sign(arguments!["study", "lift", "S-1", "--reason", why]);
    researcher.reach(board.height());
}

/// The board suspends the study while a question is open: the hospital that has not answered yet cannot, and is not told to. Then it goes on.
fn held_while_suspended(board: &Organisation, researcher: &Organisation, hospital: &Organisation) {
    let act = |act: &str| arguments!["study", act, "S-1", "--reason", "once more"];
    board.run([act("suspend"), arguments!["--person", board.person("chair")]].concat()).done();
    hospital.reach(board.height());
    assert_eq!(hospital.run(arguments!["answer"]).done().json()["open"], json!([]));
    let refused = hospital.run(arguments!["answer", "Q-1"]).failed(2);
    assert!(refused.error()["message"].as_str().unwrap().contains("the study is suspended: once more"), "{refused:?}");
    researcher.until("the suspension", |_| {
        let queries = researcher.run(arguments!["queries"]).done().json();
        let state = |site: &serde_json::Value| site["state"].as_str().unwrap().to_owned();
        let states: Vec<String> = queries["queries"][0]["sites"].as_array().unwrap().iter().map(state).collect();
        states.contains(&"held".to_owned())
    });
    board.both_sign(act("lift"));
    hospital.reach(board.height());
    researcher.reach(board.height());
}

/// A question with a suspension in between; what the command says that asks it again afterwards, with files for others in `export`.
fn asked_across_a_suspension(board: &Organisation, researcher: &Organisation, asked: &Organisation, export: &Path) -> Output {
    // one hospital answers by itself, the other when its person says so
    let mut question = researcher.command(arguments!["query", SQL, "--export", export]);
    let question = question.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = std::time::Instant::now();
    while asked.run(arguments!["answer"]).done().json()["open"].as_array().unwrap().is_empty() {
        assert!(start.elapsed() < organisations::PATIENCE, "the query does not reach the hospital");
    }
    held_while_suspended(board, researcher, asked);
    let out = question.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(4), "nobody waits for a study that is suspended: {out:?}");
    // what is still open is answered when it goes on, and asking again shows it
    asked.run(arguments!["answer", "Q-1"]).done();
    researcher.command(arguments!["query", SQL, "--export", export]).output().unwrap()
}
