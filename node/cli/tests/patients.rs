//! A patient's own key: from the letter at the counter to leaving while the hospital's node is stopped.

use crate::common::{CORE, Outcome, arguments, folder, run};
use crate::organisations::{Organisation, genesis};
use countersign_messages::{Record, RecordSource, Wire};
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

fn patient(arguments: Vec<OsString>) -> Outcome {
    run(arguments!["--json", "patient"].into_iter().chain(arguments))
}

/// A gateway that shows the genesis of the network and denies everything else: that there is such a key, and that it was sent anything. Gives its address.
fn denying(real: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let real = real.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = deny(stream.unwrap(), &real);
        }
    });
    url
}

fn deny(mut stream: TcpStream, real: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    if path != "/v1/genesis" {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    let mut there = TcpStream::connect(real)?;
    there.write_all(format!("GET {path} HTTP/1.1\r\nhost: {real}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    there.read_to_end(&mut answer)?;
    stream.write_all(&answer)
}

/// A network of one validator and two hospitals, one of which has anchored.
struct Scene {
    network: tempfile::TempDir,
    verifier: Organisation,
    clinic: Organisation,
    valley: Organisation,
    ids: Vec<String>,
}

impl Scene {
    fn start() -> Self {
        run(["keys", "generate"]).done();
        let network = folder();
        let init = |name: &str, role: &[&str]| Organisation::init(network.path(), name, role);
        let (mut verifier, mut clinic, mut valley) =
            (init("verifier", &["validator", "governance"]), init("clinic", &["hospital"]), init("valley", &["hospital"]));
        let file = genesis(network.path(), &[&verifier, &clinic, &valley]);
        let cards: Vec<PathBuf> = vec![verifier.card()];
        for member in [&mut verifier, &mut clinic, &mut valley] {
            member.join(&file, &cards);
            member.start();
            member.reach(1);
        }
        verifier.run(arguments!["propose", "dictionary", CORE[1], "--reason", "what is measured"]).done();
        clinic.reach(verifier.height());
        run(arguments!["generate", network.path().join("records"), "--profile", "complete", "--patients", "60", "--seed", "7"]).done();
        let ids = (1..=60).map(|i| format!("a-{i:07}")).collect();
        let scene = Self { network, verifier, clinic, valley, ids };
        assert_eq!(scene.anchor()["new"], json!(true));
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.network.path().join(name)
    }

    fn anchor(&self) -> Value {
        let (records, consents) = (self.at("records"), self.at("records/consents.csv"));
        let all = arguments!["anchor", records, CORE[0], CORE[1], "--mapping", "mapping-fhir", "--consents", consents];
        self.clinic.run(all).done().keeps_secret(&self.ids).json()
    }

    fn issue(&self, id: &str, out: &str) -> Outcome {
        self.clinic.run(arguments!["claim", "issue", "--patient", id, "--out", self.at(out)]).keeps_secret(&self.ids)
    }

    fn claim(&self, letter: &str, sheet: &str, request: &str) -> Outcome {
        patient(arguments!["claim", self.at(letter), "--sheet", self.at(sheet), "--request", self.at(request)])
    }

    fn uses(&self) -> Value {
        patient(arguments!["uses", "--sheet", self.at("sheet"), "--url", self.verifier.url()]).done().json()
    }

    fn withdraw(&self, more: Vec<OsString>) -> Outcome {
        patient(arguments!["withdraw", "--sheet", self.at("sheet")].into_iter().chain(more).collect())
    }
}

#[test]
fn a_patient_leaves_by_a_key_of_the_own_without_the_hospital() {
    let mut scene = Scene::start();
    let here = letter(&scene);
    let made = scene.claim("letter", "sheet", "request").done().json();
    scene.claim("letter", "sheet", "another").failed(2).error();
    assert_eq!(scene.uses()["slots"], json!([]), "not enrolled yet");
    scene.withdraw(arguments!["--url", scene.verifier.url()]).failed(2).error();
    requests(&scene, &here);
    let slots = scene.uses();
    assert_eq!((&slots["slots"][0]["hospital_name"], &slots["slots"][0]["number"]), (&json!("clinic"), &json!(0)));
    assert_eq!(slots["slots"][0]["key"], made["key"]);
    assert!(slots["slots"][0].get("left").is_none() && slots["slots"].as_array().unwrap().len() == 1);

    records(&scene, &here);

    // the hospital's node is stopped: nothing of it is needed
    scene.clinic.kill();
    let height = leaves(&scene);
    // the files of yesterday bring nobody back
    scene.clinic.start();
    scene.clinic.reach(height);
    let after = scene.anchor();
    assert_eq!(
        (&after["held_back"], &after["people_new"], &after["withdrawn"]),
        (&json!(2), &json!(0), &json!(0)),
        "this one, and who was erased"
    );
    let gone = scene.issue(&here, "late").failed(2);
    assert!(gone.error()["message"].as_str().unwrap().contains("no row in force"), "{gone:?}");
    narrows(&scene, &here);
}

/// A new document, looked at by a person, brings the patient back; then a part is taken back: all of it leaves at once, and the rest counts again.
fn narrows(scene: &Scene, here: &str) {
    let url = scene.verifier.url();
    let hospital = |arguments: Vec<OsString>| scene.clinic.run(arguments).keeps_secret(&scene.ids);
    hospital(arguments!["readmit", "--patient", here]).done();
    assert_eq!(scene.anchor()["people_new"], json!(1));
    scene.verifier.reach(scene.clinic.height());
    let permissions = |out: &str| {
        hospital(arguments!["record", "show", "--patient", here, "--out", scene.at(out)]).done();
        let checked =
            run(arguments!["--json", "record", "verify", scene.at(out), "--url", url, "--sheet", scene.at("sheet")]).done().json();
        assert_eq!(checked["own"], json!(true), "the sheet's next key stands for the fresh slot");
        let rows = checked["rows"].as_array().unwrap();
        let holds = rows.iter().find_map(|row| row["holds"].get("permissions")).unwrap().as_array().unwrap().clone();
        holds.iter().map(|held| held["scope"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = permissions("before");
    // what was shown before is still what was anchored, and no more the record
    let old = run(arguments!["--json", "record", "verify", scene.at("record"), "--url", url, "--sheet", scene.at("sheet")]);
    assert!(old.code == Some(3) && old.json()["elsewhere"].as_array().unwrap().len() == 1, "{old:?}");
    assert!(before.contains(&"c.labs".to_owned()) && before.len() > 2, "{before:?}");
    let narrow = |without: &str, note: &str| {
        let (sheet, note) = (scene.at("sheet"), scene.at(note));
        patient(arguments!["narrow", "--sheet", sheet, "--url", url, "--without", without, "--note", note])
    };
    let done = narrow("c.labs", "note").done().json();
    assert_eq!(done["left"].as_array().unwrap().len(), 2, "the slot of before, and this one: {done}");
    assert!(scene.uses()["slots"][1]["left"].is_object());
    narrow("c.labs", "note").failed(2).error();
    narrow("c.nothing", "unknown").done();
    scene.clinic.reach(scene.verifier.height());
    let take = |notes: &[&str]| {
        let files = notes.iter().map(|name| scene.at(name).into_os_string());
        hospital(arguments!["claim", "narrow"].into_iter().chain(files).collect())
    };
    assert!(take(&["unknown"]).failed(2).stderr.contains("no scope of the network"));
    assert!(take(&["request"]).failed(2).stderr.contains("refused"), "no note");
    scene.valley.run(arguments!["claim", "narrow", scene.at("note")]).failed(2).error();
    assert_eq!(scene.anchor()["people_new"], json!(0), "until the note is taken the patient is out altogether");
    assert_eq!(take(&["note", "unknown"]).done().json()["taken"], json!(1));
    assert!(take(&["note"]).failed(2).stderr.contains("taken before"));
    // the patient says at the counter that everything ends, though nothing is in force: the note counts no more
    hospital(arguments!["withdraw", "--patient", here]).done();
    assert_eq!(scene.anchor()["people_new"], json!(0));
    hospital(arguments!["readmit", "--patient", here]).done();
    assert_eq!(scene.anchor()["people_new"], json!(1));
    narrows_again(scene, here, &permissions, &narrow, &take, &before);
}

fn narrows_again(
    scene: &Scene,
    here: &str,
    permissions: &dyn Fn(&str) -> Vec<String>,
    narrow: &dyn Fn(&str, &str) -> Outcome,
    take: &dyn Fn(&[&str]) -> Outcome,
    before: &[String],
) {
    let hospital = |arguments: Vec<OsString>| scene.clinic.run(arguments).keeps_secret(&scene.ids);
    scene.verifier.reach(scene.clinic.height());
    narrow("c.labs", "third").done();
    scene.clinic.reach(scene.verifier.height());
    take(&["third"]).done();
    let again = scene.anchor();
    assert_eq!((&again["people_new"], &again["consents"]["narrowed"]), (&json!(1), &json!(1)));
    scene.verifier.reach(scene.clinic.height());
    let after = permissions("after");
    assert!(!after.contains(&"c.labs".to_owned()) && after.len() + 1 == before.len(), "{after:?}");
    // the files of yesterday do not widen it again; a new document does
    assert_eq!(scene.anchor()["consents"]["narrowed"], json!(1));
    hospital(arguments!["readmit", "--patient", here]).done();
    assert_eq!(scene.anchor()["consents"]["narrowed"], json!(0));
    scene.verifier.reach(scene.clinic.height());
    assert_eq!(permissions("wide"), *before);
}

/// A letter, for somebody with a row; under no id that is not here. Gives whose.
fn letter(scene: &Scene) -> String {
    scene.issue("nobody", "none").failed(2).error();
    let here = scene.ids.iter().find(|id| scene.issue(id, "letter").code == Some(0)).unwrap();
    assert_eq!(scene.at("letter").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    scene.issue(here, "letter").failed(2).error();
    scene.issue(here, "second").done();
    let letter = std::fs::read_to_string(scene.at("letter")).unwrap();
    assert!(letter.contains("at the counter") && scene.ids.iter().all(|id| !letter.contains(id)), "{letter}");
    std::fs::write(scene.at("typo"), letter.replace("code ", "code 1")).unwrap();
    assert!(scene.claim("typo", "s", "r").failed(2).stderr.contains("no claim code"));
    here.clone()
}

/// One changed on its way, one for another hospital, and the good one, which keeps its place all the same.
fn requests(scene: &Scene, here: &str) {
    let mut bytes = std::fs::read(scene.at("request")).unwrap();
    assert!(scene.ids.iter().all(|id| !bytes.windows(id.len()).any(|w| w == id.as_bytes())));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(scene.at("changed"), &bytes).unwrap();
    scene.valley.run(arguments!["claim", "take", scene.at("request")]).failed(2).error();
    let take = |files: &[&str]| {
        let files = files.iter().map(|name| scene.at(name).into_os_string());
        scene.clinic.run(arguments!["claim", "take"].into_iter().chain(files).collect()).keeps_secret(&scene.ids)
    };
    take(&["changed"]).failed(2).error();
    let taken = take(&["changed", "request"]).done().json();
    assert_eq!((&taken["taken"], &taken["enrolled"], taken["refused"].as_array().unwrap().len()), (&json!(1), &json!(1), 1));
    // the code is used up, and a second sheet made with it comes to nothing
    scene.claim("letter", "thief", "stolen").done();
    let again = take(&["request", "stolen"]).failed(2);
    assert_eq!(again.error()["message"].as_str().unwrap().matches("was used before").count(), 2, "{again:?}");
    // a slot has one key for ever: another letter would come to nothing
    assert!(scene.issue(here, "third").failed(2).error()["message"].as_str().unwrap().contains("has a key"));
    let nothing = take(&[]).done().json();
    assert_eq!((&nothing["taken"], &nothing["enrolled"]), (&json!(0), &json!(0)));
    scene.verifier.reach(scene.clinic.height());
}

/// A receipt that was kept is borne out by the chain; one that was changed is not.
fn kept_receipt(scene: &Scene, url: &str) {
    let check = |file: &str| patient(arguments!["receipt", scene.at(file), "--sheet", scene.at("sheet"), "--url", url]);
    let kept: Value = serde_json::from_slice(&std::fs::read(scene.at("receipt")).unwrap()).unwrap();
    assert_eq!(check("receipt").done().json(), kept);
    for (field, value) in
        [("slot", json!(4095)), ("height", json!(1)), ("block", json!("0".repeat(64))), ("transaction", json!("1".repeat(64)))]
    {
        let mut other = kept.clone();
        other["left"][0][field] = value;
        std::fs::write(scene.at("forged"), other.to_string()).unwrap();
        check("forged").failed(3).error();
    }
    check("letter").failed(2).error();
}

/// What the hospital shows of one record: checked against the chain, in words, for the key's own slot; and nothing that was changed passes.
fn records(scene: &Scene, here: &str) {
    let show = |id: &str, out: &str| {
        scene.clinic.run(arguments!["record", "show", "--patient", id, "--out", scene.at(out)]).keeps_secret(&scene.ids)
    };
    let url = scene.verifier.url();
    let verify = |file: &str, more: Vec<OsString>| {
        let usual = arguments!["--json", "record", "verify", scene.at(file), "--url", url];
        run(usual.into_iter().chain(more))
    };
    show("nobody", "none").failed(2).error();
    let shown = show(here, "record").done().json();
    assert_eq!((&shown["rows"], &shown["destroyed"], &shown["without_source"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!(scene.at("record").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    show(here, "record").failed(2).error();
    let checked = verify("record", arguments!["--sheet", scene.at("sheet")]).done().json();
    assert_eq!((&checked["own"], &checked["hospital_name"], &checked["not_shown"]), (&json!(true), &json!("clinic"), &json!([])));
    let row = |kind: &str| checked["rows"].as_array().unwrap().iter().find(|row| row["holds"].get(kind).is_some()).unwrap();
    let data = row("data");
    assert_eq!(
        (&data["read_of"], &data["place"]["current"], &data["anchored_by_word_of"]),
        (&json!(here), &json!(true), &json!("validators"))
    );
    let values = data["holds"]["data"].as_array().unwrap();
    assert!(values.len() > 5 && values.iter().any(|value| value["value"].is_string()), "{values:?}");
    let permissions = run(arguments!["--json", "patient", "permissions", scene.at("record"), "--url", url]).done().json();
    assert_eq!(permissions["rows"].as_array().unwrap().as_slice(), [row("permissions").clone()]);
    assert!(!row("permissions")["holds"]["permissions"].as_array().unwrap().is_empty(), "who has a row permits something");

    // another's record is not that of this sheet's key
    let other = scene.ids.iter().rev().find(|id| id.as_str() != here && show(id, "other").code == Some(0)).unwrap();
    let foreign = verify("other", arguments!["--sheet", scene.at("sheet")]).failed(3);
    assert_eq!(foreign.json()["own"], json!(false), "{other}");
    assert!(foreign.json()["lacks"].as_array().unwrap().len() == 2, "not this one, and the own one is another: {foreign:?}");
    changed_records(scene, here, &verify);

    // a neighbour is erased: the record stands in the versions that took the place of those of before, and is shown with its path by the erasure that carries them
    let erased = scene.clinic.run(arguments!["erase", "--patient", other]).done().keeps_secret(&scene.ids).json();
    assert_eq!((&erased["versions_replaced"], &erased["segments"]), (&json!(2), &json!(0)), "{erased}");
    scene.verifier.reach(scene.clinic.height());
    let shown = show(here, "beside").done().json();
    assert_eq!((&shown["rows"], &shown["without_source"]), (&json!(2), &json!(0)));
    let beside = verify("beside", arguments!["--sheet", scene.at("sheet")]).done().json();
    let holds = |checked: &Value| checked["rows"].as_array().unwrap().iter().map(|row| row["holds"].clone()).collect::<Vec<_>>();
    assert_eq!(holds(&beside), holds(&checked), "nothing of it has changed");
    let read_of = |row: &Value| row["read_of"] == json!(here) && row["place"]["version"] == json!(1);
    assert!(beside["rows"].as_array().unwrap().iter().any(read_of), "{beside}");
    show(other, "gone").failed(2).error();
}

fn changed_records(scene: &Scene, here: &str, verify: &dyn Fn(&str, Vec<OsString>) -> Outcome) {
    let (record, other) = ["record", "other"].map(|name| Record::decode(&std::fs::read(scene.at(name)).unwrap()).unwrap()).into();
    let mut tried = 0;
    let mut with = |change: &dyn Fn(&mut Record)| {
        let mut changed = record.clone();
        change(&mut changed);
        tried += 1;
        let name = format!("changed-{tried}");
        std::fs::write(scene.at(&name), changed.encode()).unwrap();
        std::fs::set_permissions(scene.at(&name), std::fs::Permissions::from_mode(0o600)).unwrap();
        verify(&name, vec![])
    };
    let less = with(&|record| record.rows.truncate(1)).failed(3).json();
    assert_eq!(less["not_shown"].as_array().unwrap().len(), 1, "what is left out is named");
    let unsaid = with(&|record| record.rows.iter_mut().for_each(|row| row.source = None)).done().json();
    assert!(unsaid["rows"].as_array().unwrap().iter().all(|row| row["read_of"].is_null()));
    // the neighbour's row does not open with this one's material
    with(&|record| record.slot ^= 1).failed(3).error();
    with(&|record| record.rows = other.rows.clone()).failed(3).error();
    with(&|record| record.rows[0].opening[0] ^= 1).failed(3).error();
    with(&|record| *record.rows[1].opening.last_mut().unwrap() ^= 1).failed(3).error();
    with(&|record| record.rows[0].transaction = record.rows[1].transaction).failed(3).error();
    with(&|record| record.rows[0].segment.version += 1).failed(3).error();
    let data = record.rows.iter().position(|row| row.source.is_some()).unwrap();
    let mut source =
        |change: &dyn Fn(&mut RecordSource)| with(&|record| change(record.rows[data].source.as_mut().unwrap())).failed(3).error();
    source(&|source| source.patient.push('x'));
    source(&|source| source.salt.0[0] ^= 1);
    source(&|source| source.in_segment.index ^= 1);
    source(&|source| source.in_anchor.count += 1);
    assert!(record.rows[data].source.as_ref().is_some_and(|source| source.patient == here));
    // and every byte of the file counts
    let bytes = std::fs::read(scene.at("record")).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 12) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        std::fs::write(scene.at("flipped"), &flipped).unwrap();
        std::fs::set_permissions(scene.at("flipped"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let outcome = verify("flipped", vec![]);
        assert!(matches!(outcome.code, Some(2 | 3)), "byte {at}: {outcome:?}");
    }
}

/// The gateway that is asked first denies everything, and another one is away. Gives the block.
fn leaves(scene: &Scene) -> u64 {
    let (sheet, url) = (scene.at("sheet"), scene.verifier.url());
    let usual = |more: Vec<OsString>| scene.withdraw(arguments!["--url", url].into_iter().chain(more).collect());
    std::fs::set_permissions(&sheet, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(usual(vec![]).failed(2).stderr.contains("chmod"), "others could read the sheet");
    std::fs::set_permissions(&sheet, std::fs::Permissions::from_mode(0o600)).unwrap();
    let kept = scene.at("receipt");
    let gateways = arguments!["--url", denying(&url), "--url", url, "--url", "http://127.0.0.1:9", "--receipt", kept];
    let left = scene.withdraw(gateways).done().json();
    let receipt = &left["left"][0];
    assert_eq!((&receipt["how"], &receipt["hospital"], &receipt["decided"]), (&json!("by-key"), &json!("clinic"), &json!("validators")));
    assert_eq!(serde_json::from_slice::<Value>(&std::fs::read(&kept).unwrap()).unwrap(), left);
    assert_eq!(scene.uses()["slots"][0]["left"], json!({ "height": receipt["height"], "by": "key" }));
    assert_eq!(usual(vec![]).done().json(), left, "run again, it finds what it did");
    usual(arguments!["--receipt", kept]).failed(2).error();
    kept_receipt(scene, &url);
    receipt["height"].as_u64().unwrap()
}
