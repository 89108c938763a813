//! A patient withdraws at the counter: out of the next answer, in a receipt, and not back by the files of yesterday.

use crate::common::{Outcome, Two, arguments, entry, run, table, told};
use countersign_circuits::outer::scalar_bytes;
use countersign_hospital::{
    HospitalStore,
    opening::{TableKind, TableName},
};
use countersign_ingest::{Reading, shipped};
use serde_json::{Value, json};

const FIRST: &str = "SELECT diabetes, COUNT(*) FROM cardiometabolic-core GROUP BY diabetes";
const THIRD: &str = "SELECT diabetes, COUNT(*), AVG(age) FROM cardiometabolic-core GROUP BY diabetes";
const SECOND: &str = "SELECT hypertension, COUNT(*) FROM cardiometabolic-core GROUP BY hypertension";

fn people(result: &Value, attribute: &str, values: [&str; 2]) -> u64 {
    let n = |value: &str| told(&entry(table(result, Some("a")), &json!({ (attribute): value }), "*")["n"]).unwrap();
    values.into_iter().map(n).sum()
}

#[test]
fn who_withdraws_at_the_counter_is_out_of_the_next_answer() {
    let two = Two::generated(150);
    // every number exact: with disclosure control on, one person between two answers is what it withholds
    run(arguments!["init", "--data", two.path("net"), "--site", "a", "--site", "b", "--k-min", "1"]).done();
    for site in ["a", "b"] {
        run(two.anchor(site)).done();
    }
    let before = run(two.query(FIRST)).done().json();
    let counted = people(&before, "diabetes", ["yes", "no"]);

    let withdraw = |ids: &[&String], more: &[&str]| {
        let mut all = arguments!["--json", "withdraw", "--data", two.path("net"), "--site", "a"];
        ids.iter().for_each(|id| all.extend(arguments!["--patient", *id]));
        all.extend(more.iter().map(std::ffi::OsString::from));
        run(all).keeps_secret(&two.patients)
    };
    // who has a row is told by trying: of those who have none nobody is withdrawn
    let mut here = two.patients.iter().filter(|id| id.starts_with("a-"));
    let (first, receipt) =
        here.by_ref().map(|id| (id, withdraw(&[id], &["--received", "2020-02-29"]))).find(|(_, o)| o.code == Some(0)).unwrap();
    let receipt = receipt.json();
    let left = &receipt["withdrawn"][0];
    assert_eq!((&receipt["site"], left["released_before"].as_array().unwrap().len()), (&json!("a"), 1));
    assert_eq!((&left["released_before"][0]["query"], left["block"].as_u64().is_some()), (&json!("Q-1"), true));

    // again changes nothing; somebody of another hospital: a list with one who is not here withdraws nobody
    let audited = two.audit();
    let elsewhere = &two.patients[150];
    assert_eq!(withdraw(&[first], &[]).done().json(), receipt);
    for (ids, who) in [(vec![elsewhere], "the patient"), (vec![first, elsewhere], "patient 2 of 2")] {
        let refused = withdraw(&ids, &[]).failed(2);
        assert!(refused.error()["message"].as_str().unwrap().starts_with(who), "{refused:?}");
    }
    assert_eq!(two.audit(), audited);
    run(arguments!["withdraw", "--data", two.path("net"), "--site", "nowhere", "--patient", first]).failed(2);
    withdraw(&[], &["--patients", "/dev/null"]).failed(2);

    // the files of yesterday, in which the patient still permits everything, bring nobody back
    let again = run(two.anchor("a")).done().json();
    assert_eq!((&again["held_back"], &again["people_new"], &again["segments"]), (&json!(1), &json!(0), &json!(0)));

    let after = run(two.query(SECOND)).done().keeps_secret(&two.patients).json();
    assert_eq!(people(&after, "hypertension", ["yes", "no"]), counted - 1);
    assert_eq!(two.audit()["rejected"], 0);

    run(arguments!["withdraw", "--data", two.path("net"), "--site", "a", "--patient", first]).done().keeps_secret(&two.patients);
    let second = erased(&two, first, here, counted);
    readmitted(&two, first, [elsewhere, second]);
}

/// Somebody who left is erased, and somebody who has a row in force, though studies run that pin the rows: nothing of them can be opened any more, and the studies go on. Gives the second one.
fn erased<'a>(two: &Two, first: &str, mut here: impl Iterator<Item = &'a String>, counted: u64) -> &'a String {
    let before = blinders(two);
    let found = |marks: &[[u8; 32]]| {
        let file = std::fs::read(two.path("net/sites/a.sqlite")).unwrap();
        marks.iter().filter(|mark| file.windows(32).any(|bytes| bytes == *mark)).count()
    };
    // one or the other lies across two pages
    assert!(found(&before) > before.len() / 2 && before.len() >= 20);
    let erase = |id: &str| of(two, "erase", id);
    let certificate = two.path("certificate.txt");
    let with = arguments!["--json", "erase", "--data", two.path("net"), "--site", "a", "--patient", first, "--certificate", certificate];
    let at_first = run(with.clone()).done().keeps_secret(&two.patients);
    let text = std::fs::read_to_string(&certificate).unwrap();
    assert!(text.contains("nobody else's row changed") && text.contains("emptied by transaction") && !text.contains(first), "{text}");
    run(with).failed(2).error();
    let (second, then) = here.find_map(|id| Some((id, erase(id))).filter(|(_, o)| o.code == Some(0))).unwrap();
    for (who, erased) in [(first, at_first), (second, then)] {
        let erased = erased.json();
        assert_eq!((&erased["openings_destroyed"], &erased["openings_of_tables_to_anchor"]), (&json!(2), &json!(0)), "{erased}");
        assert_eq!(
            (erased["slots"].as_array().unwrap().len(), &erased["versions_replaced"], &erased["segments"]),
            (1, &json!(2), &json!(0)),
            "{erased}"
        );
        assert_eq!((&erased["openings_pinned"], &erased["pinned_until"]), (&json!(0), &Value::Null), "the studies of before run: {erased}");
        let again = erase(who).done().json();
        assert_eq!((&again["slots"], &again["versions_replaced"], &again["segments"]), (&json!([]), &json!(0), &json!(0)));
    }
    assert_eq!(found(&before), 0, "an opening of before is in the file");
    let after = run(two.query(THIRD)).done().keeps_secret(&two.patients).json();
    assert_eq!(people(&after, "diabetes", ["yes", "no"]), counted - 2);
    second
}

/// Blinders of openings of a's data that can be read: none is found anywhere by chance.
fn blinders(two: &Two) -> Vec<[u8; 32]> {
    let table = TableName { kind: TableKind::Data, digest: Reading::from_toml(shipped::CARDIOMETABOLIC_CORE).unwrap().digest() };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = HospitalStore::open(&two.path("net/sites/a.sqlite")).await.unwrap();
        let mut marks = Vec::new();
        for key in store.anchored(table).await.unwrap() {
            let blinders = store.opening(&key).await.unwrap().blinders.unwrap();
            marks.extend(blinders.0.iter().take(20).map(scalar_bytes));
        }
        store.close().await;
        marks
    })
}

/// The files of yesterday bring nobody back; a new document does.
fn readmitted(two: &Two, first: &str, [elsewhere, second]: [&String; 2]) {
    of(two, "erase", elsewhere).failed(2).error();
    let again = run(two.anchor("a")).done().json();
    assert_eq!((&again["held_back"], &again["people_new"]), (&json!(2), &json!(0)));
    of(two, "readmit", elsewhere).failed(2).error();
    of(two, "readmit", first).done();
    of(two, "readmit", first).failed(2).error();
    let again = run(two.anchor("a")).done().json();
    assert_eq!((&again["held_back"], &again["people_new"]), (&json!(1), &json!(1)));
    // a readmission by mistake
    of(two, "readmit", second).done();
    assert_eq!(of(two, "erase", second).done().json()["slots"], json!([]));
    assert_eq!(run(two.anchor("a")).done().json()["held_back"], 1);
    assert_eq!(two.audit()["rejected"], 0);
}

fn of(two: &Two, command: &str, id: &str) -> Outcome {
    run(arguments!["--json", command, "--data", two.path("net"), "--site", "a", "--patient", id]).keeps_secret(&two.patients)
}
