//! Sources of an attribute: from which resources, with which codes, units and window.

use crate::calendar::Window;
use rust_decimal::Decimal;
use serde::Deserialize;

/// Codes of one system: listed, or everything under a prefix (dots are dropped before comparing).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeSet {
    pub(crate) system: String,
    #[serde(default, rename = "in")]
    pub(crate) listed: Vec<String>,
    #[serde(default)]
    pub(crate) under: Vec<String>,
}

impl CodeSet {
    fn holds(&self, system: &str, code: &str) -> bool {
        let bare = |s: &str| s.chars().filter(|c| *c != '.').collect::<String>();
        system == self.system
            && (self.listed.iter().any(|c| c == code)
                || (!self.under.is_empty() && {
                    let code = bare(&code.to_uppercase());
                    self.under.iter().any(|prefix| code.starts_with(&bare(prefix)))
                }))
    }
}

/// True if any of the codings is in any of the sets.
pub(crate) fn code_matches(codings: &[(String, String)], sets: &[CodeSet]) -> bool {
    codings.iter().any(|(system, code)| sets.iter().any(|set| set.holds(system, code)))
}

/// Which of several readings counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pick {
    Latest,
    First,
    /// The reading with the smallest distance to the index, in local days.
    Closest,
    Min,
    Max,
    Mean,
    Sum,
    Count,
    LatestDayMean,
    Any,
}

impl Pick {
    /// True if the value is made from all readings, so that one of them changes it.
    pub(crate) fn joins(self) -> bool {
        matches!(self, Self::Min | Self::Max | Self::Mean | Self::Sum | Self::LatestDayMean)
    }
}

/// What no matching record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    No,
    Zero,
    Missing,
}

/// What a bound like `<5` counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Comparator {
    /// The bound itself, counted in the report.
    #[default]
    Keep,
    Missing,
}

/// When follow-up ends, beside death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Censor {
    LastContact,
    TableDate,
}

/// A unit the source may use, and its conversion: value * scale + offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitRule {
    pub(crate) unit: String,
    pub(crate) scale: Decimal,
    pub(crate) offset: Decimal,
}

/// Codes that mean one level; `None`: recorded as unknown, so missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LevelMap {
    pub(crate) codes: CodeSet,
    pub(crate) to: Option<u32>,
}

/// How an observation's value is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueRule {
    Quantity(Vec<UnitRule>),
    Coded(Vec<LevelMap>),
    /// Only that there is a reading matters (pick `count`).
    Presence,
}

/// One source of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceRule {
    /// Completed years from `Patient.birthDate` to the index.
    Age { month: i8, day: i8 },
    /// `Patient.gender`.
    Gender { map: std::collections::BTreeMap<String, Option<u32>> },
    /// Days from the index to an event or to the end of observation.
    TimeTo { event: String, censor: Vec<Censor> },
    /// A condition of a value set with onset in the window.
    Condition { valueset: String, window: Window, active_at_index: bool },
    /// Death in the window.
    Death { window: Window },
    /// Encounters with start in the window and one of the statuses.
    Encounter { window: Window, status: Vec<String> },
    /// Observations, or components of observations.
    Observation { codes: Vec<CodeSet>, component_of: Option<Vec<CodeSet>>, value: ValueRule, window: Window },
}
