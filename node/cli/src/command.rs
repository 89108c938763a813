//! One file for each command, and what they share.

pub mod anchor;
pub mod answer;
pub mod audit;
pub mod backup;
pub mod claim;
pub mod consent;
pub mod demo;
pub mod erase;
mod erasure_certificate;
pub mod generate;
pub mod genesis;
pub mod import;
pub mod init;
pub mod join;
pub mod keys;
pub mod network_arguments;
pub mod node;
pub mod patient;
pub mod person;
pub mod proposals;
pub mod propose;
pub mod queries;
pub mod query;
pub mod record;
pub mod result;
pub mod status;
pub mod study;
pub mod try_out;
pub mod verify;
pub mod vote;
pub mod withdraw;

use crate::{failure::Failure, keys_folder::KeysFolder, screen::Screen};
use anyhow::{Context, anyhow};
use countersign_circuits::consent::Day;
use countersign_ingest::{ConsentPolicy, Mapping, Reading, parse_day, shipped};
use countersign_member::DEVELOPMENT_NOTICE;
use std::path::Path;

/// Said wherever consents are left out.
const EVERYBODY_CONSENTS: &str = "no consents were given: on this development network everybody counts as consenting";

/// What every command is run with.
#[derive(Debug, Clone)]
pub struct Session {
    /// Where it speaks.
    pub screen: Screen,
    /// Circuit keys.
    pub keys: KeysFolder,
}

impl Session {
    /// Makes development keys if there are none, and says so.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn ensure_keys(&self) -> Result<(), Failure> {
        if !self.keys.exists() {
            let working = self.screen.working("making development keys for the circuits (once, some seconds)");
            self.keys.ensure_development()?;
            drop(working);
        }
        Ok(())
    }
}

/// Reads a text file, or one of the shipped dictionaries and mappings by name.
fn text(path: &Path) -> Result<String, Failure> {
    let shipped = match path.to_str() {
        Some("cardiometabolic-core") => Some(shipped::CARDIOMETABOLIC_CORE),
        Some("mapping-fhir") => Some(shipped::MAPPING_FHIR),
        Some("mapping-fhir-other") => Some(shipped::MAPPING_FHIR_OTHER),
        Some("mapping-fhir-gaps") => Some(shipped::MAPPING_FHIR_GAPS),
        Some("consent-policy") => Some(shipped::CONSENT_POLICY),
        Some("consent-policy-by-scope") => Some(shipped::CONSENT_POLICY_BY_SCOPE),
        Some("consent-policy-mii") => Some(shipped::CONSENT_POLICY_MII),
        Some("consent-policy-duo") => Some(shipped::CONSENT_POLICY_DUO),
        Some("heart-disease") => Some(shipped::HEART_DISEASE),
        Some("mapping-heart-csv") => Some(shipped::MAPPING_HEART_CSV),
        _ => None,
    };
    match shipped {
        Some(text) if !path.exists() => Ok(text.to_owned()),
        _ => Ok(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?),
    }
}

/// A dictionary with how it is read.
///
/// # Errors
/// The file is missing or malformed.
pub fn reading(path: &Path) -> Result<Reading, Failure> {
    Reading::from_toml(&text(path)?).map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))
}

/// A hospital's mapping.
///
/// # Errors
/// The file is missing, malformed or for another dictionary.
pub fn mapping(path: &Path, reading: &Reading) -> Result<Mapping, Failure> {
    Mapping::from_toml(&text(path)?, reading).map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))
}

/// A consent policy.
///
/// # Errors
/// The file is missing or malformed.
pub fn policy(path: &Path) -> Result<ConsentPolicy, Failure> {
    ConsentPolicy::from_toml(&text(path)?).map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))
}

/// A date on the command line.
///
/// # Errors
/// It is no date.
pub fn day(text: &str) -> Result<Day, String> {
    parse_day(text).map_err(|e| e.to_string())
}

/// `NAME=PATH` on the command line.
///
/// # Errors
/// There is no `=`, or no name.
pub fn named_path(text: &str) -> Result<(String, std::path::PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("write NAME=PATH".to_owned()),
    }
}

/// A text, with what is to be said where development keys were used.
fn noticed(text: String, development: bool) -> String {
    if development { format!("{text}\n{DEVELOPMENT_NOTICE}") } else { text }
}

/// All data categories of a dictionary.
fn categories(reading: &Reading) -> std::collections::BTreeSet<String> {
    reading.dictionary().attributes().iter().flat_map(|a| a.categories().iter().cloned()).collect()
}

/// Seconds since a moment.
#[allow(clippy::disallowed_methods, reason = "commands say how long they took")]
fn stopwatch() -> impl Fn() -> f64 {
    let start = std::time::Instant::now();
    move || start.elapsed().as_secs_f64()
}

fn temporary() -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new().prefix("countersign-").tempdir().map_err(|e| anyhow!("cannot make a temporary folder: {e}").into())
}
