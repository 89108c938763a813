//! Valid inputs with bytes changed: the importer refuses or reads, and never panics.

use super::{
    options,
    rules::{encounter, lab, patient},
};
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ingest::{ConsentPolicy, ConsentSource, Mapping, Reading, import, read_consents, shipped};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;

fn mutate(bytes: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..random.gen_range(1..4) {
        let at = random.gen_range(0..out.len());
        match random.gen_range(0..5) {
            0 => out[at] = random.r#gen(),
            1 => out.truncate(at.max(1)),
            2 => out.insert(at, *b"\"{}[],:0\n-e9".get(random.gen_range(0..12)).unwrap()),
            3 => {
                out.remove(at);
                out.push(b' ');
            }
            _ => out[at] = b"\"{}[],:0\n-e9"[random.gen_range(0..12)],
        }
    }
    out
}

#[test]
fn changed_bytes_never_panic() {
    let core = super::core();
    let heart = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    let table = b"patient_id,age,sex,cp,trestbps,chol,oldpeak,num\na,63.0,1,1,145,233,2.3,0\n\"b\",50,0,2,120,0,-1e0,3\n".to_vec();
    let lines = (patient("p", ",\"deceasedDateTime\":\"2019-03-02T10:00:00.5Z\"")
        + &lab("o", "p", "4548-4", "\"value\":6.5,\"code\":\"%\"", "2018-05")
        + &encounter("e", "p", "finished", "2018-01-02"))
        .into_bytes();
    let bundle = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"resource\":{}}}]}}",
        lab("o", "p", "8480-6", "\"value\":1e2", "2018")
    )
    .into_bytes();
    let consent = super::consents::document("c", "p", "\"provision\":[{\"type\":\"permit\",\"period\":{\"start\":\"2020\"},\"code\":[{\"coding\":[{\"system\":\"urn:countersign:consent\",\"code\":\"research\"}]}]}]").into_bytes();
    let ndjson = Mapping::from_toml(shipped::MAPPING_FHIR, &core).unwrap();
    let bundles = Mapping::from_toml(&shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle"), &core).unwrap();
    let csv = Mapping::from_toml(shipped::MAPPING_HEART_CSV, &heart).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let registry = ScopeRegistry { scopes: vec!["p.health".into()], grid: vec![Day(20_000), Day(30_000)] };
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..1500 {
        let mut count = |ok: bool| if ok { read += 1 } else { refused += 1 };
        let file = |name: &str, bytes: &[u8], random: &mut ChaCha8Rng| {
            let path = folder.path().join(name);
            fs::write(&path, mutate(bytes, random)).unwrap();
            path
        };
        count(import(&heart, &csv, &file("t.csv", &table, &mut random), &options()).is_ok());
        count(import(&core, &ndjson, &file("l.ndjson", &lines, &mut random), &options()).is_ok());
        count(import(&core, &bundles, &file("b.json", &bundle, &mut random), &options()).is_ok());
        let path = file("c.ndjson", &consent, &mut random);
        count(read_consents(ConsentSource::Fhir { path: &path, policy: &policy, today: Day(19_000) }, &registry).is_ok());
        for form in [shipped::CARDIOMETABOLIC_CORE, shipped::MAPPING_FHIR] {
            if let Ok(text) = String::from_utf8(mutate(form.as_bytes(), &mut random)) {
                count(Reading::from_toml(&text).is_ok());
                count(Mapping::from_toml(&text, &core).is_ok());
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused: the replay reaches both");
}
