//! Reading JSON so that an error names the element it is about.
//!
//! A name is repeated only if it is one of those that are read: what else a file calls its elements may say something of a patient.

use crate::error::{FilePosition, ImportError};
use serde::Deserialize;
use serde_path_to_error::{Path, Segment};

/// Elements of FHIR R4 (and of bulk manifests) that are read.
const NAMES: [&str; 68] = [
    "abatementAge",
    "abatementBoolean",
    "abatementDateTime",
    "abatementPeriod",
    "abatementRange",
    "abatementString",
    "active",
    "birthDate",
    "clinicalStatus",
    "code",
    "coding",
    "comparator",
    "component",
    "count",
    "dateTime",
    "deceasedBoolean",
    "deceasedDateTime",
    "deleted",
    "effectiveDateTime",
    "effectiveInstant",
    "effectivePeriod",
    "end",
    "entry",
    "error",
    "etag",
    "extension",
    "fullUrl",
    "gender",
    "id",
    "identifier",
    "lastModified",
    "lastUpdated",
    "link",
    "meta",
    "method",
    "modifierExtension",
    "onsetDateTime",
    "onsetPeriod",
    "other",
    "output",
    "patient",
    "performer",
    "period",
    "policy",
    "provision",
    "recordedDate",
    "reference",
    "relation",
    "request",
    "resource",
    "resourceType",
    "response",
    "scope",
    "start",
    "status",
    "subject",
    "system",
    "transactionTime",
    "type",
    "unit",
    "uri",
    "url",
    "value",
    "valueCodeableConcept",
    "valueQuantity",
    "valueReference",
    "verificationStatus",
    "versionId",
];

/// `Observation.component[0].valueQuantity`: the path as far as its names are known.
fn element(root: &str, path: &Path) -> String {
    let mut out = root.to_owned();
    for segment in path.iter() {
        match segment {
            Segment::Map { key } if NAMES.contains(&key.as_str()) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Segment::Seq { index } => out.push_str(&format!("[{index}]")),
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    out
}

/// Reads JSON that begins at a place. An error names line and element below `root`.
pub(crate) fn read<'t, T: Deserialize<'t>>(root: &str, text: &'t str, place: &FilePosition) -> Result<T, ImportError> {
    serde_json::from_str(text).map_err(|plain| {
        // read once more, now noting the way: only what is malformed pays for that
        let again = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(text));
        let mut at = again.err().map_or_else(|| root.to_owned(), |error| element(root, error.path()));
        // an element that is missing or stands twice is no step of the way; its name is this reader's own
        let words = plain.to_string();
        let named = ["duplicate field `", "missing field `"].iter().find_map(|start| words.strip_prefix(start)?.split('`').next());
        if let Some(name) = named.filter(|name| NAMES.contains(name)) {
            let dot = if at.is_empty() { "" } else { "." };
            at = format!("{at}{dot}{name}");
        }
        ImportError::json(FilePosition { line: line_of(place, plain.line()), ..place.clone() }, at, &plain)
    })
}

/// The line of a file, given the line (from 1) inside a text that begins at a place.
fn line_of(place: &FilePosition, line: usize) -> u64 {
    place.line.max(1) + (line as u64).saturating_sub(1)
}

/// A number of a quantity whose JSON is no number.
pub(crate) fn not_a_number(text: &str, raw: &str, place: &FilePosition, element: String) -> ImportError {
    let before = text.get(..(raw.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count();
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    ImportError::Json {
        place: FilePosition { line: line_of(place, line + 1), ..place.clone() },
        element,
        problem: "not a JSON number",
        column,
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;

    #[test]
    fn names_are_sorted_and_stand_once() {
        assert!(NAMES.is_sorted() && NAMES.windows(2).all(|w| w[0] != w[1]));
    }
}
