//! A hospital's backups: sealed, tried, restored, and what a restored hospital does.

use crate::common::{Outcome, Two, arguments, run};
use serde_json::json;
use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A hospital and the folder of its backups.
struct Scene {
    two: Two,
    folder: PathBuf,
}

impl Scene {
    fn start() -> Self {
        let two = Two::generated(60);
        two.init().done();
        run(two.anchor("a")).done();
        let folder = two.path("backups");
        Self { two, folder }
    }

    fn site(&self) -> Vec<OsString> {
        arguments!["--data", self.two.path("net"), "--site", "a"]
    }

    fn backup(&self, all: Vec<OsString>) -> Outcome {
        run(arguments!["--json", "backup"].into_iter().chain(all)).keeps_secret(&self.two.patients)
    }

    fn create(&self, more: &[&str]) -> Outcome {
        let all = arguments!["create", "--to", self.folder].into_iter().chain(more.iter().map(OsString::from));
        self.backup(all.chain(self.site()).collect())
    }

    fn key(&self, sheet: &str, more: &[&str]) -> Outcome {
        let all = arguments!["key", "--sheet", self.two.path(sheet)].into_iter().chain(more.iter().map(OsString::from));
        self.backup(all.chain(self.site()).collect())
    }

    fn verify(&self, file: &Path, sheet: &str) -> Outcome {
        self.backup(arguments!["verify", file, "--sheet", self.two.path(sheet)])
    }

    fn restore(&self, file: &Path, to: &Path) -> Outcome {
        self.backup(arguments!["restore", file, "--sheet", self.two.path("sheet"), "--out", to])
    }
}

#[test]
fn a_backup_is_sealed_tried_and_restored() {
    let scene = Scene::start();
    let file = sealed(&scene);
    tried(&scene, &file);
    restored(&scene, &file);
    // old backups go, the newest and others' stay
    std::fs::write(scene.folder.join("notes.backup"), "no backup").unwrap();
    std::fs::copy(&file, scene.folder.join("copy.backup")).unwrap();
    let pruned = scene.create(&["--keep-days", "1"]).done().json();
    assert_eq!(pruned["deleted"], json!([]), "none is a day old");
    assert_eq!(std::fs::read_dir(&scene.folder).unwrap().count(), 4);
}

/// Gives the backup.
fn sealed(scene: &Scene) -> PathBuf {
    let two = &scene.two;
    assert!(scene.create(&[]).failed(2).error()["message"].as_str().unwrap().contains("backup key"));
    scene.key("sheet", &[]).done();
    assert_eq!(two.path("sheet").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    scene.key("sheet", &["--replace"]).failed(2);
    scene.key("other", &[]).failed(2);
    assert!(!two.path("other").exists());

    let made = scene.create(&[]).done().json();
    let file = PathBuf::from(made["backup"].as_str().unwrap());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&file).unwrap();
    assert!(!two.patients.iter().any(|id| bytes.windows(id.len()).any(|w| w == id.as_bytes())), "a backup names a patient");
    let left: Vec<_> = std::fs::read_dir(two.path("net/sites")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("backup")), "nothing is left beside the hospital's file: {left:?}");
    let found = scene.verify(&file, "sheet").done().json();
    assert_eq!((&found["site"], &found["block"], &found["unfinished"]), (&json!("a"), &made["block"], &json!(0)));
    assert!(found["slots"].as_u64().unwrap() > 10 && found["openings"].as_u64().unwrap() >= 2);
    file
}

/// One changed byte anywhere, another sheet, no backup.
fn tried(scene: &Scene, file: &Path) {
    let (two, bytes) = (&scene.two, std::fs::read(file).unwrap());
    for at in [0, 30, 200, bytes.len() / 2, bytes.len() - 1] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        std::fs::write(two.path("bad"), bad).unwrap();
        scene.verify(&two.path("bad"), "sheet").failed(2).error();
    }
    std::fs::write(two.path("short"), &bytes[..bytes.len() - 100]).unwrap();
    scene.verify(&two.path("short"), "sheet").failed(2).error();
    scene.verify(&two.path("sheet"), "sheet").failed(2).error();
    scene.verify(&two.path("nowhere"), "sheet").failed(1).error();
    let typed = std::fs::read_to_string(two.path("sheet")).unwrap();
    std::fs::write(two.path("slip"), typed.replace("backup ", "backup 2")).unwrap();
    scene.verify(file, "slip").failed(2).error();
    scene.key("second", &["--replace"]).done();
    scene.verify(file, "second").failed(2).error();
    scene.verify(file, "sheet").done();
}

/// The hospital goes on, and then loses its file: somebody withdrew since, by the hospital's hand.
fn restored(scene: &Scene, file: &Path) {
    let two = &scene.two;
    let withdraw = |id: &String| run(arguments!["--json", "withdraw", "--patient", id].into_iter().chain(scene.site()));
    let gone = two.patients.iter().filter(|id| id.starts_with("a-")).find(|id| withdraw(id).code == Some(0)).unwrap();
    let hospital = two.path("net/sites/a.sqlite");
    scene.restore(file, &hospital).failed(2).error();
    std::fs::remove_file(&hospital).unwrap();
    // what is left beside it would be read into the restored file
    let said = scene.restore(file, &hospital).failed(2);
    assert!(said.error()["message"].as_str().unwrap().contains("a.sqlite-journal"), "{said:?}");
    std::fs::remove_file(two.path("net/sites/a.sqlite-journal")).unwrap();
    scene.restore(file, &hospital).done();
    assert_eq!(hospital.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // the ledger knows who left; the restored file learns it, and does not bring them back
    let after = run(two.anchor("a")).done().json();
    assert_eq!((&after["held_back"], &after["people_new"]), (&json!(1), &json!(0)), "{after}");
    withdraw(gone).done();
    assert_eq!(two.audit()["verified"], json!(true));
}

/// Somebody is erased after a backup was made, and the disk with the hospital's file is lost. What is brought back knows the person; the list beside the backups does, too.
#[test]
fn who_was_erased_since_a_backup_does_not_come_back_with_it() {
    let scene = Scene::start();
    let two = &scene.two;
    scene.key("sheet", &[]).done();
    let before = PathBuf::from(scene.create(&[]).done().json()["backup"].as_str().unwrap());
    assert_eq!(scene.verify(&before, "sheet").done().json()["erasures"], json!(null));
    let erase =
        |id: &String| run(arguments!["--json", "erase", "--patient", id].into_iter().chain(scene.site())).keeps_secret(&two.patients);
    let gone = two.patients.iter().filter(|id| id.starts_with("a-")).find(|id| erase(id).code == Some(0)).unwrap();
    scene.create(&[]).done();
    let lists: Vec<PathBuf> = std::fs::read_dir(&scene.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let list = lists.iter().find(|path| path.extension().is_some_and(|end| end == "erased")).unwrap();
    let text = std::fs::read_to_string(list).unwrap();
    assert_eq!((text.lines().count(), list.metadata().unwrap().permissions().mode() & 0o777), (2, 0o600));
    assert!(two.patients.iter().all(|id| !text.contains(id.as_str())), "a list of erasures names a patient");

    let file = |end: &str| two.path(&format!("net/sites/a.sqlite{end}"));
    ["", "-journal", ".erased"].iter().for_each(|end| std::fs::remove_file(file(end)).unwrap());
    let found = scene.restore(&before, &file("")).done().json();
    assert_eq!(found["erasures"], json!(1));
    assert!(file(".erased").exists());
    let anchored = run(two.anchor("a")).done().keeps_secret(&two.patients);
    let after = anchored.json();
    assert_eq!(after["erased_again"], json!(1));
    assert_eq!((&after["held_back"], &after["people_new"]), (&json!(1), &json!(0)), "{after}");
    assert_eq!(run(two.anchor("a")).done().json()["erased_again"], json!(0), "once");
    let what_is_left = erase(gone).done().json();
    assert_eq!((&what_is_left["slots"], &what_is_left["openings_pinned"]), (&json!([]), &json!(0)), "{what_is_left}");
    let shown = arguments!["record", "show", "--patient", gone, "--out", two.path("record")];
    run(shown.into_iter().chain(scene.site())).failed(2);

    // somebody who came after the copy was made, and was erased: the file knows nobody of that id, and holds back all the same
    let hold = |id: &str| run(arguments!["--json", "erase", "--never-here", "--patient", id].into_iter().chain(scene.site()));
    let here = two.patients.iter().find(|id| {
        let shown = arguments!["record", "show", "--patient", id.as_str(), "--out", two.path(&format!("shown-{id}"))];
        run(shown.into_iter().chain(scene.site())).code == Some(0)
    });
    hold(here.unwrap()).failed(2).error();
    hold("came-later").done();
    run(arguments!["readmit", "--patient", "came-later"].into_iter().chain(scene.site())).done();
    let text = std::fs::read_to_string(file(".erased")).unwrap();
    assert_eq!(text.lines().count(), 4);

    // a list that is damaged says so, and nothing is done meanwhile
    std::fs::write(file(".erased"), text.replace("+ ", "? ")).unwrap();
    assert!(run(two.anchor("a")).failed(2).stderr.contains("a line of it is damaged"));
    std::fs::write(file(".erased"), &text).unwrap();
    // a new document ends it, also for the list
    run(arguments!["readmit", "--patient", gone].into_iter().chain(scene.site())).done();
    assert_eq!(run(two.anchor("a")).done().json()["people_new"], json!(1));
    assert_eq!(std::fs::read_to_string(file(".erased")).unwrap().lines().count(), 5);
    // the list of the backups is older by now: it would erase who was readmitted
    std::fs::copy(list, file(".erased")).unwrap();
    assert!(run(two.anchor("a")).failed(2).stderr.contains("older than the hospital's file"));
    std::fs::remove_file(file(".erased")).unwrap();
    assert!(run(two.anchor("a")).failed(2).stderr.contains("missing, older"));
    scene.backup(arguments!["new-list"].into_iter().chain(scene.site()).collect()).done();
    assert_eq!(run(two.anchor("a")).done().json()["people_new"], json!(0));
}
