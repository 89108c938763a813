//! The four hospitals of the UCI heart disease data against the published figures.

use crate::common::{Asked, Row};
use countersign_stats::{Count, Estimate, Moments, Shown};
use std::path::{Path, PathBuf};

/// Number of people, mean and standard deviation of age, as published with the data.
const PUBLISHED: [(&str, u64, f64, f64); 4] = [
    ("cleveland", 303, 54.438_944, 9.038_662),
    ("hungarian", 294, 47.826_531, 7.811_812),
    ("switzerland", 123, 55.317_073, 9.032_108),
    ("va", 200, 59.35, 7.811_697),
];

fn folder() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = [here.join("../../../shared/data"), here.join("../../../../shared/data")];
    let named = std::env::var_os("COUNTERSIGN_TRIAL_DATA").map(PathBuf::from);
    named.into_iter().chain(beside).map(|p| p.join("uci_heart/sites")).find(|p| p.is_dir())
}

/// Age, sex and disease of each line; the other attributes are missing.
fn rows(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).expect("a readable file");
    let number = |field: &str| field.parse::<f64>().ok().map(|x| x as u32);
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        vec![number(fields[2]), number(fields[3]), None, None, number(fields[15]).map(|grade| grade.min(1))]
    };
    text.lines().skip(1).map(row).collect()
}

fn mean(shown: &Shown) -> &Moments {
    match shown {
        Shown::Estimate(Estimate::Mean(m)) => m,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ages_and_disease_by_sex() {
    let Some(folder) = folder() else {
        eprintln!("skipped: the trial data are not here (COUNTERSIGN_TRIAL_DATA names their folder)");
        return;
    };
    let sites: Vec<Vec<Row>> = PUBLISHED.iter().map(|(name, ..)| rows(&folder.join(format!("{name}.csv")))).collect();
    let table = Asked::new("SELECT AVG(age), COUNT(*) FROM heart").over_rows(1, &sites, &[]);
    for ((name, n, average, sd), site) in PUBLISHED.iter().zip(&table.sites) {
        let m = mean(&site.rows[0].shown[0]);
        assert_eq!(m.n, *n, "{name}");
        assert!((m.mean.unwrap() - average).abs() < 1e-6 && (m.sd().unwrap() - sd).abs() < 1e-6, "{name} {m:?}");
    }
    assert_eq!(mean(&table.rows[0].shown[0]).n, 920);
    assert_eq!(table.rows[0].shown[1], Shown::Count(Count::Exact(920)));

    let asked = Asked::new("SELECT sex, disease, COUNT(*) FROM heart WHERE sex <> 'other' AND disease IS NOT NULL GROUP BY sex, disease");
    for (k_min, hides) in [(1, 0), (10, 1)] {
        let table = asked.over_rows(k_min, &sites, &[]);
        let mut hidden = 0;
        for (i, site) in table.sites.iter().enumerate() {
            for row in &site.rows {
                let (sex, disease) = (u32::from(row.group[0].1 == "male"), u32::from(row.group[1].1 == "yes"));
                let plain = sites[i].iter().filter(|r| r[1] == Some(sex) && r[4] == Some(disease)).count() as u64;
                match &row.shown[0] {
                    Shown::Count(Count::Exact(n)) => assert_eq!(*n, plain),
                    Shown::Count(Count::Hidden { .. }) => {
                        assert!(plain < u64::from(k_min));
                        hidden += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(hidden >= hides && (k_min > 1 || hidden <= 1), "k_min {k_min} hides {hidden}");
    }
}
