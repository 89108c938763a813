//! What exports hold, profile by profile.

use countersign_generate::{CONSENT_CODE_SYSTEM, GenerateError, Profile, SCOPES, Summary, generate};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::Read,
    path::Path,
};

const PATIENTS: u32 = 1200;

struct Export {
    summary: Summary,
    files: BTreeMap<&'static str, Vec<Value>>,
    csv: String,
    manifest: Value,
    _folder: tempfile::TempDir,
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|e| e == "gz") {
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

fn export(profile: Profile, patients: u32, seed: u64) -> Export {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    let summary = generate(profile, patients, seed, folder.path(), |done| {
        assert!(done >= last, "progress goes forward");
        last = done;
    })
    .unwrap();
    assert_eq!(last, patients);
    let files = summary
        .files
        .iter()
        .map(|f| {
            let lines: Vec<Value> = text(&folder.path().join(&f.name)).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
            assert_eq!(lines.len() as u64, f.lines);
            assert!(lines.iter().all(|r| r["resourceType"] == f.kind));
            (f.kind, lines)
        })
        .collect();
    let csv = text(&folder.path().join("consents.csv"));
    let manifest = serde_json::from_str(&text(&folder.path().join("manifest.json"))).unwrap();
    Export { summary, files, csv, manifest, _folder: folder }
}

impl Export {
    fn of(&self, kind: &str) -> &[Value] {
        &self.files[kind]
    }

    fn ids(&self, kind: &str) -> BTreeSet<&str> {
        self.of(kind).iter().map(|r| r["id"].as_str().unwrap()).collect()
    }

    fn observations<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a Value> {
        self.of("Observation").iter().filter(move |o| self::code(o) == code)
    }
}

fn code(resource: &Value) -> &str {
    resource["code"]["coding"][0]["code"].as_str().unwrap()
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn same_seed_gives_the_same_bytes_and_another_seed_others() {
    for profile in Profile::ALL {
        let folders = [1, 1, 2].map(|seed| {
            let folder = tempfile::tempdir().unwrap();
            generate(profile, 60, seed, folder.path(), |_| ()).unwrap();
            let files: BTreeMap<String, Vec<u8>> = fs::read_dir(folder.path())
                .unwrap()
                .map(|e| e.unwrap())
                .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
                .collect();
            files
        });
        assert_eq!(folders[0].len(), 7, "five resources, consents.csv, manifest.json");
        assert!(folders[0] == folders[1], "{profile}: the same seed gave other bytes");
        for (name, bytes) in folders[0].iter().filter(|(name, _)| *name != "manifest.json") {
            assert!(folders[2][name] != *bytes, "{profile}: {name} does not depend on the seed");
        }
    }
}

#[test]
fn every_reference_resolves_and_the_manifest_lists_the_files() {
    for profile in Profile::ALL {
        let export = export(profile, 300, 7);
        let (patients, encounters) = (export.ids("Patient"), export.ids("Encounter"));
        assert_eq!(patients.len(), 300);
        for (kind, resources) in &export.files {
            for resource in resources.iter().filter(|_| *kind != "Patient") {
                let subject = resource.get("subject").or(resource.get("patient")).unwrap()["reference"].as_str().unwrap();
                assert!(patients.contains(subject.strip_prefix("Patient/").unwrap()));
                if let Some(encounter) = resource.get("encounter") {
                    assert!(encounters.contains(encounter["reference"].as_str().unwrap().strip_prefix("Encounter/").unwrap()));
                }
            }
        }
        let listed: Vec<_> = export.manifest["output"].as_array().unwrap().iter().map(|o| o["url"].as_str().unwrap()).collect();
        assert_eq!(listed, export.summary.files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>());
        assert_eq!(export.manifest["transactionTime"], "2020-02-01T03:00:00Z");
    }
}

#[test]
fn shares_are_plausible() {
    let export = export(Profile::Complete, PATIENTS, 3);
    let all = PATIENTS as usize;
    let consents = &export.summary.consents;
    assert_eq!(consents.full + consents.without_labs + consents.expired + consents.withdrawn + consents.none, PATIENTS);
    let valid = share((consents.full + consents.without_labs) as usize, all);
    assert!((0.65..0.75).contains(&valid), "valid consents: {valid}");
    assert!(consents.without_labs > 0 && consents.expired > 0 && consents.withdrawn > 0);
    let seen: BTreeSet<_> = export
        .of("Encounter")
        .iter()
        .filter(|e| ("2017-01-01".."2019-01-01").contains(&e["period"]["start"].as_str().unwrap()))
        .map(|e| e["subject"]["reference"].as_str().unwrap())
        .collect();
    assert!((0.94..1.0).contains(&share(seen.len(), all)), "seen in two years: {}", seen.len());
    let diabetes = export.of("Condition").iter().filter(|c| code(c) == "44054006").count();
    assert!((0.10..0.25).contains(&share(diabetes, all)), "diabetes: {diabetes}");
    let dead = export.of("Patient").iter().filter(|p| p.get("deceasedDateTime").is_some()).count();
    assert!((0.01..0.08).contains(&share(dead, all)), "deaths: {dead}");
    assert_eq!(export.ids("Observation").len(), export.of("Observation").len(), "no repeats in the complete hospital");
}

#[test]
fn the_csv_and_the_fhir_consents_agree() {
    let export = export(Profile::Complete, 400, 5);
    let mut csv: HashMap<&str, BTreeSet<(&str, &str)>> = HashMap::new();
    let mut lines = export.csv.lines();
    assert_eq!(lines.next(), Some("patient,scope,until"));
    for line in lines {
        let fields: Vec<_> = line.split(',').collect();
        assert!(SCOPES.contains(&fields[1]) && fields[2].len() == 10 && fields.len() == 3);
        csv.entry(fields[0]).or_default().insert((fields[1], fields[2]));
    }
    let mut active = 0;
    for consent in export.of("Consent") {
        assert_eq!(consent["scope"]["coding"][0]["code"], "research");
        assert_eq!(consent["provision"]["type"], "deny");
        let patient = consent["patient"]["reference"].as_str().unwrap().strip_prefix("Patient/").unwrap();
        if consent["status"] == "inactive" {
            assert!(!csv.contains_key(patient));
            continue;
        }
        active += 1;
        let permits: BTreeSet<(&str, &str)> = consent["provision"]["provision"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| {
                assert_eq!(p["type"], "permit");
                assert_eq!(p["code"][0]["coding"][0]["system"], CONSENT_CODE_SYSTEM);
                (p["code"][0]["coding"][0]["code"].as_str().unwrap(), p["period"]["end"].as_str().unwrap())
            })
            .collect();
        assert_eq!(csv[patient], permits);
    }
    assert_eq!(active, csv.len());
}

#[test]
fn the_complete_hospital_uses_international_codes() {
    let export = export(Profile::Complete, 300, 11);
    assert!(export.of("Condition").iter().all(|c| c["code"]["coding"][0]["system"] == "http://snomed.info/sct"));
    assert!(export.observations("4548-4").count() > 50);
    assert!(export.observations("4548-4").all(|o| o["valueQuantity"]["code"] == "%" && o["valueQuantity"]["value"].is_number()));
    assert!(export.observations("85354-9").all(|o| o["component"][0]["valueQuantity"]["code"] == "mm[Hg]"));
    assert_eq!(export.observations("59261-8").count() + export.observations("8480-6").count(), 0);
    assert!(export.of("Observation").iter().all(|o| o["status"] == "final" && o["effectiveDateTime"].as_str().unwrap().len() == 25));
}

#[test]
fn the_other_hospital_uses_its_own_codes_and_units() {
    let export = export(Profile::OtherCodes, 300, 11);
    assert!(export.summary.files.iter().all(|f| f.name.ends_with(".ndjson.gz")));
    assert!(export.of("Condition").iter().all(|c| c["code"]["coding"][0]["system"] == "http://fhir.de/CodeSystem/bfarm/icd-10-gm"));
    assert!(export.observations("59261-8").count() > 50);
    assert!(export.observations("59261-8").all(|o| o["valueQuantity"]["value"].is_i64() && o["valueQuantity"]["unit"] == "mmol/mol"));
    assert!(export.observations("8480-6").count() > 300);
    for pressure in export.observations("8480-6") {
        assert_eq!(pressure["valueQuantity"]["unit"], "mmHg");
        assert!(pressure["valueQuantity"].get("code").is_none());
    }
    assert_eq!(export.observations("4548-4").count() + export.observations("85354-9").count(), 0);
    let smoking: BTreeSet<_> = export
        .observations("72166-2")
        .map(|o| &o["valueCodeableConcept"]["coding"][0])
        .map(|c| (c["system"].as_str().unwrap(), c["code"].as_str().unwrap()))
        .collect();
    assert_eq!(smoking, ["EX", "NR", "RA"].map(|c| ("urn:klinik:rauchen", c)).into());
}

#[test]
fn the_small_hospital_has_gaps_repeats_and_errors() {
    let export = export(Profile::SmallGaps, 600, 11);
    let tested = |e: &Export| {
        let patients: BTreeSet<_> = e.observations("4548-4").map(|o| o["subject"]["reference"].as_str().unwrap().to_owned()).collect();
        patients.len()
    };
    assert!(tested(&export) * 4 < tested(&self::export(Profile::Complete, 600, 11)) * 3, "labs are missing");
    for kind in ["Patient", "Encounter", "Condition", "Observation"] {
        assert!(export.ids(kind).len() < export.of(kind).len(), "{kind}: no repeated resource");
    }
    // the version that counts is the one updated last, and it is not always the last line
    let mut versions: HashMap<&str, Vec<&Value>> = HashMap::new();
    export.of("Observation").iter().for_each(|o| versions.entry(o["id"].as_str().unwrap()).or_default().push(o));
    let repeated: Vec<_> = versions.values().filter(|v| v.len() == 2).collect();
    let newest_first = repeated.iter().filter(|v| v[0]["meta"]["lastUpdated"].as_str() > v[1]["meta"]["lastUpdated"].as_str()).count();
    assert!(newest_first > 0 && newest_first < repeated.len());
    let wrong: Vec<_> = export.of("Observation").iter().filter(|o| o["status"] == "entered-in-error").collect();
    assert!(wrong.iter().any(|o| o["valueQuantity"]["value"] == 9999 || o["component"][0]["valueQuantity"]["value"] == 9999));
    assert!(export.of("Patient").iter().any(|p| p["birthDate"].as_str().unwrap().len() == 4));
    assert!(export.of("Condition").iter().any(|c| c["onsetDateTime"].as_str().unwrap().len() == 4));
    assert!(export.of("Condition").iter().any(|c| c["verificationStatus"]["coding"][0]["code"] == "entered-in-error"));
    assert!(export.of("Observation").iter().any(|o| o["effectiveDateTime"].as_str().unwrap().len() == 7));
    assert!(export.observations("85354-9").any(|o| o["component"][0]["valueQuantity"].get("unit").is_none()));
    assert!(export.of("Encounter").iter().any(|e| e["status"] == "cancelled"));
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kept.txt"), "kept").unwrap();
    let refused = generate(Profile::Complete, 1, 1, folder.path(), |_| ());
    assert!(matches!(refused, Err(GenerateError::NotEmpty(_))), "{refused:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn no_patients_is_an_empty_export() {
    let export = export(Profile::OtherCodes, 0, 1);
    assert!(export.files.values().all(Vec::is_empty));
}

#[test]
fn profile_names_read_back() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse::<Profile>(), Ok(profile));
    }
    assert!("Complete".parse::<Profile>().is_err());
}
