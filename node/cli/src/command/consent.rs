//! `countersign consent import --dry-run`: what consents say, before anything is anchored.

use super::{Session, network_arguments::NetworkArguments, noticed};
use crate::failure::Failure;
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_circuits::hash::Digest32;
use countersign_hospital::{OptOutList, Source};
use countersign_ingest::read_opt_outs;
use serde_json::json;
use std::path::PathBuf;

/// What to do with consents.
#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Read consents and report, by the scopes that the network has in force
    Import(ImportArguments),
}

/// Arguments of `consent import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// Consents: a CSV file (patient,scope,until), or FHIR Consent with --policy
    pub path: PathBuf,
    /// The policy FHIR Consents are read by: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// A CSV file (patient) of people who objected elsewhere
    #[arg(long, value_name = "FILE")]
    pub opt_outs: Option<PathBuf>,
    /// Whose scopes
    #[command(flatten)]
    pub network: NetworkArguments,
    /// Read and report; anchor nothing. `countersign anchor` reads and anchors in one step
    #[arg(long, required = true)]
    pub dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// The files are malformed, or the network cannot be reached.
#[boxed]
pub async fn run(session: &Session, command: &ConsentCommand) -> Result<(), Failure> {
    let ConsentCommand::Import(arguments) = command;
    let policy = arguments.policy.as_deref().map(super::policy).transpose()?;
    let reference = policy.as_ref().map(|policy| policy.reference().to_owned());
    let (path, consents) = (arguments.path.clone(), Some(arguments.path.clone()));
    let source = Source { path, as_of: None, consents, policy, opt_outs: OptOutList::AsBefore };
    let network = arguments.network.open(session).await?;
    let working = session.screen.working("reading consents");
    let read = source.read_consents(network.state());
    drop(working);
    let development = network.development();
    network.close().await?;
    let mut read = read?.context("no consents were read")?;
    if let Some(path) = &arguments.opt_outs {
        read.opt_out(&read_opt_outs(path)?);
    }
    let report = &read.report;
    let hash = Digest32::of(&serde_json::to_vec(report).context("the report cannot be written")?);
    let scopes = || report.scopes.iter().map(|(scope, people)| format!("\n  {scope}: {people} people")).collect::<String>();
    session.screen.result(
        || noticed(format!("{report}{}\nhash of this report: {hash}; the same files give the same", scopes()), development),
        || json!({ "report": report, "hash": hash.to_string(), "policy": reference, "development_keys": development }),
    );
    Ok(())
}
