//! Data windows: of which days a patient permits the use of records, by the German broad consent as it is shipped.

use super::{
    core, day, read_csv,
    rules::{condition, encounter, lab, patient},
    value,
};
use countersign_circuits::consent::ScopeRegistry;
use countersign_ingest::{
    ConsentPolicy, ConsentSource, Consents, Import, ImportError, ImportOptions, LeftOut, Mapping, PatientId, Reading, import,
    read_consents, shipped,
};
use std::{fs, path::Path};

const SYSTEM: &str = "urn:oid:2.16.840.1.113883.3.1937.777.24.5.3";

fn registry() -> ScopeRegistry {
    let scopes = [
        "p.health",
        "p.linkage",
        "c.demographics",
        "c.conditions",
        "c.labs",
        "c.vitals",
        "c.lifestyle",
        "c.encounters",
        "c.outcomes",
        "c.genetics",
    ];
    ScopeRegistry { scopes: scopes.map(str::to_owned).to_vec(), grid: vec![day("2030-12-31")] }
}

/// A document of the broad consent; `period` of each rule as FHIR writes it.
fn document(id: &str, rules: &[(&str, &str, &str)]) -> String {
    let rule = |(kind, code, period): &(&str, &str, &str)| {
        let period = if period.is_empty() { String::new() } else { format!(",\"period\":{{{period}}}") };
        format!(
            "{{\"type\":\"{kind}\",\"code\":[{{\"coding\":[{{\"system\":\"{SYSTEM}\",\"code\":\"2.16.840.1.113883.3.1937.777.24.5.3.{code}\"}}]}}]{period}}}"
        )
    };
    let rules: Vec<String> = rules.iter().map(rule).collect();
    format!(
        "{{\"resourceType\":\"Consent\",\"id\":\"{id}\",\"status\":\"active\",\"scope\":{{\"coding\":[{{\"system\":\"http://terminology.hl7.org/CodeSystem/consentscope\",\
         \"code\":\"research\"}}]}},\"patient\":{{\"reference\":\"Patient/p\"}},\"dateTime\":\"2018-01-01\",\
         \"policy\":[{{\"uri\":\"urn:oid:2.16.840.1.113883.3.1937.777.24.2.1791\"}}],\"provision\":{{\"type\":\"deny\",\"provision\":[{}]}}}}\n",
        rules.join(",")
    )
}

const LONG: &str = "\"start\":\"2018-01-01\",\"end\":\"2048-01-01\"";

fn mii() -> ConsentPolicy {
    ConsentPolicy::from_toml(shipped::CONSENT_POLICY_MII).unwrap()
}

fn consents(folder: &Path, text: &str, policy: &ConsentPolicy) -> Consents {
    fs::write(folder.join("Consent.ndjson"), text).unwrap();
    read_consents(ConsentSource::Fhir { path: folder, policy, today: day("2024-06-01") }, &registry()).unwrap()
}

/// The rows of records under these consents.
fn read(documents: &str, records: &str) -> Import {
    let (of_consents, of_records) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let consents = consents(of_consents.path(), documents, &mii());
    fs::write(of_records.path().join("records.ndjson"), records).unwrap();
    let reading = core();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap();
    let usable = consents.table.usable_on(day("2024-06-01"));
    let options = ImportOptions { as_of: Some(day("2021-06-01")), consented: Some(&usable), consents: Some(&consents), progress: None };
    import(&reading, &mapping, of_records.path(), &options).unwrap()
}

fn both(period: &str) -> [(&'static str, &'static str, &str); 2] {
    [("permit", "8", LONG), ("permit", "6", period)]
}

fn hba1c(id: &str, percent: u32, when: &str) -> String {
    lab(id, "p", "4548-4", &format!("\"value\":{percent},\"code\":\"%\""), when)
}

#[test]
fn the_broad_consent_gives_every_category_but_the_separate_ones() {
    let folder = tempfile::tempdir().unwrap();
    let read = consents(folder.path(), &document("c", &both(LONG)), &mii());
    let p = PatientId::new("p").unwrap();
    let scopes: Vec<&str> = read.table.scopes(&p).map(|(scope, _)| scope).collect();
    assert_eq!(scopes, ["c.conditions", "c.demographics", "c.encounters", "c.labs", "c.lifestyle", "c.outcomes", "c.vitals", "p.health"]);
    let linked = document("c", &[("permit", "8", LONG), ("permit", "6", LONG), ("permit", "9", LONG), ("permit", "27", LONG)]);
    assert!(consents(folder.path(), &linked, &mii()).table.until(&p, "p.linkage").is_some());
    // one of the two is no package, in one document or over two
    let apart = document("a", &[("permit", "8", LONG)]) + &document("b", &[("permit", "6", LONG)]);
    let nothing = consents(folder.path(), &apart, &mii());
    assert!(nothing.table.is_empty() && nothing.report.refused.get("package-incomplete") == Some(&2), "{}", nothing.report);
}

#[test]
fn records_outside_the_window_do_not_exist_for_the_row() {
    let reading = core();
    let seen = patient("p", "") + &encounter("v", "p", "finished", "2018-12-15");
    let records = seen.clone() + &hba1c("early", 9, "2017-06-01") + &hba1c("inside", 6, "2018-03-01") + &hba1c("late", 7, "2018-11-01");
    let of = |start: &str, records: &str| {
        let done = read(&document("c", &both(&format!("\"start\":\"{start}\",\"end\":\"2048-01-01\""))), records);
        (value(&reading, &done, "p", "hba1c"), done.report.notes)
    };
    assert_eq!(of("2018-01-01", &records).0.as_deref(), Some("7"));
    assert_eq!(of("2018-11-01", &records).0.as_deref(), Some("7"), "its first day is in it");
    let (gone, notes) = of("2018-11-02", &records);
    assert_eq!(gone, None);
    assert!(notes.iter().any(|n| n.starts_with("4 records are of days")), "{notes:?}");
    // a month that is only partly in it is not
    let monthly = seen + &hba1c("m", 8, "2018-03");
    assert_eq!(of("2018-03-01", &monthly).0.as_deref(), Some("8"));
    assert_eq!(of("2018-03-02", &monthly).0, None);
}

#[test]
fn earlier_records_take_a_code_of_their_own_in_the_same_document() {
    let reading = core();
    let records = patient("p", "") + &hba1c("early", 9, "2017-06-01");
    let window = ("permit", "6", LONG);
    let with = |more: &[(&'static str, &'static str, &'static str)], other: &str| {
        let rules: Vec<_> = [("permit", "8", LONG), window].into_iter().chain(more.iter().copied()).collect();
        let done = read(&(document("c", &rules) + other), &records);
        // who has no record that may be used is not in observation
        (!done.table.rows.is_empty()).then(|| value(&reading, &done, "p", "hba1c")).flatten()
    };
    assert_eq!(with(&[], ""), None);
    assert_eq!(with(&[("permit", "45", LONG)], "").as_deref(), Some("9"));
    assert_eq!(with(&[("permit", "46", LONG)], "").as_deref(), Some("9"));
    // of days that have nothing to do with the window, in another document, or refused anywhere
    assert_eq!(with(&[("permit", "45", "\"start\":\"2010\",\"end\":\"2011\"")], ""), None);
    assert_eq!(with(&[], &document("d", &[("permit", "45", LONG)])), None);
    assert_eq!(with(&[("permit", "45", LONG)], &document("d", &[("deny", "45", LONG)])), None);
}

#[test]
fn a_refusal_of_collecting_closes_the_window_and_keeps_what_was_collected() {
    let reading = core();
    let records = patient("p", "") + &hba1c("before", 6, "2018-03-01");
    let going_on = read(&document("c", &both(LONG)), &records);
    assert_eq!(value(&reading, &going_on, "p", "died").as_deref(), Some("no"));
    let stop = document("d", &[("deny", "6", "\"start\":\"2019-03-01\"")]);
    let done = read(&(document("c", &both(LONG)) + &stop), &records);
    assert_eq!(value(&reading, &done, "p", "hba1c").as_deref(), Some("6"));
    assert_eq!(value(&reading, &done, "p", "died"), None, "the year was not observed to its end");
    // closed before the day of the table: of what must be known of everybody nothing is
    let before = document("d", &[("deny", "6", "\"start\":\"2018-10-01\"")]);
    let done = read(&(document("c", &both(LONG)) + &before), &records);
    assert_eq!(done.report.left_out.keys().collect::<Vec<_>>(), [&LeftOut::Incomplete]);
    // a refusal of all days leaves nobody's records: a row of "no" would be false
    let all = document("d", &[("deny", "6", "")]);
    let done = read(&(document("c", &both(LONG)) + &all), &records);
    assert_eq!((done.table.rows.len(), done.report.left_out.values().sum::<u64>()), (0, 1), "{}", done.report);
    // who has no document at all is left out for that reason
    let nobody = read(&document("c", &both(LONG)).replace("Patient/p", "Patient/q"), &records);
    assert_eq!(nobody.report.left_out.keys().collect::<Vec<_>>(), [&LeftOut::NotObserved]);
}

#[test]
fn an_encounter_that_overlaps_the_beginning_moves_it() {
    let reading = core();
    let stay = |end: &str| {
        encounter("stay", "p", "finished", "2018-02-20").replace("\"start\":\"2018-02-20\"", &format!("\"start\":\"2018-02-20\"{end}"))
    };
    let of = |stay: &str| {
        let records = patient("p", "") + stay + &hba1c("admission", 6, "2018-02-21");
        value(&reading, &read(&document("c", &both("\"start\":\"2018-03-01\",\"end\":\"2048-01-01\"")), &records), "p", "hba1c")
    };
    assert_eq!(of(&stay(",\"end\":\"2018-03-05\"")).as_deref(), Some("6"));
    assert_eq!(of(&stay(",\"end\":\"2018-03-01\"")).as_deref(), Some("6"), "the day it begins on");
    assert_eq!(of(&stay(",\"end\":\"2018-02-28\"")), None, "over before");
    assert_eq!(of(&stay("")), None, "no end is known");
    assert_eq!(of(&stay(",\"end\":\"2018-03-05\"").replace("finished", "cancelled")), None, "it did not happen");
}

#[test]
fn conditions_are_of_the_day_they_were_written_down_and_deaths_of_their_own() {
    let reading = core();
    let records = |more: &str| patient("p", "") + &condition("c", "p", "44054006", more);
    let of = |more: &str| value(&reading, &read(&document("c", &both(LONG)), &records(more)), "p", "diabetes");
    assert_eq!(of(",\"onsetDateTime\":\"2010-01-01\",\"recordedDate\":\"2018-05-01\"").as_deref(), Some("yes"));
    assert_eq!(of(",\"onsetDateTime\":\"2018-05-01\",\"recordedDate\":\"2017-05-01\"").as_deref(), Some("no"));
    assert_eq!(of(",\"onsetDateTime\":\"2018-05-01\"").as_deref(), Some("yes"));
    assert_eq!(of("").as_deref(), Some("no"), "of no day");
    let dead = patient("p", ",\"deceasedDateTime\":\"2019-06-01\"");
    let died = |end: &str| {
        value(&reading, &read(&document("c", &both(&format!("\"start\":\"2018-01-01\",\"end\":\"{end}\""))), &dead), "p", "died")
    };
    assert_eq!(died("2048-01-01").as_deref(), Some("yes"));
    // the year after the index is not over when the window ends: nobody may say that the person lived
    assert_eq!(died("2019-05-01"), None);
    assert_eq!(died("2020-06-01").as_deref(), Some("yes"));
}

#[test]
fn a_window_never_adds_a_day() {
    let reading = core();
    // whatever the order of documents and however many: what is used lies in the union of the windows and in no refusal
    let days = ["2018-02-01", "2018-04-01", "2018-06-01", "2018-08-01", "2018-10-01"];
    let windows = ["\"start\":\"2018-01-15\",\"end\":\"2018-03-01\"", "\"start\":\"2018-05-15\",\"end\":\"2048-01-01\""];
    for (at, when) in days.iter().enumerate() {
        let records = patient("p", "") + &encounter("v", "p", "finished", "2018-02-10") + &hba1c("r", 6, when);
        let permits: Vec<String> = windows.iter().enumerate().map(|(i, w)| document(&format!("c{i}"), &both(w))).collect();
        let deny = document("d", &[("deny", "6", "\"start\":\"2018-07-15\",\"end\":\"2018-09-15\"")]);
        for documents in [[&permits[0], &permits[1], &deny], [&deny, &permits[1], &permits[0]]] {
            let text: String = documents.into_iter().cloned().collect();
            let done = read(&text, &records);
            assert_eq!(value(&reading, &done, "p", "hba1c").is_some(), [0, 2, 4].contains(&at), "{when}");
        }
    }
}

#[test]
fn proxies_sign_where_the_policy_lets_them_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let by_mother =
        document("c", &both(LONG)).replacen("\"dateTime\"", "\"performer\":[{\"reference\":\"RelatedPerson/m\"}],\"dateTime\"", 1);
    let read = consents(folder.path(), &by_mother, &mii());
    assert_eq!((read.report.by_proxy, read.report.patients), (1, 1));
    assert!(read.report.to_string().contains("signed by somebody else for the patient: 1"), "{}", read.report);
    let without = ConsentPolicy::from_toml(&shipped::CONSENT_POLICY_MII.replace("guardian = true", "guardian = false")).unwrap();
    let read = consents(folder.path(), &by_mother, &without);
    assert_eq!((read.report.by_proxy, read.report.patients, read.report.refused.get("by-proxy")), (0, 0, Some(&1)));
}

#[test]
fn a_table_of_rows_says_nothing_of_days_and_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let consents = consents(folder.path(), &document("c", &both(LONG)), &mii());
    let table = folder.path().join("table.csv");
    fs::write(&table, "patient_id,age,sex,trestbps,chol,cp,oldpeak,num\np,50,0,120,200,1,0.1,0\n").unwrap();
    assert!(read_csv(&table).is_ok());
    let reading = Reading::from_toml(shipped::HEART_DISEASE).unwrap();
    let mapping = Mapping::from_toml(shipped::MAPPING_HEART_CSV, &reading).unwrap();
    let options = ImportOptions { as_of: Some(day("2021-06-01")), consented: None, consents: Some(&consents), progress: None };
    let refused = import(&reading, &mapping, &table, &options).unwrap_err();
    assert!(matches!(refused, ImportError::WindowsOfRows), "{refused}");
}

#[test]
fn a_policy_says_of_its_window_what_can_be_applied() {
    let with = |from: &str, to: &str| ConsentPolicy::from_toml(&shipped::CONSENT_POLICY_MII.replacen(from, to, 1)).map(drop);
    assert_eq!(with("window = \"6\"", "window = \"7\"").unwrap_err().to_string().matches("`window` is one of").count(), 1);
    assert!(with("window = \"6\"\n", "").unwrap_err().to_string().contains("there is none"));
    assert!(with("deceased = \"keep\"", "deceased = \"ask_the_heirs\"").is_err());
    assert_eq!(with("deceased = \"keep\"", "deceased = \"end_at_death\""), Ok(()));
    assert_eq!(with("deceased = \"keep\"", ""), Ok(()));
}
