//! What stops an import, and the name by which a mapping acknowledges it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that stops an import: nothing may be anchored until it is solved, or acknowledged by name in the mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Nobody has a row.
    NoRows,
    /// Nobody has a value of this attribute.
    AllMissing {
        /// The attribute.
        attribute: String,
    },
    /// A flag read from codes is "no" for everybody: none of the codes of these records is in its value set.
    AllNo {
        /// The attribute.
        attribute: String,
    },
    /// A count of records is 0 for everybody.
    AllZero {
        /// The attribute.
        attribute: String,
    },
    /// People were not observed to the end of the window of an attribute that cannot be missing.
    WindowBeyondData {
        /// The attribute.
        attribute: String,
        /// How many.
        people: u64,
        /// The date of the data.
        as_of: String,
    },
    /// The export is not whole: more is said to exist than lies here.
    NotWhole {
        /// The name it can be acknowledged by.
        name: String,
        /// What is missing.
        what: String,
    },
    /// Too many source values have codes or units no rule covers.
    Unmapped {
        /// The attribute.
        attribute: String,
        /// How many.
        unmapped: u64,
        /// Of how many.
        source_values: u64,
    },
    /// Too many records of a type belong to nobody in the export.
    Strays {
        /// The type.
        kind: String,
        /// How many.
        strays: u64,
        /// Of how many.
        of: u64,
    },
    /// Consents are of people who are not in the records.
    ConsentsUnknown {
        /// How many people.
        people: u64,
        /// Of how many the consents are.
        of: u64,
    },
    /// Consents among the records refuse what the given consents permit.
    ConsentsBeside {
        /// How many people.
        people: u64,
    },
}

impl Problem {
    /// The name a mapping can acknowledge it by; `None`: nobody can.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::NoRows => None,
            Self::AllMissing { attribute }
            | Self::AllNo { attribute }
            | Self::AllZero { attribute }
            | Self::WindowBeyondData { attribute, .. }
            | Self::Unmapped { attribute, .. } => Some(attribute),
            Self::NotWhole { name, .. } => Some(name),
            Self::Strays { .. } => Some("export:patients"),
            Self::ConsentsUnknown { .. } => Some("consents:patients"),
            Self::ConsentsBeside { .. } => Some("export:consents"),
        }
    }

    /// What is the matter, without what to do.
    pub(super) fn words(&self) -> String {
        match self {
            Self::NoRows => "nobody in these files gets a row".into(),
            Self::AllMissing { attribute } => format!("\"{attribute}\" is missing for everybody"),
            Self::AllNo { attribute } => format!("\"{attribute}\" is \"no\" for everybody"),
            Self::AllZero { attribute } => format!("\"{attribute}\" is 0 for everybody"),
            Self::WindowBeyondData { attribute, people, as_of } => format!(
                "\"{attribute}\" may not be missing, and the window of {people} people ends after the data do (they are of {as_of}): what nobody \
                 could observe is neither \"no\" nor 0"
            ),
            Self::NotWhole { what, .. } => format!("the export is not whole: {what}"),
            Self::Unmapped { attribute, unmapped, source_values } => {
                format!("\"{attribute}\": {unmapped} of {source_values} source values have codes or units no rule covers")
            }
            Self::Strays { kind, strays, of } => strays_words(kind, *strays, *of),
            Self::ConsentsUnknown { people, of } => format!("the consents of {people} of {of} people are of nobody in these records"),
            Self::ConsentsBeside { people } => format!(
                "{people} people are permitted by the given consents, and a FHIR Consent among the records refuses, is withdrawn, is not \
                 understood, or names nobody"
            ),
        }
    }
}

/// Records that belong to nobody in the export.
pub(crate) fn strays_words(kind: &str, strays: u64, of: u64) -> String {
    format!("{strays} of {of} {kind} resources belong to no patient of this export")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what_to_do = match self {
            Self::NoRows => "check the files and the dictionary's population",
            Self::AllMissing { .. } => "correct the mapping",
            Self::AllNo { .. } => "check the code systems (the notes say what was found)",
            Self::AllZero { .. } => "check the statuses and codes (the notes say what was found)",
            Self::WindowBeyondData { .. } => "take data of a later date, or a dictionary whose windows are over",
            Self::NotWhole { .. } => "fetch it again",
            Self::Unmapped { .. } => "map them",
            Self::Strays { .. } => "export their patients, too",
            Self::ConsentsUnknown { .. } => "are they the consents of these patients, under the same ids?",
            Self::ConsentsBeside { .. } => "correct the consents that are given, or read the FHIR Consents by a policy",
        };
        write!(f, "{}; {what_to_do}", self.words())?;
        self.name().map_or(Ok(()), |name| write!(f, ", or accept it with acknowledge = [\"{name}\"]"))
    }
}
