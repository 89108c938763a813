//! The manifest of a FHIR bulk export (Bulk Data Access 2.0, "Response - Complete Status"), if it lies in the folder.

use crate::{
    calendar::Moment,
    error::{ImportError, Place},
    source::{FILES_MAX, whole},
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
}

#[derive(Deserialize)]
struct FileForm {
    #[serde(rename = "type")]
    kind: String,
    url: String,
}

/// What a manifest says.
pub(super) struct Manifest {
    pub(super) place: Place,
    pub(super) time_text: String,
    pub(super) time: Moment,
    /// Files with the resource type each holds, in the manifest's order.
    pub(super) output: Vec<(PathBuf, String)>,
    pub(super) deleted: Vec<PathBuf>,
}

impl Manifest {
    /// Reads `manifest.json` of a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ImportError> {
        let path = folder.join("manifest.json");
        if !path.is_file() {
            return Ok(None);
        }
        let text = whole(&path)?;
        let place = Place::new(&path, 0);
        let form: ManifestForm = serde_json::from_str(&text).map_err(|e| ImportError::json(Place::new(&path, e.line() as u64), &e))?;
        if form.request.as_deref().is_some_and(|r| r.contains("_since=")) {
            return Err(ImportError::Incremental { place });
        }
        if form.output.len() + form.deleted.len() > FILES_MAX {
            return Err(ImportError::Limit { place, what: "the number of files", max: FILES_MAX as u64 });
        }
        let time =
            form.transaction_time.parse().map_err(|source| ImportError::Date { place: place.clone(), field: "transactionTime", source })?;
        let mut output = Vec::with_capacity(form.output.len());
        for file in form.output {
            output.push((local(folder, &file.url, &place)?, file.kind));
        }
        let deleted = form.deleted.iter().map(|f| local(folder, &f.url, &place)).collect::<Result<_, _>>()?;
        Ok(Some(Self { place, time_text: form.transaction_time, time, output, deleted }))
    }
}

/// The file of the folder that a manifest's address ends in; plain or compressed.
fn local(folder: &Path, url: &str, place: &Place) -> Result<PathBuf, ImportError> {
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
