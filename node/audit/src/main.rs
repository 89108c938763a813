//! The `countersign-audit` program.

use clap::{Parser, Subcommand};
use countersign_audit::{
    AuditError,
    arguments::{AnswerArguments, ChainArguments},
};
use countersign_member::VerifyingFolder;
use serde::Serialize;
use std::{fmt::Display, io::Write as _, path::PathBuf, process::ExitCode};

/// A chain of Countersign, or an answer from one, checked on this machine: trusting nobody.
///
/// Exit codes: 0 verified, 1 could not be read (nothing is said about it), 3 not verified.
#[derive(Debug, Parser)]
#[command(name = "countersign-audit", version)]
struct Arguments {
    /// Answer with one JSON object on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the network's verifying keys; the cache folder of this user if left out
    #[arg(long, global = true, env = "COUNTERSIGN_KEYS", value_name = "FOLDER")]
    keys: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A whole chain from genesis: every certificate, rule and proof again
    Chain(ChainArguments),
    /// One exported answer: headers, paths and proofs
    Answer(AnswerArguments),
}

/// The finding, as it is printed.
fn shown(json: bool, finding: &(impl Display + Serialize)) -> String {
    if json { serde_json::to_string(finding).unwrap_or_default() } else { finding.to_string() }
}

async fn run(arguments: &Arguments) -> Result<String, AuditError> {
    let keys = arguments.keys.clone().map_or_else(VerifyingFolder::of_user, VerifyingFolder::new).read()?;
    Ok(match &arguments.command {
        Command::Chain(which) => shown(arguments.json, &which.finding(keys, |_| {}).await?),
        Command::Answer(which) => shown(arguments.json, &which.finding(keys).await?),
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (printed, code) = match run(&arguments).await {
        Ok(words) => (writeln!(std::io::stdout(), "{words}"), 0),
        Err(error @ AuditError::NotVerified(_)) => (writeln!(std::io::stderr(), "countersign-audit: not verified: {error}"), 3),
        Err(error) => (writeln!(std::io::stderr(), "countersign-audit: could not be read, so nothing is verified: {error}"), 1),
    };
    ExitCode::from(if printed.is_ok() { code } else { 1 })
}
