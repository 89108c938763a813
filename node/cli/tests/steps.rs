//! Step by step, as a person would: generate, import, init, anchor, query, verify, audit. No patient is named anywhere.

use crate::common::{CORE, Two, arguments, entry, keys, run, table};
use serde_json::json;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const SQL: &str = "SELECT diabetes, COUNT(*), AVG(age) FROM cardiometabolic-core GROUP BY diabetes";

/// All files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
}

#[test]
fn from_records_to_a_verified_answer() {
    let two = Two::generated(200);
    let secrets = &two.patients;

    let mut rows = 0;
    for (site, mapping) in [("a", "mapping-fhir"), ("b", "mapping-fhir-other")] {
        let source = two.path(site);
        let report = run(arguments!["--json", "import", source, CORE[0], CORE[1], "--mapping", mapping, "--dry-run"]);
        let report = report.done().keeps_secret(secrets).json();
        assert_eq!(report["people"], 200);
        assert_eq!(report["problems"], json!([]));
        rows += report["rows"].as_u64().unwrap();
        let text = run(arguments!["import", source, CORE[0], CORE[1], "--mapping", mapping, "--dry-run"]).done().keeps_secret(secrets);
        assert!(text.stdout.contains("0 problems stop the import"), "{text:?}");
    }
    assert!(!two.path("net").exists(), "a dry run anchors nothing");

    let made = two.init().done().json();
    assert_eq!((&made["sites"], &made["k_min"], &made["development_keys"]), (&json!(["a", "b"]), &json!(10), &json!(true)));
    let (mut people, mut last) = (0, 0);
    for site in ["a", "b"] {
        let anchored = run(two.anchor(site)).done().keeps_secret(secrets).json();
        assert_eq!((&anchored["site"], &anchored["new"]), (&json!(site), &json!(true)));
        assert!(anchored["block"].as_u64().unwrap() > last);
        last = anchored["block"].as_u64().unwrap();
        people += anchored["people"].as_u64().unwrap();
    }
    assert!((1..rows).contains(&people), "some of {rows} rows do not consent, some of {people} do");
    let before = two.audit();
    assert_eq!((&before["verified"], &before["rejected"], &before["answers"]), (&json!(true), &json!(0), &json!(0)));

    // the same files again: nothing to do, nothing changed
    for site in ["a", "b"] {
        let again = run(two.anchor(site)).done().json();
        assert_eq!((&again["new"], &again["people_new"], &again["block"]), (&json!(false), &json!(0), &json!(last)));
    }
    let said = run(two.anchor("a").into_iter().skip(1)).done().keeps_secret(secrets);
    assert!(said.stdout.contains("nothing to do"), "{said:?}");
    assert_eq!(two.audit(), before);

    // forgetting --consents does not make everybody consent
    let mut forgotten = two.anchor("a");
    forgotten.truncate(forgotten.len() - 2);
    let refused = run(forgotten).failed(2).keeps_secret(secrets);
    assert!(refused.stderr.contains("Give the consents again"), "{refused:?}");
    assert_eq!(two.audit(), before);

    question(&two, people);
    chain(&two);
    modes_and_contents(&two);
}

/// Explains and asks, and verifies each exported answer.
fn question(two: &Two, people: u64) {
    let explained = run(arguments!["--json", "query", SQL, "--data", two.path("net"), "--explain"]).done().json();
    assert!(explained["words"].as_str().unwrap().contains("iabetes"), "{explained}");
    assert_eq!(two.audit()["answers"], 0, "an explanation asks nothing");

    let result = run(two.query(SQL)).done().keeps_secret(&two.patients).json();
    assert_eq!((&result["schema"], &result["dictionary"]), (&json!("countersign-result/1"), &json!("cardiometabolic-core@1")));
    assert_eq!((&result["verified"], &result["rejected"], &result["title"]), (&json!(2), &json!(0), &json!("2 of 2 sites")));
    assert_eq!(result["sites"], json!([{ "site": "a", "state": "accepted" }, { "site": "b", "state": "accepted" }]));
    assert_eq!(result["query"].as_str().unwrap().len(), 64);
    let n = |value: &str| entry(table(&result, None), &json!({ "diabetes": value }), "*")["n"]["value"].as_u64().unwrap();
    assert_eq!(n("yes") + n("no"), people, "everybody anchored has a row and permits health research");
    let age = entry(table(&result, Some("a")), &json!({ "diabetes": "no" }), "age");
    assert!((18.0..100.0).contains(&age["mean"].as_f64().unwrap()), "{age}");

    let exported: Vec<PathBuf> = serde_json::from_value(result["exported"].clone()).unwrap();
    assert_eq!(exported.len(), 2);
    let mut hospitals = BTreeSet::new();
    for file in exported {
        let finding = run(arguments!["--json", "verify", file]).done().keeps_secret(&two.patients).json();
        assert_eq!((&finding["verified"], &finding["k_min"], &finding["development_keys"]), (&json!(true), &json!(10), &json!(true)));
        assert!(finding["gates"]["released"].as_u64().unwrap() >= 2, "{finding}");
        assert!(finding["not_checked"].as_str().unwrap().contains("source data"));
        hospitals.insert(finding["hospital"].as_str().unwrap().to_owned());
        let said = run(arguments!["verify", file]).done();
        assert!(said.stdout.contains("verified on this machine") && said.stdout.contains("DEVELOPMENT KEYS"), "{said:?}");
    }
    assert_eq!(hospitals.len(), 2);
}

/// Audits folder, chain file and archive: the same finding.
fn chain(two: &Two) {
    let audit = two.audit();
    assert_eq!((&audit["answers"], &audit["sealed"], &audit["rejected"]), (&json!(2), &json!(2), &json!(0)));
    let archive = two.path("net.archive");
    let written = run(arguments!["--json", "audit", two.path("net"), "--archive", archive]).done().json();
    assert_eq!(written, audit);
    assert_eq!(run(arguments!["--json", "audit", archive]).done().json(), audit);
    assert_eq!(run(arguments!["--json", "audit", two.path("net/chain.sqlite")]).done().json(), audit);
    // an archive is never written over
    let there = std::fs::read(&archive).unwrap();
    run(arguments!["--json", "audit", two.path("net"), "--archive", archive]).failed(1).error();
    assert_eq!(std::fs::read(&archive).unwrap(), there);
    let said = run(arguments!["audit", archive]).done();
    assert!(said.stdout.contains("2 answers: all verified") && said.stdout.contains("DEVELOPMENT KEYS"), "{said:?}");
}

/// Secret files belong to their owner; what is public names no patient.
fn modes_and_contents(two: &Two) {
    let net = files(&two.path("net"));
    assert!(net.iter().any(|f| f.ends_with("members/a.toml")) && net.iter().any(|f| f.ends_with("sites/b.sqlite")));
    for file in &net {
        let secret = file.parent().unwrap().ends_with("members") || file.parent().unwrap().ends_with("sites");
        if secret {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }
    let public = files(&two.path("out")).into_iter().chain([two.path("net/chain.sqlite"), two.path("net.archive")]);
    for file in public {
        let bytes = std::fs::read(&file).unwrap();
        let named = |id: &String| bytes.windows(id.len()).any(|w| w == id.as_bytes());
        assert!(!two.patients.iter().any(named), "{} names a patient", file.display());
    }
}

#[test]
fn keys_are_marked_as_development_keys() {
    run(["keys", "generate"]).done();
    let shown = run(["--json", "keys", "show"]).done().json();
    assert_eq!((&shown["development"], &shown["folder"]), (&json!(true), &json!(keys())));
    let circuits = shown["circuits"].as_array().unwrap();
    let names: Vec<&str> = circuits.iter().map(|c| c["circuit"].as_str().unwrap()).collect();
    assert_eq!(names, ["s1-validity", "s2-aggregate-128", "s2-aggregate-256"]);
    assert!(circuits.iter().all(|c| c["origin"] == "development" && c["digest"].as_str().unwrap().len() == 64));
    // what is there is kept
    assert_eq!(run(["--json", "keys", "generate"]).done().json(), shown);
    assert!(run(["keys", "show"]).done().stdout.contains("DEVELOPMENT KEYS"));
}

/// FHIR Consents of some patients in a folder of their own.
fn consents(two: &Two, name: &str, patients: &[&String], status: &str, policy: &str) -> PathBuf {
    let folder = two.path(name);
    std::fs::create_dir(&folder).unwrap();
    let document = |(i, patient): (usize, &&String)| {
        json!({
            "resourceType": "Consent", "id": format!("c{i}"), "status": status, "dateTime": "2024-01-01",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
            "patient": {"reference": format!("Patient/{patient}")}, "policy": [{"uri": policy}],
            "provision": {"type": "deny", "provision": [{"type": "permit", "code": [{"coding": [{"system": "urn:countersign:consent", "code": "research"}]}]}]},
        })
        .to_string()
    };
    let lines: Vec<String> = patients.iter().enumerate().map(document).collect();
    std::fs::write(folder.join("Consent.ndjson"), lines.join("\n")).unwrap();
    folder
}

#[test]
fn that_everybody_has_withdrawn_must_be_said_of_everybody() {
    const POLICY: &str = "urn:countersign:policy:broad-research:1";
    let two = Two::generated(40);
    two.init().done();
    let people = run(two.anchor("a")).done().json()["people"].as_u64().unwrap();
    assert!(people > 10);
    let before = two.audit();
    let anchor = |folder: PathBuf| {
        let mut all = two.anchor("a");
        all.truncate(all.len() - 2);
        all.extend(arguments!["--consents", folder, "--policy", "consent-policy"]);
        run(all).keeps_secret(&two.patients)
    };
    // a table is read by no policy, and does not go under the name of one
    let mut mixed = two.anchor("a");
    mixed.extend(arguments!["--policy", "consent-policy"]);
    assert!(run(mixed).failed(2).keeps_secret(&two.patients).error()["message"].as_str().unwrap().contains("--policy"));
    let all: Vec<&String> = two.patients.iter().filter(|p| p.starts_with("a-")).collect();
    // documents under another policy permit nothing, and say nothing; some withdrawals are not all
    for folder in [consents(&two, "other", &all, "active", "urn:x"), consents(&two, "few", &all[..3], "inactive", POLICY)] {
        anchor(folder).failed(2);
        assert_eq!(two.audit(), before, "nothing was anchored");
    }
    let anchored = anchor(consents(&two, "everybody", &all, "inactive", POLICY)).done().json();
    assert_eq!(anchored["withdrawn"], json!(people), "{anchored}");

    // a table says it by lines that are over; that it is empty says nothing
    let people = run(two.anchor("b")).done().json()["people"].clone();
    let before = two.audit();
    let table = two.path("b").join("consents.csv");
    std::fs::write(&table, "patient,scope,until\n").unwrap();
    run(two.anchor("b")).failed(2).keeps_secret(&two.patients);
    assert_eq!(two.audit(), before);
    let over: Vec<String> = two.patients.iter().filter(|p| p.starts_with("b-")).map(|p| format!("{p},p.health,2020-01-01\n")).collect();
    std::fs::write(&table, format!("patient,scope,until\n{}", over.concat())).unwrap();
    let anchored = run(two.anchor("b")).done().keeps_secret(&two.patients).json();
    assert_eq!(anchored["withdrawn"], people, "{anchored}");
}

#[test]
fn who_took_a_consent_back_is_out_though_the_records_cannot_be_read() {
    let two = Two::generated(40);
    two.init().done();
    let people = run(two.anchor("a")).done().json()["people"].as_u64().unwrap();
    let table = two.path("a").join("consents.csv");
    let is_patients = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("Patient");
    let records = files(&two.path("a")).into_iter().find(is_patients).unwrap();
    let (consents, whole) = (std::fs::read_to_string(&table).unwrap(), std::fs::read_to_string(&records).unwrap());
    // every third patient's permissions are over since today's table; the file of patients breaks off
    let gone: BTreeSet<&str> = two.patients.iter().filter(|p| p.starts_with("a-")).step_by(3).map(String::as_str).collect();
    let line = |line: &str| match line.split(',').collect::<Vec<_>>()[..] {
        [patient, scope, _] if gone.contains(patient) => format!("{patient},{scope},2020-01-01\n"),
        _ => format!("{line}\n"),
    };
    std::fs::write(&table, consents.lines().map(line).collect::<String>()).unwrap();
    std::fs::write(&records, format!("{whole}{{")).unwrap();
    let failed = run(two.anchor("a")).failed(2).keeps_secret(&two.patients);
    let message = failed.error()["message"].as_str().unwrap().to_owned();
    let (_, count) = message.split_once("The consents could be read: ").unwrap_or_else(|| panic!("{message}"));
    let out: u64 = count.split(' ').next().unwrap().parse().unwrap();
    assert!(out > 0, "{message}");
    // again: there is nothing more to take back, and it is the same failure
    let again = run(two.anchor("a")).failed(2).error()["message"].as_str().unwrap().to_owned();
    assert_eq!(Some(again.as_str()), message.split("\nThe consents").next());
    // with the file whole, everybody else is there as before
    std::fs::write(&records, whole).unwrap();
    let anchored = run(two.anchor("a")).done().json();
    assert_eq!((&anchored["withdrawn"], anchored["people"].as_u64().unwrap()), (&json!(0), people - out), "{anchored}");
}
