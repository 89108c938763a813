//! Bundles: their entries, pages of search results and histories.

use super::{
    deletion::{Deletion, delete_all, deletion},
    element,
    read::{FolderFacts, OTHERS, PASSED_OVER, Sink, TYPES_BY_NAME, base_of, hand_over, type_of},
    resource::Header,
};
use crate::{
    error::{FilePosition, ImportError},
    files::{Progress, list, passed_over, whole},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BundleForm<'a> {
    pub(super) resource_type: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(borrow, default)]
    pub(super) entry: Vec<EntryForm<'a>>,
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
pub(super) struct EntryForm<'a> {
    full_url: Option<String>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    pub(super) request: Option<RequestForm>,
    response: Option<ResponseForm>,
}

#[derive(Deserialize)]
pub(super) struct RequestForm {
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseForm {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
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
        let place = FilePosition::new(file, 1);
        let header: Header = element::read(type_of(&text), &text, &place)?;
        if header.resource_type.as_deref() == Some("Bundle") {
            let bundle: BundleForm<'_> = element::read("Bundle", &text, &place)?;
            same_server(file, &bundle, &mut servers)?;
            pages.note(&bundle.link);
            records += read_bundle(sink, file, &text, bundle, &mut gone)?;
        } else {
            hand_over(sink, &place, &text, None, None, &HashMap::new())?;
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
        let Some(base) = base_of(url, &kind, &id) else { continue };
        if !TYPES_BY_NAME.contains(&kind.as_str()) {
            continue;
        }
        if seen.insert((kind, id), base.to_owned()).is_some_and(|other| other != base) {
            let problem = "two servers (the addresses before Type/id differ) have a resource of one type and id: import each server's records as a \
                           hospital of its own, or give the resources ids of their own";
            return Err(ImportError::Package { place: FilePosition::new(file, 0), problem: problem.into() });
        }
    }
    Ok(())
}

fn read_bundle(sink: &mut dyn Sink, file: &Path, text: &str, bundle: BundleForm<'_>, gone: &mut Vec<Deletion>) -> Result<u64, ImportError> {
    let kind = bundle.kind.as_deref().unwrap_or("nothing");
    if !["transaction", "batch", "collection", "searchset", "document", "history"].contains(&kind) {
        let problem = "a bundle's type is transaction, batch, collection, searchset, document or history".into();
        return Err(ImportError::Package { place: FilePosition::new(file, 0), problem });
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
            gone.push(deletion(&FilePosition::new(file, line), request, entry.response.as_ref())?);
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
        hand_over(sink, &FilePosition::new(file, *line), text, None, *full_url, &addresses)?;
    }
    Ok(resources.len() as u64)
}
