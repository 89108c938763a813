//! Consents: CSV and FHIR documents into scopes.

use super::day;
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ingest::{ConsentPolicy, ConsentSource, Consents, ImportError, PatientId, read_consents, shipped};
use std::fs;

pub(super) fn registry() -> ScopeRegistry {
    let scopes =
        ["p.health", "p.linkage", "c.demographics", "c.conditions", "c.labs", "c.vitals", "c.lifestyle", "c.encounters", "c.outcomes"];
    ScopeRegistry { scopes: scopes.map(str::to_owned).to_vec(), grid: vec![day("2025-12-31"), day("2030-12-31")] }
}

pub(super) fn document(id: &str, patient: &str, root: &str) -> String {
    format!(
        "{{\"resourceType\":\"Consent\",\"id\":\"{id}\",\"status\":\"active\",\"scope\":{{\"coding\":[{{\"system\":\"http://terminology.hl7.org/CodeSystem/consentscope\",\
         \"code\":\"research\"}}]}},\"patient\":{{\"reference\":\"Patient/{patient}\"}},\"dateTime\":\"2020-01-01\",\
         \"policy\":[{{\"uri\":\"urn:countersign:policy:broad-research:1\"}}],\"provision\":{{\"type\":\"deny\",{root}}}}}\n"
    )
}

fn rule(kind: &str, code: &str, more: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"code\":[{{\"coding\":[{{\"system\":\"urn:countersign:consent\",\"code\":\"{code}\"}}]}}]{more}}}")
}

fn provisions(rules: &[String]) -> String {
    format!("\"provision\":[{}]", rules.join(","))
}

fn reduce(text: &str) -> Consents {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Consent.ndjson"), text).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    read_consents(ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") }, &registry()).unwrap()
}

fn health(consents: &Consents) -> Option<Day> {
    consents.table.until(&PatientId::new("p").unwrap(), "p.health")
}

#[test]
fn a_complete_document_permits_until_its_end() {
    let open = reduce(&document("c", "p", &provisions(&[rule("permit", "research", "")])));
    assert_eq!(health(&open), Some(day("2030-12-31")));
    assert_eq!((open.report.documents_read, open.report.documents_used, open.report.patients), (1, 1, 1));
    assert_eq!(open.table.scopes(&PatientId::new("p").unwrap()).count(), 8);
    let ends = reduce(&document("c", "p", &provisions(&[rule("permit", "research", ",\"period\":{\"end\":\"2026-02\"}")])));
    assert_eq!(health(&ends), Some(day("2026-02-28")));
    let root = format!(
        "\"period\":{{\"start\":\"2020\",\"end\":\"2025-03-01T10:00:00+02:00\"}},{}",
        provisions(&[rule("permit", "research", "")])
    );
    assert_eq!(health(&reduce(&document("c", "p", &root))), Some(day("2025-03-01")));
    assert!(open.table.usable_on(day("2030-12-31")).len() == 1 && open.table.usable_on(day("2031-01-01")).is_empty());
}

#[test]
fn what_is_over_or_not_yet_begun_permits_nothing() {
    for period in ["\"end\":\"2024-05-31\"", "\"start\":\"2024-06-02\""] {
        let done = reduce(&document("c", "p", &provisions(&[rule("permit", "research", &format!(",\"period\":{{{period}}}"))])));
        assert_eq!(health(&done), None, "{period}");
    }
}

#[test]
fn denies_are_subtracted_across_documents_whatever_their_date() {
    let permit = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    let deny = document("d", "p", &provisions(&[rule("deny", "research", "")])).replace("2020-01-01", "2019-01-01");
    assert_eq!(health(&reduce(&(permit.clone() + &deny))), None);
    let later = document("d", "p", &provisions(&[rule("deny", "research", ",\"period\":{\"start\":\"2024-09-01\"}")]));
    assert_eq!(health(&reduce(&(permit.clone() + &later))), Some(day("2024-08-31")));
    let other = document("d", "q", &provisions(&[rule("deny", "research", "")]));
    assert_eq!(health(&reduce(&(permit + &other))), Some(day("2030-12-31")));
}

#[test]
fn a_deny_that_is_not_understood_makes_the_patient_count_for_nothing() {
    let permit = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    for (rule, why) in [
        (rule("deny", "research", ",\"actor\":[{}]"), "narrowed-deny"),
        (rule("deny", "something", ""), "deny-with-unknown-code"),
        ("{\"type\":\"deny\"}".into(), "narrowed-deny"),
        ("{}".into(), "rule-without-type"),
        (rule("permit", "research", &format!(",\"provision\":[{}]", rule("deny", "research", ""))), "nested-too-deeply"),
    ] {
        let done = reduce(&(permit.clone() + &document("d", "p", &provisions(&[rule]))));
        assert_eq!((health(&done), done.report.patients_for_review, done.report.refused.get(why)), (None, 1, Some(&1)), "{why}");
    }
    let narrowed = document("c", "p", &provisions(&[rule("permit", "research", ""), rule("permit", "linkage", ",\"purpose\":[{}]")]));
    let done = reduce(&narrowed);
    assert_eq!(health(&done), Some(day("2030-12-31")));
    assert_eq!(done.report.permits_ignored.get("narrowed-permit"), Some(&1));
    assert_eq!(done.table.until(&PatientId::new("p").unwrap(), "p.linkage"), None);
}

#[test]
fn a_later_document_that_takes_permission_away_withdraws() {
    let permit = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    let refusal = |date: &str| document("w", "p", "\"period\":{\"start\":\"2020\"}").replace("2020-01-01", date);
    let status = |status: &str, date: &str| {
        permit.replace("\"active\"", &format!("\"{status}\"")).replace("\"c\"", "\"w\"").replace("2020-01-01", date)
    };
    for (word, why) in [
        (refusal("2021-01-01"), "refuses-everything"),
        (refusal("2020-01-01"), "refuses-everything"),
        (status("rejected", "2021-01-01"), "rejected"),
        (status("inactive", "2021-01-01"), "inactive"),
    ] {
        let done = reduce(&(permit.clone() + &word));
        assert_eq!(
            (health(&done), done.report.refused.get(why), done.report.patients_for_review),
            (None, Some(&1), 0),
            "{why}: {:?}",
            done.report
        );
        assert!(
            done.table.has_withdrawn(&PatientId::new("p").unwrap()) && !done.table.has_withdrawn(&PatientId::new("q").unwrap()),
            "{why}"
        );
        // another patient's says nothing of this one
        assert_eq!(health(&reduce(&(permit.clone() + &word.replace("Patient/p", "Patient/q")))), Some(day("2030-12-31")), "{why}");
    }
    // who permitted again after a withdrawal, permits; an old document that was replaced takes nothing
    for word in [
        refusal("2019-01-01").replace("\"start\":\"2020\"", "\"start\":\"2019\""),
        status("inactive", "2019-01-01"),
        status("rejected", "2019-06-01"),
    ] {
        assert_eq!(health(&reduce(&(permit.clone() + &word))), Some(day("2030-12-31")), "{word}");
    }
    // a document that never said anything takes nothing
    assert_eq!(health(&reduce(&(permit.clone() + &status("entered-in-error", "2021-01-01")))), Some(day("2030-12-31")));
    // a refusal for a time to come ends the permit then
    let ahead = document("w", "p", "\"period\":{\"start\":\"2025-03-01\"}").replace("2020-01-01", "2024-01-01");
    assert_eq!(health(&reduce(&(permit.clone() + &ahead))), Some(day("2025-02-28")));
}

#[test]
fn a_refusal_that_is_not_understood_stops_its_patient() {
    let permit = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    let refusal = document("w", "p", "\"period\":{\"start\":\"2020\"}").replace("2020-01-01", "2021-01-01");
    for (from, to, why) in [
        ("urn:countersign:policy:broad-research:1", "urn:x", "policy-unknown"),
        ("2021-01-01", "2025-01-01", "dated-in-the-future"),
        ("\"dateTime\"", "\"performer\":[{\"reference\":\"RelatedPerson/m\"}],\"dateTime\"", "by-proxy"),
        ("\"dateTime\"", "\"modifierExtension\":[{}],\"dateTime\"", "modifier-extension"),
    ] {
        assert!(refusal.contains(from), "{from}");
        let done = reduce(&(permit.clone() + &refusal.replacen(from, to, 1)));
        assert_eq!(
            (health(&done), done.report.patients_for_review, done.report.refused.get(why)),
            (None, 1, Some(&1)),
            "{why}: {:?}",
            done.report
        );
    }
    // a later document that permits less than the package
    let less = document("w", "p", &provisions(&[rule("permit", "linkage", "")]));
    let done = reduce(&(permit + &less));
    assert_eq!((health(&done), done.report.patients_for_review), (None, 1));
}

#[test]
fn an_element_id_narrows_nothing() {
    let with_ids = document("c", "p", &provisions(&[rule("permit", "research", ",\"id\":\"r1\"")]))
        .replace("{\"type\":\"deny\"", "{\"id\":\"root\",\"type\":\"deny\"");
    assert!(with_ids.contains("\"root\"") && with_ids.contains("\"r1\""));
    assert_eq!(health(&reduce(&with_ids)), Some(day("2030-12-31")));
}

#[test]
fn refusals_have_reasons() {
    let good = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    for (from, to, why) in [
        ("\"active\"", "\"inactive\"", "inactive"),
        ("\"active\"", "\"entered-in-error\"", "entered-in-error"),
        ("\"active\"", "\"draft\"", "not-active"),
        ("\"code\":\"research\"}]}", "\"code\":\"treatment\"}]}", "not-research"),
        ("urn:countersign:policy:broad-research:1", "urn:x", "policy-unknown"),
        ("2020-01-01", "2025-01-01", "dated-in-the-future"),
        ("\"dateTime\"", "\"performer\":[{\"reference\":\"RelatedPerson/m\"}],\"dateTime\"", "by-proxy"),
        ("\"dateTime\"", "\"modifierExtension\":[{}],\"dateTime\"", "modifier-extension"),
        ("{\"type\":\"deny\"", "{\"type\":\"permit\"", "base-permit"),
        ("{\"type\":\"deny\",", "{", "base-rule-unclear"),
        ("{\"type\":\"deny\",", "{\"type\":\"deny\",\"class\":[],", "root-narrowed"),
        ("Patient/p", "Group/p", "no-patient"),
    ] {
        assert!(good.contains(from), "{from}");
        let done = reduce(&good.replacen(from, to, 1));
        assert_eq!((health(&done), done.report.refused.get(why)), (None, Some(&1)), "{why}: {:?}", done.report);
        assert_eq!(done.table.has_withdrawn(&PatientId::new("p").unwrap()), why == "inactive", "{why}");
    }
    let partial = reduce(&document("c", "p", &provisions(&[rule("permit", "linkage", "")])));
    assert_eq!(partial.report.refused.get("package-incomplete"), Some(&1));
}

#[test]
fn consents_follow_merged_patients_and_new_versions() {
    let permit = document("c", "old", &provisions(&[rule("permit", "research", "")]));
    let folder = tempfile::tempdir().unwrap();
    let link =
        "{\"resourceType\":\"Patient\",\"id\":\"old\",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":\"Patient/p\"}}]}";
    fs::write(folder.path().join("all.ndjson"), permit.clone() + link).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") };
    assert_eq!(health(&read_consents(source, &registry()).unwrap()), Some(day("2030-12-31")));
    // the survivor alone says so: what was withdrawn under the old id is withdrawn
    let survivor =
        "{\"resourceType\":\"Patient\",\"id\":\"p\",\"link\":[{\"type\":\"replaces\",\"other\":{\"reference\":\"Patient/old\"}}]}\n";
    let old = permit.replace("\"active\"", "\"inactive\"").replace("\"c\"", "\"w\"").replace("2020-01-01", "2021-01-01");
    let permit = permit.replace("Patient/old", "Patient/p");
    assert_eq!(health(&reduce(&(permit.clone() + &old))), Some(day("2030-12-31")));
    let all = permit.clone() + &old + survivor;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("all.ndjson"), all).unwrap();
    let source = ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") };
    assert_eq!(health(&read_consents(source, &registry()).unwrap()), None);
    let withdrawn = permit.replace("\"active\"", "\"inactive\"");
    assert_eq!(health(&reduce(&(permit + &withdrawn))), None);
}

fn reduce_files(files: &[(&str, String)]) -> Result<Consents, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    read_consents(ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day("2024-06-01") }, &registry())
}

/// A permit and the words that make it a withdrawal.
fn permit_and_withdrawal() -> (String, String) {
    let permit = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    (permit.clone(), permit.replace("\"active\"", "\"inactive\""))
}

#[test]
fn consents_that_are_not_whole_are_refused() {
    let (permit, _) = permit_and_withdrawal();
    let manifest = |more: &str| {
        let output = "[{\"type\":\"Consent\",\"url\":\"https://h/Consent.ndjson\",\"count\":1}]";
        format!("{{\"transactionTime\":\"2024-05-30T04:00:00Z\",\"output\":{output}{more}}}")
    };
    let folder = |more: &[(&'static str, String)]| {
        let mut all = vec![("Consent.ndjson", permit.clone())];
        all.extend_from_slice(more);
        reduce_files(&all)
    };
    assert_eq!(health(&folder(&[("manifest.json", manifest(""))]).unwrap()), Some(day("2030-12-31")));
    for more in [
        vec![("manifest.json", manifest(",\"link\":[{\"relation\":\"next\",\"url\":\"https://h/2\"}]"))],
        vec![("manifest.json", manifest(",\"error\":[{\"type\":\"OperationOutcome\",\"url\":\"https://h/e.ndjson\"}]"))],
        vec![("manifest.json", manifest("").replace("\"count\":1", "\"count\":2"))],
        vec![("manifest.json", manifest("")), ("Consent-2.ndjson", permit.clone())],
        vec![("withdrawn.json", permit.clone())],
        vec![("2023/Consent.ndjson", permit.clone())],
    ] {
        match folder(&more) {
            Err(ImportError::Package { problem, .. }) => assert!(problem.contains("not whole"), "{problem}"),
            other => panic!("{more:?}: {other:?}"),
        }
    }
    // a page of a search result that is not here, and one that is
    let page = |url: &str, next: &str| {
        let links = format!("[{{\"relation\":\"self\",\"url\":\"{url}\"}}{next}]");
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":{links},\"entry\":[{{\"resource\":{}}}]}}", permit.trim())
    };
    let first = ("1.json", page("https://h/1", ",{\"relation\":\"next\",\"url\":\"https://h/2\"}"));
    assert!(matches!(reduce_files(std::slice::from_ref(&first)), Err(ImportError::Package { .. })));
    assert!(reduce_files(&[first, ("2.json", page("https://h/2", ""))]).is_ok());
    // a bundle as a line holds documents that would be passed over
    let line = format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"resource\":{}}}]}}\n", permit.trim());
    assert!(matches!(reduce_files(&[("all.ndjson", permit.clone() + &line)]), Err(ImportError::Package { .. })));
    // lines under their other ending
    assert_eq!(health(&reduce_files(&[("Consent.jsonl", permit)]).unwrap()), Some(day("2030-12-31")));
}

#[test]
fn the_last_version_counts_however_it_is_told() {
    let (permit, withdrawn) = permit_and_withdrawal();
    let meta = |text: &str, meta: &str| text.replacen("\"id\":\"c\"", &format!("\"id\":\"c\",\"meta\":{{{meta}}}"), 1);
    let numbered = |text: &str, n: u32| meta(text, &format!("\"versionId\":\"{n}\""));
    assert_eq!(health(&reduce(&(numbered(&withdrawn, 10) + &numbered(&permit, 9)))), None, "by number, and not as words");
    assert_eq!(health(&reduce(&(numbered(&permit, 10) + &numbered(&withdrawn, 9)))), Some(day("2030-12-31")));
    // nothing tells: whoever refused in one of them counts for nothing
    for text in [permit.clone() + &withdrawn, withdrawn.clone() + &permit] {
        assert_eq!(health(&reduce(&text)), None, "{text}");
    }
    assert_eq!(reduce(&(withdrawn.clone() + &permit)).report.patients_for_review, 1);
    // a history has the newest first
    let history = |entries: &[&str]| {
        let entries: Vec<String> = entries
            .iter()
            .map(|e| if e.starts_with("{\"req") { (*e).to_owned() } else { format!("{{\"resource\":{}}}", e.trim()) })
            .collect();
        [("h.json", format!("{{\"resourceType\":\"Bundle\",\"type\":\"history\",\"entry\":[{}]}}", entries.join(",")))]
    };
    assert_eq!(health(&reduce_files(&history(&[&withdrawn, &permit])).unwrap()), None);
    // deleted, and made again
    let at = |text: &str, year: u32| meta(text, &format!("\"lastUpdated\":\"{year}-01-01T00:00:00Z\""));
    let delete = |more: &str| format!("{{\"request\":{{\"method\":\"DELETE\",\"url\":\"Consent/c\"}}{more}}}");
    let deleted_in_2022 = delete(",\"response\":{\"lastModified\":\"2022-01-01T00:00:00Z\",\"status\":\"204\"}");
    for (text, permits) in [(at(&permit, 2023), true), (at(&permit, 2021), false), (permit.clone(), false)] {
        let done = reduce_files(&history(&[&deleted_in_2022, &text])).unwrap();
        assert_eq!(health(&done).is_some(), permits, "{text}");
    }
    // a deletion in a file before the document's
    let [(_, first)] = history(&[&delete("")]);
    let [(_, second)] = history(&[&permit]);
    assert_eq!(health(&reduce_files(&[("a.json", first.clone()), ("b.json", second)]).unwrap()), None);
    // a refusal that may have been made again after it was deleted is not dropped
    let older = document("a", "p", &provisions(&[rule("permit", "research", "")]));
    let [(_, second)] = history(&[&older, &withdrawn]);
    let done = reduce_files(&[("a.json", first), ("b.json", second)]).unwrap();
    assert_eq!((health(&done), done.report.patients_for_review), (None, 1), "{:?}", done.report);
}

#[test]
fn a_later_document_that_permits_less_than_can_be_read_needs_a_person() {
    let permit = document("c", "p", &provisions(&[rule("permit", "research", "")]));
    let later = permit.replace("\"c\"", "\"d\"").replace("2020-01-01", "2021-01-01");
    for (from, to, why) in [
        ("\"dateTime\"", "\"performer\":[{\"reference\":\"RelatedPerson/m\"}],\"dateTime\"", "by-proxy"),
        ("{\"type\":\"deny\",", "{\"type\":\"deny\",\"class\":[],", "root-narrowed"),
        ("\"status\":\"active\",", "", "status-unclear"),
        ("\"active\"", "\"revoked\"", "status-unclear"),
    ] {
        assert!(later.contains(from), "{from}");
        let done = reduce(&(permit.clone() + &later.replacen(from, to, 1)));
        assert_eq!((health(&done), done.report.patients_for_review), (None, 1), "{why}: {:?}", done.report);
        assert_eq!(done.report.refused.get(why), Some(&1));
        // an earlier one was replaced by the permit
        let earlier = later.replacen(from, to, 1).replace("2021-01-01", "2019-01-01");
        assert_eq!(health(&reduce(&(permit.clone() + &earlier))), Some(day("2030-12-31")), "{why}");
    }
    // whose withdrawal it is must be known, and what a refusal is about
    let lost = later.replace("\"active\"", "\"inactive\"").replace("Patient/p", "Group/p");
    assert!(matches!(reduce_files(&[("Consent.ndjson", permit.clone() + &lost)]), Err(ImportError::Package { .. })));
    let scope = later.find("\"scope\"").unwrap()..later.find("\"patient\"").unwrap();
    let mut unscoped = document("d", "p", "\"period\":{\"start\":\"2021\"}");
    unscoped.replace_range(scope, "");
    let done = reduce(&(permit + &unscoped));
    assert_eq!((health(&done), done.report.refused.get("scope-missing")), (None, Some(&1)), "{:?}", done.report);
}

#[test]
fn policies_with_rules_this_reader_does_not_apply_are_refused() {
    let with = |line: &str| shipped::CONSENT_POLICY.replacen("code_system", &format!("{line}\ncode_system"), 1);
    for key in ["valid_from", "overlay", "majority"] {
        let message = ConsentPolicy::from_toml(&with(&format!("{key} = \"6\""))).unwrap_err().to_string();
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
}

fn csv(text: &str) -> Result<Consents, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consents.csv");
    fs::write(&path, text).unwrap();
    read_consents(ConsentSource::Csv(&path), &registry())
}

#[test]
fn a_simple_table_of_consents() {
    let done = csv("patient,scope,until\np,p.health,2026-05-01\np,c.labs,\nq,p.health,\n").unwrap();
    assert_eq!(health(&done), Some(day("2026-05-01")));
    assert_eq!(done.table.until(&PatientId::new("p").unwrap(), "c.labs"), Some(day("2030-12-31")));
    assert_eq!((done.report.patients, done.report.scopes.get("p.health")), (2, Some(&2)));
    for (text, start) in [
        ("patient,scope,until\nSECRET,p.heatlh,\n", "consents.csv:2: the scope"),
        ("patient,scope,until\nSECRET,p.health,\nSECRET,p.health,2026-01-01\n", "consents.csv:3: the patient and scope"),
        ("patient,scope,until\nSECRET,p.health,01.05.2026\n", "consents.csv:2: until"),
        ("patient,scope,until\n,p.health,\n", "consents.csv:2: the patient's identifier"),
        ("patient,scope\nSECRET,p.health\n", "consents.csv:1: column \"until\""),
        ("patient,scope,until,name\n", "consents.csv:1: column \"name\""),
    ] {
        let message = csv(text).unwrap_err().to_string();
        assert!(message.starts_with(start) && !message.contains("SECRET"), "{message}");
    }
}

/// Lines of separators below the table are no consents; what a day should look like is said as it is taken.
#[test]
fn lines_that_hold_nothing_are_no_consents() {
    let done = csv("patient,scope,until\np,p.health,\n,,\n , ,\n").unwrap();
    assert_eq!(done.report.documents_read, 1);
    let message = csv("patient,scope,until\np,p.health,2026-05\n").unwrap_err().to_string();
    assert!(message.contains("until") && message.ends_with("write YYYY-MM-DD"), "{message}");
}

#[test]
fn tables_beside_the_ones_that_are_read_are_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "patient,scope,until\np,p.health,\n").unwrap();
    let read = || read_consents(ConsentSource::Csv(folder.path()), &registry());
    assert_eq!(health(&read().unwrap()), Some(day("2030-12-31")));
    for name in ["b.tsv", "b.csv.gz", "2023/b.csv"] {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        assert!(matches!(read(), Err(ImportError::Package { .. })), "{name}");
        fs::remove_file(&file).unwrap();
        if name.contains('/') {
            fs::remove_dir(file.parent().unwrap()).unwrap();
        }
    }
    assert!(read().is_ok());
}
