//! Governed numbers and consent scopes as small TOML files.
//!
//! ```toml
//! # rules: what is left out stays as it is
//! k_min = 10
//!
//! # registry
//! scopes = ["p.health", "c.labs"]
//! grid = ["2027-12-31", "2028-12-31"]
//! ```

use crate::ConsortiumError;
use countersign_circuits::consent::ScopeRegistry;
use countersign_ingest::parse_day;
use countersign_messages::Rules;
use serde::{Deserialize, de::DeserializeOwned};
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    k_min: Option<u32>,
    statements_per_study: Option<u32>,
    cells_per_table: Option<u32>,
    hospital_withdrawals_marked: Option<u32>,
    points_a_day: Option<u64>,
    points_a_cut: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryFile {
    scopes: Vec<String>,
    grid: Vec<String>,
}

fn refused(file: &Path, line: usize, reason: impl ToString) -> ConsortiumError {
    ConsortiumError::RuleFile { file: file.to_owned(), line, reason: reason.to_string() }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, ConsortiumError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConsortiumError::Read { path: file.to_owned(), source })?;
    toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(0, |span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
        refused(file, line, e.message())
    })
}

/// Reads rules; what the file leaves out stays.
///
/// # Errors
/// The file is malformed, with its line.
pub fn rules(file: &Path, now: &Rules) -> Result<Rules, ConsortiumError> {
    let said: RulesFile = read(file)?;
    Ok(Rules {
        k_min: said.k_min.unwrap_or(now.k_min),
        statements_per_study: said.statements_per_study.unwrap_or(now.statements_per_study),
        cells_per_table: said.cells_per_table.unwrap_or(now.cells_per_table),
        hospital_withdrawals_marked: said.hospital_withdrawals_marked.unwrap_or(now.hospital_withdrawals_marked),
        points_a_day: said.points_a_day.unwrap_or(now.points_a_day),
        points_a_cut: said.points_a_cut.unwrap_or(now.points_a_cut),
    })
}

/// Reads a scope registry.
///
/// # Errors
/// The file is malformed, with its line, or the registry breaks a rule.
pub fn registry(file: &Path) -> Result<ScopeRegistry, ConsortiumError> {
    let said: RegistryFile = read(file)?;
    let grid = said.grid.iter().map(|text| parse_day(text)).collect::<Result<_, _>>();
    let registry = ScopeRegistry { scopes: said.scopes, grid: grid.map_err(|e| refused(file, 0, e))? };
    registry.check().map_err(|e| refused(file, 0, e))?;
    Ok(registry)
}
