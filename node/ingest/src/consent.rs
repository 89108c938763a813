//! Consents: from a simple CSV or from FHIR Consent to scopes with a last valid day (design: product, sections 4.1 to 4.4).
//!
//! Fail closed, both ways: a permit that is not understood is ignored; a deny that is not understood makes its patient count
//! for nothing until a person has looked.

mod documents;
mod opt_outs;
mod person;
mod policy;

pub use opt_outs::{OptOuts, read_opt_outs};
pub use policy::{ConsentPolicy, PolicyError};

use crate::{
    calendar::parse_day,
    csv_file::{Table, beside_tables},
    error::{FilePosition, ImportError},
    files::list,
    table::PatientId,
};
use countersign_circuits::consent::{Day, ScopeRegistry};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Who permits what until when. Scopes are those of the registry it was read with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsentTable {
    patients: BTreeMap<PatientId, BTreeMap<String, Day>>,
    withdrawn: BTreeSet<PatientId>,
    /// Days of which each patient's records may be used; `None`: of all days.
    windows: Option<BTreeMap<PatientId, Vec<DayRange>>>,
    /// Whether an encounter that overlaps the beginning of a window moves it to its own.
    encounter_shift: bool,
}

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayRange {
    pub(crate) first: Day,
    pub(crate) last: Day,
}

impl DayRange {
    /// True if all of these days are among them.
    pub(crate) fn holds(&self, first: Day, last: Day) -> bool {
        self.first <= first && last <= self.last
    }
}

impl ConsentTable {
    /// An empty table: nobody permits anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a patient permits a scope up to and including a day; replaces an earlier entry and returns its day.
    pub fn grant(&mut self, patient: PatientId, scope: impl Into<String>, until: Day) -> Option<Day> {
        self.patients.entry(patient).or_default().insert(scope.into(), until)
    }

    /// The scopes of a patient with their last valid day; none for a patient without consent.
    pub fn scopes(&self, patient: &PatientId) -> impl Iterator<Item = (&str, Day)> {
        self.patients.get(patient).into_iter().flatten().map(|(s, d)| (s.as_str(), *d))
    }

    /// The last valid day of one scope of a patient.
    pub fn until(&self, patient: &PatientId, scope: &str) -> Option<Day> {
        self.patients.get(patient)?.get(scope).copied()
    }

    /// True if documents of a patient take permission away and none that is left permits anything. That nothing is known of a patient is not that.
    pub fn has_withdrawn(&self, patient: &PatientId) -> bool {
        self.withdrawn.contains(patient)
    }

    /// Days of which a patient's records may be used: records of other days do not exist for a row. `None`: all days.
    pub(crate) fn windows(&self, patient: &PatientId) -> Option<&[DayRange]> {
        Some(self.windows.as_ref()?.get(patient).map_or(&[][..], Vec::as_slice))
    }

    /// True if records of some days may not be used.
    pub(crate) fn has_windows(&self) -> bool {
        self.windows.is_some()
    }

    /// True if an encounter that overlaps the beginning of a window moves it to its own.
    pub(crate) fn shifts_by_encounters(&self) -> bool {
        self.encounter_shift
    }

    /// Patients with at least one scope, in order of their identifiers.
    pub fn patients(&self) -> impl Iterator<Item = &PatientId> {
        self.patients.keys()
    }

    /// Patients with a scope that is still valid on a day: what [`crate::ImportOptions::consented`] takes.
    pub fn usable_on(&self, day: Day) -> BTreeSet<PatientId> {
        self.patients.iter().filter(|(_, scopes)| scopes.values().any(|until| *until >= day)).map(|(p, _)| p.clone()).collect()
    }

    /// Number of patients.
    pub fn len(&self) -> usize {
        self.patients.len()
    }

    /// True if nobody permits anything.
    pub fn is_empty(&self) -> bool {
        self.patients.is_empty()
    }
}

/// What was read. No patient appears in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConsentReport {
    /// Lines or documents read.
    pub documents_read: u64,
    /// Of these, the ones that permit something.
    pub documents_used: u64,
    /// Of these, documents signed by somebody else for the patient, as the policy allows.
    #[serde(default)]
    pub by_proxy: u64,
    /// Documents that permit nothing, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Permits inside used documents that were ignored, by reason.
    pub permits_ignored: BTreeMap<String, u64>,
    /// Patients who count for nothing because a refusal of theirs is not understood: a person must look.
    pub patients_for_review: u64,
    /// Patients who permit something and stand on a list of opt-outs: they count for nothing.
    #[serde(default)]
    pub opted_out: u64,
    /// Scopes that patients took from what they had signed, by their own keys.
    #[serde(default)]
    pub narrowed: u64,
    /// Patients with a usable consent.
    pub patients: u64,
    /// Of these, the ones the table of records does not know.
    #[serde(default)]
    pub patients_unknown: u64,
    /// Patients for each scope.
    pub scopes: BTreeMap<String, u64>,
    /// What lies beside the documents and may say something else, in words.
    #[serde(default)]
    pub beside: Option<String>,
}

impl fmt::Display for ConsentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "consents: {} documents or lines read, {} used; {} people permit something, {} of them without a row here; {} people count for nothing \
             until a person has looked at a refusal of theirs that is not understood",
            self.documents_read, self.documents_used, self.patients, self.patients_unknown, self.patients_for_review
        )?;
        if self.by_proxy > 0 {
            write!(f, "\n  signed by somebody else for the patient: {}", self.by_proxy)?;
        }
        if self.opted_out > 0 {
            write!(f, "\n  permitted, and on the list of opt-outs, which is stronger: {}", self.opted_out)?;
        }
        if self.narrowed > 0 {
            write!(f, "\n  scopes that patients took back by their own keys: {}", self.narrowed)?;
        }
        if let Some(beside) = &self.beside {
            write!(f, "\n  {beside}")?;
        }
        for (what, list) in [("documents that permit nothing", &self.refused), ("permits ignored", &self.permits_ignored)] {
            for (why, count) in list {
                write!(f, "\n  {what}: {count} {why}")?;
            }
        }
        Ok(())
    }
}

/// A table of consents and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consents {
    /// The scopes.
    pub table: ConsentTable,
    /// The counts.
    pub report: ConsentReport,
    /// Everybody they are of, whatever they say.
    pub(crate) named: BTreeSet<PatientId>,
    /// Ids that were merged into others, as far as the documents say.
    merged: BTreeMap<PatientId, PatientId>,
    /// The file or folder of FHIR Consents they were read from; `None`: a table.
    documents: Option<PathBuf>,
}

impl Consents {
    /// Takes scopes from patients, whatever was signed.
    pub fn narrow(&mut self, narrowed: &[(PatientId, String)]) {
        for (patient, scope) in narrowed {
            let patient = self.merged.get(patient).unwrap_or(patient);
            let Some(scopes) = self.table.patients.get_mut(patient) else { continue };
            self.report.narrowed += u64::from(scopes.remove(scope).is_some());
            if scopes.is_empty() {
                self.table.patients.remove(patient);
                self.table.withdrawn.insert(patient.clone());
            }
        }
        self.count();
    }

    /// Counts who permits what.
    fn count(&mut self) {
        self.report.patients = self.table.len() as u64;
        self.report.scopes.clear();
        for scope in self.table.patients.values().flat_map(BTreeMap::keys) {
            *self.report.scopes.entry(scope.clone()).or_default() += 1;
        }
    }

    /// True if they are the FHIR Consents of this file or folder.
    pub(crate) fn are_of(&self, source: &Path) -> bool {
        let same = |path: &PathBuf| match (path.canonicalize(), source.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => path == source,
        };
        self.documents.as_ref().is_some_and(same)
    }
}

/// Where consents come from.
#[derive(Debug, Clone, Copy)]
pub enum ConsentSource<'a> {
    /// A CSV file with the columns `patient`, `scope` and `until` (a date; empty: the last grid date).
    Csv(&'a Path),
    /// FHIR R4 Consent in an NDJSON folder, an NDJSON file, or bundles, read by a policy as of a day.
    Fhir {
        /// File or folder.
        path: &'a Path,
        /// The governed policy.
        policy: &'a ConsentPolicy,
        /// The day on which permits must be valid.
        today: Day,
    },
}

/// Reads consents. Scopes must be of the registry; open ends become its last grid date.
///
/// # Errors
/// [`ImportError`] with file and line: malformed files, unknown scopes, a patient and scope twice, dates that are none.
pub fn read_consents(source: ConsentSource<'_>, registry: &ScopeRegistry) -> Result<Consents, ImportError> {
    let mut consents = match source {
        ConsentSource::Csv(path) => csv(path, registry)?,
        ConsentSource::Fhir { path, policy, today } => documents::read(path, policy, today, registry)?,
    };
    consents.count();
    Ok(consents)
}

/// The last day an open-ended consent is valid.
fn last_day(registry: &ScopeRegistry) -> Day {
    registry.grid.last().copied().unwrap_or(Day(0))
}

fn csv(path: &Path, registry: &ScopeRegistry) -> Result<Consents, ImportError> {
    if let Some(words) = beside_tables(path)? {
        let problem = format!("these consents are not whole: {words}");
        return Err(ImportError::Package { place: FilePosition::new(path, 0), problem });
    }
    let mut consents = Consents {
        table: ConsentTable::new(),
        report: ConsentReport::default(),
        named: BTreeSet::new(),
        merged: BTreeMap::new(),
        documents: None,
    };
    for file in list(path, &[".csv"], "*.csv file")? {
        let mut table = Table::open(&file)?;
        if let Some(other) = table.header.iter().find(|h| !["patient", "scope", "until"].contains(&h.as_str())) {
            let problem = "is unknown; a consent file has the columns patient, scope and until";
            return Err(ImportError::Column { place: FilePosition::new(&file, 1), column: other.chars().take(64).collect(), problem });
        }
        let (patient, scope, until) = (table.column("patient")?, table.column("scope")?, table.column("until")?);
        while table.advance()? {
            if table.is_blank() {
                continue;
            }
            let place = table.place();
            let id = PatientId::new(table.field(patient)?)
                .map_err(|_| ImportError::Identifier { place: place.clone(), what: "the patient's identifier" })?;
            let name = table.field(scope)?;
            if registry.find(name).is_err() {
                let problem = "the scope of this line is not in the registry of scopes".into();
                return Err(ImportError::ConsentLine { place, problem });
            }
            let day = match table.field(until)? {
                "" => last_day(registry),
                text => parse_day(text).map_err(|source| ImportError::Day { place: place.clone(), field: "until", source })?,
            };
            consents.report.documents_read += 1;
            consents.report.documents_used += 1;
            consents.named.insert(id.clone());
            if consents.table.grant(id, name, day).is_some() {
                let problem = "the patient and scope of this line stand in an earlier line, too".into();
                return Err(ImportError::ConsentLine { place, problem });
            }
        }
    }
    Ok(consents)
}
