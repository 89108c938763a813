//! Measures reading consents: `cargo run --release -p countersign-benches --bin consents -- [DOCUMENTS]`.
//!
//! FHIR R4 Consents of the German broad consent, one a patient (100,000 if nothing is said), of six rules each; then as many of one thousand patients.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

use countersign_benches::process;
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ingest::{ConsentPolicy, ConsentSource, read_consents, shipped};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    time::Instant,
};

const CODES: &str = "2.16.840.1.113883.3.1937.777.24.5.3";
/// Permitted by every document: use, collection, linkage, and what widens the window of days.
const RULES: [u32; 6] = [8, 6, 9, 27, 45, 46];

fn registry() -> ScopeRegistry {
    let scopes =
        ["p.health", "p.linkage", "c.demographics", "c.conditions", "c.labs", "c.vitals", "c.lifestyle", "c.encounters", "c.outcomes"];
    ScopeRegistry { scopes: scopes.map(str::to_owned).to_vec(), grid: vec![Day(22_000)] }
}

fn write(path: &Path, documents: u64, patients: u64) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let rule = |code: &u32| {
        format!(
            "{{\"type\":\"permit\",\"period\":{{\"start\":\"2018-01-01\",\"end\":\"2048-01-01\"}},\
             \"code\":[{{\"coding\":[{{\"system\":\"urn:oid:{CODES}\",\"code\":\"{CODES}.{code}\"}}]}}]}}"
        )
    };
    let rules = RULES.iter().map(rule).collect::<Vec<_>>().join(",");
    for i in 0..documents {
        writeln!(
            file,
            "{{\"resourceType\":\"Consent\",\"id\":\"c{i}\",\"status\":\"active\",\"scope\":{{\"coding\":[{{\"system\":\"http://terminology.hl7.org/CodeSystem/consentscope\",\
             \"code\":\"research\"}}]}},\"patient\":{{\"reference\":\"Patient/p{}\"}},\"dateTime\":\"2018-01-01\",\
             \"policy\":[{{\"uri\":\"urn:oid:2.16.840.1.113883.3.1937.777.24.2.1791\"}}],\"provision\":{{\"type\":\"deny\",\"provision\":[{rules}]}}}}",
            i % patients
        )
        .unwrap();
    }
    file.flush().unwrap();
}

fn main() {
    let documents = std::env::args().nth(1).map_or(100_000, |n| n.parse().expect("a number of documents"));
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY_MII).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Consent.ndjson");
    for patients in [documents, documents.min(1_000)] {
        write(&path, documents, patients);
        let mib = path.metadata().unwrap().len() as f64 / 1_048_576.0;
        let start = Instant::now();
        let read = read_consents(ConsentSource::Fhir { path: &path, policy: &policy, today: Day(19_900) }, &registry()).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!((read.report.documents_used, read.report.patients), (documents, patients), "{:?}", read.report);
        println!("{documents} documents ({mib:.0} MiB) of {patients} patients: {seconds:.2} s, peak {:.0} MiB", process::own().peak_mib);
    }
}
