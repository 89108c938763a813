//! Results against a plain computation over the rows.

use crate::common::{AGE, Asked, BMI, DISEASE, OLDPEAK, Row, SEX, random_rows, value};
use countersign_circuits::dictionary::Dictionary;
use countersign_stats::{Count, Estimate, ResultTable, Shown};
use proptest::{prelude::*, test_runner::RngSeed};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rust_decimal::Decimal;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

fn known(dictionary: &Dictionary, rows: &[&Row], attribute: usize) -> Vec<f64> {
    rows.iter().filter_map(|r| r[attribute]).map(|l| value(dictionary, attribute, l)).collect()
}

/// Mean and variance in two passes.
fn plain(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0))
}

fn correlation(pairs: &[(f64, f64)]) -> (f64, f64) {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let ((mx, vx), (my, vy)) = (plain(&x), plain(&y));
    let covariance = pairs.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / (pairs.len() as f64 - 1.0);
    (covariance, covariance / (vx * vy).sqrt())
}

/// Exact sum and sum of squares in decimals.
fn sums(dictionary: &Dictionary, rows: &[&Row], attribute: usize) -> (Decimal, Decimal) {
    let scale = dictionary.attributes()[attribute].scale().expect("a number");
    let values = rows.iter().filter_map(|r| r[attribute]).map(|l| scale.value(l));
    values.fold((Decimal::ZERO, Decimal::ZERO), |(s, q), x| (s + x, q + x * x))
}

fn in_group<'a>(sites: &'a [Vec<Row>], sex: &str) -> Vec<&'a Row> {
    let level = match sex {
        "female" => Some(0),
        "male" => Some(1),
        "other" => Some(2),
        _ => None,
    };
    sites.iter().flatten().filter(|r| r[SEX] == level).collect()
}

fn count_holds(count: &Count, truth: u64) {
    let (low, high) = count.bounds();
    assert!(low <= truth && high.is_none_or(|h| truth <= h), "{truth} is outside {count:?}");
}

fn check_item(dictionary: &Dictionary, item: &str, shown: &Shown, rows: &[&Row]) -> bool {
    let attribute = if item.contains("oldpeak") { OLDPEAK } else { BMI };
    let x = known(dictionary, rows, attribute);
    let truth = match item {
        "COUNT(*)" => rows.len() as u64,
        "SHARE(disease = 'yes')" => rows.iter().filter(|r| r[DISEASE].is_some()).count() as u64,
        _ => x.len() as u64,
    };
    match shown {
        Shown::Count(count) => {
            count_holds(count, truth);
            return count.exact().is_some();
        }
        Shown::NoEstimate(count) => {
            count_holds(count, truth);
            return false;
        }
        Shown::Estimate(Estimate::Share { count, n, value, ci95 }) => {
            let yes = rows.iter().filter(|r| r[DISEASE] == Some(1)).count() as u64;
            assert_eq!((*count, *n), (yes, truth));
            assert!(near(*value, yes as f64 / truth as f64) && ci95.0 < *value && *value < ci95.1);
        }
        Shown::Estimate(Estimate::Sum(m) | Estimate::Mean(m) | Estimate::StdDev(m) | Estimate::Variance(m)) => {
            let ((mean, variance), (sum, squares)) = (plain(&x), sums(dictionary, rows, attribute));
            assert_eq!(m.n, truth);
            assert_eq!((m.sum.clone(), m.sum_of_squares.clone()), (sum.normalize().to_string(), squares.normalize().to_string()), "{item}");
            match m.mean {
                Some(found) => assert!(near(found, mean), "{item} {m:?}"),
                None => assert_eq!(m.n, 0, "nobody has no mean"),
            }
            match m.variance {
                Some(found) => assert!(near(found, variance), "{item} {m:?}"),
                None => assert!(m.n <= 1, "one person has no spread"),
            }
        }
        Shown::Undefined { n, .. } => assert!(*n == truth && truth < 2, "{item}: {shown:?}"),
        other => panic!("{item}: {other:?}"),
    }
    true
}

fn check_table(asked: &Asked, table: &ResultTable, sites: &[Vec<Row>]) -> (usize, usize) {
    let (mut shown, mut hidden) = (0, 0);
    let each = std::iter::once((&table.rows, sites)).chain(table.sites.iter().zip(sites.chunks(1)).map(|(s, rows)| (&s.rows, rows)));
    for (rows, of) in each {
        assert_eq!(rows.len(), 4);
        for row in rows {
            let members = in_group(of, &row.group[0].1);
            for (item, cell) in table.items.iter().zip(&row.shown) {
                let plain = check_item(&asked.dictionary, &item.title, cell, &members);
                shown += usize::from(plain);
                hidden += usize::from(!plain);
            }
        }
    }
    (shown, hidden)
}

const ITEMS: &str = "COUNT(*), COUNT(bmi), SUM(oldpeak), AVG(oldpeak), STDDEV(bmi), VARIANCE(oldpeak), SHARE(disease = 'yes')";

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// Whatever is shown is right to the last digit, and whatever is hidden lies in its bounds.
    #[test]
    fn descriptive_results_are_exact(seed: u64, k_min in 1u32..15, missing in 0.0f64..0.4, rows_too: bool, withheld in 0usize..8) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let sites: Vec<Vec<Row>> = [150, 90, 25].into_iter().map(|n| random_rows(&mut rng, n, missing)).collect();
        let items = if rows_too { ITEMS } else { ITEMS.strip_prefix("COUNT(*), ").expect("begins so") };
        let asked = Asked::new(&format!("SELECT sex, {items} FROM heart GROUP BY sex"));
        let table = asked.over_rows(k_min, &sites, &[withheld]);
        let (shown, _) = check_table(&asked, &table, &sites);
        // with a minimum of one nothing is hidden by rule
        prop_assert!(shown > 0 || k_min > 1);
        for row in &table.rows {
            for (i, cell) in row.shown.iter().enumerate() {
                let parts: Vec<&Shown> = table.sites.iter().flat_map(|s| s.rows.iter().filter(|r| r.group == row.group).map(|r| &r.shown[i])).collect();
                let open = |s: &Shown| matches!(s, Shown::Estimate(_) | Shown::Undefined { .. } | Shown::Count(Count::Exact(_)));
                prop_assert_eq!(open(cell), parts.iter().all(|s| open(s)), "plain exactly if every part is: {:?} {:?}", cell, parts);
            }
        }
    }

    #[test]
    fn correlations_are_exact(seed: u64, missing in 0.0f64..0.4) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let sites: Vec<Vec<Row>> = [80, 120].into_iter().map(|n| random_rows(&mut rng, n, missing)).collect();
        let asked = Asked::new("SELECT CORR(bmi, age), COVAR(age, bmi) FROM heart WHERE disease = 'yes' OR sex = 'male'");
        let table = asked.over_rows(10, &sites, &[]);
        let both = |r: &&Row| r[DISEASE] == Some(1) || r[SEX] == Some(1);
        let pairs: Vec<(f64, f64)> = sites.iter().flatten().filter(both)
            .filter_map(|r| Some((value(&asked.dictionary, AGE, r[AGE]?), value(&asked.dictionary, BMI, r[BMI]?)))).collect();
        let (covariance, correlation) = correlation(&pairs);
        match &table.rows[0].shown[..] {
            [Shown::Estimate(Estimate::Correlation { n, value, ci95: Some(ci95) }), Shown::Estimate(Estimate::Covariance { value: c, .. })] => {
                prop_assert_eq!(*n, pairs.len() as u64);
                prop_assert!(near(*value, correlation) && near(*c, covariance));
                prop_assert!(ci95.0 < *value && *value < ci95.1);
            }
            [Shown::NoEstimate(count), Shown::NoEstimate(_)] => {
                count_holds(count, pairs.len() as u64);
                let fewest = sites.iter().map(|rows| rows.iter().filter(both).filter(|r| r[AGE].is_some() && r[BMI].is_some()).count()).min();
                prop_assert!(fewest < Some(15), "every site has the 15 pairs of rule D6");
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// The true quantile lies in the band that is given, hidden counts or not.
    #[test]
    fn quantiles_lie_in_their_band(seed: u64, k_min in 1u32..20, hundredth in 1u32..100, withheld in 0usize..12) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let sites: Vec<Vec<Row>> = [60, 40].into_iter().map(|n| random_rows(&mut rng, n, 0.2)).collect();
        let p = format!("0.{hundredth:02}");
        let asked = Asked::new(&format!("SELECT PERCENTILE(age, {p}), HISTOGRAM(age), COUNT(*), COUNT(age) FROM heart"));
        let table = asked.over_rows(k_min, &sites, &[withheld]);
        let mut ages: Vec<f64> = sites.iter().flatten().filter_map(|r| r[AGE]).map(f64::from).collect();
        ages.sort_by(f64::total_cmp);
        // the first person at whom the cumulative share reaches p
        let rank = (ages.len() * hundredth as usize).div_ceil(100);
        let truth = ages[rank - 1];
        let [quantile, Shown::Bands(bands), Shown::Count(all), Shown::Count(with)] = &table.rows[0].shown[..] else { panic!("{:?}", table.rows) };
        count_holds(all, 100);
        count_holds(with, ages.len() as u64);
        for band in bands {
            let inside = |age: f64| match band.label.as_str() {
                "<40" => age < 40.0,
                "40-49" => (40.0..50.0).contains(&age),
                "50-59" => (50.0..60.0).contains(&age),
                "60-69" => (60.0..70.0).contains(&age),
                _ => age >= 70.0,
            };
            if band.label != "missing" {
                count_holds(&band.count, ages.iter().filter(|a| inside(**a)).count() as u64);
            }
        }
        match quantile {
            Shown::Estimate(Estimate::Quantile { n, value, band, ci95 }) => {
                prop_assert_eq!(*n as usize, ages.len());
                prop_assert!(band.0 <= truth && truth <= band.1 && band.0 <= *value && *value <= band.1);
                prop_assert!(ci95.0 <= band.0 && band.1 <= ci95.1);
            }
            Shown::QuantileBetween { range: Some(range), .. } => prop_assert!(range.0 <= truth && truth <= range.1, "{truth} {range:?}"),
            Shown::QuantileBetween { range: None, .. } => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
