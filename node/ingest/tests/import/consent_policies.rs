//! What policies can say: terms of the Data Use Ontology, the end of a consent with death, and lists of people who objected elsewhere.

use super::{consents::document, day};
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ingest::{ConsentPolicy, ConsentSource, Consents, ImportError, PatientId, read_consents, read_opt_outs, shipped};
use proptest::prelude::*;
use std::fs;

const PURPOSES: [&str; 7] = ["p.general", "p.health", "p.ancestry", "p.methods", "p.commercial", "r.for_profit", "r.world"];

fn registry() -> ScopeRegistry {
    let categories = ["c.labs", "c.genetics"];
    let scopes = PURPOSES.into_iter().chain(categories).map(str::to_owned).collect();
    ScopeRegistry { scopes, grid: vec![day("2025-12-31"), day("2030-12-31")] }
}

fn read(policy: &str, text: &str) -> Result<Consents, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Consent.ndjson"), text).unwrap();
    let policy = ConsentPolicy::from_toml(policy).unwrap();
    read_consents(ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") }, &registry())
}

fn permitted(consents: &Consents) -> Vec<String> {
    consents.table.scopes(&PatientId::new("p").unwrap()).map(|(scope, _)| scope.to_owned()).collect()
}

/// A document with a provision for each term.
fn coded(id: &str, terms: &[(&str, &str)]) -> String {
    let rule = |(kind, term): &(&str, &str)| {
        format!(
            "{{\"type\":\"{kind}\",\"code\":[{{\"coding\":[{{\"system\":\"http://purl.obolibrary.org/obo/duo.owl\",\"code\":\"DUO_{term}\"}}]}}]}}"
        )
    };
    let rules: Vec<String> = terms.iter().map(rule).collect();
    document(id, "p", &format!("\"provision\":[{}]", rules.join(",")))
        .replace("urn:countersign:policy:broad-research:1", "http://purl.obolibrary.org/obo/duo.owl")
}

fn duo(terms: &[&str]) -> Consents {
    let permits: Vec<(&str, &str)> = terms.iter().map(|term| ("permit", *term)).collect();
    read(shipped::CONSENT_POLICY_DUO, &coded("c", &permits)).unwrap()
}

#[test]
fn terms_of_the_data_use_ontology_become_scopes() {
    let all_but = |missing: &[&str]| -> Vec<String> {
        let mut left: Vec<String> = PURPOSES.into_iter().chain(["c.labs"]).filter(|p| !missing.contains(p)).map(str::to_owned).collect();
        left.sort();
        left
    };
    for (terms, missing) in [
        (&["0000004"][..], &[][..]),
        (&["0000042"], &["p.ancestry"]),
        (&["0000042", "0000046"], &["p.ancestry", "p.commercial"]),
        (&["0000042", "0000018", "0000022"], &["p.ancestry", "p.commercial", "r.for_profit", "r.world"]),
        (&["0000006"], &["p.ancestry", "p.general"]),
        (&["0000006", "0000015", "0000021", "0000043"], &["p.ancestry", "p.general", "p.methods"]),
        (&["0000004", "0000044"], &["p.ancestry"]),
        (&["0000011"], &["p.general", "p.health", "p.methods"]),
    ] {
        assert_eq!(permitted(&duo(terms)), all_but(missing), "{terms:?}: genetics is never implied");
    }
}

#[test]
fn terms_that_no_row_can_carry_permit_nothing() {
    for term in ["0000007", "0000012", "0000016", "0000019", "0000020", "0000024", "0000026", "0000027", "0000028", "0000029"] {
        let done = duo(&["0000042", term]);
        assert!(permitted(&done).is_empty(), "{term}");
        assert_eq!(done.report.refused.get("restriction-not-kept"), Some(&1));
    }
    let unknown = duo(&["0000042", "0009999"]);
    assert_eq!((permitted(&unknown).len(), unknown.report.refused.get("unknown-code-of-the-policy")), (0, Some(&1)));
    let modifiers = duo(&["0000046", "0000018"]);
    assert_eq!((permitted(&modifiers).len(), modifiers.report.refused.get("package-incomplete")), (0, Some(&1)), "of no purpose");
    // a later document that cannot be kept does not leave the broader one of before standing without a person's look
    let before = coded("a", &[("permit", "0000042")]);
    let after = coded("b", &[("permit", "0000042"), ("permit", "0000012")]).replace("2020-01-01", "2023-01-01");
    let both = read(shipped::CONSENT_POLICY_DUO, &format!("{before}{after}")).unwrap();
    assert_eq!((permitted(&both).len(), both.report.patients_for_review), (0, 1));
    // beside a refusal it is for a person to look at
    let refusing =
        read(shipped::CONSENT_POLICY_DUO, &coded("c", &[("permit", "0000042"), ("deny", "0000044"), ("permit", "0000012")])).unwrap();
    assert_eq!(refusing.report.patients_for_review, 1);
}

/// Terms that need a detail have it beside their code: what they take away is taken whatever it says.
#[test]
fn a_narrowed_permit_hides_no_restriction() {
    let narrowed = |term: &str, more: &str| {
        let code = format!("{{\"coding\":[{{\"system\":\"http://purl.obolibrary.org/obo/duo.owl\",\"code\":\"DUO_{term}\"}}]}}");
        format!("{{\"type\":\"permit\",\"code\":[{code}]{more}}}")
    };
    let with = |rule: String| {
        let root = format!("\"provision\":[{},{rule}]", narrowed("0000042", ""));
        let text = document("c", "p", &root).replace("urn:countersign:policy:broad-research:1", "http://purl.obolibrary.org/obo/duo.owl");
        read(shipped::CONSENT_POLICY_DUO, &text).unwrap()
    };
    let purpose = ",\"purpose\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ActReason\",\"code\":\"HRESCH\"}]";
    assert!(permitted(&with(narrowed("0000007", purpose))).is_empty(), "of one disease only");
    let regional = permitted(&with(narrowed("0000022", purpose)));
    assert!(regional.contains(&"p.health".to_owned()) && !regional.contains(&"r.world".to_owned()), "{regional:?}");
    for bare in [
        "{\"type\":\"permit\",\"code\":[{\"text\":\"not by companies\"}]}".to_owned(),
        "{\"type\":\"permit\",\"code\":[{\"coding\":[{\"code\":\"DUO_0000046\"}]}]}".to_owned(),
        format!("{{\"type\":\"permit\"{purpose}}}"),
    ] {
        let done = with(bare.clone());
        assert_eq!((permitted(&done).len(), done.report.refused.get("unknown-code-of-the-policy")), (0, Some(&1)), "{bare}");
    }
    let refused = read(shipped::CONSENT_POLICY_DUO, &coded("c", &[("permit", "0000042"), ("deny", "0000046")])).unwrap();
    assert_eq!((permitted(&refused).len(), refused.report.patients_for_review), (0, 1), "to refuse a restriction may mean anything");
}

/// A network whose registry has no scope for what a term takes away cannot keep it.
#[test]
fn a_restriction_without_a_scope_permits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Consent.ndjson"), coded("c", &[("permit", "0000006"), ("permit", "0000046")])).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY_DUO).unwrap();
    let registry = ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![day("2030-12-31")] };
    let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") };
    let done = read_consents(source, &registry).unwrap();
    assert_eq!((permitted(&done).len(), done.report.refused.get("restriction-not-kept")), (0, Some(&1)));
    assert!(done.table.has_withdrawn(&PatientId::new("p").unwrap()));
}

#[test]
fn a_restriction_takes_whatever_other_documents_permit() {
    let text = format!("{}{}", coded("a", &[("permit", "0000042"), ("permit", "0000046")]), coded("b", &[("permit", "0000004")]));
    let done = read(shipped::CONSENT_POLICY_DUO, &text).unwrap();
    assert!(!permitted(&done).contains(&"p.commercial".to_owned()) && permitted(&done).contains(&"p.ancestry".to_owned()));
}

const TERMS: [&str; 24] = [
    "0000004", "0000006", "0000007", "0000011", "0000012", "0000015", "0000016", "0000018", "0000019", "0000020", "0000021", "0000022",
    "0000024", "0000025", "0000026", "0000027", "0000028", "0000029", "0000042", "0000043", "0000044", "0000045", "0000046", "0009999",
];
/// Terms that permit something: any other takes away, or changes nothing.
const PRIMARY: [&str; 4] = ["0000004", "0000006", "0000011", "0000042"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// One more term that is not of the gate never permits more; nor does one more document of restrictions and refusals.
    #[test]
    fn a_modifier_never_permits_more(terms in prop::collection::vec(0..TERMS.len(), 1..5), more in 0..TERMS.len(), kind in 0..2usize) {
        let rules: Vec<(&str, &str)> = terms.iter().map(|at| ("permit", TERMS[*at])).collect();
        let before = permitted(&read(shipped::CONSENT_POLICY_DUO, &coded("c", &rules)).unwrap());
        let kind = ["permit", "deny"][kind];
        prop_assume!(kind == "deny" || !PRIMARY.contains(&TERMS[more]));
        let added: Vec<(&str, &str)> = rules.iter().copied().chain([(kind, TERMS[more])]).collect();
        for text in [coded("c", &added), format!("{}{}", coded("c", &rules), coded("d", &[(kind, TERMS[more])]))] {
            let after = permitted(&read(shipped::CONSENT_POLICY_DUO, &text).unwrap());
            prop_assert!(after.iter().all(|scope| before.contains(scope)), "{rules:?} and {kind} {}: {before:?}, then {after:?}", TERMS[more]);
        }
    }
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    for (from, to, said) in [
        ("one_of = [\"0000004\"", "one_of = [\"0000099\"", "which `gate` gives no scopes"),
        ("ignored = [", "ignored = [\"0000044\", ", "has a meaning, and is refused or ignored"),
        ("refused = [", "refused = [\"0000042\", ", "has a meaning, and is refused or ignored"),
        ("one_of = [\"0000004\", \"0000042\", \"0000006\", \"0000011\"]", "one_of = []", "have at least one entry each"),
        ("0000044 = [\"p.ancestry\"]", "0000042 = [\"p.ancestry\"]", "permits and restricts"),
        ("0000044 = [\"p.ancestry\"]", "0000044 = [\"c.*\"]", "a star stands for none"),
    ] {
        assert!(shipped::CONSENT_POLICY_DUO.contains(from));
        let message = ConsentPolicy::from_toml(&shipped::CONSENT_POLICY_DUO.replace(from, to)).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn under_a_policy_that_says_so_a_consent_ends_with_death() {
    let policy = shipped::CONSENT_POLICY.replace("code_system", "deceased = \"end_at_death\"\ncode_system");
    let rule =
        "\"provision\":[{\"type\":\"permit\",\"code\":[{\"coding\":[{\"system\":\"urn:countersign:consent\",\"code\":\"research\"}]}]}]";
    let consent = document("c", "p", rule);
    let patient = |more: &str| format!("{{\"resourceType\":\"Patient\",\"id\":\"p\"{more}}}\n");
    let read = |policy: &str, patients: &[String]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Consent.ndjson"), &consent).unwrap();
        if !patients.is_empty() {
            fs::write(folder.path().join("Patient.ndjson"), patients.concat()).unwrap();
        }
        let policy = ConsentPolicy::from_toml(policy).unwrap();
        let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") };
        read_consents(source, &registry())
    };
    assert!(!permitted(&read(&policy, &[patient("")]).unwrap()).is_empty(), "alive");
    let undated = ",\"_deceasedDateTime\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/data-absent-reason\",\"valueCode\":\"unknown\"}]}";
    for died in [",\"deceasedBoolean\":true", ",\"deceasedDateTime\":\"2023-05\"", undated] {
        let done = read(&policy, &[patient(died)]).unwrap();
        assert_eq!((permitted(&done).len(), done.report.refused.get("ended-with-death")), (0, Some(&1)));
        assert!(done.table.has_withdrawn(&PatientId::new("p").unwrap()));
        assert!(!permitted(&read(shipped::CONSENT_POLICY, &[patient(died)]).unwrap()).is_empty(), "kept as it was given");
    }
    let version = |n: u32, more: &str| patient(&format!(",\"meta\":{{\"versionId\":\"{n}\"}}{more}"));
    let corrected = read(&policy, &[version(1, ",\"deceasedBoolean\":true"), version(2, ",\"deceasedBoolean\":false")]).unwrap();
    assert!(!permitted(&corrected).is_empty(), "written down by mistake, and corrected");
    let merged = "{\"resourceType\":\"Patient\",\"id\":\"old\",\"deceasedBoolean\":true,\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":\"Patient/p\"}}]}\n";
    assert!(permitted(&read(&policy, &[patient(""), merged.to_owned()]).unwrap()).is_empty(), "the record it was merged from says so");
    // nobody is taken for alive, or for dead, because a file is missing
    let message = read(&policy, &[]).unwrap_err().to_string();
    assert!(message.contains("1 people who permit something have no Patient"), "{message}");
}

#[test]
fn an_opt_out_is_stronger_than_any_permit() {
    let folder = tempfile::tempdir().unwrap();
    let (consents, list) = (folder.path().join("consents.csv"), folder.path().join("list.csv"));
    fs::write(&consents, "patient,scope,until\np,p.health,\np,c.labs,\nq,p.health,\n").unwrap();
    let read = || read_consents(ConsentSource::Csv(&consents), &registry()).unwrap();
    let with = |text: &str| {
        fs::write(&list, text).unwrap();
        let mut consents = read();
        read_opt_outs(&list).map(|list| {
            consents.opt_out(&list);
            consents
        })
    };
    let [p, q, r] = ["p", "q", "r"].map(|id| PatientId::new(id).unwrap());
    let done = with("patient\np\nr\np\n").unwrap();
    assert_eq!((permitted(&done).len(), done.table.until(&q, "p.health")), (0, Some(Day(day("2030-12-31").0))));
    assert!(done.table.has_withdrawn(&p) && done.table.has_withdrawn(&r) && !done.table.has_withdrawn(&q));
    assert_eq!(
        (done.report.opted_out, done.report.patients, done.report.scopes.get("p.health"), done.report.scopes.get("c.labs")),
        (1, 1, Some(&1), None)
    );
    assert!(done.report.to_string().contains("on the list of opt-outs, which is stronger: 1"));
    assert_eq!(with("patient\n").unwrap().table, read().table, "nobody objected");
    for (text, said) in
        [("", "header"), ("SECRET\n", "column"), ("patient,since\nSECRET,2020\n", "no other"), ("patient\nSECRET\u{7}\n", "identifier")]
    {
        let message = with(text).unwrap_err().to_string();
        assert!(message.contains(said) && !message.contains("SECRET\u{7}"), "{message}");
    }
    fs::remove_file(&list).unwrap();
    assert!(read_opt_outs(&list).is_err());
}
