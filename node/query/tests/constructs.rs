//! One test a construct: what the statement is.

use crate::common;

use crate::common::{core, filter, ok, statement};
use countersign_circuits::statement::{Measure, Measures};
use countersign_query::{Ask, AxisRole, compile, explain};
use rust_decimal::Decimal;

const T: &str = "cardiometabolic-core";
const AGE: u16 = 0;
const SEX: u16 = 1;
const DIABETES: u16 = 2;
const SBP: u16 = 5;

fn labels(axis: &countersign_query::Axis) -> Vec<&str> {
    axis.bands.iter().map(|b| b.label.as_str()).collect()
}

fn one(attribute: &str, bins: impl IntoIterator<Item = u16>) -> Vec<Vec<(String, Vec<u16>)>> {
    vec![vec![(attribute.to_owned(), bins.into_iter().collect())]]
}

#[test]
fn counts() {
    assert_eq!(statement(&format!("SELECT COUNT(*) FROM {T}")).measures, Measures::Descriptive { count_rows: true, of: vec![] });
    let known = statement(&format!("select count(sbp) from {T}"));
    assert_eq!(known.measures, Measures::Descriptive { count_rows: false, of: vec![Measure::Known { attribute: SBP }] });
    assert!(known.filter.is_empty() && known.groups.is_empty());
}

#[test]
fn moments_are_one_measure() {
    let moments = Measures::Descriptive { count_rows: false, of: vec![Measure::Moments { attribute: SBP }] };
    for item in ["SUM(sbp)", "AVG(sbp)", "VARIANCE(sbp)", "STDDEV(sbp)", "COUNT(sbp), AVG(sbp)", "AVG(sbp), COUNT(sbp), SUM(sbp)"] {
        assert_eq!(statement(&format!("SELECT {item} FROM {T}")).measures, moments, "{item}");
    }
    let two = statement(&format!("SELECT AVG(sbp), STDDEV(age), COUNT(*) FROM {T}"));
    let of = vec![Measure::Moments { attribute: AGE }, Measure::Moments { attribute: SBP }];
    assert_eq!(two.measures, Measures::Descriptive { count_rows: true, of });
}

#[test]
fn share_brings_all_levels() {
    let parts = |sql: &str| statement(sql).measures;
    let of = |attribute, parts| Measures::Descriptive { count_rows: false, of: vec![Measure::Parts { attribute, parts }] };
    assert_eq!(parts(&format!("SELECT SHARE(diabetes = 'yes') FROM {T}")), of(DIABETES, vec![vec![1], vec![2]]));
    assert_eq!(parts(&format!("SELECT SHARE(sex = 'male') FROM {T}")), of(SEX, vec![vec![1, 3], vec![2]]));
    assert_eq!(parts(&format!("SELECT SHARE(sex = 'male'), SHARE(sex = 'other') FROM {T}")), of(SEX, vec![vec![1], vec![2], vec![3]]));
    assert_eq!(parts(&format!("SELECT SHARE(sex = 'male'), COUNT(sex) FROM {T}")), of(SEX, vec![vec![1, 3], vec![2]]));
}

#[test]
fn correlation_is_a_model_of_complete_pairs() {
    let s = statement(&format!("SELECT CORR(sbp, age), COVAR(age, sbp) FROM {T} WHERE age >= 65"));
    assert_eq!(s.measures, Measures::Model { values: vec![AGE, SBP] });
    let read: Vec<(u16, usize)> = s.filter.iter().map(|c| (c.any_of[0].attribute, c.any_of[0].bins.len())).collect();
    assert_eq!(read, [(AGE, 46), (SBP, 211)], "age keeps its narrower condition, sbp must be known");
    let grouped = ok(&format!("SELECT sex, CORR(sbp, age) FROM {T} GROUP BY sex"));
    assert_eq!(labels(&grouped.groups[0]), ["female", "male", "other", "missing"]);
    assert_eq!(grouped.items[1].ask, Ask::Correlation { x: SBP, y: AGE });
}

#[test]
fn distributions_group_by_bands() {
    let q = ok(&format!("SELECT sex, HISTOGRAM(age), MEDIAN(age), PERCENTILE(age, 0.9), COUNT(age), COUNT(*) FROM {T} GROUP BY sex"));
    assert_eq!(q.statement.measures, Measures::Descriptive { count_rows: true, of: vec![] });
    assert_eq!(
        q.groups.iter().map(|a| (a.attribute, a.role)).collect::<Vec<_>>(),
        [(AGE, AxisRole::Distribution), (SEX, AxisRole::Grouping)]
    );
    assert_eq!(labels(&q.groups[0]), ["<18", "18-39", "40-49", "50-59", "60-64", "65-69", "70-74", "75-79", "80-89", ">=90", "missing"]);
    assert_eq!(q.items[3].ask, Ask::Quantile { attribute: AGE, p: Decimal::new(9, 1) });
    assert_eq!(q.grouping_order, [1]);
    let bmi = ok(&format!("SELECT HISTOGRAM(bmi) FROM {T}"));
    assert_eq!(labels(&bmi.groups[0]), ["<18.5", "18.5-24.9", "25-29.9", "30-34.9", "35-39.9", ">=40", "missing"]);
    assert_eq!(labels(&ok(&format!("SELECT HISTOGRAM(sex) FROM {T}")).groups[0]), ["female", "male", "other", "missing"]);
}

#[test]
fn group_by_shows_levels_bands_and_missing() {
    let q = ok(&format!("SELECT smoker, sex, AVG(sbp) FROM {T} GROUP BY smoker, sex, sex"));
    assert_eq!(q.groups.iter().map(|a| a.attribute).collect::<Vec<_>>(), [1, 6]);
    assert_eq!(q.grouping_order, [1, 0], "shown in the order written");
    assert_eq!(q.statement.groups[0].bands, [vec![1], vec![2], vec![3], vec![0]]);
    let cut = ok(&format!("SELECT age, COUNT(*) FROM {T} WHERE age >= 65 AND age < 80 GROUP BY age"));
    assert_eq!(labels(&cut.groups[0]), ["65-69", "70-74", "75-79"]);
    let known = ok(&format!("SELECT sex, COUNT(*) FROM {T} WHERE sex IS NOT NULL GROUP BY sex"));
    assert_eq!(labels(&known.groups[0]), ["female", "male", "other"]);
    let either = ok(&format!("SELECT COUNT(*) FROM {T} WHERE sex = 'male' OR age >= 65 GROUP BY sex"));
    assert_eq!(labels(&either.groups[0]).len(), 4, "an alternative excludes no group");
}

#[test]
fn comparisons_of_numbers() {
    assert_eq!(filter("age >= 65"), one("age", 66..=111));
    assert_eq!(filter("age < 65"), one("age", 1..=65));
    assert_eq!(filter("age > 64"), filter("age >= 65"));
    assert_eq!(filter("age <= 64"), filter("age < 65"));
    assert_eq!(filter("65 <= age"), filter("age >= 65"));
    assert_eq!(filter("64 < age"), filter("age >= 65"));
    assert_eq!(filter("age > 64.5"), filter("age >= 65"), "between two levels it is the same set");
    assert_eq!(filter("age BETWEEN 40 AND 49"), one("age", 41..=50));
    assert_eq!(filter("age NOT BETWEEN 40 AND 49"), one("age", (1..=40).chain(51..=111)));
    assert_eq!(filter("age BETWEEN 40 AND 110"), filter("age >= 40"));
    assert_eq!(filter("age >= 0"), filter("age IS NOT NULL"));
    assert_eq!(filter("age <= 110"), filter("age IS NOT NULL"));
    assert_eq!(filter("hba1c >= '6.5'"), filter("hba1c > 6.4"));
    assert_eq!(filter("oldpeak >= -1 AND oldpeak < 0"), one("oldpeak", 21..=30));
    assert_eq!(filter("oldpeak BETWEEN -1 AND -0.1"), one("oldpeak", 21..=30));
    assert_eq!(filter("bmi >= 30"), one("bmi", 4..=7), "two blocks: coarse bins; the band from 40 is wider than one of them");
    assert_eq!(filter("visits = 1"), one("visits", [2]));
    assert_eq!(filter("visits IN (0, 1)"), one("visits", [1, 2]));
    assert_eq!(filter("visits IN (2, 3, 4, 0)"), one("visits", [1, 3, 4, 5]));
    assert_eq!(filter("visits <> 0"), filter("visits >= 1"));
}

#[test]
fn comparisons_of_levels_and_missing() {
    assert_eq!(filter("sex = 'male'"), one("sex", [2]));
    assert_eq!(filter("\"sex\" = 'male'"), one("sex", [2]));
    assert_eq!(filter("SEX = 'male'"), one("sex", [2]));
    assert_eq!(filter("smoker <> 'current'"), one("smoker", [1, 2]), "the unknown are left out");
    assert_eq!(filter("NOT smoker = 'current'"), one("smoker", [1, 2]));
    assert_eq!(filter("NOT NOT smoker = 'current'"), one("smoker", [3]));
    assert_eq!(filter("smoker NOT IN ('current', 'former')"), one("smoker", [1]));
    assert_eq!(filter("smoker IS NULL"), one("smoker", [0]));
    assert_eq!(filter("NOT smoker IS NOT NULL"), one("smoker", [0]));
    assert_eq!(filter("smoker <> 'current' OR smoker IS NULL"), one("smoker", [0, 1, 2]));
}

#[test]
fn clauses_merge() {
    assert_eq!(filter("age >= 40 AND age < 50"), filter("age BETWEEN 40 AND 49"));
    assert_eq!(filter("sex = 'male' OR sex = 'other'"), one("sex", [2, 3]));
    assert!(filter("sex = 'male' OR sex <> 'male' OR sex IS NULL").is_empty(), "holds for everybody");
    assert_eq!(filter("sex = 'male' AND (sex = 'male' OR age >= 65)"), filter("sex = 'male'"));
    assert_eq!(filter("sex = 'male' AND (sex = 'female' OR age >= 65)").len(), 2);
    assert_eq!(filter("(age >= 40 AND age < 50) OR sex = 'male'").len(), 1, "a range is one predicate");
    assert_eq!(filter("(age >= 65 AND sex = 'male') OR (diabetes = 'yes' AND smoker = 'never')").len(), 4);
    assert_eq!(filter("NOT (age >= 65 OR sex = 'male')").len(), 2);
    let a = statement(&format!("SELECT COUNT(*) FROM {T} WHERE sex = 'male' AND age >= 65 GROUP BY smoker, diabetes"));
    let b = statement(&format!(
        "SELECT COUNT(*) FROM {T} WHERE NOT (age < 65 OR sex <> 'male') AND sex IS NOT NULL AND age IS NOT NULL GROUP BY diabetes, smoker"
    ));
    assert_eq!(a, b, "one question, one statement");
}

#[test]
fn table_names() {
    let plain = statement(&format!("SELECT COUNT(*) FROM {T}"));
    for table in [
        "cardiometabolic-core@1",
        "\"cardiometabolic-core\"",
        "\"cardiometabolic-core@1\"",
        "cardiometabolic-core;",
        "cardiometabolic-core WITH (release = exact)",
        "cardiometabolic-core -- a comment",
    ] {
        assert_eq!(statement(&format!("SELECT COUNT(*) FROM {table}")), plain, "{table}");
    }
    let line = statement("SELECT COUNT(*)\nFROM\n cardiometabolic-core@1\nWHERE age >= 65");
    assert_eq!(line.filter.len(), 1);
    assert_eq!(common::refused("SELECT COUNT(*) FROM cardiometabolic-core@1 WHERE ages >= 65").3, 51, "columns count the text as written");
    assert_eq!(common::refused("SELECT COUNT(*) FROM cardiometabolic-core WHERE sex = 'FROM a-b@1'").0, countersign_query::Code::Q07);
}

#[test]
fn titles_categories_and_outcomes() {
    let q = ok(&format!("SELECT AVG(sbp) AS mean_sbp, COUNT(*) FROM {T} WHERE died = 'no' GROUP BY grade"));
    assert_eq!(q.items.iter().map(|i| i.title.as_str()).collect::<Vec<_>>(), ["mean_sbp", "COUNT(*)"]);
    assert_eq!(q.categories, ["conditions", "labs", "outcomes", "vitals"]);
    assert!(q.reads_outcome(&core()));
    assert!(!ok(&format!("SELECT COUNT(*) FROM {T}")).reads_outcome(&core()));
}

#[test]
fn a_study_with_many_scopes_is_checked_again() {
    use countersign_circuits::consent::{Day, Eligibility, ScopeRegistry};
    let registry = ScopeRegistry { scopes: (0..8).map(|i| format!("s{i}")).collect(), grid: vec![Day(10)] };
    let q = ok(&format!(
        "SELECT AVG(sbp) FROM {T} WHERE age >= 65 AND sex = 'male' AND diabetes = 'yes' AND hba1c >= 7 AND smoker = 'never' GROUP BY grade, died"
    ));
    let scopes = |n: u16| Eligibility { scopes: (0..n).collect(), day: Day(3) };
    assert!(q.wiring(&core(), &registry, &scopes(7)).is_ok(), "purpose and six categories, five conditions, two groups: degree 16");
    let refusal = q.wiring(&core(), &registry, &scopes(8)).unwrap_err();
    assert_eq!(refusal.code, countersign_query::Code::Q17);
    assert!(refusal.message.contains("needs degree 17 (8 consent scopes, 5 filter conditions, 2 groups"), "{refusal}");
}

#[test]
fn explained_in_words() {
    let dictionary = core();
    let sql = format!(
        "SELECT sex, COUNT(*), AVG(sbp) FROM {T} WHERE (age >= 65 OR diabetes = 'yes') AND smoker <> 'current' AND hba1c IS NULL GROUP BY sex"
    );
    let words = explain(&compile(&sql, &dictionary).expect("accepted"), &dictionary, 10);
    assert_eq!(
        words,
        "Table: cardiometabolic-core@1 (Test core).\n\
         Who is counted: people for whom (age is 65 years or more or diabetes is yes); and hba1c is missing; and smoker is never or former.\n\
         Separately for each sex (Administrative gender): female, male, other, missing.\n\
         What each hospital releases, for each group: the number of people; of sbp (Systolic blood pressure) the number known, the sum and the sum of squares.\n\
         When a group's numbers are shown (proved; k_min 10 is the network's, a study or a hospital may ask for more):
\x20 - everything: at least 10 people are in it.
\x20 - numbers of sbp: at least 10 people have a value of sbp, and nobody or at least 10 have none (it says something to have none).
Beyond that a hospital withholds what lies too few people from a number released earlier, and sums that one or two people make up.
Data categories read: conditions, demographics, labs, lifestyle, vitals."
    );
    let words = explain(
        &ok(&format!("SELECT CORR(age, bmi), COVAR(age, bmi) FROM {T} WHERE age IS NOT NULL AND bmi IS NOT NULL")),
        &dictionary,
        10,
    );
    assert!(words.contains("everything: at least 15 people are in it, three for each number of a model."), "{words}");
    let words = explain(&ok(&format!("SELECT SHARE(sex = 'male') FROM {T} WHERE sex IS NOT NULL")), &dictionary, 10);
    assert!(words.contains("shares of sex: at least 10 people are in each part."), "{words}");
    let words = explain(&ok(&format!("SELECT AVG(sbp) FROM {T}")), &dictionary, 10);
    assert!(words.contains("numbers of sbp: at least 10 people have a value of sbp.\n"), "{words}");
    let words = explain(&ok(&format!("SELECT MEDIAN(visits) FROM {T} WHERE age BETWEEN 40 AND 49 OR age >= 80")), &dictionary, 10);
    assert!(words.contains("people for whom age is 40 to 49 years or 80 years or more."), "{words}");
    assert!(words.contains("Counted in each band of visits (Encounters): <1, 1, 2-4, 5-9, 10-19, >=20, missing."), "{words}");
}
