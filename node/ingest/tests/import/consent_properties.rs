//! What no document of consents may do, whatever else stands in them: properties over invented sets of documents of one person.

use super::{consents::registry, day};
use countersign_circuits::consent::Day;
use countersign_ingest::{ConsentPolicy, ConsentSource, PatientId, read_consents, shipped};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

const DAYS: [&str; 6] = ["2019-01-01", "2022-07-01", "2024-06-01", "2024-06-02", "2025-12-31", "2031-01-01"];

/// A rule of a document: whether it permits, its code, its days by index, and whether it is narrowed.
#[derive(Debug, Clone)]
struct Rule {
    permit: bool,
    code: &'static str,
    days: (Option<usize>, Option<usize>),
    narrowed: bool,
}

#[derive(Debug, Clone)]
struct Document {
    status: &'static str,
    signed: Option<usize>,
    root: (Option<usize>, Option<usize>),
    rules: Vec<Rule>,
}

fn period((start, end): (Option<usize>, Option<usize>)) -> Value {
    let mut period = json!({});
    start.into_iter().for_each(|at| period["start"] = json!(DAYS[at]));
    end.into_iter().for_each(|at| period["end"] = json!(DAYS[at]));
    period
}

impl Rule {
    fn json(&self) -> Value {
        let mut rule = json!({
            "type": if self.permit { "permit" } else { "deny" },
            "code": [{"coding": [{"system": "urn:countersign:consent", "code": self.code}]}],
        });
        if self.days != (None, None) {
            rule["period"] = period(self.days);
        }
        if self.narrowed {
            rule["purpose"] = json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}]);
        }
        rule
    }
}

impl Document {
    fn json(&self, id: usize) -> String {
        let mut root = json!({"type": "deny"});
        if self.root != (None, None) {
            root["period"] = period(self.root);
        }
        if !self.rules.is_empty() {
            root["provision"] = self.rules.iter().map(Rule::json).collect();
        }
        let mut consent = json!({
            "resourceType": "Consent", "id": format!("c{id}"), "status": self.status, "patient": {"reference": "Patient/p"},
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
            "policy": [{"uri": "urn:countersign:policy:broad-research:1"}], "provision": root,
        });
        self.signed.into_iter().for_each(|at| consent["dateTime"] = json!(DAYS[at]));
        format!("{consent}\n")
    }
}

/// What the person permits on 2024-06-01: scopes with their last days.
fn permitted(documents: &[Document], order: impl Iterator<Item = usize>) -> BTreeMap<String, Day> {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = order.map(|id| documents[id].json(id)).collect();
    fs::write(folder.path().join("Consent.ndjson"), lines).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") };
    let read = read_consents(source, &registry()).unwrap();
    let person = PatientId::new("p").unwrap();
    read.table.scopes(&person).map(|(scope, until)| (scope.to_owned(), until)).collect()
}

fn in_order(documents: &[Document]) -> BTreeMap<String, Day> {
    permitted(documents, 0..documents.len())
}

/// Nothing more is permitted, and nothing for longer.
fn no_more(after: &BTreeMap<String, Day>, before: &BTreeMap<String, Day>) -> bool {
    after.iter().all(|(scope, until)| before.get(scope).is_some_and(|was| until <= was))
}

fn span() -> impl Strategy<Value = (Option<usize>, Option<usize>)> {
    (prop::option::weighted(0.3, 0..DAYS.len()), prop::option::weighted(0.3, 2..DAYS.len()))
}

fn rule() -> impl Strategy<Value = Rule> {
    let code =
        prop::sample::select(vec!["research", "research", "research", "research", "research", "linkage", "commercial", "unheard-of"]);
    (prop::bool::weighted(0.9), code, span(), prop::bool::weighted(0.05)).prop_map(|(permit, code, days, narrowed)| Rule {
        permit,
        code,
        days,
        narrowed,
    })
}

fn document() -> impl Strategy<Value = Document> {
    let status = prop_oneof![
        20 => Just("active"), 1 => Just("inactive"), 1 => Just("rejected"), 1 => Just("draft"), 1 => Just("entered-in-error")
    ];
    let signed = prop_oneof![1 => Just(None), 6 => (0..3usize).prop_map(Some), 1 => (3..DAYS.len()).prop_map(Some)];
    (status, signed, span(), prop::collection::vec(rule(), 0..4)).prop_map(|(status, signed, root, rules)| Document {
        status,
        signed,
        root,
        rules,
    })
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    prop::collection::vec(document(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// One more refusal in a document that has rules, or a document of nothing but refusals: never more.
    #[test]
    fn a_refusal_never_permits(documents in documents(), at in any::<prop::sample::Index>(), refusal in rule(), signed in prop::option::of(0..DAYS.len())) {
        let before = in_order(&documents);
        let refusal = Rule { permit: false, ..refusal };
        let mut inside = documents.clone();
        let document = at.get(&documents);
        if !document.rules.is_empty() {
            inside[at.index(documents.len())].rules.push(refusal.clone());
            prop_assert!(no_more(&in_order(&inside), &before), "inside: {before:?}, then {:?}", in_order(&inside));
        }
        for status in ["active", "inactive", "rejected"] {
            let mut beside = documents.clone();
            beside.push(Document { status, signed, root: (None, None), rules: vec![refusal.clone()] });
            prop_assert!(no_more(&in_order(&beside), &before), "{status}: {before:?}, then {:?}", in_order(&beside));
        }
    }

    /// What is not understood never permits: a code nobody heard of, a permit that is narrowed, a document that is none yet.
    #[test]
    fn what_is_not_understood_never_permits(documents in documents(), at in any::<prop::sample::Index>(), extra in rule(), permit in any::<bool>()) {
        let before = in_order(&documents);
        for strange in [Rule { permit, code: "unheard-of", ..extra.clone() }, Rule { permit, narrowed: true, ..extra.clone() }] {
            let mut inside = documents.clone();
            inside[at.index(documents.len())].rules.push(strange.clone());
            prop_assert!(no_more(&in_order(&inside), &before), "{strange:?}: {before:?}, then {:?}", in_order(&inside));
        }
        let mut beside = documents.clone();
        beside.push(Document { status: "draft", signed: None, root: (None, None), rules: vec![Rule { permit: true, ..extra }] });
        prop_assert!(no_more(&in_order(&beside), &before));
    }

    /// The order in which documents come does not matter.
    #[test]
    fn the_order_of_documents_does_not_matter(documents in documents(), turn in 0..4usize) {
        let count = documents.len();
        let before = in_order(&documents);
        prop_assert_eq!(&permitted(&documents, (0..count).rev()), &before);
        prop_assert_eq!(&permitted(&documents, (0..count).map(|at| (at + turn) % count)), &before);
    }

    /// A permit of fewer days never adds one.
    #[test]
    fn a_narrower_period_never_adds_a_day(documents in documents(), at in any::<prop::sample::Index>(), rule in any::<prop::sample::Index>(), later in 0..DAYS.len(), earlier in 0..DAYS.len()) {
        let permits: Vec<usize> = (0..at.get(&documents).rules.len()).filter(|which| at.get(&documents).rules[*which].permit).collect();
        if permits.is_empty() {
            return Ok(());
        }
        let which = *rule.get(&permits);
        let before = in_order(&documents);
        let mut less = documents.clone();
        let days = &mut less[at.index(documents.len())].rules[which].days;
        *days = (Some(days.0.map_or(later, |start| start.max(later))), Some(days.1.map_or(earlier, |end| end.min(earlier))));
        prop_assert!(no_more(&in_order(&less), &before), "{before:?}, then {:?}", in_order(&less));
    }
}
