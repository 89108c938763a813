//! Consent tables: governed scopes, each an attribute with ordered expiry bins (protocol, section 5).
//!
//! Bin 0 of a scope means "no"; bin t means "valid to the end of grid date t". On a day d the scope's column is the sum of
//! the bins whose grid date is d or later: linear, hidden, and switching by itself as block time passes.

#[cfg(test)]
mod tests;

use crate::{
    dictionary::{ROWS_MAX, SegmentLayout},
    hash::Digest32,
    tag,
};
use borsh::{BorshDeserialize, BorshSerialize};

/// Most scopes one study may name: its purpose and categories are factors of every query (degree budget).
pub const STUDY_SCOPES_MAX: usize = 8;
/// Most scopes of one registry.
pub const SCOPES_MAX: usize = 64;
/// Most grid dates.
pub const GRID_MAX: usize = 32;

/// A calendar day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Day(pub i32);

/// As ISO 8601 has it (`2026-03-02`), in the proleptic Gregorian calendar: years of 365 days and the leap days among them, counted from a 1 March.
impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // eras of 400 years, 146,097 days, from 0000-03-01 on
        let days = i64::from(self.0) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        write!(f, "{:04}-{month:02}-{day:02}", era * 400 + year + next)
    }
}

/// The governed list of scopes and expiry dates.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScopeRegistry {
    /// Scope names (`p.health`, `c.labs`, ..), distinct.
    pub scopes: Vec<String>,
    /// Expiry dates, ascending.
    pub grid: Vec<Day>,
}

/// What is wrong with a scope registry or with a use of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The registry's lists are out of bounds or order.
    #[error("a scope registry has 1 to {SCOPES_MAX} different scopes and 1 to {GRID_MAX} ascending dates")]
    Registry,
    /// A study or query names a scope the registry does not have.
    #[error("unknown consent scope \"{0}\"")]
    Unknown(String),
    /// A study names no scope, a scope twice, or too many.
    #[error("a study names 1 to {STUDY_SCOPES_MAX} different consent scopes; this one names {0}")]
    Count(usize),
    /// No grid date is left: nobody's consent can be valid.
    #[error("no expiry date of the grid is on or after the day asked for; the consortium must extend the grid")]
    GridEnded,
}

impl ScopeRegistry {
    /// Checks bounds and order.
    ///
    /// # Errors
    /// [`ScopeError::Registry`].
    pub fn check(&self) -> Result<(), ScopeError> {
        let scopes = &self.scopes;
        let distinct = scopes.iter().enumerate().all(|(i, s)| !s.is_empty() && s.len() <= 64 && !scopes[..i].contains(s));
        let ordered = self.grid.windows(2).all(|w| w[0] < w[1]);
        let sized = (1..=SCOPES_MAX).contains(&scopes.len()) && (1..=GRID_MAX).contains(&self.grid.len());
        if distinct && ordered && sized && self.layout().rows() <= ROWS_MAX { Ok(()) } else { Err(ScopeError::Registry) }
    }

    /// The matrix layout of consent segments: one block a scope.
    pub fn layout(&self) -> SegmentLayout {
        SegmentLayout { blocks: vec![self.grid.len() + 1; self.scopes.len()], tied: Vec::new() }
    }

    /// Hash of the canonical bytes.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn digest(&self) -> Digest32 {
        let bytes = borsh::to_vec(self).expect("writing to memory does not fail");
        Digest32::tagged(tag::SCOPE_REGISTRY, [bytes.as_slice()])
    }

    /// Index of a scope.
    ///
    /// # Errors
    /// [`ScopeError::Unknown`].
    pub fn find(&self, name: &str) -> Result<u16, ScopeError> {
        self.scopes.iter().position(|s| s == name).map(|i| i as u16).ok_or_else(|| ScopeError::Unknown(name.to_owned()))
    }

    /// The bin for a consent that ends on `end`: the last grid date on or before it (rounded down), 0 if there is none.
    pub fn bin(&self, end: Day) -> u16 {
        self.grid.partition_point(|d| *d <= end) as u16
    }

    /// Matrix rows whose sum is the scope's column on a day.
    ///
    /// # Errors
    /// The scope does not exist, or no grid date is left.
    pub fn rows_valid(&self, scope: u16, day: Day) -> Result<Vec<usize>, ScopeError> {
        if usize::from(scope) >= self.scopes.len() {
            return Err(ScopeError::Unknown(format!("#{scope}")));
        }
        let first = usize::from(scope) * (self.grid.len() + 1);
        let from = self.grid.partition_point(|d| *d < day);
        if from == self.grid.len() {
            return Err(ScopeError::GridEnded);
        }
        Ok((from..self.grid.len()).map(|t| first + t + 1).collect())
    }
}

/// The scopes a study fixed and the day they are asked for: the consent side of an aggregate statement.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Eligibility {
    /// Indices into the registry, ascending.
    pub scopes: Vec<u16>,
    /// UTC date of the height the answer names.
    pub day: Day,
}

impl Eligibility {
    /// For each scope, the consent rows whose sum is its column.
    ///
    /// # Errors
    /// No scope, too many, out of order, unknown, or an ended grid.
    pub fn columns(&self, registry: &ScopeRegistry) -> Result<Vec<Vec<usize>>, ScopeError> {
        if !(1..=STUDY_SCOPES_MAX).contains(&self.scopes.len()) || !self.scopes.windows(2).all(|w| w[0] < w[1]) {
            return Err(ScopeError::Count(self.scopes.len()));
        }
        self.scopes.iter().map(|s| registry.rows_valid(*s, self.day)).collect()
    }
}
