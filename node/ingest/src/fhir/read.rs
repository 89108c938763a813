//! From files to resources: NDJSON folders with an optional manifest, and bundles.

use super::{
    deletion::{Deletion, delete_all, deletions},
    element,
    manifest::Manifest,
    resource::Header,
    version::Version,
    whom::PatientRef,
};
use crate::{
    calendar::{Moment, NotADate},
    error::{FilePosition, ImportError},
    files::{Lines, Progress, list, passed_over},
};
use serde::Deserialize;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// Takes resources one by one.
pub(crate) trait Sink {
    /// One resource: its place, type, id, version and text, and how its references resolve.
    fn resource(&mut self, resource: &Resource<'_>) -> Result<(), ImportError>;
    /// A resource of a type that nobody reads.
    fn unread(&mut self, kind: &str);
    /// A resource that was deleted at the source; the version is what is known of the time. Comes after all resources.
    fn delete(&mut self, deletion: &Deletion);
}

pub(crate) struct Resource<'a> {
    pub(crate) place: &'a FilePosition,
    pub(crate) kind: &'a str,
    pub(crate) id: &'a str,
    pub(crate) updated: Option<Moment>,
    pub(crate) version: Version,
    pub(crate) text: &'a str,
    /// Address of the server it is of, if its bundle says it.
    pub(crate) base: Option<&'a str>,
    /// Addresses of patients inside the same bundle.
    pub(crate) addresses: &'a HashMap<String, String>,
}

impl Resource<'_> {
    pub(crate) fn parse<'t, T: Deserialize<'t>>(&'t self) -> Result<T, ImportError> {
        element::read(self.kind, self.text, self.place)
    }

    /// A date of an element of this resource.
    pub(crate) fn date(&self, element: &str, text: Option<&str>) -> Result<Option<Moment>, ImportError> {
        text.map(str::parse).transpose().map_err(|source: NotADate| ImportError::Date {
            place: self.place.clone(),
            field: format!("{}.{element}", self.kind),
            source,
        })
    }

    /// Whom this resource is, if it is a patient.
    pub(crate) fn itself(&self) -> PatientRef<'_> {
        PatientRef { base: self.base, id: self.id }
    }

    /// The patient a reference names, if it names a patient.
    pub(crate) fn patient<'r>(&'r self, reference: Option<&'r str>) -> Option<PatientRef<'r>> {
        let reference = reference?;
        if let Some(id) = self.addresses.get(reference) {
            return Some(PatientRef { base: base_of(reference, "Patient", id), id });
        }
        let reference = reference.split("/_history/").next()?;
        let whom = match reference.rsplit_once('/') {
            // relative to the server that the resource itself is of
            Some(("Patient", id)) => PatientRef { base: self.base, id },
            Some((_, id)) => match base_of(reference, "Patient", id) {
                Some(base) => PatientRef { base: Some(base), id },
                None => PatientRef { base: None, id: reference.strip_suffix(id)?.strip_suffix("/Patient/").map(|_| id)? },
            },
            None => PatientRef { base: None, id: reference.strip_prefix("urn:uuid:")? },
        };
        crate::table::is_identifier(whom.id).then_some(whom)
    }
}

/// What stands before `/Type/id` in an address of the web.
pub(super) fn base_of<'u>(url: &'u str, kind: &str, id: &str) -> Option<&'u str> {
    url.strip_suffix(id)?.strip_suffix('/')?.strip_suffix(kind)?.strip_suffix('/').filter(|base| base.contains("://"))
}

/// Types a file's name may promise.
pub(super) const TYPES_BY_NAME: [&str; 5] = ["Patient", "Observation", "Condition", "Encounter", "Consent"];

/// The first type a text names. It may be a contained resource's, and the text no JSON at all.
fn first_type(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("\"resourceType\"")?;
    after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?.split('"').next()
}

/// The type that a text seems to be of, for an error; empty if it is none that is read.
pub(super) fn type_of(text: &str) -> &str {
    first_type(text).filter(|kind| TYPES_BY_NAME.contains(kind) || *kind == "Bundle").unwrap_or_default()
}

/// The type a file promises in its name or its manifest, if nobody reads resources of it.
fn unread_type(file: &Path, expected: Option<&str>) -> Option<String> {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = expected.unwrap_or_else(|| name.split(['.', '-', '_']).next().unwrap_or_default());
    let read = TYPES_BY_NAME.contains(&kind) || kind == "Bundle";
    (!read && !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| kind.to_owned())
}

pub(super) fn hand_over(
    sink: &mut dyn Sink,
    place: &FilePosition,
    text: &str,
    expected: Option<&str>,
    full_url: Option<&str>,
    addresses: &HashMap<String, String>,
) -> Result<(), ImportError> {
    let header: Header = element::read(type_of(text), text, place)?;
    let wrong = |found: &str| ImportError::ResourceType {
        place: place.clone(),
        found: found.to_owned(),
        expected: expected.map_or_else(|| "a FHIR resource".to_owned(), |t| format!("a {t}")),
    };
    let kind = header.resource_type.as_deref().ok_or_else(|| wrong("no resourceType"))?;
    if kind.is_empty() || kind.len() > 64 || !kind.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(wrong("something that is no resource type"));
    }
    // what a server has to say about the export stands in its files too, and is no record
    if kind == "OperationOutcome" {
        sink.unread(kind);
        return Ok(());
    }
    // what is inside would be passed over
    if kind == "Bundle" {
        let problem =
            "a Bundle where one resource stands: put every bundle into a .json file of its own (source kind fhir-bundle), or write its \
                       resources line by line"
                .into();
        return Err(ImportError::Package { place: place.clone(), problem });
    }
    if expected.is_some_and(|e| e != kind) {
        return Err(wrong(&format!("a {kind}")));
    }
    if !TYPES_BY_NAME.contains(&kind) {
        sink.unread(kind);
        return Ok(());
    }
    let from_url = || full_url.and_then(|u| u.rsplit(['/', ':']).next()).map(str::to_owned);
    let id = header.id.or_else(from_url).filter(|id| crate::table::is_identifier(id));
    let id = id.ok_or_else(|| ImportError::Identifier { place: place.clone(), what: "the resource's id" })?;
    let updated =
        header.meta.as_ref().and_then(|m| m.last_updated.as_deref()).map(str::parse).transpose().map_err(|source| ImportError::Date {
            place: place.clone(),
            field: format!("{kind}.meta.lastUpdated"),
            source,
        })?;
    let version = Version::of(updated, header.meta.as_ref());
    let base = full_url.and_then(|url| base_of(url, kind, &id));
    sink.resource(&Resource { place, kind, id: &id, updated, version, text, base, addresses })
}

/// Endings of files of one resource a line.
pub(crate) const LINES: [&str; 4] = [".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz"];
/// What else may hold FHIR resources.
pub(super) const OTHERS: [&str; 4] = [".ndjson", ".jsonl", ".json", ".xml"];
/// The name by which a mapping acknowledges files of a folder that were not read.
pub(super) const PASSED_OVER: &str = "folder:passed-over";

/// What a folder said about itself.
#[derive(Default)]
pub(crate) struct FolderFacts {
    /// The manifest's place, `transactionTime` as written, and read.
    pub(crate) manifest: Option<(FilePosition, String, Moment)>,
    pub(crate) files: usize,
    /// Files of the folder the manifest does not name, which were not read.
    pub(crate) not_in_manifest: usize,
    /// What the manifest says of the export and the folder does not bear out, by the name a mapping may acknowledge it by.
    pub(crate) not_whole: Vec<(&'static str, String)>,
}

/// Reads a folder of NDJSON, or one such file.
pub(crate) fn read_folder(path: &Path, sink: &mut dyn Sink, progress: &dyn Fn(Progress)) -> Result<FolderFacts, ImportError> {
    let found = list(path, &LINES, "*.ndjson or *.jsonl file, plain or .gz")?;
    let manifest = if path.is_dir() { Manifest::read(path)? } else { None };
    let mut facts = FolderFacts::default();
    let by_name = |p: &PathBuf| {
        let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.split(['.', '-', '_']).next().unwrap_or_default().to_owned();
        TYPES_BY_NAME.contains(&stem.as_str()).then_some(stem)
    };
    let mut deleted = Vec::new();
    let files: Vec<(PathBuf, Option<String>, Option<u64>)> = match manifest {
        None => found.into_iter().map(|p| (p.clone(), by_name(&p), None)).collect(),
        Some(m) => {
            facts.not_in_manifest = found.iter().filter(|f| !m.output.iter().any(|(o, ..)| o == *f) && !m.deleted.contains(f)).count();
            facts.manifest = Some((m.place, m.time_text, m.time));
            deleted = m.deleted;
            facts.not_whole = m.not_whole;
            m.output.into_iter().map(|(p, kind, count)| (p, Some(kind), count)).collect()
        }
    };
    facts.not_whole.extend(passed_over(path, &LINES, &OTHERS)?.map(|words| (PASSED_OVER, words)));
    facts.files = files.len() + deleted.len();
    let none = HashMap::new();
    let mut records = 0;
    for (files_done, (file, expected, count)) in files.iter().enumerate() {
        let before = records;
        let unread = unread_type(file, expected.as_deref());
        let mut lines = Lines::open(file)?;
        while lines.advance()? {
            let place = lines.place();
            let text = lines.last()?;
            match &unread {
                // what nobody reads need not be well formed either
                Some(kind) if first_type(text) == Some(kind) => sink.unread(kind),
                _ => hand_over(sink, &place, text, expected.as_deref(), None, &none)?,
            }
            records += 1;
            if records % 4096 == 0 {
                progress(Progress { files_done, files: facts.files, records });
            }
        }
        let found: u64 = records - before;
        if let Some(count) = count.filter(|count| *count != found) {
            let name = FilePosition::new(file, 0).file;
            facts.not_whole.push(("export:counts", format!("{name} holds {found} resources, the manifest counts {count}")));
        }
    }
    let mut gone = Vec::new();
    for file in &deleted {
        let mut lines = Lines::open(file)?;
        while lines.advance()? {
            let place = lines.place();
            deletions(&place, lines.last()?, &mut gone)?;
        }
    }
    delete_all(sink, &gone);
    progress(Progress { files_done: facts.files, files: facts.files, records });
    Ok(facts)
}
