//! `countersign anchor`: a hospital's records onto the ledger, as commitments.

use super::{EVERYBODY_CONSENTS, Session, mapping, place::Place, reading};
use crate::{
    circuit_keys::DEVELOPMENT_NOTICE,
    failure::Failure,
    site::{Site, Source, anchoring::Provenance, read_source},
    study::publish_dictionary,
};
use clap::Args;
use countersign_circuits::consent::Day;
use countersign_hospital::journal::Begun;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `anchor`.
#[derive(Debug, Args)]
pub struct AnchorArguments {
    /// File or folder of records
    pub path: PathBuf,
    /// Whose hospital, on which chain
    #[command(flatten)]
    pub place: Place,
    /// The hospital, with --data
    #[arg(long, value_name = "NAME", required_unless_present = "config")]
    pub site: Option<String>,
    /// Dictionary: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub dictionary: PathBuf,
    /// Mapping: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Consents: a CSV file (patient,scope,until), or FHIR Consent with --policy; without, everybody counts as consenting
    #[arg(long, value_name = "PATH")]
    pub consents: Option<PathBuf>,
    /// The policy FHIR Consents are read by: a TOML file, or one as shipped (`consent-policy`, `consent-policy-by-scope`)
    #[arg(long, value_name = "FILE", requires = "consents")]
    pub policy: Option<PathBuf>,
    /// Date of the data (YYYY-MM-DD) where no bulk manifest gives it
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    pub as_of: Option<Day>,
}

/// Runs it. An anchor of the same files that was interrupted goes on.
///
/// # Errors
/// Files are malformed, or the ledger refuses.
pub async fn run(session: &Session, arguments: &AnchorArguments) -> Result<(), Failure> {
    let screen = session.screen;
    let reading = reading(&arguments.dictionary)?;
    let mapping = mapping(&arguments.mapping, &reading)?;
    let policy = arguments.policy.as_deref().map(super::policy).transpose()?;
    session.ensure_keys()?;
    let mut network = arguments.place.open(session).await?;
    let name = match &arguments.site {
        Some(name) => name.clone(),
        None => network.holder().reader()?.name,
    };
    let site = Site::open(&network, &session.keys, &name).await?;
    publish_dictionary(&mut network, reading.canonical()).await?;
    let source = Source { path: arguments.path.clone(), as_of: arguments.as_of, consents: arguments.consents.clone(), policy };
    if source.consents.is_none() {
        screen.say(EVERYBODY_CONSENTS);
    }
    let working = screen.working("reading");
    let imported = read_source(network.state(), &reading, &mapping, &source, &|p| working.now(format!("reading, {} records", p.records)))?;
    let provenance = Provenance { mapping: mapping.digest(), report: imported.import.report.hash(), policy: imported.policy };
    site.refuse_dropped_consents(&network, &imported)?;
    // the same files go on where an earlier run stopped; other files wait until that anchor is done
    let begun = site.record_import(network.state(), &reading, &imported).await?;
    site.drive_anchor(&mut network, reading.dictionary(), &provenance, &|what| working.now(what.to_owned())).await?;
    drop(working);
    let (new, people) = match begun {
        Begun::New { people, .. } => (true, people),
        Begun::Known(_) => (false, 0),
    };
    let (rows, height) = (imported.import.table.rows.len(), network.state().tip().height.0);
    let text = || match new {
        true => format!(
            "anchored: {people} people with a row or a permission, proved valid, block {height}\non the ledger: commitments and hashes; nothing of a person"
        ),
        false => format!("nothing to do: exactly these {rows} rows are anchored already (block {height})"),
    };
    let text = || format!("{}\n{DEVELOPMENT_NOTICE}", text());
    screen.result(text, || json!({ "development_keys": true, "site": name, "new": new, "people": people, "rows": rows, "block": height, "report": imported.import.report.hash() }));
    site.close().await;
    network.close().await
}
