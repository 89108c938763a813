//! What is kept of a resource: only what the dictionary asks for, already translated by the mapping.

use super::word::ConsentWord;
use crate::calendar::Moment;
use rust_decimal::Decimal;

/// Index of a person's identifier.
pub(crate) type PersonIndex = u32;

/// The types of resources that are read.
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

/// One version of a resource.
pub(crate) struct Fact {
    pub(crate) kind: Kind,
    pub(crate) subject: Option<PersonIndex>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    /// Replaced by a newer version, or deleted.
    Gone,
    /// A resource the dictionary does not ask for.
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
    /// A code or unit no rule covers; an index into the collector's list of problems.
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
    pub(crate) abatement: Option<Moment>,
    /// Over by its clinical status or an end without a date.
    pub(crate) over_undated: bool,
}

pub(crate) struct EncounterFact {
    pub(crate) counts: bool,
    /// A record of the same identifier was entered in error, or an extension may say something else: it is no encounter whatever its own status.
    pub(crate) retracted: bool,
    /// Status after the mapping; an index into the collector's list of statuses.
    pub(crate) status: u32,
    pub(crate) start: Option<Moment>,
}
