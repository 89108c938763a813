//! The manifest of a FHIR bulk export (Bulk Data Access 2.0, "Response - Complete Status"), if it lies in the folder.

use crate::{
    calendar::Moment,
    error::{FilePosition, ImportError},
    files::{FILES_MAX, whole},
};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestForm {
    transaction_time: String,
    request: Option<String>,
    #[serde(default)]
    output: Vec<FileForm>,
    #[serde(default)]
    deleted: Vec<FileForm>,
    #[serde(default)]
    error: Vec<FileForm>,
    #[serde(default)]
    link: Vec<LinkForm>,
}

#[derive(Deserialize)]
struct LinkForm {
    relation: String,
}

#[derive(Deserialize)]
struct FileForm {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    /// How many resources the server counted.
    count: Option<u64>,
}

/// What a manifest says.
pub(super) struct Manifest {
    pub(super) place: FilePosition,
    pub(super) time_text: String,
    pub(super) time: Moment,
    /// Files with the resource type each holds and the number the server counted, in the manifest's order.
    pub(super) output: Vec<(PathBuf, String, Option<u64>)>,
    pub(super) deleted: Vec<PathBuf>,
    /// What says that there is more than these files.
    pub(super) not_whole: Vec<(&'static str, String)>,
}

impl Manifest {
    /// Reads `manifest.json` of a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ImportError> {
        let path = folder.join("manifest.json");
        if !path.is_file() {
            return Ok(None);
        }
        let text = whole(&path)?;
        let place = FilePosition::new(&path, 0);
        let form: ManifestForm = super::element::read("", &text, &place)?;
        if form.request.as_deref().is_some_and(|r| r.contains("_since=")) {
            return Err(ImportError::Incremental { place });
        }
        if form.output.len() + form.deleted.len() > FILES_MAX {
            return Err(ImportError::Limit { place, what: "the number of files", max: FILES_MAX as u64 });
        }
        let time = form.transaction_time.parse().map_err(|source| ImportError::Date {
            place: place.clone(),
            field: "transactionTime".into(),
            source,
        })?;
        let mut output: Vec<(PathBuf, String, Option<u64>)> = Vec::with_capacity(form.output.len());
        for file in form.output {
            let path = local(folder, &file.url, &place)?;
            if output.iter().any(|(other, ..)| *other == path) {
                let problem = "two addresses of the manifest end in one file name, and one file lies in the folder: fetch them again under names of their own, and \
                               write those into the manifest";
                return Err(ImportError::Package { place, problem: problem.into() });
            }
            output.push((path, file.kind, file.count));
        }
        let deleted = form.deleted.iter().map(|f| local(folder, &f.url, &place)).collect::<Result<_, _>>()?;
        let mut not_whole = Vec::new();
        if form.link.iter().any(|l| l.relation == "next") {
            not_whole.push(("export:next-page", "the manifest has a next page, which is not here".to_owned()));
        }
        if !form.error.is_empty() {
            not_whole
                .push(("export:errors", format!("the manifest names {} files of errors: the server left something out", form.error.len())));
        }
        Ok(Some(Self { place, time_text: form.transaction_time, time, output, deleted, not_whole }))
    }
}

/// The file of the folder that a manifest's address ends in; plain or compressed.
fn local(folder: &Path, url: &str, place: &FilePosition) -> Result<PathBuf, ImportError> {
    let name = url.split(['?', '#']).next().and_then(|u| u.rsplit('/').next()).unwrap_or_default();
    let plain = !name.is_empty() && name != ".." && name != "." && !name.contains('\\');
    for ending in ["", ".gz", ".ndjson", ".ndjson.gz"] {
        let path = folder.join(format!("{name}{ending}"));
        if plain && path.is_file() {
            return Ok(path);
        }
    }
    Err(ImportError::Package {
        place: place.clone(),
        problem: "a file the manifest names is not in the folder; fetch the export again".into(),
    })
}
