//! Refusals and errors: exit codes, words, JSON on standard error; changed files never verify.

use crate::common::{CORE, Two, arguments, changed, command, finish, folder, run};
use std::path::Path;

const HEADER: &str = "hospital,patient_id,age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\n";

fn heart_csv(folder: &Path, ids: &[&str]) -> std::path::PathBuf {
    let path = folder.join("heart.csv");
    let lines: String = ids.iter().map(|id| format!("h,{id},50,1,1,120,200,0,0,150,0,1.0,1,0,3,0\n")).collect();
    std::fs::write(&path, format!("{HEADER}{lines}")).unwrap();
    path
}

fn attempt(csv: &Path, sql: &str) -> Vec<std::ffi::OsString> {
    let site = format!("h={}", csv.display());
    arguments!["try", "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv", "--site", site, "--query", sql]
}

#[test]
fn refused_questions_end_with_2_and_say_why() {
    let folder = folder();
    let csv = heart_csv(folder.path(), &["P1"]);
    let refused = [
        ("Q01", "SELECT * FROM heart-disease", "Rows never leave a hospital"),
        ("Q02", "SELECT age, COUNT(*) FROM heart-disease", "Group by it"),
        ("Q03", "SELECT MAX(age) FROM heart-disease", "PERCENTILE(age, 0.95)"),
        ("Q04", "SELECT COUNT(*) FROM heart-disease JOIN other", "JOIN"),
        ("Q05", "SELECT AVG(agee) FROM heart-disease", "Did you mean \"age\""),
        ("Q06", "SELECT COUNT(*) FROM heart-disease WHERE age >= 51", "Nearest: 50, 60"),
        ("Q07", "SELECT COUNT(*) FROM heart-disease WHERE sex = 'mael'", "levels: female, male, other"),
        ("Q09", "SELECT AVG(disease) FROM heart-disease", "SHARE(disease = 'yes')"),
        ("Q12", "SELECT COUNT(*) FROM heart-disease WHERE age >= '50 years'", "without a unit"),
        ("Q13", "SELECT COUNT( FROM", ""),
        ("Q14", "SELECT COUNT(*) FROM lung-disease", "heart-disease"),
    ];
    for (code, sql, words) in refused {
        let said = run(attempt(&csv, sql)).failed(2);
        assert!(said.stderr.starts_with("countersign: ") && said.stderr.contains(code) && said.stderr.contains(words), "{code}: {said:?}");
        assert_eq!(said.stdout, "", "refused before any work is done");
        let mut json = arguments!["--json"];
        json.extend(attempt(&csv, sql));
        let said = run(json).failed(2);
        assert_eq!(said.stdout, "");
        let error = said.error();
        assert_eq!(error["error"], "refused");
        assert!(error["message"].as_str().unwrap().starts_with(code), "{error}");
    }
}

#[test]
fn a_patient_twice_is_a_line_and_no_name() {
    let folder = folder();
    let csv = heart_csv(folder.path(), &["SECRET-1", "SECRET-2", "SECRET-1"]);
    let secrets = ["SECRET-1".to_owned(), "SECRET-2".to_owned()];
    let sql = "SELECT COUNT(*) FROM heart-disease";
    let said = run(attempt(&csv, sql)).failed(2).keeps_secret(&secrets);
    assert!(said.stderr.contains("heart.csv:4"), "{said:?}");
    let mut json = arguments!["--json"];
    json.extend(attempt(&csv, sql));
    let said = run(json).failed(2).keeps_secret(&secrets);
    assert!(said.error()["message"].as_str().unwrap().contains("heart.csv:4"), "{said:?}");
    let import =
        arguments!["import", csv, "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv", "--as-of", "2026-01-01", "--dry-run"];
    let said = run(import).failed(2).keeps_secret(&secrets);
    assert!(said.stderr.contains("heart.csv:4"), "{said:?}");
}

#[test]
fn what_is_not_there_is_named() {
    let folder = folder();
    let csv = heart_csv(folder.path(), &["P1"]);
    let absent = folder.path().join("absent.csv");
    let sql = "SELECT COUNT(*) FROM heart-disease";
    let missing = [
        (attempt(&absent, sql), "absent.csv"),
        (
            arguments![
                "try",
                "--dictionary",
                "no-dictionary.toml",
                "--mapping",
                "m",
                "--site",
                format!("h={}", csv.display()),
                "--query",
                sql
            ],
            "no-dictionary.toml",
        ),
        (arguments!["verify", folder.path().join("q1-a.answer")], "q1-a.answer"),
        (arguments!["audit", folder.path().join("chain.sqlite")], "chain.sqlite"),
        (arguments!["audit", folder.path()], "chain.sqlite"),
    ];
    for (arguments, named) in missing {
        let said = run(&arguments).failed(1);
        assert!(said.stderr.starts_with("countersign: ") && said.stderr.contains(named), "{arguments:?}: {said:?}");
        let mut json = arguments!["--json"];
        json.extend(arguments);
        let said = run(json).failed(1);
        assert_eq!((said.error()["error"].as_str(), said.stdout.as_str()), (Some("error"), ""), "{said:?}");
    }
    // what is there and is something else
    for (verb, words) in [("verify", "is not an exported answer"), ("audit", "neither a chain file nor an archive")] {
        let said = run(arguments![verb, csv]).failed(3);
        assert!(said.stderr.contains(words), "{said:?}");
    }
    // no network there is a refusal that says what to do
    let said = run(arguments!["query", sql, "--data", folder.path().join("net")]).failed(2);
    assert!(said.stderr.contains("countersign init"), "{said:?}");
}

/// An auditor gets a copy it may only read. Where the tests run as root, the auditor is somebody else: root may write anywhere.
#[test]
fn a_copy_that_may_only_be_read_is_audited() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let two = Two::generated(60);
    two.init().done();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("chain.sqlite");
    std::fs::copy(two.path("net/chain.sqlite"), &copy).unwrap();
    let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(&copy, 0o444);
    allow(folder.path(), 0o555);
    let root = std::fs::File::create(folder.path().join("probe")).is_ok();
    let audit = |path: &Path| {
        let mut command = command(arguments!["--json", "audit", path]);
        if root {
            command.uid(65_534).gid(65_534);
        }
        finish(command)
    };
    let audited = audit(folder.path()).done().json();
    assert_eq!(audited["verified"], true);
    assert!(!copy.with_file_name("chain.sqlite-shm").exists());
    // what cannot be read at all, or not whole, says nothing about the chain
    allow(folder.path(), 0o755);
    std::fs::write(copy.with_file_name("chain.sqlite-wal"), [1; 64]).unwrap();
    allow(folder.path(), 0o555);
    let said = audit(folder.path()).failed(1);
    assert_eq!(said.error()["error"], "unreadable", "{said:?}");
    assert!(said.stderr.contains("copy both files"), "{said:?}");
    allow(folder.path(), 0o755);
    std::fs::remove_file(copy.with_file_name("chain.sqlite-wal")).unwrap();
    allow(&copy, 0o000);
    let said = audit(folder.path()).failed(1);
    assert!(said.stderr.contains("cannot read"), "{said:?}");
    // and a chain that is another is not verified
    allow(&copy, 0o644);
    std::fs::write(&copy, b"SQLite format 3\0 and nothing that follows from it").unwrap();
    assert_eq!(audit(folder.path()).failed(3).error()["error"], "not_verified");
}

#[test]
fn networks_sites_and_keys_that_do_not_fit() {
    let two = Two::generated(60);
    two.init().done();
    let said = two.init().failed(2);
    assert!(said.error()["message"].as_str().unwrap().contains("a network already"), "{said:?}");
    for name in ["a b", "../a", "", "validator"] {
        let said = run(arguments!["--json", "init", "--data", two.path("other"), "--site", name]).failed(2);
        assert!(said.error()["message"].as_str().unwrap().contains("cannot be a site's name"), "{said:?}");
    }
    let said = run(arguments!["init", "--data", two.path("other"), "--site", "c"]).done();
    assert!(said.stdout.contains("DEVELOPMENT KEYS"), "a refused init leaves nothing in the way: {said:?}");
    let mut unknown = two.anchor("a");
    let at = unknown.iter().position(|a| a == "--site").unwrap() + 1;
    unknown[at] = "c".into();
    let said = run(unknown).failed(2);
    assert!(said.error()["message"].as_str().unwrap().contains("its hospitals: "), "{said:?}");
    let said = run(two.query("SELECT COUNT(*) FROM cardiometabolic-core")).failed(2);
    assert!(said.error()["message"].as_str().unwrap().contains("anchor a table first"), "{said:?}");

    // other keys than the network's
    let keyed = |folder: &str, arguments: Vec<std::ffi::OsString>| {
        let mut command = command(arguments);
        command.env("COUNTERSIGN_KEYS", two.path(folder));
        finish(command)
    };
    let said = keyed("empty", arguments!["audit", two.path("net")]).failed(1);
    assert!(said.stderr.contains("countersign keys generate"), "{said:?}");
    keyed("foreign", arguments!["keys", "generate"]).done();
    for arguments in [arguments!["audit", two.path("net")], two.anchor("a"), two.query("SELECT COUNT(*) FROM cardiometabolic-core")] {
        let said = keyed("foreign", arguments.clone());
        assert!(matches!(said.code, Some(1..=3)) && said.stderr.contains("circuit keys"), "{arguments:?}: {said:?}");
    }
    // a keys folder that is full of something else
    std::fs::create_dir(two.path("full")).unwrap();
    std::fs::write(two.path("full/letter.txt"), "hello").unwrap();
    let said = keyed("full", arguments!["keys", "generate"]).failed(1);
    assert!(said.stderr.contains("is in the way"), "{said:?}");
    assert_eq!(std::fs::read_to_string(two.path("full/letter.txt")).unwrap(), "hello");
}

#[test]
fn consents_are_never_left_out_unsaid() {
    const EVERYBODY: &str = "everybody counts as consenting";
    let folder = folder();
    let csv = heart_csv(folder.path(), &["P1"]);
    let consents = folder.path().join("consents.csv");
    std::fs::write(&consents, "patient,scope,until\nP1,p.health,\n").unwrap();
    let sql = "SELECT COUNT(*) FROM heart-disease";
    let given = |named: &[String]| {
        let mut all = attempt(&csv, sql);
        all.extend(named.iter().flat_map(|n| arguments!["--consents", n]));
        run(all)
    };
    assert!(run(attempt(&csv, sql)).done().stdout.contains(&format!("h: no consents were given: on this development network {EVERYBODY}")));
    let to = |name: &str| format!("{name}={}", consents.display());
    assert!(!given(&[to("h")]).done().stdout.contains(EVERYBODY));
    // a name that is no hospital's would leave a hospital without its consents
    for named in [vec![to("H")], vec![to("h"), to("h")]] {
        let said = given(&named).failed(2);
        assert!(said.stderr.contains("--consents") && said.stdout.is_empty(), "{said:?}");
    }
    given(&[format!("h={}", folder.path().join("absent.csv").display())]).failed(1);
    let fhir = folder.path().join("Consent.ndjson");
    std::fs::write(&fhir, "").unwrap();
    assert!(given(&[format!("h={}", fhir.display())]).failed(2).stderr.contains("--policy"));

    let two = Two::generated(60);
    two.init().done();
    let without: Vec<_> = two.anchor("a").into_iter().skip(1).take(10).collect();
    assert!(!without.iter().any(|a| a == "--consents"));
    assert!(run(without).done().keeps_secret(&two.patients).stdout.contains(EVERYBODY));
}

#[test]
fn a_hospital_that_cannot_answer_is_missed_and_goes_on_later() {
    let two = Two::generated(100);
    two.init().done();
    for site in ["a", "b"] {
        run(two.anchor(site)).done();
    }
    // the study is there: a hospital without its file could not even accept one
    run(two.query("SELECT COUNT(*) FROM cardiometabolic-core WHERE sex = 'female'")).done();
    let (file, away) = (two.path("net/sites/b.sqlite"), two.path("away"));
    std::fs::rename(&file, &away).unwrap();
    let sql = "SELECT COUNT(*) FROM cardiometabolic-core";
    let said = run(two.query(sql)).failed(4);
    let error = said.error();
    assert_eq!(error["error"], "site_missing");
    assert!(error["message"].as_str().unwrap().contains("b.sqlite is gone"), "{error}");
    let result = said.json();
    assert_eq!((&result["title"], &result["verified"]), (&"1 of 2 sites".into(), &1.into()));
    assert_eq!(result["sites"][1], serde_json::json!({ "site": "b", "state": "missing" }));
    assert!(!file.exists(), "no empty file takes the place of the lost one");
    // the file is back: the same query goes on, and nobody answers twice
    std::fs::rename(&away, &file).unwrap();
    let later = run(two.query(sql)).done().json();
    assert_eq!((&later["title"], &later["query"]), (&"2 of 2 sites".into(), &result["query"]));
    assert_eq!(two.audit()["answers"], 4);

    // without its keys a hospital is not left out unsaid
    std::fs::rename(two.path("net/members/b.toml"), &away).unwrap();
    let said = run(two.query("SELECT COUNT(*) FROM cardiometabolic-core WHERE sex = 'male'")).failed(1);
    assert!(said.error()["message"].as_str().unwrap().contains("b.toml"), "{said:?}");
}

#[test]
fn the_same_question_twice_is_seen_before_any_work() {
    let folder = folder();
    let csv = heart_csv(folder.path(), &["P1"]);
    let mut twice = attempt(&csv, "SELECT COUNT(*) FROM heart-disease WHERE age >= 50 AND sex = 'male'");
    twice.extend(arguments!["--query", "SELECT COUNT(*) FROM heart-disease WHERE sex = 'male' AND NOT age < 50 AND age IS NOT NULL"]);
    let said = run(twice).failed(2);
    assert!(said.stderr.contains("questions 1 and 2 are the same statement") && said.stdout.is_empty(), "{said:?}");
}

#[test]
fn a_changed_byte_never_verifies() {
    let two = Two::generated(100);
    two.init().done();
    for site in ["a", "b"] {
        run(two.anchor(site)).done();
    }
    let result = run(two.query("SELECT COUNT(*) FROM cardiometabolic-core")).done().json();
    let answer = Path::new(result["exported"][0].as_str().unwrap()).to_owned();
    let archive = two.path("net.archive");
    run(arguments!["audit", two.path("net"), "--archive", archive]).done();

    for (verb, file) in [("verify", &answer), ("audit", &archive)] {
        run(arguments![verb, file]).done();
        let length = file.metadata().unwrap().len() as usize;
        let copy = two.path("changed");
        // the first and last bytes, and some between
        for at in [0, length - 1].into_iter().chain((1..12).map(|i| i * (length - 1) / 12)) {
            changed(file, at, &copy);
            let said = run(arguments!["--json", verb, copy]).failed(3).keeps_secret(&two.patients);
            assert_eq!((said.error()["error"].as_str(), said.stdout.as_str()), (Some("not_verified"), ""), "byte {at} of {length}");
        }
        let bytes = std::fs::read(file).unwrap();
        for end in [length / 2, length - 1] {
            std::fs::write(&copy, &bytes[..end]).unwrap();
            run(arguments!["--json", verb, copy]).failed(3).error();
        }
        std::fs::write(&copy, [&bytes[..], b"x"].concat()).unwrap();
        run(arguments!["--json", verb, copy]).failed(3).error();
    }
}

#[test]
fn arguments_that_mean_nothing_are_explained() {
    let said = run(["try", "--site", "cleveland"]).failed(2);
    assert!(said.stderr.contains("NAME=PATH"), "{said:?}");
    let said = run(arguments!["import", "x", CORE[0], CORE[1], "--mapping", "mapping-fhir"]).failed(2);
    assert!(said.stderr.contains("--dry-run"), "{said:?}");
    assert!(run(["--help"]).done().stdout.contains("Exit codes"));
}
