//! Consents that lie among the records and are not the ones that are read.

use super::{core, day, options, rules::patient};
use countersign_ingest::{
    ConsentPolicy, ConsentSource, Consents, ImportOptions, ImportReport, Mapping, PatientId, Problem, import, read_consents, shipped,
};
use std::{collections::BTreeSet, fs, path::Path};

const TODAY: &str = "2024-06-01";

fn permit(id: &str, patient: &str) -> String {
    super::consents::document(
        id,
        patient,
        "\"provision\":[{\"type\":\"permit\",\"code\":[{\"coding\":[{\"system\":\"urn:countersign:consent\",\"code\":\"research\"}]}]}]",
    )
}

fn report(folder: &Path, consents: Option<&Consents>, names: &str) -> ImportReport {
    let reading = core();
    let mapping = shipped::MAPPING_FHIR.replacen("dictionary =", &format!("acknowledge = [{names}]\ndictionary ="), 1);
    let usable: Option<BTreeSet<PatientId>> = consents.map(|c| c.table.usable_on(day(TODAY)));
    let options = ImportOptions { consents, consented: usable.as_ref(), ..options() };
    import(&reading, &Mapping::from_toml(&mapping, &reading).unwrap(), folder, &options).unwrap().report
}

fn beside(documents: &str, table: &str, names: &str) -> ImportReport {
    let folder = tempfile::tempdir().unwrap();
    let old = patient("old", ",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":\"Patient/p\"}}]");
    fs::write(folder.path().join("all.ndjson"), patient("p", "") + &patient("q", "") + &old + documents).unwrap();
    report(folder.path(), Some(&super::whose::consents(table, &super::consents::registry())), names)
}

fn contradicted(report: &ImportReport) -> Option<u64> {
    report.problems.iter().find_map(|p| if let Problem::ConsentsBeside { people } = p { Some(*people) } else { None })
}

const BOTH: &str = "patient,scope,until\np,p.health,\nq,p.health,\n";

#[test]
fn consents_that_were_not_read_are_counted() {
    let done = beside(&(permit("c", "p") + &permit("d", "q")), BOTH, "");
    assert_eq!((contradicted(&done), done.consents_not_read), (None, 2));
    assert!(done.notes.iter().any(|n| n.starts_with("2 Consent resources")), "{done}");
    assert_eq!(beside("", BOTH, "").consents_not_read, 0);
}

#[test]
fn a_refusal_among_the_records_stops_whom_the_table_permits() {
    let refusal = |id: &str, patient: &str| {
        super::consents::document(id, patient, "\"period\":{\"start\":\"2020\"}").replace("2020-01-01", "2021-01-01")
    };
    let withdrawn = |status: &str| permit("c", "p").replace("\"active\"", &format!("\"{status}\""));
    for document in [
        refusal("w", "p"),
        refusal("w", "old"),
        withdrawn("inactive"),
        withdrawn("rejected"),
        withdrawn("revoked"),
        permit("b", "p") + &refusal("w", "p"),
        refusal("w", "p") + &permit("b", "p"),
        permit("c", "p").replace("\"type\":\"permit\"", "\"type\":\"deny\""),
        permit("c", "p") + &withdrawn("inactive"),
        withdrawn("inactive") + &permit("c", "p"),
        permit("c", "p").replace("\"dateTime\"", "\"modifierExtension\":[{}],\"dateTime\""),
        refusal("w", "p").replace("{\"reference\":\"Patient/p\"}", "{\"display\":\"SECRET\"}"),
    ] {
        let done = beside(&document, BOTH, "");
        assert_eq!(contradicted(&done), Some(1), "{document}\n{done}");
        let known = beside(&document, BOTH, "\"export:consents\"");
        assert!(contradicted(&known).is_none() && known.notes.iter().any(|n| n.contains("export:consents")), "{known}");
    }
    for document in [
        permit("c", "p"),
        withdrawn("entered-in-error"),
        withdrawn("draft"),
        // signed again since
        refusal("w", "p") + &permit("b", "p").replace("2020-01-01", "2022-01-01"),
        // about something else
        refusal("w", "p").replace("\"code\":\"research\"}]}", "\"code\":\"treatment\"}]}"),
        // in part: without a policy nobody knows of what
        permit("c", "p").replace("\"provision\":[{", "\"provision\":[{\"type\":\"deny\",\"code\":[]},{"),
    ] {
        let done = beside(&document, BOTH, "");
        assert_eq!(contradicted(&done), None, "{document}\n{done}");
    }
    // whom the table does not permit, or not any more
    for table in ["patient,scope,until\nq,p.health,\n", "patient,scope,until\nq,p.health,\np,p.health,2023-01-01\n"] {
        assert_eq!(contradicted(&beside(&refusal("w", "p"), table, "")), None, "{table}");
    }
}

#[test]
fn consents_that_are_read_are_not_beside() {
    let folder = tempfile::tempdir().unwrap();
    let withdrawn = permit("d", "q").replace("\"active\"", "\"inactive\"");
    fs::write(folder.path().join("all.ndjson"), patient("p", "") + &patient("q", "") + &permit("c", "p") + &withdrawn).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let read = |path: &Path| {
        read_consents(ConsentSource::Fhir { path, policy: &policy, today: day(TODAY) }, &super::consents::registry()).unwrap()
    };
    let done = report(folder.path(), Some(&read(folder.path())), "");
    assert_eq!((contradicted(&done), done.consents_not_read), (None, 0), "{done}");
    // documents from elsewhere
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("Consent.ndjson"), permit("c", "p") + &permit("d", "q")).unwrap();
    let done = report(folder.path(), Some(&read(other.path())), "");
    assert_eq!((contradicted(&done), done.consents_not_read), (Some(1), 2), "{done}");
    // none are given
    let done = report(folder.path(), None, "");
    assert_eq!((contradicted(&done), done.consents_not_read), (None, 2), "{done}");
}

/// The same as records in error: under another id with the same identifier.
#[test]
fn a_document_in_error_takes_back_what_it_is_a_copy_of() {
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let reduce = |text: String| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Consent.ndjson"), text).unwrap();
        read_consents(ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day(TODAY) }, &super::consents::registry())
            .unwrap()
    };
    let named = |text: String| text.replacen("\"status\"", "\"identifier\":[{\"system\":\"urn:c\",\"value\":\"7\"}],\"status\"", 1);
    let in_error = |text: String| text.replacen("\"active\"", "\"entered-in-error\"", 1);
    let permits = |text: String| reduce(text).table.len() == 1;
    let meta = |text: String, year: u32| {
        text.replacen("\"status\"", &format!("\"meta\":{{\"lastUpdated\":\"{year}-01-01T00:00:00Z\"}},\"status\""), 1)
    };
    assert!(permits(named(permit("c", "p"))));
    let done = reduce(named(permit("c", "p")) + &in_error(named(permit("d", "p"))));
    assert_eq!((done.table.len(), done.report.refused.get("entered-in-error-by-identifier")), (0, Some(&1)), "{:?}", done.report);
    assert!(!permits(in_error(named(permit("d", "p"))) + &named(permit("c", "p"))));
    assert!(permits(named(permit("c", "p")) + &in_error(permit("d", "p"))), "another document");
    assert!(permits(meta(named(permit("c", "p")), 2022) + &meta(in_error(named(permit("d", "p"))), 2021)), "made later");
    // one id, and nothing tells which was said last
    for text in [
        permit("c", "p") + &in_error(permit("c", "p")),
        in_error(permit("c", "p")) + &permit("c", "p"),
        meta(permit("c", "p"), 2022) + &in_error(permit("c", "p")),
    ] {
        assert!(!permits(text.clone()), "{text}");
    }
    // a refusal is not taken back by that
    let refusal = named(super::consents::document("w", "p", "\"period\":{\"start\":\"2020\"}"));
    let done = reduce(permit("a", "p") + &refusal + &in_error(named(permit("d", "p"))));
    assert_eq!(done.table.len(), 0, "{:?}", done.report);
}

#[test]
fn a_table_beside_fhir_consents_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Consent.ndjson"), permit("c", "p")).unwrap();
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY).unwrap();
    let read = || {
        read_consents(ConsentSource::Fhir { path: folder.path(), policy: &policy, today: day(TODAY) }, &super::consents::registry())
            .unwrap()
            .report
    };
    assert_eq!(read().beside, None);
    fs::write(folder.path().join("consents.csv"), "patient,scope,until\n").unwrap();
    assert!(read().to_string().contains("1 .csv files, which were not read"), "{}", read());
}
