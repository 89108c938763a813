//! Neutral facts: what is kept of a source's dated records, only what the dictionary asks for, already translated by the mapping.

mod texts;
mod word;

pub(crate) use texts::Texts;
pub(crate) use word::{ConsentWord, Gist, last_word_refuses};

use crate::calendar::Moment;
use rust_decimal::Decimal;
use std::collections::HashSet;

/// Index of a person's identifier.
pub(crate) type PersonIndex = u32;

/// Everything a source holds of its people. A person's number is a position in `ids` and `same`.
pub(crate) struct Facts {
    pub(crate) list: Vec<Fact>,
    /// Identifiers of everybody who is named. Whoever reads them checks them: each makes a [`PatientId`](crate::PatientId).
    pub(crate) ids: Vec<String>,
    /// The number under which the person's own record stands: two numbers may be of one person.
    pub(crate) same: Vec<PersonIndex>,
    /// Patients who were deleted at the source: their records belong to nobody, and for a known reason.
    pub(crate) gone: HashSet<PersonIndex>,
    /// What no rule covers, in words.
    pub(crate) problems: Texts,
    /// Statuses of encounters after the mapping.
    pub(crate) statuses: Texts,
}

impl Facts {
    /// A person's identifier.
    pub(crate) fn id(&self, index: PersonIndex) -> &str {
        self.ids.get(index as usize).map_or("", String::as_str)
    }
}

/// The types of records, as FHIR names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Patient,
    Observation,
    Condition,
    Encounter,
    Consent,
}

impl Kind {
    /// The type's name in FHIR.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Patient => "Patient",
            Self::Observation => "Observation",
            Self::Condition => "Condition",
            Self::Encounter => "Encounter",
            Self::Consent => "Consent",
        }
    }
}

/// One record.
pub(crate) struct Fact {
    pub(crate) kind: Kind,
    pub(crate) subject: Option<PersonIndex>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    /// Replaced by a newer version, or deleted.
    Gone,
    /// A record the dictionary does not ask for.
    Other,
    Patient(Box<PatientFact>),
    Observation(Box<ObservationFact>),
    Condition(Box<ConditionFact>),
    Encounter(EncounterFact),
    Consent(ConsentWord),
}

pub(crate) struct PatientFact {
    pub(crate) active: bool,
    pub(crate) gender: Option<String>,
    pub(crate) birth: Option<Moment>,
    pub(crate) death: Death,
    pub(crate) replaced_by: Option<PersonIndex>,
    /// Records that this one says it took the place of.
    pub(crate) replaces: Vec<PersonIndex>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    No,
    /// Dead, and no date is given.
    Undated,
    On(Moment),
}

pub(crate) struct ObservationFact {
    pub(crate) counts: bool,
    pub(crate) when: Option<Moment>,
    pub(crate) parts: Vec<Part>,
}

/// A reading for one source of one attribute.
pub(crate) struct Part {
    pub(crate) attribute: usize,
    pub(crate) source: usize,
    pub(crate) value: PartValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartValue {
    Number {
        value: Decimal,
        bound: bool,
        unit_declared: bool,
    },
    Level(u32),
    /// Recorded as unknown.
    Unknown,
    /// There is a reading (pick `count`).
    Present,
    NoValue,
    /// A code or unit no rule covers; an index into [`Facts::problems`].
    Unmapped(u32),
    /// Not a number within 28 digits.
    Unreadable,
}

pub(crate) struct ConditionFact {
    pub(crate) counts: bool,
    /// Its verification status is said in words nobody knows: it does not count.
    pub(crate) status_unclear: bool,
    /// Value sets it belongs to, by their position in the dictionary.
    pub(crate) sets: Vec<usize>,
    pub(crate) onset: Option<Moment>,
    /// When it was written down; where that is not said, when it began.
    pub(crate) recorded: Option<Moment>,
    pub(crate) abatement: Option<Moment>,
    /// Over by its clinical status or an end without a date.
    pub(crate) over_undated: bool,
}

pub(crate) struct EncounterFact {
    pub(crate) counts: bool,
    /// A record of the same identifier was entered in error, or an extension may say something else: it is no encounter whatever its own status.
    pub(crate) retracted: bool,
    /// Status after the mapping; an index into [`Facts::statuses`].
    pub(crate) status: u32,
    pub(crate) start: Option<Moment>,
    pub(crate) end: Option<Moment>,
}
