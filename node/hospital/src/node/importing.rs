//! From files to the journal.

use super::{Hospital, HospitalError, OptOutList, on_ledger::OnLedger};
use crate::{
    HospitalStoreError, intake,
    journal::{AnchorContent, Begun, Import, Planned},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{consent::Day, hash::Digest32, tag};
use countersign_ingest::{
    ConsentPolicy, ConsentSource, Consents, Import as ImportedTable, ImportOptions, Mapping, PatientId, Problem, Progress, Reading, import,
    read_consents,
};
use countersign_ledger::{SegmentKey, State, TableKey};
use countersign_member::Connection;
use rand::{
    RngCore, SeedableRng,
    rngs::{OsRng, StdRng},
};
use std::{collections::BTreeSet, path::PathBuf};
use zeroize::Zeroizing;

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
    /// The list of people who objected elsewhere.
    pub opt_outs: OptOutList,
}

/// What was read.
#[derive(Debug)]
pub struct Imported {
    /// Rows and report.
    pub import: ImportedTable,
    /// Who permits what; `None`: no consents were given.
    pub consents: Option<Consents>,
    /// Hash of what reduced consents to scopes.
    pub policy: Digest32,
}

impl Source {
    /// Reads the consents; `None`: none were given. Nothing is changed anywhere.
    ///
    /// # Errors
    /// Files are missing or malformed, with file and line, or the policy does not go with them.
    pub fn read_consents(&self, state: &State) -> Result<Option<Consents>, HospitalError> {
        let Some(path) = &self.consents else { return Ok(None) };
        let registry = state.registry();
        let consents = match (&self.policy, path.extension().is_some_and(|e| e == "csv")) {
            (Some(policy), false) => read_consents(ConsentSource::Fhir { path, policy, today: today(state) }, registry)?,
            (None, false) if path.is_file() => {
                return Err(HospitalError::ConsentsWithoutPolicy(path.clone()));
            }
            // what the ledger says these consents were read by must be what they were read by
            (Some(_), true) => {
                return Err(HospitalError::PolicyBesideTable(path.clone()));
            }
            (None, _) => read_consents(ConsentSource::Csv(path), registry)?,
        };
        Ok(Some(consents))
    }

    /// Reads the records. Nothing is changed anywhere.
    ///
    /// # Errors
    /// Files are missing or malformed, with file and line.
    pub fn read_records(
        &self,
        state: &State,
        (reading, mapping): (&Reading, &Mapping),
        consents: Option<&Consents>,
        progress: &dyn Fn(Progress),
    ) -> Result<ImportedTable, HospitalError> {
        let usable: Option<BTreeSet<_>> = consents.map(|read| read.table.usable_on(today(state)));
        let options = ImportOptions { as_of: self.as_of, consented: usable.as_ref(), consents, progress: Some(progress) };
        Ok(import(reading, mapping, &self.path, &options)?)
    }

    fn policy_digest(&self) -> Digest32 {
        match (&self.policy, &self.consents) {
            (Some(policy), _) => policy.digest(),
            (None, Some(_)) => Digest32::of(tag::CONSENTS_CSV.as_bytes()),
            (None, None) => everybody(),
        }
    }
}

/// The ledger's day.
fn today(state: &State) -> Day {
    state.tip().time.day().max(Day(0))
}

/// What stands for a policy where everybody counts as consenting (development networks).
fn everybody() -> Digest32 {
    Digest32::of(tag::CONSENTS_EVERYBODY.as_bytes())
}

impl Hospital {
    /// Consents that are anchored are not replaced by "everybody consents" because an argument was forgotten.
    ///
    /// # Errors
    /// The hospital's consents are anchored and none are given now.
    fn refuse_dropped_consents(&self, connection: &Connection, imported: &Imported) -> Result<(), HospitalError> {
        let state = connection.state();
        let table = TableKey { hospital: self.member.id(), table: state.registry_digest() };
        let anchored = state.table(&table).into_iter().flat_map(|t| t.current()).filter_map(|id| state.segment(&SegmentKey { table, id }));
        if imported.consents.is_none() && anchored.into_iter().any(|segment| segment.provenance != everybody()) {
            return Err(HospitalError::ConsentsLeftOut);
        }
        Ok(())
    }

    /// Reads a source by a dictionary and a mapping, and anchors it; killed anywhere, run again it goes on. Where its rows cannot be used, who took a consent back is out of force all the same: the
    /// failure says how many. `progress` and `saying` hear what is being done.
    ///
    /// # Errors
    /// As [`Source::read_consents`] and [`Source::read_records`]; the report says that the import must stop, consents that are anchored were not given or are other
    /// people's, or the ledger refuses.
    #[boxed]
    pub async fn import_and_anchor(
        &self,
        connection: &mut Connection,
        (reading, mapping): (&Reading, &Mapping),
        source: &Source,
        progress: &(dyn Fn(Progress) + Sync),
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<(Imported, AnchorReport), HospitalError> {
        let mut consents = source.read_consents(connection.state())?;
        let mut listed = None;
        match (self.opt_outs(&source.opt_outs).await, &mut consents) {
            (Ok(None), _) => {}
            (Ok(Some(list)), Some(consents)) => {
                consents.opt_out(&list);
                listed = Some(list);
            }
            (Ok(Some(_)), None) => return Err(HospitalError::OptOutsWithoutConsents),
            (Err(unread), _) => return Err(self.take_back(connection, consents.as_ref(), unread, saying).await),
        }
        self.narrow(&mut consents).await?;
        let import = match source.read_records(connection.state(), (reading, mapping), consents.as_ref(), progress) {
            Ok(import) => import,
            Err(unread) => return Err(self.take_back(connection, consents.as_ref(), unread, saying).await),
        };
        if let Some(read) = &mut consents {
            let known: BTreeSet<_> = import.table.rows.iter().map(|row| &row.patient).collect();
            read.report.patients_unknown = read.table.patients().filter(|patient| !known.contains(patient)).count() as u64;
        }
        let imported = Imported { import, consents, policy: source.policy_digest() };
        if let Err(stopped) = self.check_import(connection, &imported).await {
            return Err(self.take_back(connection, imported.consents.as_ref(), stopped, saying).await);
        }
        self.hold_erased(imported.import.table.rows.iter().map(|row| &row.patient)).await?;
        let report = self.anchor(connection, reading, mapping, &imported, saying).await?;
        if let Some(list) = &listed {
            // whoever else stands on it has no place in use either, also where a planned one was never anchored
            self.take_out(connection, list).await?;
            self.drive(connection, saying).await?;
        }
        // whoever has a new slot by now keeps a key
        self.enrol(connection).await?;
        Ok((imported, report))
    }

    /// Takes out of force whoever took a consent back, as these consents state it of the person; for rows that cannot be used. Says it with the failure.
    async fn take_back(
        &self,
        connection: &mut Connection,
        consents: Option<&Consents>,
        stopped: HospitalError,
        saying: &(dyn Fn(&str) + Sync),
    ) -> HospitalError {
        match self.taken_back(connection, consents, saying).await {
            Ok(0) => stopped,
            Ok(people) => HospitalError::StoppedAndTakenBack { stopped: Box::new(stopped), people },
            Err(reason) => HospitalError::StoppedAndNotTakenBack { stopped: Box::new(stopped), reason: Box::new(reason) },
        }
    }

    async fn taken_back(
        &self,
        connection: &mut Connection,
        consents: Option<&Consents>,
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<u64, HospitalError> {
        let Some(consents) = consents else { return Ok(0) };
        connection.refresh().await?;
        let holders = self.store.holders().await?;
        let stated = intake::stated(&consents.table, connection.state().registry(), &holders);
        let permits = |grants: &[Option<Day>]| grants.iter().any(Option::is_some);
        // consents of other people, or under other ids, say nothing of those who are here
        if !stated.iter().any(|(_, grants)| permits(grants)) && stated.len() < holders.len() {
            return Ok(0);
        }
        let (state, hospital) = (connection.state(), self.member.id());
        let people = self.store.take_back(&stated, state.registry(), &OnLedger { state, hospital }).await?;
        self.drive(connection, saying).await?;
        Ok(people)
    }

    /// Anchors what was read and checked: compares every row and grant with what the ledger holds, takes out of force the slots whose consents were lost or
    /// shortened, and anchors what differs. An anchor that was interrupted goes on, or is finished first.
    async fn anchor(
        &self,
        connection: &mut Connection,
        reading: &Reading,
        mapping: &Mapping,
        imported: &Imported,
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<AnchorReport, HospitalError> {
        let report = &imported.import.report;
        connection.refresh().await?;
        self.refuse_dropped_consents(connection, imported)?;
        let content = AnchorContent {
            data_table: reading.digest(),
            consent_table: connection.state().registry_digest(),
            mapping: mapping.digest(),
            policy: imported.policy,
            report: report.hash(),
        };
        let mut earlier = 0;
        let begun = loop {
            match self.import(connection, reading, content, imported).await {
                // what the ledger may have cannot be given up: it is finished, and these rows compared with what it came to
                Err(HospitalError::Store(HospitalStoreError::AnchorRunning)) => {
                    saying("finishing an anchor that was interrupted");
                    earlier += 1;
                    self.drive(connection, saying).await?;
                }
                begun => break begun?,
            }
        };
        self.drive(connection, saying).await?;
        let (anchor, planned) = match begun {
            Begun::New { anchor, planned } => (anchor, Some(planned)),
            Begun::Unfinished(anchor) => (anchor, None),
        };
        let provenance = self.store.provenance(anchor).await?;
        Ok(AnchorReport {
            planned,
            finished_first: earlier,
            segments: self.store.anchor_openings(anchor).await?.len() as u64,
            height: connection.state().tip().height.0,
            report: provenance.report(),
            report_salt: provenance.report_salt(),
        })
    }

    /// Refuses consents of other people, and an import whose report says that it must stop.
    async fn check_import(&self, connection: &Connection, imported: &Imported) -> Result<(), HospitalError> {
        let report = &imported.import.report;
        let all_withdrew = self.all_withdrew(imported.consents.as_ref(), connection).await?;
        Self::refuse_foreign_consents(imported, all_withdrew)?;
        // nobody has a row as nobody permits anything any more: that is no problem of the files, and must reach the ledger
        if report.stops() && !(all_withdrew && report.problems == [Problem::NoRows]) {
            return Err(HospitalError::Stops(Box::new(report.clone())));
        }
        Ok(())
    }

    /// True if the consents say of everybody who has a row in force that they have withdrawn, or permitted what is over now. Documents that permit
    /// nothing for another reason (a wrong policy), and people of whom nothing is here, do not say so.
    async fn all_withdrew(&self, consents: Option<&Consents>, connection: &Connection) -> Result<bool, HospitalError> {
        let Some(Consents { table: consents, .. }) = consents else { return Ok(false) };
        if !consents.usable_on(today(connection.state())).is_empty() {
            return Ok(false);
        }
        let holders = self.store.holders().await?;
        let says = |patient: &PatientId| consents.has_withdrawn(patient) || consents.scopes(patient).next().is_some();
        Ok(!holders.is_empty() && holders.iter().all(|(patient, _)| says(patient)))
    }

    /// Consents under which nobody with a row permits anything are refused: they are somebody else's, or under other ids. That everybody has
    /// withdrawn is another thing, and their documents say so: then those whose rows are in force are taken out.
    fn refuse_foreign_consents(imported: &Imported, all_withdrew: bool) -> Result<(), HospitalError> {
        let Some(Consents { table: consents, report, .. }) = &imported.consents else { return Ok(()) };
        let rows = &imported.import.table.rows;
        let permits = |row: &countersign_ingest::TableRow| consents.scopes(&row.patient).next().is_some();
        if rows.is_empty() || all_withdrew || rows.iter().any(permits) {
            return Ok(());
        }
        Err(HospitalError::ForeignConsents(Box::new(report.clone())))
    }

    async fn import(
        &self,
        connection: &Connection,
        reading: &Reading,
        content: AnchorContent,
        imported: &Imported,
    ) -> Result<Begun, HospitalError> {
        let state = connection.state();
        let registry = state.registry();
        let consents = imported.consents.as_ref().map(|read| &read.table);
        let people = intake::people(&imported.import.table, consents, registry, &self.store.holders().await?);
        let import =
            Import { content, people, dictionary: reading.dictionary(), registry, ledger: &OnLedger { state, hospital: self.member.id() } };
        // several draws a person: the system is asked once
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *seed);
        Ok(self.store.import(import, &mut StdRng::from_seed(*seed)).await?)
    }
}

/// What anchoring an import came to.
#[derive(Debug, Clone, Copy)]
pub struct AnchorReport {
    /// What the import changed; `None`: an anchor of exactly these rows was interrupted and was finished now.
    pub planned: Option<Planned>,
    /// Anchors of other rows that had been interrupted and were finished first.
    pub finished_first: u32,
    /// Segments that were anchored.
    pub segments: u64,
    /// The last block.
    pub height: u64,
    /// The import report's hash as the ledger has it, salted.
    pub report: Digest32,
    /// Its salt.
    pub report_salt: Digest32,
}

impl AnchorReport {
    /// True if the ledger held exactly these rows and consents before.
    pub fn nothing_to_do(&self) -> bool {
        self.planned.is_some_and(|p| p.segments == 0 && p.withdrawn == 0) && self.finished_first == 0
    }
}
