//! From files to resources: NDJSON folders with an optional manifest, and bundles.

use super::{manifest::Manifest, resource::Header, version::Version};
use crate::{
    calendar::{Moment, NotADate},
    error::{ImportError, Place},
    source::{Lines, Progress, list, passed_over, whole},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, HashSet},
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
    pub(crate) place: &'a Place,
    pub(crate) kind: &'a str,
    pub(crate) id: &'a str,
    pub(crate) updated: Option<Moment>,
    pub(crate) version: Version,
    pub(crate) text: &'a str,
    /// Addresses of patients inside the same bundle.
    pub(crate) addresses: &'a HashMap<String, String>,
}

/// A resource that was deleted at the source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) version: Version,
}

impl Resource<'_> {
    pub(crate) fn parse<'t, T: Deserialize<'t>>(&'t self) -> Result<T, ImportError> {
        serde_json::from_str(self.text).map_err(|e| {
            let place = Place { line: self.place.line + (e.line() as u64).saturating_sub(1), ..self.place.clone() };
            ImportError::json(place, &e)
        })
    }

    pub(crate) fn date(&self, field: &'static str, text: Option<&str>) -> Result<Option<Moment>, ImportError> {
        text.map(str::parse).transpose().map_err(|source: NotADate| ImportError::Date { place: self.place.clone(), field, source })
    }

    /// The patient's id a reference names, if it names a patient.
    pub(crate) fn patient<'r>(&'r self, reference: Option<&'r str>) -> Option<&'r str> {
        let reference = reference?;
        if let Some(id) = self.addresses.get(reference) {
            return Some(id);
        }
        let reference = reference.split("/_history/").next()?;
        match reference.rsplit_once('/') {
            Some((before, id)) => (before == "Patient" || before.ends_with("/Patient")).then_some(id),
            None => reference.strip_prefix("urn:uuid:"),
        }
        .filter(|id| crate::table::is_identifier(id))
    }
}

/// Types a file's name may promise.
const TYPES_BY_NAME: [&str; 5] = ["Patient", "Observation", "Condition", "Encounter", "Consent"];

fn hand_over(
    sink: &mut dyn Sink,
    place: &Place,
    text: &str,
    expected: Option<&str>,
    full_url: Option<&str>,
    addresses: &HashMap<String, String>,
) -> Result<(), ImportError> {
    let header: Header = serde_json::from_str(text)
        .map_err(|e| ImportError::json(Place { line: place.line + (e.line() as u64).saturating_sub(1), ..place.clone() }, &e))?;
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
            field: "meta.lastUpdated",
            source,
        })?;
    let version = Version::of(updated, header.meta.as_ref());
    sink.resource(&Resource { place, kind, id: &id, updated, version, text, addresses })
}

/// Endings of files of one resource a line.
pub(crate) const LINES: [&str; 4] = [".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz"];
/// What else may hold FHIR resources.
const OTHERS: [&str; 4] = [".ndjson", ".jsonl", ".json", ".xml"];
/// The name by which a mapping acknowledges files of a folder that were not read.
const PASSED_OVER: &str = "folder:passed-over";

/// What a folder said about itself.
#[derive(Default)]
pub(crate) struct FolderFacts {
    /// The manifest's place, `transactionTime` as written, and read.
    pub(crate) manifest: Option<(Place, String, Moment)>,
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
        let mut lines = Lines::open(file)?;
        while lines.advance()? {
            let place = lines.place();
            let text = lines.last()?;
            hand_over(sink, &place, text, expected.as_deref(), None, &none)?;
            records += 1;
            if records % 4096 == 0 {
                progress(Progress { files_done, files: facts.files, records });
            }
        }
        let found: u64 = records - before;
        if let Some(count) = count.filter(|count| *count != found) {
            let name = Place::new(file, 0).file;
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleForm<'a> {
    resource_type: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow, default)]
    entry: Vec<EntryForm<'a>>,
    #[serde(default)]
    link: Vec<LinkForm>,
}

#[derive(Deserialize)]
struct LinkForm {
    relation: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryForm<'a> {
    full_url: Option<String>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    request: Option<RequestForm>,
    response: Option<ResponseForm>,
}

#[derive(Deserialize)]
struct RequestForm {
    method: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseForm {
    etag: Option<String>,
    last_modified: Option<String>,
}

const NOT_UNDERSTOOD: &str = "the url of a DELETE request names no resource by type and id (a condition, a urn, or a whole type); nothing may be read past a \
                              deletion that is not understood";

/// Type and id that the url of a DELETE request names: relative, rooted or absolute, with a version or without (FHIR R4, http.html#delete).
fn deleted_resource(url: &str) -> Option<(&str, &str)> {
    if url.contains(['?', '#']) {
        return None;
    }
    let path = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest.split_once('/')?.1,
        Some(_) => return None,
        None => url,
    };
    let path = path.trim_matches('/');
    let path = match path.split_once("/_history") {
        Some((path, rest)) if rest.is_empty() || rest.starts_with('/') => path,
        Some(_) => return None,
        None => path,
    };
    let (before, id) = path.rsplit_once('/')?;
    let kind = before.rsplit('/').next()?;
    let named = kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    (named && is_id(id)).then_some((kind, id))
}

/// An id as FHIR writes it (datatypes.html#id), and the underscores and lengths that servers have beside it. Anything else, an escaped letter above
/// all, would name no resource that was read, and delete nothing.
fn is_id(text: &str) -> bool {
    crate::table::is_identifier(text) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// Deletes what is read; the rest is counted as what it is.
fn delete_all(sink: &mut dyn Sink, gone: &[Deletion]) {
    for deletion in gone {
        if TYPES_BY_NAME.contains(&deletion.kind.as_str()) {
            sink.delete(deletion);
        } else {
            sink.unread(&deletion.kind);
        }
    }
}

/// A line of a manifest's `deleted` file: a transaction bundle of DELETE requests.
fn deletions(place: &Place, text: &str, gone: &mut Vec<Deletion>) -> Result<(), ImportError> {
    let bundle: BundleForm<'_> = serde_json::from_str(text).map_err(|e| ImportError::json(place.clone(), &e))?;
    let fault = |problem: &str| ImportError::Package { place: place.clone(), problem: problem.to_owned() };
    if bundle.resource_type.as_deref() != Some("Bundle") || bundle.kind.as_deref() != Some("transaction") {
        return Err(fault("a line of a `deleted` file is a transaction Bundle"));
    }
    for entry in bundle.entry {
        let request = entry.request.filter(|r| r.method.as_deref() == Some("DELETE")).and_then(|r| r.url);
        let url = request.ok_or_else(|| fault("an entry of a `deleted` bundle is a DELETE request"))?;
        let (kind, id) = deleted_resource(&url).ok_or_else(|| fault(NOT_UNDERSTOOD))?;
        gone.push(Deletion { kind: kind.to_owned(), id: id.to_owned(), version: Version::default() });
    }
    Ok(())
}

/// Pages of search results and histories: the addresses they say come next, and their own.
#[derive(Default)]
struct Pages {
    next: HashSet<String>,
    own: HashSet<String>,
}

impl Pages {
    fn note(&mut self, links: &[LinkForm]) {
        for link in links {
            match link.relation.as_str() {
                "next" => drop(self.next.insert(link.url.clone())),
                "self" => drop(self.own.insert(link.url.clone())),
                _ => {}
            }
        }
    }

    /// What is missing, in words.
    fn missing(&self) -> Option<String> {
        let count = self.next.difference(&self.own).count();
        let words = "bundles name a next page that no other bundle here is by its `self` link: fetch it, too";
        (count > 0).then(|| format!("{count} {words}"))
    }
}

/// Reads bundles (or single resources) from JSON files.
pub(crate) fn read_bundles(path: &Path, sink: &mut dyn Sink, progress: &dyn Fn(Progress)) -> Result<FolderFacts, ImportError> {
    let files = list(path, &[".json"], "*.json file")?;
    let mut records = 0;
    let (mut servers, mut pages, mut gone) = (HashMap::new(), Pages::default(), Vec::new());
    for (files_done, file) in files.iter().enumerate() {
        let text = whole(file)?;
        let fault = |e: &serde_json::Error| ImportError::json(Place::new(file, e.line() as u64), e);
        let header: Header = serde_json::from_str(&text).map_err(|e| fault(&e))?;
        if header.resource_type.as_deref() == Some("Bundle") {
            let bundle: BundleForm<'_> = serde_json::from_str(&text).map_err(|e| fault(&e))?;
            same_server(file, &bundle, &mut servers)?;
            pages.note(&bundle.link);
            records += read_bundle(sink, file, &text, bundle, &mut gone)?;
        } else {
            hand_over(sink, &Place::new(file, 1), &text, None, None, &HashMap::new())?;
            records += 1;
        }
        progress(Progress { files_done: files_done + 1, files: files.len(), records });
    }
    // a deletion may stand in a file before the one that has what it deletes
    delete_all(sink, &gone);
    let mut facts = FolderFacts { files: files.len(), ..FolderFacts::default() };
    facts.not_whole.extend(passed_over(path, &[".json"], &OTHERS)?.map(|words| (PASSED_OVER, words)));
    facts.not_whole.extend(pages.missing().map(|words| ("export:next-page", words)));
    Ok(facts)
}

/// Refuses a type and id that two servers gave to two resources (the bases of their addresses differ): they would become one.
fn same_server(file: &Path, bundle: &BundleForm<'_>, seen: &mut HashMap<(String, String), String>) -> Result<(), ImportError> {
    for entry in &bundle.entry {
        let (Some(url), Some(raw)) = (&entry.full_url, entry.resource) else { continue };
        let Ok(Header { resource_type: Some(kind), id: Some(id), .. }) = serde_json::from_str(raw.get()) else { continue };
        let Some(base) = url.strip_suffix(&format!("/{kind}/{id}")).filter(|base| base.contains("://")) else { continue };
        if !TYPES_BY_NAME.contains(&kind.as_str()) {
            continue;
        }
        if seen.insert((kind, id), base.to_owned()).is_some_and(|other| other != base) {
            let problem = "two servers (the addresses before Type/id differ) have a resource of one type and id: import each server's records as a \
                           hospital of its own, or give the resources ids of their own";
            return Err(ImportError::Package { place: Place::new(file, 0), problem: problem.into() });
        }
    }
    Ok(())
}

fn read_bundle(sink: &mut dyn Sink, file: &Path, text: &str, bundle: BundleForm<'_>, gone: &mut Vec<Deletion>) -> Result<u64, ImportError> {
    let kind = bundle.kind.as_deref().unwrap_or("nothing");
    if !["transaction", "batch", "collection", "searchset", "document", "history"].contains(&kind) {
        let problem = "a bundle's type is transaction, batch, collection, searchset, document or history".into();
        return Err(ImportError::Package { place: Place::new(file, 0), problem });
    }
    let mut addresses = HashMap::new();
    for entry in &bundle.entry {
        let (Some(url), Some(raw)) = (&entry.full_url, entry.resource) else { continue };
        let header: Option<Header> = serde_json::from_str(raw.get()).ok();
        if let Some(header) = header.filter(|h| h.resource_type.as_deref() == Some("Patient")) {
            let id = header.id.or_else(|| url.rsplit(['/', ':']).next().map(str::to_owned));
            addresses.extend(id.map(|id| (url.clone(), id)));
        }
    }
    let (mut line, mut at) = (1, 0);
    let mut resources = Vec::new();
    for entry in &bundle.entry {
        if let Some(request) = entry.request.as_ref().filter(|r| r.method.as_deref() == Some("DELETE")) {
            gone.push(deletion(&Place::new(file, line), request, entry.response.as_ref())?);
            continue;
        }
        let Some(raw) = entry.resource else { continue };
        // the raw value is a slice of the file's text: its distance from the start gives the line
        let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        line += text.as_bytes().get(at..start).unwrap_or_default().iter().filter(|b| **b == b'\n').count() as u64;
        at = start.max(at);
        resources.push((line, raw.get(), entry.full_url.as_deref()));
    }
    // a history has its newest version first (FHIR R4, http.html#history), and of versions that do not say how old they are the last one counts
    if kind == "history" {
        resources.reverse();
    }
    for (line, text, full_url) in &resources {
        hand_over(sink, &Place::new(file, *line), text, None, *full_url, &addresses)?;
    }
    Ok(resources.len() as u64)
}

/// A DELETE entry of a bundle. One of a history says when it was (`response.lastModified`) and which version it made (`response.etag`).
fn deletion(place: &Place, request: &RequestForm, response: Option<&ResponseForm>) -> Result<Deletion, ImportError> {
    let fault = || ImportError::Package { place: place.clone(), problem: NOT_UNDERSTOOD.to_owned() };
    let (kind, id) = request.url.as_deref().and_then(deleted_resource).ok_or_else(fault)?;
    let time = response.and_then(|r| r.last_modified.as_deref()).map(str::parse).transpose();
    let time = time.map_err(|source| ImportError::Date { place: place.clone(), field: "response.lastModified", source })?;
    let tag = response.and_then(|r| r.etag.as_deref()).map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
    Ok(Deletion { kind: kind.to_owned(), id: id.to_owned(), version: Version::new(time, tag) })
}

#[cfg(test)]
mod tests {
    use super::deleted_resource;

    #[test]
    fn every_form_of_a_deletion_that_fhir_allows_names_its_resource() {
        for url in [
            "Patient/p2",
            "/Patient/p2",
            "Patient/p2/",
            "Patient/p2/_history/3",
            "Patient/p2/_history",
            "https://h.example/fhir/Patient/p2",
            "http://h.example/Patient/p2/_history/1",
            "/fhir/R4/Patient/p2",
        ] {
            assert_eq!(deleted_resource(url), Some(("Patient", "p2")), "{url}");
        }
        for url in [
            "",
            "Patient",
            "Patient/",
            "Patient?identifier=http://x|p2",
            "urn:uuid:1-2",
            "patient/p2",
            "ftp://x/Patient/p2",
            "https://h.example",
            "Patient/p2#a",
        ] {
            assert_eq!(deleted_resource(url), None, "{url}");
        }
    }
}
