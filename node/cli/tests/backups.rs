//! A hospital's backups: sealed, tried, restored, and what a restored hospital does.

use crate::common::{Two, arguments, run};
use serde_json::json;
use std::{ffi::OsString, os::unix::fs::PermissionsExt, path::PathBuf};

#[test]
fn a_backup_is_sealed_tried_and_restored() {
    let two = Two::generated(60);
    two.init().done();
    run(two.anchor("a")).done();
    let site = || arguments!["--data", two.path("net"), "--site", "a"];
    let backup = |all: Vec<OsString>| run(arguments!["--json", "backup"].into_iter().chain(all)).keeps_secret(&two.patients);
    let with_site = |mut all: Vec<OsString>| {
        all.extend(site());
        backup(all)
    };
    let folder = two.path("backups");
    let create = || with_site(arguments!["create", "--to", folder]);
    assert!(create().failed(2).error()["message"].as_str().unwrap().contains("backup key"));
    let key = |sheet: &str, more: &[&str]| {
        let mut all = arguments!["key", "--sheet", two.path(sheet)];
        all.extend(more.iter().map(OsString::from));
        with_site(all)
    };
    key("sheet", &[]).done();
    assert_eq!(two.path("sheet").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    key("sheet", &["--replace"]).failed(2);
    key("other", &[]).failed(2);
    assert!(!two.path("other").exists());

    let made = create().done().json();
    let file = PathBuf::from(made["backup"].as_str().unwrap());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&file).unwrap();
    assert!(!two.patients.iter().any(|id| bytes.windows(id.len()).any(|w| w == id.as_bytes())), "a backup names a patient");
    let left: Vec<_> = std::fs::read_dir(two.path("net/sites")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("backup")), "nothing is left beside the hospital's file: {left:?}");

    let verify = |file: &PathBuf, sheet: &str| backup(arguments!["verify", file, "--sheet", two.path(sheet)]);
    let found = verify(&file, "sheet").done().json();
    assert_eq!((&found["site"], &found["block"], &found["unfinished"]), (&json!("a"), &made["block"], &json!(0)));
    assert!(found["slots"].as_u64().unwrap() > 10 && found["openings"].as_u64().unwrap() >= 2);
    // one changed byte anywhere, another sheet, no backup
    for at in [0, 30, 200, bytes.len() / 2, bytes.len() - 1] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        std::fs::write(two.path("bad"), bad).unwrap();
        verify(&two.path("bad"), "sheet").failed(2).error();
    }
    std::fs::write(two.path("short"), &bytes[..bytes.len() - 100]).unwrap();
    verify(&two.path("short"), "sheet").failed(2).error();
    verify(&two.path("sheet"), "sheet").failed(2).error();
    verify(&two.path("nowhere"), "sheet").failed(1).error();
    let typed = std::fs::read_to_string(two.path("sheet")).unwrap();
    std::fs::write(two.path("slip"), typed.replace("backup ", "backup 2")).unwrap();
    verify(&file, "slip").failed(2).error();
    key("second", &["--replace"]).done();
    verify(&file, "second").failed(2).error();
    verify(&file, "sheet").done();

    // the hospital goes on, and then loses its file: somebody withdrew since, by the hospital's hand
    let withdraw = |id: &String| run(arguments!["--json", "withdraw", "--patient", id].into_iter().chain(site()));
    let gone = two.patients.iter().filter(|id| id.starts_with("a-")).find(|id| withdraw(id).code == Some(0)).unwrap();
    let hospital = two.path("net/sites/a.sqlite");
    let restore = |to: &PathBuf| backup(arguments!["restore", file, "--sheet", two.path("sheet"), "--out", to]);
    restore(&hospital).failed(2).error();
    std::fs::remove_file(&hospital).unwrap();
    // what is left beside it would be read into the restored file
    let said = restore(&hospital).failed(2);
    assert!(said.error()["message"].as_str().unwrap().contains("a.sqlite-journal"), "{said:?}");
    std::fs::remove_file(two.path("net/sites/a.sqlite-journal")).unwrap();
    restore(&hospital).done();
    assert_eq!(hospital.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // the ledger knows who left; the restored file learns it, and does not bring them back
    let after = run(two.anchor("a")).done().json();
    assert_eq!((&after["held_back"], &after["people_new"]), (&json!(1), &json!(0)), "{after}");
    withdraw(gone).failed(2).error();
    assert_eq!(two.audit()["verified"], json!(true));

    // old backups go, the newest and others' stay
    std::fs::write(folder.join("notes.backup"), "no backup").unwrap();
    std::fs::copy(&file, folder.join("copy.backup")).unwrap();
    let pruned = with_site(arguments!["create", "--to", folder, "--keep-days", "1"]).done().json();
    assert_eq!(pruned["deleted"], json!([]), "none is a day old");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4);
}
