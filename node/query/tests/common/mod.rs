//! A small dictionary with every kind of attribute, and helpers the tests share.

use countersign_circuits::dictionary::{Dictionary, canonical_json};
use countersign_circuits::statement::Statement;
use countersign_query::{Code, Question, compile};
use serde_json::{Value, json};

pub fn dictionary_of(attributes: &Value) -> Dictionary {
    let value = json!({ "format": "countersign-dictionary/1", "id": "cardiometabolic-core", "version": 1, "title": "Test core",
        "grain": "patient", "attribute": attributes });
    Dictionary::from_canonical(&canonical_json(&value).expect("no floats")).expect("a valid dictionary")
}

pub fn core() -> Dictionary {
    dictionary_of(&json!([
        { "name": "age", "label": "Age at index date", "category": "demographics", "kind": "number", "unit": "a",
          "range": ["0", "110"], "step": "1", "cuts": ["18", "40", "50", "60", "65", "70", "75", "80", "90"] },
        { "name": "sex", "label": "Administrative gender", "category": "demographics", "kind": "category", "levels": ["female", "male", "other"] },
        { "name": "diabetes", "category": "conditions", "kind": "flag" },
        { "name": "hba1c", "label": "HbA1c, NGSP %, latest in two years", "category": "labs", "kind": "number", "unit": "%",
          "range": ["3", "20"], "step": "0.1", "cuts": ["5.7", "6.5", "7", "8", "9", "10"] },
        { "name": "bmi", "label": "Body mass index", "category": "vitals", "kind": "number", "unit": "kg/m2",
          "range": ["10", "80"], "step": "0.1", "cuts": ["18.5", "25", "30", "35", "40"] },
        { "name": "sbp", "label": "Systolic blood pressure", "category": "vitals", "kind": "number", "unit": "mm[Hg]",
          "range": ["50", "260"], "step": "1", "cuts": ["90", "120", "130", "140", "160", "180"] },
        { "name": "smoker", "label": "Smoking status", "category": "lifestyle", "kind": "category", "levels": ["never", "former", "current"] },
        { "name": "visits", "label": "Encounters", "category": "encounters", "kind": "count", "range": ["0", "50"], "cuts": ["1", "2", "5", "10", "20"] },
        { "name": "grade", "category": ["conditions", "labs"], "kind": "number", "range": ["1", "5"], "cuts": ["2", "3", "4", "5"] },
        { "name": "died", "category": "outcomes", "kind": "flag", "role": "outcome" },
        { "name": "oldpeak", "category": "labs", "kind": "number", "unit": "mm", "range": ["-3", "10"], "step": "0.1", "cuts": ["-1", "0", "1", "2"] },
        { "name": "free", "category": "labs", "kind": "number", "range": ["0", "20"] },
    ]))
}

pub fn ok(sql: &str) -> Question {
    compile(sql, &core()).unwrap_or_else(|e| panic!("{sql}\n{e}"))
}

pub fn statement(sql: &str) -> Statement {
    ok(sql).statement
}

/// Compiles `SELECT COUNT(*) .. WHERE cond` and gives the filter as (attribute name, bins) lists.
pub fn filter(condition: &str) -> Vec<Vec<(String, Vec<u16>)>> {
    let dictionary = core();
    let statement = statement(&format!("SELECT COUNT(*) FROM cardiometabolic-core WHERE {condition}"));
    let name = |a: u16| dictionary.attribute(a).expect("known").name().to_owned();
    statement.filter.into_iter().map(|c| c.any_of.into_iter().map(|l| (name(l.attribute), l.bins)).collect()).collect()
}

/// Code, words and place of a refusal.
pub fn refused(sql: &str) -> (Code, String, u64, u64) {
    match compile(sql, &core()) {
        Ok(question) => panic!("accepted: {sql}\n{:?}", question.statement),
        Err(e) => (e.code, e.message, e.line, e.column),
    }
}
