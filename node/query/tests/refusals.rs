//! Every refusal, in its exact words and at its place.

use crate::common;

use crate::common::refused;
use countersign_query::{CONNECTIVES_MAX, Code, SQL_BYTES_MAX};

fn check(sql: &str, code: Code, words: &str, line: u64, column: u64) {
    assert_eq!(refused(sql), (code, words.to_owned(), line, column), "{sql}");
}

fn where_(condition: &str) -> String {
    format!("SELECT COUNT(*) FROM cardiometabolic-core\nWHERE {condition}")
}

#[test]
fn q01_rows() {
    let words = "SELECT * returns rows. Rows never leave a hospital; ask for COUNT, SUM, AVG, STDDEV, MEDIAN or HISTOGRAM.";
    check("SELECT * FROM cardiometabolic-core", Code::Q01, words, 1, 8);
    check("SELECT COUNT(*), * FROM cardiometabolic-core", Code::Q01, words, 1, 18);
}

#[test]
fn q02_stands_alone() {
    let words = "\"age\" stands alone in SELECT but not in GROUP BY. Group by it (bands 18, 40, 50 …) or aggregate it.";
    check("SELECT age, COUNT(*) FROM cardiometabolic-core", Code::Q02, words, 1, 8);
    let words = "\"sex\" stands alone in SELECT but not in GROUP BY. Group by it (levels female, male, other) or aggregate it.";
    check("SELECT COUNT(*),\n  sex FROM cardiometabolic-core GROUP BY smoker", Code::Q02, words, 2, 3);
}

#[test]
fn q03_extremes() {
    let words = "MIN and MAX name one person's value. Use PERCENTILE(age, 0.05) and PERCENTILE(age, 0.95).";
    check("SELECT MIN(age) FROM cardiometabolic-core", Code::Q03, words, 1, 8);
    check("SELECT COUNT(*), max(age) FROM cardiometabolic-core", Code::Q03, words, 1, 18);
}

#[test]
fn q04_foreign_constructs() {
    let words = |found: &str, at: &str| {
        format!(
            "JOIN, subqueries, UNION, HAVING, DISTINCT, window functions, CASE and arithmetic are not part of this language (found: {found}, {at}). A derived variable belongs in the study dictionary."
        )
    };
    let t = "cardiometabolic-core";
    for (sql, found, line, column) in [
        (format!("SELECT COUNT(*) FROM {t} JOIN other"), "JOIN", 1, 43),
        (format!("SELECT COUNT(*) FROM {t}\nWHERE age IN (SELECT 65)"), "subquery", 2, 15),
        (format!("SELECT COUNT(*) FROM {t} UNION SELECT 1"), "UNION", 1, 43),
        (format!("SELECT COUNT(*) FROM {t} GROUP BY sex HAVING COUNT(*) > 5"), "HAVING", 1, 56),
        ("SELECT COUNT(DISTINCT age) FROM t".to_owned(), "DISTINCT", 1, 14),
        ("SELECT DISTINCT age FROM t".to_owned(), "DISTINCT", 1, 8),
        ("SELECT AVG(age) OVER (PARTITION BY sex) FROM t".to_owned(), "OVER", 1, 17),
        ("SELECT AVG(CASE WHEN sex = 'male' THEN 1 END) FROM t".to_owned(), "CASE", 1, 12),
        ("SELECT AVG(age + 1) FROM t".to_owned(), "+", 1, 16),
        ("SELECT AVG(age * 2) FROM t".to_owned(), "*", 1, 16),
        ("SELECT AVG(age - 2) FROM t".to_owned(), "-", 1, 16),
        ("SELECT AVG(age) / 2 FROM t".to_owned(), "/", 1, 17),
        (format!("WITH x AS (SELECT 1) SELECT COUNT(*) FROM {t}"), "WITH", 1, 1),
        (format!("SELECT COUNT(*) FROM {t} WHERE sex LIKE 'f'"), "LIKE", 1, 53),
        (format!("SELECT COUNT(*) FROM {t}, other"), "a second table", 1, 44),
        (format!("SELECT COUNT(*) FROM {t} WHERE age > sbp"), "a comparison of two attributes", 1, 55),
    ] {
        check(&sql, Code::Q04, &words(found, &format!("{line}:{column}")), line, column);
    }
}

#[test]
fn q04_sorting_is_the_readers() {
    for (sql, found) in [("ORDER BY 1", "ORDER"), ("LIMIT 1", "LIMIT"), ("OFFSET 2", "OFFSET")] {
        let words = format!(
            "{found}: sorting and cutting off are the reader's. Every group is released or hidden by the same rule, so leave it out and sort what comes back; WHERE picks the groups."
        );
        check(&format!("SELECT COUNT(*) FROM cardiometabolic-core {sql}"), Code::Q04, &words, 1, 43);
    }
}

#[test]
fn q05_unknown_attribute() {
    let words = "unknown attribute \"hba1\". Did you mean \"hba1c\" (HbA1c, NGSP %, latest in two years)?";
    check("SELECT AVG(hba1) FROM cardiometabolic-core", Code::Q05, words, 1, 12);
    let words = "unknown attribute \"diabets\". Did you mean \"diabetes\"?";
    check(&where_("diabets = 'yes'"), Code::Q05, words, 2, 7);
    let words = "unknown attribute \"salary\". The dictionary has: age, sex, diabetes, hba1c, bmi, sbp, smoker, visits, grade, died, oldpeak, free.";
    check("SELECT COUNT(*) FROM cardiometabolic-core GROUP BY salary", Code::Q05, words, 1, 52);
}

#[test]
fn q06_free_cuts() {
    let words = "62 is not a cut of \"age\". Nearest: 60, 65. Free cut points allow single people to be isolated; ask for another cut in the study dictionary.";
    check(&where_("age >= 62"), Code::Q06, words, 2, 14);
    check(&where_("62 <= age"), Code::Q06, words, 2, 7);
    check(&where_("age BETWEEN 50 AND 62"), Code::Q06, words, 2, 26);
    check(&where_("age = 62"), Code::Q06, words, 2, 13);
    check(&where_("NOT (age IN (62))"), Code::Q06, words, 2, 20);
    let lowest = words.replace("62 is", "-5 is").replace("60, 65", "18");
    // the parser gives a negative number the place of its digits
    check(&where_("age >= -5"), Code::Q06, &lowest, 2, 15);
    let highest = words.replace("62 is", "111 is").replace("60, 65", "90");
    check(&where_("age < 111"), Code::Q06, &highest, 2, 13);
    let hint = format!("{} (Above 60 divides at 61; >= 60 divides at 60.)", words.replace("62 is", "61 is"));
    check(&where_("age > 60"), Code::Q06, &hint, 2, 13);
    let hint = format!("{} (Up to and including 60 divides at 61; < 60 divides at 60.)", words.replace("62 is", "61 is"));
    check(&where_("age BETWEEN 40 AND 60"), Code::Q06, &hint, 2, 26);
    let hint = format!(
        "{} (Equality picks one value; a band is picked by its two ends.)",
        words.replace("62 is", "60 is").replace("60, 65", "50, 65")
    );
    check(&where_("age = 60"), Code::Q06, &hint, 2, 13);
    let none = words.replace("62 is", "7 is").replace("age", "free").replace("60, 65", "none");
    check(&where_("free >= 7"), Code::Q06, &none, 2, 15);
    let off_step = words.replace("62 is", "6.55 is").replace("age", "hba1c").replace("60, 65", "6.5, 7");
    check(&where_("hba1c >= 6.55"), Code::Q06, &off_step, 2, 16);
}

#[test]
fn q07_unknown_level() {
    check(&where_("diabetes = 'E11'"), Code::Q07, "\"E11\" is not a level of \"diabetes\"; levels: no, yes.", 2, 18);
    check(&where_("sex IN ('female', 'unknown')"), Code::Q07, "\"unknown\" is not a level of \"sex\"; levels: female, male, other.", 2, 25);
    check(&where_("diabetes = true"), Code::Q07, "\"true\" is not a level of \"diabetes\"; levels: no, yes.", 2, 18);
    check(
        "SELECT SHARE(sex = 1) FROM cardiometabolic-core",
        Code::Q07,
        "\"1\" is not a level of \"sex\"; levels: female, male, other.",
        1,
        20,
    );
}

#[test]
fn q08_groupings() {
    let words = "4 grouping attributes; at most 3. Put one into WHERE, or define a combined attribute.";
    check("SELECT COUNT(*) FROM cardiometabolic-core GROUP BY sex, smoker, diabetes, died", Code::Q08, words, 1, 75);
    check("SELECT COUNT(*), MEDIAN(age) FROM cardiometabolic-core GROUP BY sex, smoker, diabetes", Code::Q08, words, 1, 18);
}

#[test]
fn q09_averages_of_flags() {
    let words =
        "AVG(diabetes) averages a yes/no attribute; its sum is a count. Use SHARE(diabetes = 'yes'), which follows the counting rule.";
    check("SELECT AVG(diabetes) FROM cardiometabolic-core", Code::Q09, words, 1, 8);
    let words = "SUM(sex) sums a category; it has no sum. Use SHARE(sex = 'female'), which follows the counting rule.";
    check("SELECT SUM(sex) FROM cardiometabolic-core", Code::Q09, words, 1, 8);
    let words =
        "CORR(age, died) multiplies a yes/no attribute; its sum is a count. Use SHARE(died = 'yes'), which follows the counting rule.";
    check("SELECT CORR(age, died) FROM cardiometabolic-core", Code::Q09, words, 1, 8);
    let words = "MEDIAN(died) ranks a yes/no attribute; its sum is a count. Use SHARE(died = 'yes'), which follows the counting rule.";
    check("SELECT MEDIAN(died) FROM cardiometabolic-core", Code::Q09, words, 1, 8);
}

#[test]
fn q10_cells() {
    let words = "this statement has 528 cells; circuit 1 carries 256. Split it: countersign split does it without another budget item.";
    check(
        "SELECT COUNT(*), AVG(sbp), AVG(hba1c), COUNT(bmi) FROM cardiometabolic-core GROUP BY sex, age, diabetes",
        Code::Q10,
        &words.replace("528", "1452"),
        1,
        1,
    );
    check(
        "SELECT COUNT(*), COUNT(bmi), AVG(visits), AVG(sbp) FROM cardiometabolic-core GROUP BY age, sex",
        Code::Q10,
        &words.replace("528", "484"),
        1,
        1,
    );
}

#[test]
fn q11_clauses() {
    let words = "after rewriting, the condition has 9 clauses; at most 8.";
    let many = "(age >= 65 AND sex = 'male' AND diabetes = 'yes') OR (hba1c >= 7 AND smoker = 'never' AND died = 'no')";
    check(&where_(many), Code::Q11, words, 2, 8);
    let wide = "age >= 65 OR sex = 'male' OR diabetes = 'yes' OR hba1c >= 7 OR smoker = 'never'";
    let words = "after rewriting, a clause of the condition has 5 predicates on different attributes; at most 4.";
    check(&where_(wide), Code::Q11, words, 2, 7);
    let blow: Vec<String> = ["age >= 65", "sex = 'male'", "diabetes = 'yes'", "hba1c >= 7"]
        .iter()
        .zip([("bmi", 30), ("sbp", 140), ("visits", 5), ("oldpeak", 0)])
        .map(|(a, (b, cut))| format!("({a} AND {b} >= {cut} AND died = 'no' AND smoker <> 'never' AND grade >= 3)"))
        .collect();
    assert_eq!(refused(&where_(&blow.join(" OR "))).0, Code::Q11);
}

#[test]
fn q12_not_a_number() {
    check(
        &where_("hba1c >= '7,5'"),
        Code::Q12,
        "literal '7,5' is not a number. Numbers of \"hba1c\" are written without a unit; its unit is %.",
        2,
        16,
    );
    check(
        &where_("visits >= 'many'"),
        Code::Q12,
        "literal 'many' is not a number. Numbers of \"visits\" are written without a unit; it is a count.",
        2,
        17,
    );
    let exponent = "numbers are written out, without an exponent: 50 and not 5e1 (found '5e1').";
    check(&where_("age >= 5e1"), Code::Q12, exponent, 2, 14);
    let nines = "9".repeat(30);
    let (code, said, ..) = refused(&where_(&format!("age >= {nines}")));
    assert!(code == Code::Q12 && said.contains("too many digits"), "{said}");
}

#[test]
fn q13_unreadable() {
    for (sql, words, line, column) in [
        ("", "the query is empty; it begins with SELECT.", 1, 1),
        ("SELECT sex FROM cardiometabolic-core GROUP BY sex", "nothing is counted: add COUNT(*) or another aggregate to SELECT.", 1, 8),
        ("DELETE FROM cardiometabolic-core", "a query begins with SELECT.", 1, 1),
        (
            "SELECT COUNT(*) FROM cardiometabolic-core WHERE age = NULL",
            "a comparison with NULL is never true. Use IS NULL or IS NOT NULL.",
            1,
            55,
        ),
        ("SELECT COUNT(*) FROM cardiometabolic-core WHERE sex = \"male\"", "texts stand in single quotes: 'male'.", 1, 55),
        (
            "SELECT COUNT(*) FROM cardiometabolic-core WHERE diabetes",
            "\"diabetes\" alone is not a condition. Write diabetes = 'yes' or diabetes IS NOT NULL.",
            1,
            49,
        ),
        (
            "SELECT COUNT(*) FROM cardiometabolic-core WHERE sex < 'male'",
            "the levels of \"sex\" have no order, so < means nothing for them. Use = or IN.",
            1,
            55,
        ),
        (
            "SELECT PERCENTILE(age, 95) FROM cardiometabolic-core",
            "the second argument of PERCENTILE is a number between 0 and 1, as in 0.25.",
            1,
            24,
        ),
        (
            "SELECT COUNT(*) FROM cardiometabolic-core WITH (release = mid6)",
            "release = mid6 is not offered by circuit 1; use release = exact, or leave it out.",
            1,
            59,
        ),
        ("SELECT CORR(age, age) FROM cardiometabolic-core", "CORR needs two different attributes.", 1, 8),
        ("SELECT COUNT(*)", "FROM is missing: name the dictionary, as in FROM cardiometabolic-core.", 1, 1),
    ] {
        check(sql, Code::Q13, words, line, column);
    }
    assert_eq!(refused("SELECT COUNT(* FROM cardiometabolic-core").0, Code::Q13);
    assert_eq!(refused("SELECT COUNT(*) FROM cardiometabolic-core WHERE sex = 'mal").0, Code::Q13);
    assert_eq!(refused("SELECT COUNT(*) FROM cardiometabolic-core; SELECT COUNT(*) FROM cardiometabolic-core").0, Code::Q04);
}

#[test]
fn q13_signs_and_ones() {
    let (code, said, ..) = refused(&where_("age >= +50"));
    assert_eq!((code, said.as_str()), (Code::Q13, "a number is written without a plus: 50, not +50."));
    let (code, said, ..) = refused("SELECT COUNT(1) FROM cardiometabolic-core");
    assert!(code == Code::Q13 && said.contains("COUNT(*)"), "{said}");
}

#[test]
fn q14_other_table() {
    let words = "\"heart-cath@2\" is not the table of this query; it asks cardiometabolic-core@1. Write FROM cardiometabolic-core.";
    check("SELECT COUNT(*) FROM heart-cath@2", Code::Q14, words, 1, 22);
}

#[test]
fn q15_nobody() {
    let words = "this condition holds for nobody: two parts of it exclude each other. Check the AND, or the ends of BETWEEN.";
    for condition in [
        "age >= 65 AND age < 40",
        "sex = 'male' AND sex = 'female'",
        "sex IS NULL AND sex = 'male'",
        "age >= 65 AND (age < 40 OR age < 50)",
        "age >= 65 AND (age < 40 OR sex = 'male') AND sex = 'other'",
    ] {
        let (code, said, ..) = refused(&where_(condition));
        assert_eq!((code, said.as_str()), (Code::Q15, words), "{condition}");
    }
    let reversed = "BETWEEN 65 AND 39 holds for nobody: the smaller end comes first. Write BETWEEN 39 AND 65.";
    check(&where_("age BETWEEN 65 AND 39"), Code::Q15, reversed, 2, 19);
    // one part cannot exclude itself
    let (code, said, ..) = refused(&where_("age < 0"));
    assert_eq!(
        (code, said.as_str()),
        (Code::Q15, "this condition holds for nobody: \"age\" goes from 0 to 110. Check the number and the direction.")
    );
    let none = refused("SELECT MEDIAN(age) FROM cardiometabolic-core WHERE age IS NULL");
    assert_eq!((none.0, none.1.as_str()), (Code::Q15, "the condition leaves no known value of \"age\"."));
}

#[test]
fn q16_mixtures() {
    let words = "CORR and COVAR count only people with both values known, so COUNT(*) beside them would mean other people than it says. Ask two queries.";
    check("SELECT CORR(age, sbp), COUNT(*) FROM cardiometabolic-core", Code::Q16, words, 1, 24);
    let words = "CORR and COVAR count only people with both values known, and another pair means other people. Ask two queries.";
    check("SELECT CORR(age, sbp), CORR(age, bmi) FROM cardiometabolic-core", Code::Q16, words, 1, 24);
    let words = "HISTOGRAM, MEDIAN and PERCENTILE count the bands of one attribute (\"age\" here), so AVG(sbp) would be split by these bands. Ask two queries, or GROUP BY age to see it in each band.";
    check("SELECT AVG(sbp), MEDIAN(age) FROM cardiometabolic-core", Code::Q16, words, 1, 8);
    let words = "\"age\" is grouped and its distribution asked for at once. Leave GROUP BY age out, or ask for COUNT(*).";
    check("SELECT HISTOGRAM(age) FROM cardiometabolic-core GROUP BY age", Code::Q16, words, 1, 8);
}

#[test]
fn q17_degree() {
    let clause = |a: &str, b: &str, c: &str, d: &str| format!("({a} OR {b} OR {c} OR {d})");
    let condition = [
        clause("age >= 65", "sex = 'male'", "diabetes = 'yes'", "hba1c >= 7"),
        clause("bmi >= 30", "sbp >= 140", "smoker = 'never'", "visits >= 5"),
        clause("died = 'no'", "oldpeak >= 0", "age < 50", "sex = 'female'"),
        "grade >= 3".to_owned(),
    ]
    .join(" AND ");
    let words = "the statement needs degree 17 (1 consent scopes, 13 filter conditions, 1 groups, 1 for values, 1 for withdrawals); circuit 1 carries 16. Drop a condition, or ask for counts and means of one-block attributes.";
    check(&format!("SELECT AVG(sbp) FROM cardiometabolic-core WHERE {condition} GROUP BY sex"), Code::Q17, words, 1, 1);
}

#[test]
fn q18_bounds() {
    assert_eq!(refused(&"x".repeat(SQL_BYTES_MAX + 1)).0, Code::Q18);
    let deep = format!("SELECT COUNT(*) FROM cardiometabolic-core WHERE {}age >= 65{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(refused(&deep).0, Code::Q18);
    assert_eq!(refused(&where_(&format!("{} age >= 65", "NOT ".repeat(CONNECTIVES_MAX + 1)))).0, Code::Q18);
    assert_eq!(refused(&where_(&format!("{} age >= 65", "NOT ".repeat(150)))).0, Code::Q18);
    let chain = vec!["age >= 65"; CONNECTIVES_MAX + 2].join(" OR ");
    assert_eq!(refused(&where_(&chain)).0, Code::Q18);
    let fits = vec!["age >= 65"; CONNECTIVES_MAX + 1].join(" OR ");
    assert_eq!(common::statement(&where_(&fits)), common::statement(&where_("age >= 65")));
}

#[test]
fn q19_short_scales() {
    let words = "\"grade\": a scale of fewer than ten levels is used by bands only (D5).";
    check("SELECT AVG(grade) FROM cardiometabolic-core", Code::Q19, words, 1, 1);
}

#[test]
fn a_refusal_prints_code_place_and_words() {
    let refusal = countersign_query::compile("SELECT\n  *\nFROM cardiometabolic-core", &common::core()).unwrap_err();
    assert!(refusal.to_string().starts_with("Q01 at 2:3: SELECT * returns rows."), "{refusal}");
}
