//! `countersign import --dry-run`: what would be anchored.

use super::{Session, mapping, reading};
use crate::{failure::Failure, screen::Screen};
use clap::Args;
use countersign_circuits::consent::Day;
use countersign_ingest::{ImportOptions, import};
use std::path::PathBuf;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// File or folder of records
    pub path: PathBuf,
    /// Dictionary: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub dictionary: PathBuf,
    /// Mapping: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Date of the data (YYYY-MM-DD) where no bulk manifest gives it
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    pub as_of: Option<Day>,
    /// Read and report; anchor nothing. `countersign anchor` reads and anchors in one step
    #[arg(long, required = true)]
    pub dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// The files are malformed, or the report says the import must stop.
pub fn run(session: &Session, arguments: &ImportArguments) -> Result<(), Failure> {
    let screen: Screen = session.screen;
    let reading = reading(&arguments.dictionary)?;
    let mapping = mapping(&arguments.mapping, &reading)?;
    let working = screen.working("reading");
    let progress = |p: countersign_ingest::Progress| working.now(format!("reading, {} records", p.records));
    let options = ImportOptions { as_of: arguments.as_of, consented: None, consents: None, progress: Some(&progress) };
    let imported = import(&reading, &mapping, &arguments.path, &options)?;
    drop(working);
    let report = &imported.report;
    screen.result(|| report.to_string(), || serde_json::to_value(report).unwrap_or_default());
    if report.stops() { Err(Failure::Refused("problems in the report stop this import".into())) } else { Ok(()) }
}
