//! The import: from a path to a table and a report. It reads; it writes nothing.

use crate::{
    consent::Consents,
    error::ImportError,
    files::Progress,
    fold::{ConsentsFound, fold},
    mapping::Mapping,
    reading::Reading,
    report::{ImportReport, Problem, UNMAPPED_PERCENT_MAX, strays_words},
    source::{self, Order, Records},
    table::{PatientId, ResearchTable},
};
use countersign_circuits::consent::Day;
use std::{collections::BTreeSet, fmt, path::Path};

/// What an import is told beside the files.
#[derive(Clone, Copy, Default)]
pub struct ImportOptions<'a> {
    /// Date of the data; required unless a bulk manifest gives it.
    pub as_of: Option<Day>,
    /// Patients with a usable research consent, for dictionaries with `population.consented`; `None` ignores that rule.
    pub consented: Option<&'a BTreeSet<PatientId>>,
    /// The consents that go with these records: people they name who are not in the records, and Consents among the records that refuse what
    /// they permit, are problems. `None`: none are given.
    pub consents: Option<&'a Consents>,
    /// Told now and then how far the import is.
    pub progress: Option<&'a dyn Fn(Progress)>,
}

impl fmt::Debug for ImportOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportOptions")
            .field("as_of", &self.as_of)
            .field("consented", &self.consented.map(BTreeSet::len))
            .field("consents", &self.consents.map(|c| c.table.len()))
            .finish_non_exhaustive()
    }
}

/// A table and its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The rows. Not to be anchored if [`ImportReport::stops`].
    pub table: ResearchTable,
    /// What happened.
    pub report: ImportReport,
}

/// Reads a hospital's files into a research table.
///
/// The source is a file or a folder of the kind the mapping says. The same files, dictionary, mapping and options give the
/// same table and report hash, whatever the order of the resources of different patients.
///
/// # Errors
/// [`ImportError`] with file and line; nothing is changed anywhere.
pub fn import(reading: &Reading, mapping: &Mapping, source: &Path, options: &ImportOptions<'_>) -> Result<Import, ImportError> {
    let silent = |_: Progress| {};
    let progress = options.progress.unwrap_or(&silent);
    let kind = source::of(&mapping.source);
    kind.check(reading)?;
    let found = kind.read(&Order { reading, mapping, path: source, as_of: options.as_of, progress })?;
    if options.consents.is_some_and(|consents| consents.table.has_windows()) && matches!(found.records, Records::Rows(_)) {
        return Err(ImportError::WindowsOfRows);
    }
    let cohort = fold(reading, found.records, found.table_day, options)?;
    let mut report = ImportReport {
        dictionary: reading.dictionary().reference(),
        dictionary_digest: reading.digest(),
        mapping_digest: mapping.digest(),
        data_as_of: found.data_as_of,
        files: found.files,
        resources: found.resources,
        repeated: found.repeated,
        without_patient: cohort.without_patient,
        strays: cohort
            .strays
            .iter()
            .filter(|(_, (strays, _))| *strays > 0)
            .map(|(kind, (strays, _))| ((*kind).to_owned(), *strays))
            .collect(),
        consents_not_read: 0,
        deleted: found.deleted,
        merged: cohort.merged,
        people: cohort.people,
        rows: cohort.table.rows.len() as u64,
        left_out: cohort.left_out,
        attributes: cohort.attributes,
        problems: Vec::new(),
        notes: found.notes,
    };
    let acknowledged = |name: &str| mapping.acknowledges(name);
    for (name, what) in found.not_whole {
        report.found(Problem::NotWhole { name: name.to_owned(), what }, acknowledged);
    }
    for (kind, (strays, of)) in cohort.strays {
        if strays * 100 > of * UNMAPPED_PERCENT_MAX {
            report.found(Problem::Strays { kind: kind.to_owned(), strays, of }, acknowledged);
        } else if strays > 0 {
            report.notes.push(strays_words(kind, strays, of));
        }
    }
    if cohort.outside_windows > 0 {
        let words = "records are of days whose use their patients did not permit (or of no day): for the rows they do not exist";
        report.notes.push(format!("{} {words}", cohort.outside_windows));
    }
    if let Some(consents) = options.consents {
        let people = consents.named.difference(&cohort.known).count() as u64;
        if people > 0 {
            report.found(Problem::ConsentsUnknown { people, of: consents.named.len() as u64 }, acknowledged);
        }
    }
    if !options.consents.is_some_and(|consents| consents.are_of(source)) {
        consents_beside(&mut report, &cohort.consents, acknowledged);
    }
    report.judge(reading.dictionary(), acknowledged);
    Ok(Import { table: cohort.table, report })
}

/// Says of Consents that lie among the records that they are not the ones that count.
fn consents_beside(report: &mut ImportReport, found: &ConsentsFound, acknowledged: impl Fn(&str) -> bool) {
    report.consents_not_read = found.documents;
    if found.documents > 0 {
        let words = "lie among the records and were not read: what permits is what is given with --consents";
        report.notes.push(format!("{} Consent resources {words}", found.documents));
    }
    if found.contradicted > 0 {
        report.found(Problem::ConsentsBeside { people: found.contradicted }, acknowledged);
    }
}
