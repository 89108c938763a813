//! A patient's own key: from the letter at the counter to leaving while the hospital's node is stopped.

use crate::common::{CORE, Outcome, arguments, folder, run};
use crate::organisations::{Organisation, genesis};
use serde_json::json;
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

#[test]
fn a_patient_leaves_by_a_key_of_the_own_without_the_hospital() {
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
    let records = network.path().join("records");
    run(arguments!["generate", records, "--profile", "complete", "--patients", "60", "--seed", "7"]).done();
    let ids: Vec<String> = (1..=60).map(|i| format!("a-{i:07}")).collect();
    let anchor = |clinic: &Organisation| {
        let consents = records.join("consents.csv");
        let all = arguments!["anchor", records, CORE[0], CORE[1], "--mapping", "mapping-fhir", "--consents", consents];
        clinic.run(all).done().keeps_secret(&ids).json()
    };
    assert_eq!(anchor(&clinic)["new"], json!(true));

    // a letter, for somebody with a row; under no id that is not here
    let at = |name: &str| network.path().join(name);
    let issue = |clinic: &Organisation, id: &str, out: &str| {
        clinic.run(arguments!["claim", "issue", "--patient", id, "--out", at(out)]).keeps_secret(&ids)
    };
    issue(&clinic, "nobody", "none").failed(2).error();
    let here = ids.iter().find(|id| issue(&clinic, id, "letter").code == Some(0)).unwrap();
    assert_eq!(at("letter").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    issue(&clinic, here, "letter").failed(2).error();
    issue(&clinic, here, "second").done();
    let letter = std::fs::read_to_string(at("letter")).unwrap();
    assert!(letter.contains("at the counter") && ids.iter().all(|id| !letter.contains(id)), "{letter}");

    // the patient's program; what it wrote is never written over
    let claim =
        |letter: &str, sheet: &str, request: &str| patient(arguments!["claim", at(letter), "--sheet", at(sheet), "--request", at(request)]);
    let made = claim("letter", "sheet", "request").done().json();
    claim("letter", "sheet", "another").failed(2).error();
    std::fs::write(at("typo"), letter.replace("code ", "code 1")).unwrap();
    assert!(claim("typo", "s", "r").failed(2).stderr.contains("no claim code"));
    let url = verifier.url();
    let uses = || patient(arguments!["uses", "--sheet", at("sheet"), "--url", url]).done().json();
    assert_eq!(uses()["slots"], json!([]), "not enrolled yet");
    let withdraw =
        |more: Vec<OsString>| patient(arguments!["withdraw", "--sheet", at("sheet"), "--url", url].into_iter().chain(more).collect());
    withdraw(vec![]).failed(2).error();

    // requests: one changed on its way, one for another hospital, and the good one, which keeps its place all the same
    let mut bytes = std::fs::read(at("request")).unwrap();
    assert!(ids.iter().all(|id| !bytes.windows(id.len()).any(|w| w == id.as_bytes())));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(at("changed"), &bytes).unwrap();
    valley.run(arguments!["claim", "take", at("request")]).failed(2).error();
    clinic.run(arguments!["claim", "take", at("changed")]).failed(2).error();
    let taken = clinic.run(arguments!["claim", "take", at("changed"), at("request")]).done().keeps_secret(&ids).json();
    assert_eq!((&taken["taken"], &taken["enrolled"], taken["refused"].as_array().unwrap().len()), (&json!(1), &json!(1), 1));
    // the code is used up, and a second sheet made with it comes to nothing
    claim("letter", "thief", "stolen").done();
    let again = clinic.run(arguments!["claim", "take", at("request"), at("stolen")]).failed(2);
    assert_eq!(again.error()["message"].as_str().unwrap().matches("was used before").count(), 2, "{again:?}");
    // a slot has one key for ever: another letter would come to nothing
    assert!(issue(&clinic, here, "third").failed(2).error()["message"].as_str().unwrap().contains("has a key"));
    let nothing = clinic.run(arguments!["claim", "take"]).done().json();
    assert_eq!((&nothing["taken"], &nothing["enrolled"]), (&json!(0), &json!(0)));

    verifier.reach(clinic.height());
    let slots = uses();
    assert_eq!((&slots["slots"][0]["hospital_name"], &slots["slots"][0]["number"]), (&json!("clinic"), &json!(0)));
    assert_eq!(slots["slots"][0]["key"], made["key"]);
    assert!(slots["slots"][0].get("left").is_none() && slots["slots"].as_array().unwrap().len() == 1);

    // the hospital's node is stopped: nothing of it is needed
    clinic.kill();
    std::fs::set_permissions(at("sheet"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(withdraw(vec![]).failed(2).stderr.contains("chmod"), "others could read the sheet");
    std::fs::set_permissions(at("sheet"), std::fs::Permissions::from_mode(0o600)).unwrap();
    // the gateway that is asked first denies everything, and another one is away
    let gateways = arguments!["--url", denying(&url), "--url", url, "--url", "http://127.0.0.1:9"];
    let all = arguments!["withdraw", "--sheet", at("sheet"), "--receipt", at("receipt")];
    let left = patient(all.into_iter().chain(gateways).collect()).done().json();
    let receipt = &left["left"][0];
    assert_eq!((&receipt["how"], &receipt["hospital"], &receipt["decided"]), (&json!("by-key"), &json!("clinic"), &json!("validators")));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&std::fs::read(at("receipt")).unwrap()).unwrap(), left);
    assert_eq!(uses()["slots"][0]["left"], json!({ "height": receipt["height"], "by": "key" }));
    assert_eq!(withdraw(vec![]).done().json(), left, "run again, it finds what it did");
    withdraw(arguments!["--receipt", at("receipt")]).failed(2).error();

    // the files of yesterday bring nobody back
    clinic.start();
    clinic.reach(receipt["height"].as_u64().unwrap());
    let after = anchor(&clinic);
    assert_eq!((&after["held_back"], &after["people_new"], &after["withdrawn"]), (&json!(1), &json!(0), &json!(0)));
    let gone = issue(&clinic, here, "late").failed(2);
    assert!(gone.error()["message"].as_str().unwrap().contains("no row in force"), "{gone:?}");
}
