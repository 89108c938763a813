//! A generated export and the table of consents beside it agree, as the importer compares them.

use countersign_circuits::consent::ScopeRegistry;
use countersign_generate::{CONSENT_POLICY_URI, Profile, SCOPES, generate};
use countersign_ingest::{
    ConsentPolicy, ConsentSource, ImportOptions, Mapping, Problem, Reading, import, parse_day, read_consents, shipped,
};

#[test]
fn a_table_and_the_consents_beside_it_contradict_each_other_nowhere() {
    let reading = Reading::from_toml(shipped::CARDIOMETABOLIC_CORE).unwrap();
    let today = parse_day("2020-03-01").unwrap();
    let registry = ScopeRegistry { scopes: SCOPES.map(str::to_owned).to_vec(), grid: vec![parse_day("2049-12-31").unwrap()] };
    let policy = ConsentPolicy::from_toml(shipped::CONSENT_POLICY_BY_SCOPE).unwrap();
    assert!(shipped::CONSENT_POLICY_BY_SCOPE.contains(CONSENT_POLICY_URI));
    for (profile, mapping) in [
        (Profile::Complete, shipped::MAPPING_FHIR),
        (Profile::OtherCodes, shipped::MAPPING_FHIR_OTHER),
        (Profile::SmallGaps, shipped::MAPPING_FHIR_GAPS),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let made = generate(profile, 300, 5, folder.path(), |_| ()).unwrap();
        let mapping = Mapping::from_toml(mapping, &reading).unwrap();
        let signed = made.files.iter().find(|f| f.kind == "Consent").unwrap().lines;
        assert!(made.consents.withdrawn > 0);
        let table = folder.path().join("consents.csv");
        let documents = ConsentSource::Fhir { path: folder.path(), policy: &policy, today };
        for (source, not_read) in [(ConsentSource::Csv(&table), signed), (documents, 0)] {
            let consents = read_consents(source, &registry).unwrap();
            let usable = consents.table.usable_on(today);
            let options = ImportOptions { consented: Some(&usable), consents: Some(&consents), ..ImportOptions::default() };
            let report = import(&reading, &mapping, folder.path(), &options).unwrap().report;
            assert_eq!((report.consents_not_read, report.problems.as_slice()), (not_read, [].as_slice()), "{profile}: {report}");
        }
        // one that is taken back and still in the table stops
        let everybody: String = "patient,scope,until\n".to_owned()
            + &(1..=300).map(|i| format!("{}-{i:07},p.health,2040-01-01\n", prefix(profile))).collect::<String>();
        std::fs::write(&table, everybody).unwrap();
        let consents = read_consents(ConsentSource::Csv(&table), &registry).unwrap();
        let usable = consents.table.usable_on(today);
        let options = ImportOptions { consented: Some(&usable), consents: Some(&consents), ..ImportOptions::default() };
        let report = import(&reading, &mapping, folder.path(), &options).unwrap().report;
        assert_eq!(report.problems, [Problem::ConsentsBeside { people: u64::from(made.consents.withdrawn) }], "{profile}: {report}");
    }
}

/// How a profile's patients are called.
fn prefix(profile: Profile) -> &'static str {
    match profile {
        Profile::Complete => "a",
        Profile::OtherCodes => "b",
        Profile::SmallGaps => "c",
    }
}
