//! The result of an import: one row of levels a patient.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Longest identifier of a patient or resource, in bytes. FHIR ids have at most 64; CSV exports a little more.
pub const IDENTIFIER_BYTES_MAX: usize = 128;

/// A hospital's own identifier of a patient. It never leaves the hospital, `Debug` does not show it, and it is zeroed when dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Zeroize, ZeroizeOnDrop)]
pub struct PatientId(String);

/// A text that cannot identify a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a patient's identifier has 1 to {IDENTIFIER_BYTES_MAX} bytes and no control characters")]
pub struct NotAnIdentifier;

pub(crate) fn is_identifier(text: &str) -> bool {
    (1..=IDENTIFIER_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl PatientId {
    /// Takes an identifier.
    ///
    /// # Errors
    /// [`NotAnIdentifier`]: it is empty, too long or has control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NotAnIdentifier> {
        let text = text.into();
        if is_identifier(&text) { Ok(Self(text)) } else { Err(NotAnIdentifier) }
    }

    /// The identifier itself: for the hospital's own store only, never for logs, messages or the network.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientId(redacted)")
    }
}

/// One patient's row.
#[derive(Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Whose row it is.
    pub patient: PatientId,
    /// One level for each attribute of the dictionary, in its order; `None` is "missing". Category and flag: index of the
    /// level. Number and count: level of the scale. Every level exists: `Attribute::bins` gives bins for it.
    pub levels: Vec<Option<u32>>,
}

impl fmt::Debug for TableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableRow(redacted, {} levels)", self.levels.len())
    }
}

/// A research table: rows in ascending order of the patients' identifiers, one a patient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResearchTable {
    /// The rows.
    pub rows: Vec<TableRow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_patient() {
        let row = TableRow { patient: PatientId::new("MRN-4711").unwrap(), levels: vec![Some(815)] };
        let text = format!("{row:?} {:?} {:?}", row.patient, ResearchTable { rows: vec![row.clone()] });
        assert!(!text.contains("4711") && !text.contains("815"), "{text}");
    }

    #[test]
    fn identifiers_are_bounded() {
        assert!(PatientId::new("").is_err() && PatientId::new("a\nb").is_err() && PatientId::new("x".repeat(129)).is_err());
        assert!(PatientId::new("x".repeat(128)).is_ok());
    }
}
