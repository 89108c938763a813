//! The three kinds of hospital.

use serde::Serialize;
use std::{fmt, str::FromStr};

/// How a generated hospital writes its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// SNOMED CT conditions, LOINC observations, UCUM units, HbA1c in % (NGSP), blood pressure panels, plain files.
    Complete,
    /// ICD-10-GM conditions, HbA1c as whole mmol/mol under LOINC 59261-8, blood pressures one observation each in "mmHg"
    /// without a unit code, smoking under local codes `urn:klinik:rauchen` (NR never, EX former, RA current), gzip files.
    OtherCodes,
    /// Coded like [`Profile::Complete`], with missing labs, repeated resources, entered-in-error doubles with absurd values,
    /// partial dates and missing units.
    SmallGaps,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Complete, Self::OtherCodes, Self::SmallGaps];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::OtherCodes => "other-codes",
            Self::SmallGaps => "small-gaps",
        }
    }

    /// Prefix of all ids, so that two hospitals never share one.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Complete => "a",
            Self::OtherCodes => "b",
            Self::SmallGaps => "c",
        }
    }

    /// True where records have gaps, repeats and errors.
    pub(crate) fn has_gaps(self) -> bool {
        self == Self::SmallGaps
    }

    /// Mean age at index, years.
    pub(crate) fn age_mean(self) -> f64 {
        match self {
            Self::Complete => 57.0,
            Self::OtherCodes => 62.0,
            Self::SmallGaps => 54.0,
        }
    }

    /// Share of diabetics and of others who have an HbA1c in the two years before index.
    pub(crate) fn hba1c_shares(self) -> (f64, f64) {
        if self.has_gaps() { (0.62, 0.18) } else { (0.94, 0.36) }
    }

    /// Share of patients seen who have a given vital sign or smoking status.
    pub(crate) fn vitals_share(self) -> f64 {
        if self.has_gaps() { 0.74 } else { 0.96 }
    }
}

/// A profile name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no hospital profile \"{0}\"; choose one of complete, other-codes, small-gaps")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
