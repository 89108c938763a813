//! Resources that were deleted at the source: DELETE entries of bundles, and the `deleted` files of a manifest.

use super::{
    bundle::{BundleForm, RequestForm, ResponseForm},
    element,
    read::{Sink, TYPES_BY_NAME},
    version::Version,
};
use crate::error::{FilePosition, ImportError};

/// A resource that was deleted at the source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) version: Version,
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
pub(super) fn delete_all(sink: &mut dyn Sink, gone: &[Deletion]) {
    for deletion in gone {
        if TYPES_BY_NAME.contains(&deletion.kind.as_str()) {
            sink.delete(deletion);
        } else {
            sink.unread(&deletion.kind);
        }
    }
}

/// A line of a manifest's `deleted` file: a transaction bundle of DELETE requests.
pub(super) fn deletions(place: &FilePosition, text: &str, gone: &mut Vec<Deletion>) -> Result<(), ImportError> {
    let bundle: BundleForm<'_> = element::read("Bundle", text, place)?;
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

/// A DELETE entry of a bundle. One of a history says when it was (`response.lastModified`) and which version it made (`response.etag`).
pub(super) fn deletion(place: &FilePosition, request: &RequestForm, response: Option<&ResponseForm>) -> Result<Deletion, ImportError> {
    let fault = || ImportError::Package { place: place.clone(), problem: NOT_UNDERSTOOD.to_owned() };
    let (kind, id) = request.url.as_deref().and_then(deleted_resource).ok_or_else(fault)?;
    let time = response.and_then(|r| r.last_modified.as_deref()).map(str::parse).transpose();
    let time =
        time.map_err(|source| ImportError::Date { place: place.clone(), field: "Bundle.entry.response.lastModified".into(), source })?;
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
