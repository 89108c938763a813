//! `countersign generate`: an invented hospital.

use super::Session;
use crate::failure::Failure;
use clap::Args;
use countersign_generate::{Profile, generate};
use std::path::PathBuf;

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// An absent or empty folder
    pub out: PathBuf,
    /// complete, other-codes or small-gaps
    #[arg(long, default_value = "complete")]
    pub profile: Profile,
    /// Number of patients
    #[arg(long, default_value_t = 1000)]
    pub patients: u32,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs it.
///
/// # Errors
/// The folder is in use, or files cannot be written.
pub fn run(session: &Session, arguments: &GenerateArguments) -> Result<(), Failure> {
    let working = session.screen.working("writing patients");
    let summary = generate(arguments.profile, arguments.patients, arguments.seed, &arguments.out, |done| {
        working.now(format!("writing patients, {done}"))
    })
    .map_err(|e| Failure::Other(e.into()))?;
    drop(working);
    let text = || {
        format!(
            "{} invented patients in {} (profile {}, seed {})",
            arguments.patients,
            arguments.out.display(),
            arguments.profile,
            arguments.seed
        )
    };
    session.screen.result(text, || serde_json::to_value(&summary).unwrap_or_default());
    Ok(())
}
