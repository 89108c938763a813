//! From files to the journal.

use super::Site;
use crate::{failure::Failure, network::Network};
use anyhow::anyhow;
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_hospital::{
    KeepingError,
    journal::{AnchorContent, Begun, ImportedRow},
    slots::PatientId,
};
use countersign_ingest::{
    ConsentPolicy, ConsentReport, ConsentSource, ConsentTable, Import, ImportOptions, Mapping, Progress, Reading, import, read_consents,
};
use countersign_ledger::{SegmentKey, State, TableKey};
use std::{collections::BTreeSet, path::PathBuf};

/// What a hospital reads.
#[derive(Debug, Clone)]
pub struct Source {
    /// File or folder of records.
    pub path: PathBuf,
    /// Date of the data where no manifest gives it.
    pub as_of: Option<Day>,
    /// Consents: a CSV file, or a file or folder of FHIR Consent (then with a policy). Without, on a development network, everybody
    /// consents to everything; said on the screen.
    pub consents: Option<PathBuf>,
    /// The policy FHIR Consents are read by.
    pub policy: Option<ConsentPolicy>,
}

/// What was read.
#[derive(Debug)]
pub struct Imported {
    /// Rows and report.
    pub import: Import,
    /// Who permits what; `None`: no consents were given.
    pub consents: Option<(ConsentTable, ConsentReport)>,
    /// Hash of what reduced consents to scopes.
    pub policy: Digest32,
}

/// Reads a source by a dictionary and a mapping. Nothing is changed anywhere.
///
/// # Errors
/// Files are missing or malformed, with file and line.
pub fn read_source(
    state: &State,
    reading: &Reading,
    mapping: &Mapping,
    source: &Source,
    progress: &dyn Fn(Progress),
) -> Result<Imported, Failure> {
    let registry = state.registry();
    let today = state.tip().time.day().max(Day(0));
    let read = |path: &PathBuf| -> Result<_, Failure> {
        let consents = match (&source.policy, path.extension().is_some_and(|e| e == "csv")) {
            (Some(policy), false) => read_consents(ConsentSource::Fhir { path, policy, today }, registry)?,
            (None, false) if path.is_file() => {
                let words = "consents are a .csv file; FHIR Consents can be anchored with --policy, which says what they mean";
                return Err(Failure::Refused(format!("{}: {words}", path.display())));
            }
            _ => read_consents(ConsentSource::Csv(path), registry)?,
        };
        Ok((consents.table, consents.report))
    };
    let consents = source.consents.as_ref().map(read).transpose()?;
    let usable: Option<BTreeSet<_>> = consents.as_ref().map(|(table, _)| table.usable_on(today));
    let options = ImportOptions { as_of: source.as_of, consented: usable.as_ref(), progress: Some(progress) };
    let import = import(reading, mapping, &source.path, &options)?;
    let policy = match (&source.policy, &source.consents) {
        (Some(policy), _) => policy.digest(),
        (None, Some(_)) => Digest32::of(b"countersign/consents/csv/1"),
        (None, None) => everybody(),
    };
    Ok(Imported { import, consents, policy })
}

/// What stands for a policy where everybody counts as consenting (development networks).
fn everybody() -> Digest32 {
    Digest32::of(b"countersign/consents/everybody/1")
}

impl Site {
    /// Consents that are anchored are not replaced by "everybody consents" because an argument was forgotten.
    ///
    /// # Errors
    /// The hospital's consents are anchored and none are given now.
    pub fn refuse_dropped_consents(&self, network: &Network, imported: &Imported) -> Result<(), Failure> {
        let state = network.state();
        let table = TableKey { hospital: self.member.id(), table: state.registry_digest() };
        let anchored = state.table(&table).into_iter().flat_map(|t| t.current()).filter_map(|id| state.segment(&SegmentKey { table, id }));
        if imported.consents.is_none() && anchored.into_iter().any(|segment| segment.provenance != everybody()) {
            let words =
                "this hospital's consents are anchored; without --consents everybody would count as consenting. Give the consents again";
            return Err(Failure::Refused(words.into()));
        }
        Ok(())
    }

    /// Hands what was read to the journal, to be anchored. Reading the same files again changes nothing.
    ///
    /// # Errors
    /// The report says that the import must stop, or another anchor is unfinished.
    pub async fn record_import(&self, state: &State, reading: &Reading, imported: &Imported) -> Result<Begun, Failure> {
        let report = &imported.import.report;
        if report.stops() {
            return Err(Failure::Refused(format!("the import must stop; nothing was anchored.\n{report}")));
        }
        let registry = state.registry();
        let last = registry.grid.last().copied();
        let grants = |patient: &countersign_ingest::PatientId| -> Vec<Option<Day>> {
            let until = |scope: &String| match &imported.consents {
                Some((table, _)) => table.until(patient, scope),
                None => last,
            };
            registry.scopes.iter().map(until).collect()
        };
        let rows = imported
            .import
            .table
            .rows
            .iter()
            .map(|row| {
                let patient = PatientId::new(row.patient.expose()).map_err(|e| anyhow!(e))?;
                Ok(ImportedRow { patient, levels: row.levels.clone(), grants: grants(&row.patient) })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let consents =
            rows.iter().flat_map(|r| r.grants.iter().map(|g| g.map_or(i32::MIN, |d| d.0))).flat_map(i32::to_le_bytes).collect::<Vec<u8>>();
        let content = AnchorContent {
            content: Digest32::tagged("countersign/import/1", [&report.hash().0[..], &imported.policy.0, &consents]),
            data_table: reading.digest(),
            consent_table: state.registry_digest(),
        };
        match self.keeping.import(&content, rows).await {
            Err(KeepingError::AnchorRunning) => {
                let words = "an anchor of other files was interrupted at this hospital; anchor those files again first, it goes on where it stopped";
                Err(Failure::Refused(words.into()))
            }
            begun => Ok(begun?),
        }
    }
}
