//! The import report: what a data manager reads and signs (design: product, section 2.7). No patient appears in it.

mod problem;

pub use problem::Problem;
pub(crate) use problem::strays_words;

use countersign_circuits::{
    dictionary::{Attribute, Dictionary, Domain},
    hash::Digest32,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Most different unmapped codes or units named for one attribute.
const EXAMPLES_MAX: usize = 20;
/// Source values with codes or units no rule covers, in percent, above which an import stops.
pub const UNMAPPED_PERCENT_MAX: u64 = 5;

/// What happened to one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttributeReport {
    /// Its name.
    pub name: String,
    /// Rows with a value.
    pub known: u64,
    /// Rows without.
    pub missing: u64,
    /// People without a row, as the dictionary calls the attribute complete and they have no value of it (the first such attribute counts).
    #[serde(default)]
    pub left_out: u64,
    /// Rows whose value was outside the range and was moved to its end.
    pub clipped: u64,
    /// Rows whose value was outside the range and is missing because the dictionary says so.
    pub beyond: u64,
    /// Rows whose value was outside the plausible range: missing.
    pub implausible: u64,
    /// Readings in the window whose unit the mapping declares.
    pub unit_declared: u64,
    /// Readings with a code, unit or text no rule covers: missing.
    pub unmapped: u64,
    /// Of these, the unreadable numbers.
    pub unreadable: u64,
    /// Rows with several different readings at the picked instant.
    pub ties: u64,
    /// Readings that are bounds (`<5`).
    pub bounds: u64,
    /// Matching records left out for their status.
    pub wrong_status: u64,
    /// Matching records without a date.
    pub undated: u64,
    /// Conditions that are over by their status or an end without a date.
    #[serde(default)]
    pub ended_undated: u64,
    /// Rows of people whose window ends after the data do: not observed to its end, and so missing.
    #[serde(default)]
    pub window_beyond_data: u64,
    /// True if a flag read from codes is "no" in every row.
    #[serde(default)]
    pub all_no: bool,
    /// True if a count of records is 0 in every row.
    #[serde(default)]
    pub all_zero: bool,
    /// True if a flag read from deaths is "no" in every row.
    #[serde(default)]
    pub nobody_died: bool,
    /// Readings without a value.
    pub empty: u64,
    /// Readings looked at: in the window, with the right status, with a value.
    pub source_values: u64,
    /// Unmapped codes and units with counts, the first few.
    pub unmapped_examples: BTreeMap<String, u64>,
    /// Smallest and largest bin used, or the levels used.
    pub used: String,
}

/// True, and counted, if a row lacks a value of a complete attribute (rule D1): then it is no row.
pub(crate) fn incomplete(attributes: &[Attribute], levels: &[Option<u32>], reports: &mut [AttributeReport]) -> bool {
    let lacking = attributes.iter().zip(levels).zip(reports).find(|((attribute, level), _)| attribute.complete() && level.is_none());
    let Some((_, report)) = lacking else { return false };
    report.left_out += 1;
    true
}

impl AttributeReport {
    pub(crate) fn unmapped(&mut self, what: &str) {
        self.unmapped += 1;
        self.source_values += 1;
        let listed = self.unmapped_examples.len() < EXAMPLES_MAX || self.unmapped_examples.contains_key(what);
        *self.unmapped_examples.entry(if listed { what } else { "others" }.to_owned()).or_default() += 1;
    }

    /// What is counted for one line of a table if nothing but its level is to be said.
    pub(crate) fn of_level(level: Option<u32>) -> Self {
        Self { source_values: u64::from(level.is_some()), ..Self::default() }
    }

    /// Adds what was counted for one line of a table.
    pub(crate) fn add(&mut self, one: &Self) {
        self.clipped += one.clipped;
        self.beyond += one.beyond;
        self.implausible += one.implausible;
        self.unreadable += one.unreadable;
        self.source_values += one.source_values - one.unmapped;
        for (what, count) in &one.unmapped_examples {
            (0..*count).for_each(|_| self.unmapped(what));
        }
    }

    /// A complete attribute that could not be observed: it cannot be missing.
    fn not_observed(&self, attribute: &Attribute, as_of: String) -> Option<Problem> {
        let name = attribute.name().to_owned();
        (attribute.complete() && self.window_beyond_data > 0).then_some(Problem::WindowBeyondData {
            attribute: name,
            people: self.window_beyond_data,
            as_of,
        })
    }

    /// What of this attribute stops an import.
    fn problem(&self, attribute: &Attribute, as_of: String) -> Option<Problem> {
        let attribute_name = attribute.name().to_owned();
        if let Some(problem) = self.not_observed(attribute, as_of) {
            return Some(problem);
        }
        match self {
            _ if self.known == 0 => Some(Problem::AllMissing { attribute: attribute_name }),
            _ if self.all_no => Some(Problem::AllNo { attribute: attribute_name }),
            _ if self.all_zero => Some(Problem::AllZero { attribute: attribute_name }),
            _ if self.unmapped * 100 > self.source_values * UNMAPPED_PERCENT_MAX => {
                Some(Problem::Unmapped { attribute: attribute_name, unmapped: self.unmapped, source_values: self.source_values })
            }
            _ => None,
        }
    }

    /// What of this attribute a person should know.
    fn notes(&self) -> Vec<String> {
        let name = &self.name;
        let mut notes = Vec::new();
        if self.left_out > 0 {
            notes
                .push(format!("{name}: {} people have no recorded value and so no row; every number is of people with one", self.left_out));
        }
        if self.nobody_died {
            notes.push(format!("{name}: \"no\" for everybody: no death in its window is recorded"));
        }
        for (what, count) in &self.unmapped_examples {
            notes.push(format!("{name}: {what} is not covered by any rule: {count} times"));
        }
        for (count, what) in [
            (self.unit_declared, "readings without a unit were read in the unit the mapping declares"),
            (self.beyond, "rows are missing because the value is outside the range"),
            (self.empty, "readings have no value"),
            (self.bounds, "readings are bounds such as \"<5\""),
            (self.undated, "matching records have no date"),
            (self.ended_undated, "matching conditions are over, by their status or an end without a date; they count as over"),
            (self.window_beyond_data, "people's window ends after the data do: they were not observed to its end, and are missing"),
            (self.wrong_status, "matching records do not count for their status"),
        ] {
            if count > 0 {
                notes.push(format!("{name}: {count} {what}"));
            }
        }
        notes
    }

    /// Notes the value of a row.
    pub(crate) fn row(&mut self, level: Option<u32>, used: &mut BTreeSet<u32>) {
        match level {
            Some(level) => {
                self.known += 1;
                used.insert(level);
            }
            None => self.missing += 1,
        }
    }

    pub(crate) fn finish(&mut self, attribute: &Attribute, used: &BTreeSet<u32>) {
        self.used = match (attribute.domain(), used.first(), used.last()) {
            (Domain::Levels(levels), ..) => {
                used.iter().filter_map(|l| levels.get(*l as usize)).map(String::as_str).collect::<Vec<_>>().join(", ")
            }
            (Domain::Scale(scale), Some(lo), Some(hi)) => format!("{} .. {}", scale.value(*lo), scale.value(*hi)),
            _ => String::new(),
        };
    }
}

/// Why a person has no row. The first reason that holds is counted, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// `Patient.active` is false.
    Inactive,
    /// No birth date.
    NoBirthDate,
    /// The event that gives the index date did not happen.
    NoIndexEvent,
    /// Dead before the index, or dead without a date.
    DeadBeforeIndex,
    /// Born on or after the index date.
    BornAfterIndex,
    /// Not in observation.
    NotObserved,
    /// No usable research consent.
    NoConsent,
    /// A consent that permits the use of no day's records.
    NoWindow,
    /// No value of an attribute the dictionary calls complete: [`AttributeReport::left_out`] says of which.
    Incomplete,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inactive => "inactive record",
            Self::NoBirthDate => "no birth date",
            Self::NoIndexEvent => "no index event",
            Self::DeadBeforeIndex => "dead before index",
            Self::BornAfterIndex => "born after index",
            Self::NotObserved => "not in observation",
            Self::NoConsent => "no research consent",
            Self::NoWindow => "consent to no day's records",
            Self::Incomplete => "no value of a complete attribute",
        })
    }
}

/// What an import read, left out and found. Equal files, dictionary, mapping and options give an equal report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// `id@version`.
    pub dictionary: String,
    /// SHA-256 of its canonical bytes.
    pub dictionary_digest: Digest32,
    /// SHA-256 of the mapping's canonical bytes.
    pub mapping_digest: Digest32,
    /// Date (or instant, as written) of the data.
    pub data_as_of: String,
    /// Files read.
    pub files: u64,
    /// Resources or lines read.
    pub resources: u64,
    /// Second and further versions of a resource, or lines of a patient.
    pub repeated: u64,
    /// Clinical resources whose patient is not in the export, or inactive.
    pub without_patient: u64,
    /// Records whose patient is not in the export, is another server's or is named by nothing that can be followed, by type. Those of inactive
    /// and deleted patients are not among them.
    #[serde(default)]
    pub strays: BTreeMap<String, u64>,
    /// Consents that lie among the records and were not read as consents.
    #[serde(default)]
    pub consents_not_read: u64,
    /// Resources deleted by the manifest.
    pub deleted: u64,
    /// Patients whose record was merged into another.
    pub merged: u64,
    /// People: patients that were not merged away.
    pub people: u64,
    /// Rows of the table.
    pub rows: u64,
    /// People without a row, by reason.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// One entry an attribute, in the dictionary's order.
    pub attributes: Vec<AttributeReport>,
    /// What stops the import.
    pub problems: Vec<Problem>,
    /// What does not.
    pub notes: Vec<String>,
}

impl ImportReport {
    /// True if nothing may be anchored.
    pub fn stops(&self) -> bool {
        !self.problems.is_empty()
    }

    /// SHA-256 of the report's canonical JSON: stands with the anchor.
    ///
    /// # Panics
    /// Never: a report has neither floating-point numbers nor keys that are not texts.
    pub fn hash(&self) -> Digest32 {
        let value = serde_json::to_value(self).expect("a report's keys are texts");
        Digest32::of(&serde_json::to_vec(&value).expect("a report's keys are texts"))
    }

    /// Adds a problem, or a note if the mapping acknowledges it by its name.
    pub(crate) fn found(&mut self, problem: Problem, acknowledged: impl Fn(&str) -> bool) {
        match problem.name() {
            Some(name) if acknowledged(name) => self.notes.push(format!("acknowledged by the mapping ({name}): {}", problem.words())),
            _ => self.problems.push(problem),
        }
    }

    /// Finds problems and notes from the counts. `acknowledged` says what the mapping accepts as it is, by name.
    pub(crate) fn judge(&mut self, dictionary: &Dictionary, acknowledged: impl Fn(&str) -> bool) {
        let attributes = std::mem::take(&mut self.attributes);
        if self.rows == 0 {
            self.problems.push(Problem::NoRows);
        }
        for (report, attribute) in attributes.iter().zip(dictionary.attributes()) {
            let as_of = self.data_as_of.clone();
            // without a row nothing else can be said of an attribute than why
            let problem = if self.rows > 0 { report.problem(attribute, as_of) } else { report.not_observed(attribute, as_of) };
            if let Some(problem) = problem {
                self.found(problem, &acknowledged);
            }
            if self.rows > 0 {
                self.notes.extend(report.notes());
            }
        }
        self.attributes = attributes;
    }
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = thousands;
        writeln!(
            f,
            "dictionary {} (sha256 {}…)   mapping {}…   data as of {}",
            self.dictionary,
            self.dictionary_digest.short(),
            self.mapping_digest.short(),
            self.data_as_of
        )?;
        writeln!(
            f,
            "resources {}   repeated {}   without a patient {}   deleted {}",
            n(self.resources),
            n(self.repeated),
            n(self.without_patient),
            n(self.deleted)
        )?;
        let left: Vec<String> = self.left_out.iter().map(|(why, count)| format!("{why} {}", n(*count))).collect();
        let left = if left.is_empty() { "nobody".to_owned() } else { left.join(", ") };
        writeln!(f, "people {}   rows {}   left out: {left}", n(self.people), n(self.rows))?;
        writeln!(
            f,
            "{:<16}{:>8}{:>10}{:>9}{:>13}{:>15}{:>15}{:>6}   min..max of bins used",
            "attribute", "known", "missing", "clipped", "implausible", "unit declared", "unmapped code", "ties"
        )?;
        for a in &self.attributes {
            writeln!(
                f,
                "{:<16}{:>8}{:>10}{:>9}{:>13}{:>15}{:>15}{:>6}   {}",
                a.name,
                n(a.known),
                n(a.missing),
                n(a.clipped),
                n(a.implausible),
                n(a.unit_declared),
                n(a.unmapped),
                n(a.ties),
                a.used
            )?;
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        write!(f, "{} problems stop the import; {} notes. Report hash {}…", self.problems.len(), self.notes.len(), self.hash().short())
    }
}
