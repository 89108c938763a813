//! Cell by cell against the plain readers, and against published figures. Skips when the data or python3 are absent.

use super::{options, read_csv, read_fhir, value};
use countersign_ingest::{Import, Mapping, Reading, import, shipped};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

/// Patient -> attribute -> value as text.
type PlainRows = BTreeMap<String, BTreeMap<String, Option<String>>>;

pub(super) fn shared(part: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut roots = vec![here.join("../../../shared"), here.join("../../../../shared")];
    roots.extend(std::env::var_os("COUNTERSIGN_TRIAL_DATA").and_then(|p| PathBuf::from(p).parent().map(Path::to_owned)));
    let found = roots.into_iter().map(|r| r.join(part)).find(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: no {part} beside the checkout");
    }
    found
}

/// Rows of the plain reader: patient -> attribute -> text.
fn plain(kind: &str, dictionary: &Path, mapping: &Path, source: &Path) -> Option<(String, PlainRows)> {
    let folder = shared("reference/dictionary")?;
    let script = "import sys,json,datetime as dt\nsys.path.insert(0,sys.argv[1])\nsys.dont_write_bytecode=True\nimport refdict as R\n\
        k,d,m,s=sys.argv[2],R.load(sys.argv[3]),R.load(sys.argv[4]),sys.argv[5]\n\
        rows,_=R.fhir_rows(d,m,R.ndjson(s),dt.date(2021,6,1)) if k=='fhir' else R.csv_rows(d,m,s)\n\
        print(json.dumps([R.digest(d),{p:{a:None if v is None else str(v) for a,v in r.items()} for p,r in rows.items()}]))";
    let out = Command::new("python3").args(["-c", script]).arg(folder).arg(kind).args([dictionary, mapping, source]).output();
    let Ok(out) = out else {
        eprintln!("skipped: no python3");
        return None;
    };
    assert!(out.status.success(), "the plain reader failed: {}", String::from_utf8_lossy(&out.stderr));
    Some(serde_json::from_slice(&out.stdout).unwrap())
}

/// Numbers are compared as numbers.
fn same(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let number = |t: &str| countersign_circuits::dictionary::decimal(t).ok();
    match (ours, theirs) {
        (Some(a), Some(b)) => a == b || number(a).is_some_and(|n| Some(n) == number(b)),
        (a, b) => a == b,
    }
}

fn compare(reading: &Reading, done: &Import, theirs: &PlainRows) {
    assert_eq!(done.table.rows.len(), theirs.len());
    let mut cells = 0;
    for (patient, row) in theirs {
        assert_eq!(row.len(), reading.dictionary().attributes().len());
        for (attribute, expected) in row {
            let ours = value(reading, done, patient, attribute);
            assert!(same(ours.as_deref(), expected.as_deref()), "{attribute}: {ours:?} where the plain reader has {expected:?}");
            cells += 1;
        }
    }
    assert!(cells > 0);
}

fn forms(reference: Option<(&str, &str)>, own: (&str, &str)) -> Option<(PathBuf, PathBuf)> {
    let own_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries");
    match reference {
        Some((d, m)) => shared("reference/dictionary").map(|f| (f.join(d), f.join(m))),
        None => Some((own_folder.join(own.0), own_folder.join(own.1))),
    }
}

#[test]
fn four_networks_agree_cell_by_cell() {
    let Some(data) = shared("data/synthea_ma_r4") else { return };
    for reference in [Some(("core.toml", "map_synthea.toml")), None] {
        let Some((dictionary, mapping)) = forms(reference, ("cardiometabolic-core.toml", "mapping-fhir.toml")) else { return };
        let reading = Reading::from_toml(&std::fs::read_to_string(&dictionary).unwrap()).unwrap();
        let map = Mapping::from_toml(&std::fs::read_to_string(&mapping).unwrap(), &reading).unwrap();
        for (network, rows) in [("A", 138), ("B", 140), ("C", 139), ("D", 146)] {
            let source = data.join(format!("network_{network}"));
            let Some((digest, theirs)) = plain("fhir", &dictionary, &mapping, &source) else { return };
            assert!(reading.digest().to_string().starts_with(&digest), "canonical hash");
            let done = import(&reading, &map, &source, &options()).unwrap();
            assert_eq!(done.table.rows.len(), rows, "network {network}");
            assert!(!done.report.stops(), "{}", done.report);
            compare(&reading, &done, &theirs);
        }
    }
}

#[test]
fn four_heart_sites_agree_cell_by_cell() {
    let Some(data) = shared("data/uci_heart/sites") else { return };
    for reference in [Some(("heart.toml", "map_uci.toml")), None] {
        let Some((dictionary, mapping)) = forms(reference, ("heart-disease.toml", "mapping-heart-csv.toml")) else { return };
        let reading = Reading::from_toml(&std::fs::read_to_string(&dictionary).unwrap()).unwrap();
        let map = Mapping::from_toml(&std::fs::read_to_string(&mapping).unwrap(), &reading).unwrap();
        for (site, rows) in [("cleveland", 303), ("hungarian", 294), ("switzerland", 123), ("va", 200)] {
            let source = data.join(format!("{site}.csv"));
            let Some((digest, theirs)) = plain("csv", &dictionary, &mapping, &source) else { return };
            assert!(reading.digest().to_string().starts_with(&digest), "canonical hash");
            let done = import(&reading, &map, &source, &options()).unwrap();
            assert_eq!(done.table.rows.len(), rows, "{site}");
            compare(&reading, &done, &theirs);
            // Swiss cholesterol is all marks: it stops the import unless the mapping says it knows
            let stops = reference.is_some() && site == "switzerland";
            assert_eq!(done.report.stops(), stops, "{}", done.report);
        }
    }
}

#[test]
fn published_figures() {
    let Some(data) = shared("data/uci_heart/sites") else { return };
    let reading = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    for (site, mean) in [("cleveland", 54.438_944), ("hungarian", 47.826_531), ("switzerland", 55.317_073), ("va", 59.35)] {
        let done = read_csv(&data.join(format!("{site}.csv"))).unwrap();
        let (age, _) = reading.dictionary().find("age").unwrap();
        let ages: Vec<f64> = done.table.rows.iter().map(|r| f64::from(r.levels[usize::from(age)].unwrap())).collect();
        assert!((ages.iter().sum::<f64>() / ages.len() as f64 - mean).abs() < 1e-6, "{site}");
    }
}

#[test]
fn the_report_of_network_a_says_who_was_left_out() {
    use countersign_ingest::LeftOut;
    let Some(data) = shared("data/synthea_ma_r4/network_A") else { return };
    let done = read_fhir(&data, shipped::MAPPING_FHIR).unwrap();
    let again = read_fhir(&data, shipped::MAPPING_FHIR).unwrap();
    assert_eq!(done, again);
    assert_eq!(done.report.hash(), again.report.hash());
    assert_eq!(done.report.people, 222);
    let left = |why| done.report.left_out.get(&why).copied().unwrap_or_default();
    assert_eq!((left(LeftOut::DeadBeforeIndex), left(LeftOut::NotObserved), left(LeftOut::BornAfterIndex)), (49, 34, 1));
    let find = |name: &str| done.report.attributes.iter().find(|a| a.name == name).unwrap().clone();
    assert_eq!((find("hba1c").known, find("sbp").known, find("smoker").missing), (31, 109, 19));
    let text = done.report.to_string();
    for part in ["people 222   rows 138", "dead before index 49", "0 problems stop the import", "data as of 2021-06-01"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn raw_bundles_are_read() {
    let Some(data) = shared("data/synthea_ma_r4/bundles") else { return };
    let done = read_fhir(&data, &shipped::MAPPING_FHIR.replace("fhir-ndjson", "fhir-bundle")).unwrap();
    assert_eq!((done.report.people, done.report.files, done.report.without_patient), (8, 8, 0));
    assert!(done.report.rows > 0);
}
