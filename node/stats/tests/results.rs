//! Layout, JSON and the pooling rule on small tables.

use crate::common::Asked;
use countersign_circuits::statement::CellMeaning;
use countersign_stats::{
    CellStatus, Count, Estimate, Hidden, Parts, Shown, SiteAnswer, SiteState, SiteTable, TableError, WithholdReason, render_text, tabulate,
    to_json,
};
use serde_json::json;

use CellStatus::{Exact, NotReleased, Small};

/// A site's table from a function of group and meaning.
fn site(asked: &Asked, cell: impl Fn(usize, CellMeaning) -> CellStatus) -> SiteState {
    let status = |c: &countersign_circuits::statement::Cell| if c.kind.show { cell(c.group, c.meaning) } else { NotReleased };
    SiteState::Accepted(SiteTable { cells: asked.wiring.cells().iter().map(status).collect() })
}

/// Ages 1 to 10 in each group: n 10, sum 55, sum of squares 385.
fn ten(_: usize, meaning: CellMeaning) -> CellStatus {
    Exact(match meaning {
        CellMeaning::Rows | CellMeaning::Known(_) => 10,
        CellMeaning::Sum(_) => 55,
        CellMeaning::SumOfSquares(_) => 385,
        _ => 0,
    })
}

fn withheld(reason: WithholdReason) -> impl Fn(usize, CellMeaning) -> CellStatus {
    move |_, _| CellStatus::Withheld(reason)
}

#[test]
fn mean_with_its_t_interval() {
    let asked = Asked::new("SELECT AVG(age), STDDEV(age) FROM heart");
    let table = asked.table(5, &[("A", site(&asked, ten))]);
    let [Shown::Estimate(Estimate::Mean(m)), Shown::Estimate(Estimate::StdDev(_))] = &table.rows[0].shown[..] else { panic!("{table:?}") };
    assert_eq!((m.n, m.sum.as_str(), m.sum_of_squares.as_str(), m.mean), (10, "55", "385", Some(5.5)));
    assert!((m.sd().unwrap() - 3.027_650_354_097_492).abs() < 1e-14);
    let (low, high) = m.mean_ci95.unwrap();
    assert!((low - 3.334_149).abs() < 1e-6 && (high - 7.665_851).abs() < 1e-6, "{low} {high}");
}

#[test]
fn levels_become_values_exactly() {
    let asked = Asked::new("SELECT SUM(oldpeak) FROM heart");
    // levels 1, 2, 3 of -3 + 0.1 v: -2.9, -2.8, -2.7
    let cells = |_: usize, m: CellMeaning| {
        Exact(match m {
            CellMeaning::Known(_) => 3,
            CellMeaning::Sum(_) => 6,
            _ => 14,
        })
    };
    let table = asked.table(1, &[("A", site(&asked, cells))]);
    let Shown::Estimate(Estimate::Sum(m)) = &table.rows[0].shown[0] else { panic!("{table:?}") };
    assert_eq!((m.sum.as_str(), m.sum_of_squares.as_str(), m.mean), ("-8.4", "23.54", Some(-2.8)));
}

#[test]
fn text_table_in_full() {
    let asked = Asked::new("SELECT sex, COUNT(*), AVG(age) FROM heart GROUP BY sex");
    let a = site(&asked, |group, meaning| match (group, meaning) {
        (3, _) => Small,
        (0, CellMeaning::Rows) => Exact(1204),
        (0, CellMeaning::Known(_)) => Exact(1200),
        (0, CellMeaning::Sum(_)) => Exact(64_800),
        (0, CellMeaning::SumOfSquares(_)) => Exact(3_596_400),
        (group, meaning) => ten(group, meaning),
    });
    let b = site(&asked, |group, meaning| match (group, meaning) {
        (2 | 3, _) => Small,
        (1, CellMeaning::Rows) => Exact(97),
        (1, _) => Small,
        (group, meaning) => ten(group, meaning),
    });
    let c = SiteState::Refused { code: "Q32".into(), reason: "local rule k_min 20 is stricter".into() };
    let table = asked.table(10, &[("A", a), ("B", b), ("C", c), ("D", SiteState::Missing)]);
    let expected = "\
heart@1   2 of 4 sites   k_min 10
C: refused, Q32: local rule k_min 20 is stricter
D: no answer

sex     COUNT(*)                      AVG(age), years (95 % CI)
female  1,214                         53.60 (53.04 to 54.16)  n 1,210
male    107                           – n 10 … 107, 1 of 2 sites hidden
other   10 … 19, 1 of 2 sites hidden  – n 10 … 19, 1 of 2 sites hidden

By site

sex     site  COUNT(*)  AVG(age), years (95 % CI)
female  A     1,204     54.00 (53.49 to 54.51)  n 1,200
female  B     10        5.50 (3.33 to 7.67)  n 10
male    A     10        5.50 (3.33 to 7.67)  n 10
male    B     97        h
other   A     10        5.50 (3.33 to 7.67)  n 10
other   B     <10       <10

<n: hidden, because fewer than n people are in it. Ask for wider bands or fewer groups.
h: hidden, because it or a count it could be subtracted from is below 10. Ask without COUNT(*), or of those whose value is known (IS NOT NULL).
…: some parts are hidden; no estimate is made from a sum with a hidden part.
Not shown, with fewer than 10 people at every hospital: sex missing.
People are counted once per hospital. Not differentially private. Only 2 of 4 sites are in the pooled figures.
";
    assert_eq!(render_text(&table), expected);
}

#[test]
fn histograms_shares_and_withheld_cells_in_text() {
    let asked = Asked::new("SELECT HISTOGRAM(age), MEDIAN(age), COUNT(age) FROM heart");
    let counts = [10u64, 20, 40, 20, 10, 12];
    let a = site(&asked, |group, _| Exact(counts[group]));
    let table = asked.table(10, &[("A", a)]);
    let expected = "\
heart@1   1 of 1 site   k_min 10

MEDIAN(age), years (95 % CI)     COUNT(age)
55.0 in 50-60 (50 to 60)  n 100  100

HISTOGRAM(age)  people
<40             10      ########
40-49           20      ###############
50-59           40      ##############################
60-69           20      ###############
>=70            10      ########
missing         12      #########

People are counted once per hospital. Not differentially private.
";
    assert_eq!(render_text(&table), expected);

    let asked = Asked::new("SELECT SHARE(sex = 'male'), COUNT(sex) FROM heart");
    // parts are {female, other} and {male}
    let a = site(&asked, |_, meaning| Exact(if matches!(meaning, CellMeaning::Part(_, 1)) { 81 } else { 182 }));
    let b = site(&asked, withheld(WithholdReason::Overlap));
    let text = render_text(&asked.table(10, &[("A", a), ("B", b)]));
    assert!(text.contains("30.8 % (25.5 to 36.6)  81 of 263"), "{text}");
    assert!(text.contains("– n 263 or more, 1 of 2 sites hidden"), "{text}");
    assert!(text.contains("B     w                                 w\n"), "{text}");
    assert!(text.contains("w: withheld by the hospital (overlap)."), "{text}");
}

#[test]
fn quantile_by_hand_and_with_hidden_bands() {
    let asked = Asked::new("SELECT PERCENTILE(age, 0.25), PERCENTILE(age, 0.95) FROM heart WHERE age IS NOT NULL");
    let counts = [10u64, 20, 40, 20, 10];
    let table = asked.table(10, &[("A", site(&asked, |group, _| Exact(counts[group])))]);
    let values: Vec<f64> = table.rows[0]
        .shown
        .iter()
        .map(|s| match s {
            Shown::Estimate(Estimate::Quantile { value, .. }) => *value,
            other => panic!("{other:?}"),
        })
        .collect();
    // rank 25 is 15 of 20 into 40-49; rank 95 is 5 of 10 into 70-110
    assert_eq!(values, [47.5, 90.0]);
    let hidden = asked.table(10, &[("A", site(&asked, |group, _| if group == 0 { Small } else { Exact(counts[group]) }))]);
    // 0 to 9 people below 40: rank 22.5 of 90 or 24.75 of 99, always in 40-49 or the next band
    let Shown::QuantileBetween { range: Some(range), n: Count::Between { low: 90, high: Some(99), .. } } = hidden.rows[0].shown[0] else {
        panic!("{hidden:?}")
    };
    assert_eq!(range, (40.0, 60.0));
    let nothing = asked.table(10, &[("A", site(&asked, |_, _| Small))]);
    assert!(matches!(nothing.rows[0].shown[0], Shown::QuantileBetween { range: Some((0.0, 110.0)), .. }), "{nothing:?}");
}

#[test]
fn json_of_every_status() {
    let asked = Asked::new("SELECT sex, COUNT(*), AVG(age) FROM heart WHERE sex IN ('male', 'other') GROUP BY sex");
    let a = site(&asked, |group, meaning| if group == 0 { ten(group, meaning) } else { Small });
    let b = site(&asked, |group, meaning| match (group, meaning) {
        (0, _) => CellStatus::Withheld(WithholdReason::Dominance),
        (_, CellMeaning::Rows) => Exact(30),
        _ => Small,
    });
    let c = SiteState::Rejected { reason: "proof".into() };
    let json = to_json(&asked.table(10, &[("A", a), ("B", b), ("C", c), ("D", SiteState::Missing)]));
    assert_eq!(json["schema"], "countersign-result/1");
    assert_eq!(json["title"], "2 of 4 sites");
    assert_eq!(json["rules"], json!({ "k_min": 10, "mode": "exact" }));
    assert_eq!(json["sites"][2], json!({ "site": "C", "state": "rejected", "message": "proof" }));
    assert_eq!(json["sites"][3], json!({ "site": "D", "state": "missing" }));
    assert_eq!(
        json["table"][0],
        json!({ "group": { "sex": "male" }, "item": "COUNT(*)", "term": "*",
            "n": { "value": null, "status": "interval", "low": 10, "high": null, "hidden_sites": 1, "of": 2 } })
    );
    assert_eq!(json["table"][3]["n"], json!({ "value": null, "status": "interval", "low": 0, "high": 39, "hidden_sites": 2, "of": 2 }));
    assert_eq!(json["table"][3]["value"], json!(null));
    let a = &json["by_site"][0]["table"];
    assert_eq!(a[1]["sum"], "55");
    assert_eq!(a[1]["sum_of_squares"], "385");
    assert_eq!(a[1]["mean"], 5.5);
    assert_eq!(a[1]["n"], json!({ "value": 10, "status": "exact" }));
    assert_eq!(a[2]["n"], json!({ "value": null, "status": "small", "low": 0, "high": 9 }));
    let b = &json["by_site"][1]["table"];
    assert_eq!(b[0]["n"], json!({ "value": null, "status": "withheld", "reason": "dominance", "low": 0, "high": null }));
    assert_eq!(b[3]["n"], json!({ "value": null, "status": "small", "scope": "block", "low": 0, "high": 30 }));
    let warnings = json["warnings"].as_array().expect("a list");
    assert!(warnings.contains(&json!("People are counted once per hospital.")) && warnings.contains(&json!("Not differentially private.")));
}

#[test]
fn a_model_hides_below_its_own_minimum() {
    let asked = Asked::new("SELECT CORR(age, bmi) FROM heart");
    let table = asked.table(10, &[("A", site(&asked, |_, _| Small))]);
    // two values: 3 x 5 people for five released numbers (rule D6)
    assert_eq!(table.rows[0].shown, [Shown::NoEstimate(Count::Hidden { why: Hidden::Below(15), high: Some(14) })]);
}

/// With a minimum of 1 below it is nobody: a number, and its sums are over nobody.
#[test]
fn bounds_that_meet_are_numbers() {
    let asked = Asked::new("SELECT sex, COUNT(*), AVG(age), STDDEV(age) FROM heart WHERE sex IN ('female', 'male') GROUP BY sex");
    let empty = site(&asked, |group, meaning| if group == 0 { ten(group, meaning) } else { Small });
    let full = site(&asked, ten);
    let table = asked.table(1, &[("A", empty), ("B", full)]);
    assert_eq!(table.sites[0].rows[1].shown[0], Shown::Count(Count::Exact(0)));
    assert_eq!(table.rows[1].shown[0], Shown::Count(Count::Exact(10)));
    let [_, Shown::Estimate(Estimate::Mean(mean)), Shown::Estimate(Estimate::StdDev(_))] = &table.rows[1].shown[..] else {
        panic!("{table:?}")
    };
    assert_eq!((mean.n, mean.mean), (10, Some(5.5)), "everybody there is counted");
    assert!(!render_text(&table).contains('…'));
    // one more than nobody is enough to hide it again
    let table = asked.table(2, &[("A", site(&asked, |_, _| Small)), ("B", site(&asked, ten))]);
    assert_eq!(table.rows[1].shown[0], Shown::Count(Count::Between { low: 10, high: Some(11), hidden: 1, of: 2, parts: Parts::Sites }));
    assert!(matches!(table.rows[1].shown[1], Shown::NoEstimate(_)));
    // a structural zero: the group's rows are known to be none
    let pair = Asked::new("SELECT CORR(age, bmi) FROM heart WHERE age IS NOT NULL AND bmi IS NOT NULL");
    let cells = |_: usize, meaning: CellMeaning| {
        Exact(match meaning {
            CellMeaning::Rows => 10,
            CellMeaning::Product(..) => 380,
            CellMeaning::Sum(_) => 55,
            _ => 385,
        })
    };
    let table = pair.table(1, &[("A", site(&pair, |_, _| Small)), ("B", site(&pair, cells))]);
    // three people for each released number: nobody below that minimum is not known to be nobody
    assert!(matches!(table.rows[0].shown[0], Shown::NoEstimate(_)));
}

/// Where the people part evenly between two bands the median lies between the last of the one and the first of the other.
#[test]
fn a_quantile_between_two_bands_is_not_called_inside_one() {
    let asked = Asked::new("SELECT MEDIAN(age) FROM heart WHERE age IS NOT NULL");
    let median = |counts: [u64; 5]| {
        let table = asked.table(1, &[("A", site(&asked, move |group, _| Exact(counts[group])))]);
        let Shown::Estimate(Estimate::Quantile { value, band, .. }) = &table.rows[0].shown[0] else { panic!("{table:?}") };
        (*value, *band)
    };
    // <40, 40-49, 50-59, 60-69, >=70 up to 110
    assert_eq!(median([0, 10, 10, 0, 0]), (50.0, (40.0, 60.0)));
    assert_eq!(median([0, 10, 0, 10, 0]), (55.0, (40.0, 70.0)), "nobody between them");
    assert_eq!(median([0, 10, 11, 0, 0]).1, (50.0, 60.0));
    assert_eq!(median([0, 11, 10, 0, 0]).1, (40.0, 50.0));
    assert_eq!(median([0, 0, 0, 0, 4]).1, (70.0, 110.0), "nobody after them");
    // with hidden bands both have to be among those it can lie in
    let hidden = asked.table(2, &[("A", site(&asked, |group, _| if group == 4 { Small } else { Exact([0, 10, 10, 0][group]) }))]);
    let Shown::QuantileBetween { range, .. } = &hidden.rows[0].shown[0] else { panic!("{hidden:?}") };
    assert_eq!(*range, Some((40.0, 60.0)));
}

/// Every hidden number says what to ask instead.
#[test]
fn hidden_numbers_say_what_to_ask_instead() {
    let asked = Asked::new("SELECT COUNT(*) FROM heart");
    for reason in [WithholdReason::Overlap, WithholdReason::Dominance, WithholdReason::Local] {
        let text = render_text(&asked.table(10, &[("A", site(&asked, withheld(reason)))]));
        assert!(text.contains(&format!("   {reason}: {}", reason.advice())) && reason.advice().to_lowercase().contains("ask"), "{text}");
    }
    let text = render_text(&asked.table(10, &[("A", site(&asked, |_, _| Small))]));
    assert!(text.contains("Ask for wider bands or fewer groups"), "{text}");
}

#[test]
fn nonsense_is_not_computed_with() {
    let asked = Asked::new("SELECT AVG(age), STDDEV(age) FROM heart");
    for (n, sum, squares) in [(0, 0, 0), (0, 5, 5), (1, 50, 2500), (10, u64::MAX, u64::MAX), (10, 55, 1), (u64::MAX, 1, 1)] {
        let cells = |_: usize, m: CellMeaning| {
            Exact(match m {
                CellMeaning::Known(_) => n,
                CellMeaning::Sum(_) => sum,
                _ => squares,
            })
        };
        let table = asked.table(1, &[("A", site(&asked, cells)), ("B", site(&asked, cells))]);
        assert!(!render_text(&table).contains("NaN") && !to_json(&table).to_string().contains("NaN"));
        let one = asked.table(1, &[("A", site(&asked, cells))]);
        assert!(n != 0 || one.rows[0].shown.iter().all(|s| matches!(s, Shown::Undefined { .. })), "{one:?}");
    }
    let pair = Asked::new("SELECT CORR(age, bmi), COVAR(age, bmi) FROM heart");
    for fill in [0, 1, 7, u64::MAX] {
        let table = pair.table(1, &[("A", site(&pair, |_, _| Exact(fill)))]);
        assert!(!render_text(&table).contains("NaN"), "{}", render_text(&table));
    }
}

#[test]
fn answers_to_another_question_are_refused() {
    let asked = Asked::new("SELECT COUNT(*) FROM heart GROUP BY sex");
    let call = |answers: &[SiteAnswer]| tabulate(&asked.question, &asked.dictionary, &asked.wiring, 10, answers).map(|_| ());
    let of = |site: &str, n: usize| SiteAnswer { site: site.into(), state: SiteState::Accepted(SiteTable { cells: vec![Small; n] }) };
    assert_eq!(call(&[of("A", 3)]), Err(TableError::Cells { site: "A".into(), found: 3, expected: 4 }));
    assert_eq!(call(&[]), Err(TableError::Sites));
    assert_eq!(call(&[of("A", 4), of("A", 4)]), Err(TableError::Sites));
    assert_eq!(call(&[of("A", 4), of("B", 4)]), Ok(()));
    let other = Asked::new("SELECT COUNT(*) FROM heart");
    assert!(matches!(tabulate(&other.question, &asked.dictionary, &asked.wiring, 10, &[of("A", 4)]), Err(TableError::Wiring(_))));
    let nobody = asked.table(10, &[("A", SiteState::Missing)]);
    assert!(render_text(&nobody).contains("0 of 1 site") && render_text(&nobody).contains("there is nothing to show"));
}

/// Several grouping axes, written in another order than the dictionary's, with a distribution between them.
#[test]
fn rows_find_their_groups() {
    let asked =
        Asked::new("SELECT disease, sex, HISTOGRAM(oldpeak) FROM heart WHERE sex <> 'other' AND disease IS NOT NULL GROUP BY disease, sex");
    let axes: Vec<usize> = asked.question.groups.iter().map(|a| a.bands.len()).collect();
    assert_eq!(axes, [2, 5, 2], "sex, oldpeak, disease");
    let table = asked.table(1, &[("A", site(&asked, |group, _| Exact(1000 + group as u64)))]);
    let labels: Vec<(&str, &str)> = table.rows.iter().map(|r| (r.group[0].1.as_str(), r.group[1].1.as_str())).collect();
    assert_eq!(labels, [("no", "female"), ("no", "male"), ("yes", "female"), ("yes", "male")]);
    let Shown::Bands(bands) = &table.rows[2].shown[0] else { panic!("{table:?}") };
    // group = sex + 2 oldpeak + 10 disease
    let found: Vec<Option<u64>> = bands.iter().map(|b| b.count.exact()).collect();
    assert_eq!(found, [Some(1010), Some(1012), Some(1014), Some(1016), Some(1018)]);
}
