//! A list of people who objected elsewhere: read before every anchor and every answer, and never forgotten.

use crate::common::{Two, arguments, entry, run, table, told};
use serde_json::{Value, json};

const QUESTIONS: [&str; 3] = [
    "SELECT diabetes, COUNT(*) FROM cardiometabolic-core GROUP BY diabetes",
    "SELECT hypertension, COUNT(*) FROM cardiometabolic-core GROUP BY hypertension",
    "SELECT COUNT(*) FROM cardiometabolic-core WHERE age >= 40",
];

fn people(result: &Value, attribute: &str) -> u64 {
    let n = |value: &str| told(&entry(table(result, Some("a")), &json!({ (attribute): value }), "*")["n"]).unwrap();
    ["yes", "no"].into_iter().map(n).sum()
}

#[test]
fn who_objects_elsewhere_is_out_of_the_next_answer() {
    let two = Two::generated(150);
    run(arguments!["init", "--data", two.path("net"), "--site", "a", "--site", "b", "--k-min", "1"]).done();
    let list = two.path("list.csv");
    let anchor = |more: &[&str]| {
        let more = more.iter().map(std::ffi::OsString::from);
        run(two.anchor("a").into_iter().chain(more)).keeps_secret(&two.patients)
    };
    std::fs::write(&list, "patient\n").unwrap();
    let first = anchor(&["--opt-outs", list.to_str().unwrap()]).done().json();
    assert_eq!(first["consents"]["opted_out"], 0);
    run(two.anchor("b")).done();
    let counted = people(&run(two.query(QUESTIONS[0])).done().json(), "diabetes");

    // somebody with a row objects, and nothing but the list says so
    let shown = |id: &&String| {
        let out = two.path(&format!("record-{id}"));
        run(arguments!["record", "show", "--data", two.path("net"), "--site", "a", "--patient", *id, "--out", out]).code == Some(0)
    };
    let who = two.patients.iter().filter(|id| id.starts_with("a-")).find(shown).unwrap();
    std::fs::write(&list, format!("patient\n{who}\n")).unwrap();
    let after = run(two.query(QUESTIONS[1])).done().keeps_secret(&two.patients).json();
    assert_eq!(people(&after, "hypertension"), counted - 1, "out of the next answer, without an anchor");
    let again = anchor(&[]).done().json();
    assert_eq!((&again["consents"]["opted_out"], &again["people_new"]), (&json!(1), &json!(0)));

    // one that is shorter than before may be half written, and one that names very many may be another file: a person looks
    let usual = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, "patient\n").unwrap();
    assert!(anchor(&[]).failed(2).stderr.contains("names 0 people and named 1"));
    std::fs::write(&list, format!("patient\n{}\n", two.patients.join("\n"))).unwrap();
    assert!(anchor(&[]).failed(2).stderr.contains("is it the right file"));
    let silent = run(two.query(QUESTIONS[2])).keeps_secret(&two.patients);
    assert!(silent.code != Some(0) && silent.stderr.contains("is it the right file"), "{silent:?}");
    std::fs::write(&list, usual).unwrap();

    // a list that is gone is not an empty one: nothing is answered or anchored
    std::fs::remove_file(&list).unwrap();
    let silent = run(two.query(QUESTIONS[2])).keeps_secret(&two.patients);
    assert!(silent.code != Some(0) && silent.stderr.contains("list of opt-outs"), "{silent:?}");
    assert!(anchor(&[]).failed(2).stderr.contains("list of opt-outs"));
    std::fs::write(&list, "patient,since\n").unwrap();
    assert!(anchor(&[]).failed(2).stderr.contains("no other"));

    // a person ends the reading; who stood on it counts again, by a fresh place
    let ended = anchor(&["--no-opt-outs"]).done().json();
    assert_eq!((&ended["consents"]["opted_out"], &ended["people_new"]), (&json!(0), &json!(1)));
    run(two.query(QUESTIONS[2])).done().keeps_secret(&two.patients);
    assert_eq!(two.audit()["rejected"], 0);
}

#[test]
fn what_consents_say_is_shown_before_anything_is_anchored() {
    let two = Two::generated(60);
    run(arguments!["init", "--data", two.path("net"), "--site", "a", "--site", "b"]).done();
    let audited = two.audit();
    let look = |more: &[&str]| {
        let consents = two.path("a").join("consents.csv");
        let more = more.iter().map(std::ffi::OsString::from);
        let usual = arguments!["--json", "consent", "import", consents, "--data", two.path("net"), "--dry-run"];
        run(usual.into_iter().chain(more)).keeps_secret(&two.patients)
    };
    let (once, twice) = (look(&[]).done().json(), look(&[]).done().json());
    assert_eq!(once, twice, "the same files give the same hash");
    assert!(once["report"]["patients"].as_u64().unwrap() > 0 && once["report"]["scopes"]["p.health"].is_number());
    let list = two.path("list.csv");
    std::fs::write(&list, format!("patient\n{}\n", two.patients.join("\n"))).unwrap();
    let less = look(&["--opt-outs", list.to_str().unwrap()]).done().json();
    assert!(less["hash"] != once["hash"] && less["report"]["patients"] == 0 && less["report"]["opted_out"] == once["report"]["patients"]);
    look(&["--policy", "consent-policy-mii"]).failed(2).error();
    assert_eq!(two.audit(), audited, "nothing was anchored");
}
