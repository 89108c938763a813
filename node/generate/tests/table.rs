//! The levels drawn directly hang together, and are those of the export's persons.

use countersign_circuits::dictionary::{Dictionary, canonical_json};
use countersign_generate::{Profile, generate, table};
use serde_json::json;
use std::fs;

fn dictionary() -> Dictionary {
    let number = |name: &str, lo: &str, hi: &str, step: &str, cut: &str| json!({"name": name, "label": name, "category": "x", "kind": "number", "range": [lo, hi], "step": step, "beyond": "clip", "cuts": [cut]});
    let flag = |name: &str| json!({"name": name, "label": name, "category": "x", "kind": "flag"});
    let category =
        |name: &str, levels: &[&str]| json!({"name": name, "label": name, "category": "x", "kind": "category", "levels": levels});
    let value = json!({
        "format": "countersign-dictionary/1", "id": "test-core", "version": 1, "title": "Test", "grain": "patient",
        "attribute": [
            number("age", "0", "110", "1", "60"), category("sex", &["female", "male", "other"]), flag("diabetes"), flag("hypertension"),
            number("hba1c", "3", "20", "0.1", "6.5"), number("bmi", "10", "80", "0.1", "30"), number("sbp", "50", "260", "1", "140"),
            category("smoker", &["never", "former", "current"]), flag("died"), number("followup_days", "0", "365", "1", "180"),
            category("elsewhere", &["x", "y", "z"]),
        ],
    });
    Dictionary::from_canonical(&canonical_json(&value).unwrap()).unwrap()
}

struct Table(Dictionary, Vec<Vec<Option<u32>>>);

impl Table {
    fn new(profile: Profile, rows: u32, seed: u64) -> Self {
        let dictionary = dictionary();
        let columns = table(profile, rows, seed, &dictionary);
        Self(dictionary, columns)
    }

    fn column(&self, name: &str) -> &[Option<u32>] {
        &self.1[usize::from(self.0.find(name).unwrap().0)]
    }

    fn mean(&self, name: &str, group: &str, level: u32) -> f64 {
        let pairs = self.column(name).iter().zip(self.column(group));
        let values: Vec<f64> = pairs.filter(|(_, g)| **g == Some(level)).filter_map(|(v, _)| *v).map(f64::from).collect();
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn correlation(&self, a: &str, b: &str) -> f64 {
        let pairs: Vec<(f64, f64)> =
            self.column(a).iter().zip(self.column(b)).filter_map(|(a, b)| Some((f64::from((*a)?), f64::from((*b)?)))).collect();
        let n = pairs.len() as f64;
        let (ma, mb) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
        let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
        sum(&|p| (p.0 - ma) * (p.1 - mb)) / (sum(&|p| (p.0 - ma).powi(2)) * sum(&|p| (p.1 - mb).powi(2))).sqrt()
    }
}

#[test]
fn columns_fit_the_dictionary_and_repeat() {
    for profile in Profile::ALL {
        let Table(dictionary, columns) = Table::new(profile, 3000, 9);
        assert_eq!(columns.len(), dictionary.attributes().len());
        for (attribute, column) in dictionary.attributes().iter().zip(&columns) {
            assert_eq!(column.len(), 3000);
            assert!(column.iter().all(|level| attribute.bins(*level).is_some()), "{}", attribute.name());
            let distinct: std::collections::BTreeSet<_> = column.iter().collect();
            assert!(distinct.len() > 1, "{} is constant", attribute.name());
        }
        assert_eq!(columns, table(profile, 3000, 9, &dictionary));
        assert_ne!(columns, table(profile, 3000, 10, &dictionary));
    }
}

#[test]
fn attributes_hang_together() {
    for profile in Profile::ALL {
        let table = Table::new(profile, 8000, 4);
        let hba1c = |level| table.mean("hba1c", "diabetes", level) * 0.1 + 3.0;
        assert!((5.2..5.9).contains(&hba1c(0)) && (6.8..8.2).contains(&hba1c(1)), "{} {}", hba1c(0), hba1c(1));
        assert!(table.mean("sbp", "hypertension", 1) > table.mean("sbp", "hypertension", 0) + 8.0);
        assert!(table.mean("bmi", "diabetes", 1) > table.mean("bmi", "diabetes", 0) + 10.0, "tenths");
        assert!(table.mean("age", "died", 1) > table.mean("age", "died", 0) + 5.0);
        assert!((0.15..0.6).contains(&table.correlation("age", "sbp")), "{}", table.correlation("age", "sbp"));
        assert!((0.1..0.6).contains(&table.correlation("bmi", "sbp")), "{}", table.correlation("bmi", "sbp"));
        assert!((0.02..0.5).contains(&table.correlation("bmi", "hba1c")), "{}", table.correlation("bmi", "hba1c"));
        let (age, sbp) = (table.mean("age", "elsewhere", 0), table.mean("sbp", "elsewhere", 0) + 50.0);
        assert!((45.0..70.0).contains(&age) && (115.0..140.0).contains(&sbp), "{age} {sbp}");
    }
}

#[test]
fn the_table_holds_the_persons_of_the_export() {
    let (rows, seed) = (500, 21);
    let folder = tempfile::tempdir().unwrap();
    generate(Profile::Complete, rows, seed, folder.path(), |_| ()).unwrap();
    let table = Table::new(Profile::Complete, rows, seed);
    let lines = |file: &str| -> Vec<serde_json::Value> {
        fs::read_to_string(folder.path().join(file)).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let sexes: Vec<_> = lines("Patient.ndjson").iter().map(|p| p["gender"].as_str().unwrap().to_owned()).collect();
    let names = ["female", "male", "other"];
    let expected: Vec<_> = table.column("sex").iter().map(|s| names[s.unwrap() as usize].to_owned()).collect();
    assert_eq!(sexes, expected);
    let diabetic = lines("Condition.ndjson").iter().filter(|c| c["code"]["coding"][0]["code"] == "44054006").count();
    assert_eq!(diabetic, table.column("diabetes").iter().filter(|d| **d == Some(1)).count());
    // the latest HbA1c of every patient in the two years before index
    let mut latest: std::collections::BTreeMap<usize, (String, f64)> = std::collections::BTreeMap::new();
    for o in lines("Observation.ndjson").iter().filter(|o| o["code"]["coding"][0]["code"] == "4548-4") {
        let when = o["effectiveDateTime"].as_str().unwrap().to_owned();
        let row = o["subject"]["reference"].as_str().unwrap().rsplit('-').next().unwrap().parse::<usize>().unwrap() - 1;
        if ("2017-01-01".."2019-01-01").contains(&when.as_str()) && latest.get(&row).is_none_or(|(w, _)| *w < when) {
            latest.insert(row, (when, o["valueQuantity"]["value"].as_f64().unwrap()));
        }
    }
    let dead: Vec<bool> = lines("Patient.ndjson").iter().map(|p| p["deceasedDateTime"].as_str().is_some_and(|d| d < "2019")).collect();
    for (row, level) in table.column("hba1c").iter().enumerate().filter(|(row, _)| !dead[*row]) {
        let expected = level.map(|v| 30 + v);
        assert_eq!(latest.get(&row).map(|(_, v)| (v * 10.0).round() as u32), expected, "row {row}");
    }
}
