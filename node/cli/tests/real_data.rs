//! `try` on real and realistic data, against published figures and plain computations. Skips where the data are absent.

use crate::common::{Outcome, arguments, entry, run, shared, table, told};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

/// Number of people and mean age, as published with the data.
const PUBLISHED: [(&str, u64, f64); 4] =
    [("cleveland", 303, 54.438_944), ("hungarian", 294, 47.826_531), ("switzerland", 123, 55.317_073), ("va", 200, 59.35)];

fn heart(data: &Path, k_min: &str, queries: &[&str]) -> Outcome {
    let mut all = arguments!["--json", "try", "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv", "--k-min", k_min];
    for (name, ..) in PUBLISHED {
        all.extend(arguments!["--site", format!("{name}={}", data.join(format!("{name}.csv")).display())]);
    }
    all.extend(queries.iter().flat_map(|q| arguments!["--query", q]));
    run(all).done()
}

/// People of a site by sex and disease, computed here from the file.
fn plain(data: &Path, site: &str) -> BTreeMap<(&'static str, &'static str), u64> {
    let text = std::fs::read_to_string(data.join(format!("{site}.csv"))).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name| header.iter().position(|h| *h == name).unwrap();
    let (sex, num) = (column("sex"), column("num"));
    let mut counts = BTreeMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let sex = ["female", "male"][fields[sex].parse::<f64>().unwrap() as usize];
        let disease = if fields[num].parse::<f64>().unwrap() > 0.0 { "yes" } else { "no" };
        *counts.entry((sex, disease)).or_default() += 1;
    }
    counts
}

const BY_SEX: &str = "SELECT COUNT(*) FROM heart-disease WHERE disease = 'yes' GROUP BY sex";
const BY_BOTH: &str = "SELECT COUNT(*) FROM heart-disease GROUP BY sex, disease";

#[test]
fn four_hearts_are_as_published() {
    let Some(data) = shared("data/uci_heart/sites") else { return };
    let result = heart(&data, "1", &["SELECT COUNT(*), AVG(age) FROM heart-disease", BY_SEX, BY_BOTH]).json();
    assert_eq!(result["development_keys"], true);
    let [ages, by_sex, by_both] = result["queries"].as_array().unwrap().as_slice() else { panic!("three results") };
    for query in [ages, by_sex, by_both] {
        assert_eq!((&query["verified"], &query["rejected"], &query["title"]), (&json!(4), &json!(0), &json!("4 of 4 sites")));
        assert_eq!(query["schema"], "countersign-result/1");
    }
    let mut pooled: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (name, n, mean) in PUBLISHED {
        let site = table(ages, Some(name));
        assert_eq!(entry(site, &json!({}), "*")["n"], json!({ "status": "exact", "value": n }), "{name}");
        let age = entry(site, &json!({}), "age");
        assert!((age["mean"].as_f64().unwrap() - mean).abs() < 1e-6, "{name}: {age}");
        assert_eq!(result["imports"][name]["people"], json!(n));

        let plain = plain(&data, name);
        for (sex, disease) in [("female", "no"), ("female", "yes"), ("male", "no"), ("male", "yes")] {
            let expected = plain.get(&(sex, disease)).copied().unwrap_or(0);
            *pooled.entry((sex, disease)).or_default() += expected;
            let found = &entry(table(by_both, Some(name)), &json!({ "sex": sex, "disease": disease }), "*")["n"];
            assert_eq!(told(found), Some(expected), "{name} {sex} {disease}");
            if disease == "yes" {
                let found = &entry(table(by_sex, Some(name)), &json!({ "sex": sex }), "*")["n"];
                assert_eq!(told(found), Some(expected), "{name} {sex}");
            }
        }
    }
    assert_eq!(pooled.values().sum::<u64>(), 920);
    for ((sex, disease), expected) in pooled {
        let found = &entry(table(by_both, None), &json!({ "sex": sex, "disease": disease }), "*")["n"];
        assert_eq!(told(found), Some(expected), "all sites, {sex} {disease}");
    }
}

#[test]
fn small_cells_are_hidden_and_the_others_are_as_they_are() {
    let Some(data) = shared("data/uci_heart/sites") else { return };
    let result = heart(&data, "10", &[BY_BOTH]).json();
    let query = &result["queries"][0];
    assert_eq!((&query["verified"], &query["rules"]["k_min"]), (&json!(4), &json!(10)));
    let (mut hidden, mut shown) = (0, 0);
    for (name, ..) in PUBLISHED {
        let plain = plain(&data, name);
        for (sex, disease) in [("female", "no"), ("female", "yes"), ("male", "no"), ("male", "yes")] {
            let count = plain.get(&(sex, disease)).copied().unwrap_or(0);
            let n = &entry(table(query, Some(name)), &json!({ "sex": sex, "disease": disease }), "*")["n"];
            if count < 10 {
                hidden += 1;
                assert_eq!(*n, json!({ "status": "small", "value": null, "low": 0, "high": 9 }), "{name} {sex} {disease}");
            } else {
                shown += 1;
                assert_eq!(*n, json!({ "status": "exact", "value": count }), "{name} {sex} {disease}");
            }
        }
    }
    assert!(hidden > 0 && shown > 0, "the data have both");
    // the same, for people
    let site = format!("va={}", data.join("va.csv").display());
    let said = run(["try", "--dictionary", "heart-disease", "--mapping", "mapping-heart-csv", "--site", &site, "--query", BY_BOTH]).done();
    assert!(said.stdout.contains("<10") && said.stdout.contains("1 proofs verified here, 0 rejected"), "{said:?}");
    assert!(said.stdout.contains("DEVELOPMENT KEYS"), "{said:?}");
}

/// Moments of every number and joint counts of the others, from the plain reader: written in Python, sharing nothing with this program.
const PLAIN: &str = r#"
import sys, json, collections, datetime as dt
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import refdict as R
dic, mp = R.load(sys.argv[1] + '/core.toml'), R.load(sys.argv[1] + '/map_synthea.toml')
out = {}
for site in sys.argv[2:]:
    name, path = site.split('=', 1)
    rows = list(R.fhir_rows(dic, mp, R.ndjson(path), dt.date(2021, 6, 1))[0].values())
    moments = {}
    for a in dic['attribute']:
        if a['kind'] in ('number', 'count'):
            v = [r[a['name']] for r in rows if r[a['name']] is not None]
            moments[a['name']] = [len(v), str(sum(v)), str(sum(x * x for x in v))]
    joint = lambda names: sorted(
        [list(k), n] for k, n in collections.Counter(tuple(r[a] or 'missing' for a in names) for r in rows).items())
    out[name] = {'rows': len(rows), 'moments': moments,
        'counts': [joint(g) for g in (('sex', 'smoker'), ('diabetes', 'hypertension', 'died'))]}
print(json.dumps(out))
"#;

const NUMBERS: [&str; 6] = ["age", "hba1c", "bmi", "sbp", "encounters_1y", "followup_days"];
const GROUPINGS: [&[&str]; 2] = [&["sex", "smoker"], &["diabetes", "hypertension", "died"]];

/// True if two decimal texts are the same number.
fn same(a: &str, b: &str) -> bool {
    let clean = |t: &str| match t.split_once('.') {
        Some((whole, part)) => format!("{whole}.{}", part.trim_end_matches('0')),
        None => format!("{t}."),
    };
    clean(a) == clean(b)
}

#[test]
fn four_networks_are_as_the_plain_reader_says() {
    let (Some(data), Some(reference)) = (shared("data/synthea_ma_r4"), shared("reference/dictionary")) else { return };
    let sites: Vec<(String, PathBuf)> = ["A", "B", "C", "D"].map(|n| (n.to_owned(), data.join(format!("network_{n}")))).into();
    let named: Vec<String> = sites.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    let Ok(plain) = Command::new("python3").args(["-c", PLAIN]).arg(&reference).args(&named).output() else {
        eprintln!("skipped: no python3");
        return;
    };
    assert!(plain.status.success(), "the plain reader failed: {}", String::from_utf8_lossy(&plain.stderr));
    let plain: Value = serde_json::from_slice(&plain.stdout).unwrap();

    let averages: Vec<String> = NUMBERS.iter().map(|a| format!("AVG({a})")).collect();
    let mut queries = vec![format!("SELECT COUNT(*), {} FROM cardiometabolic-core", averages.join(", "))];
    queries.extend(GROUPINGS.iter().map(|g| format!("SELECT COUNT(*) FROM cardiometabolic-core GROUP BY {}", g.join(", "))));
    let mut all = arguments!["try", "--json", "--k-min", "1", "--as-of", "2021-06-01"];
    all.extend(arguments!["--dictionary", reference.join("core.toml"), "--mapping", reference.join("map_synthea.toml")]);
    all.extend(named.iter().flat_map(|s| arguments!["--site", s]));
    all.extend(queries.iter().flat_map(|q| arguments!["--query", q]));
    let result = run(all).done().json();

    let mut cells = 0;
    for (name, _) in &sites {
        let plain = &plain[name];
        let numbers = table(&result["queries"][0], Some(name));
        assert_eq!(entry(numbers, &json!({}), "*")["n"]["value"], plain["rows"], "{name}");
        for attribute in NUMBERS {
            let (ours, theirs) = (entry(numbers, &json!({}), attribute), &plain["moments"][attribute]);
            assert_eq!(ours["n"]["value"], theirs[0], "{name} {attribute}");
            for (ours, theirs) in [(&ours["sum"], &theirs[1]), (&ours["sum_of_squares"], &theirs[2])] {
                let (ours, theirs) = (ours.as_str().unwrap(), theirs.as_str().unwrap());
                assert!(same(ours, theirs), "{name} {attribute}: {ours} where the plain reader has {theirs}");
            }
        }
        for (i, grouping) in GROUPINGS.iter().enumerate() {
            let mut expected: BTreeMap<Vec<String>, u64> = BTreeMap::new();
            for pair in plain["counts"][i].as_array().unwrap() {
                expected.insert(serde_json::from_value(pair[0].clone()).unwrap(), pair[1].as_u64().unwrap());
            }
            for cell in table(&result["queries"][i + 1], Some(name)) {
                let group: Vec<String> = grouping.iter().map(|a| cell["group"][*a].as_str().unwrap().to_owned()).collect();
                assert_eq!(told(&cell["n"]), Some(expected.remove(&group).unwrap_or(0)), "{name} {group:?}");
                cells += 1;
            }
            assert!(expected.is_empty(), "{name}: no cell for {expected:?}");
        }
    }
    assert!(cells >= 4 * (4 * 4 + 8), "{cells}");
}
