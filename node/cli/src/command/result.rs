//! `countersign result`: the answers to a question that was asked, opened and verified, at any time.

use super::{Session, named, place::Place};
use crate::{
    answers::Collected,
    circuit_keys::DEVELOPMENT_NOTICE,
    failure::Failure,
    network::{Network, now},
    questions::when,
};
use anyhow::{Context, anyhow};
use clap::Args;
use countersign_ledger::PairStatus;
use countersign_messages::{QueryId, Wire};
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Arguments of `result`.
#[derive(Debug, Args)]
pub struct ResultArguments {
    /// The query (Q-7, or its id); `countersign queries` lists them
    pub query: String,
    /// Whose question, on which chain
    #[command(flatten)]
    pub place: Place,
    /// Write every accepted answer with what verifies it into this folder
    #[arg(long, value_name = "FOLDER")]
    pub export: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// The answers cannot be opened or do not verify; or a hospital's answer is missing, which is said with the table of the others.
pub async fn run(session: &Session, arguments: &ResultArguments) -> Result<(), Failure> {
    arguments.export.as_deref().map(writable).transpose()?;
    let mut network = arguments.place.open(session).await?;
    network.refresh().await?;
    let query = named::query(network.state(), &arguments.query)?;
    let (_, collected) = network.result(query).await?;
    show(session, &network, query, &collected, arguments.export.as_deref()).await?;
    let missing = standing_of(&network, query, &collected.missing)?;
    network.close().await?;
    if missing.is_empty() { Ok(()) } else { Err(Failure::SiteMissing(format!("no accepted answer from {}", missing.join("; ")))) }
}

/// Says for each hospital without an answer what became of the question there.
fn standing_of(network: &Network, query: QueryId, missing: &[String]) -> Result<Vec<String>, Failure> {
    let asked = network.asked_by(&network.holder().reader()?.id(), now()).into_iter().find(|asked| asked.id == query);
    let sites = asked.map(|asked| (when(asked.deadline), asked.sites));
    let words = |name: &String| match sites.as_ref().and_then(|(until, sites)| sites.get(name).map(|s| s.words(until))) {
        Some(words) => format!("{name} ({words})"),
        None => name.clone(),
    };
    Ok(missing.iter().map(words).collect())
}

/// Shows a collected result; files that cannot be written do not keep the table back.
pub(super) async fn show(
    session: &Session,
    network: &Network,
    query: QueryId,
    collected: &Collected,
    folder: Option<&Path>,
) -> Result<(), Failure> {
    let exported = export(network, query, folder).await;
    let files = exported.as_ref().map(Vec::as_slice).unwrap_or_default();
    let number = network.state().query(&query).map_or(0, |q| q.number);
    let text = || {
        let mut text = format!(
            "{}\nQ-{number}: {} proofs verified here, {} rejected",
            countersign_stats::render_text(&collected.table),
            collected.verified,
            collected.rejected
        );
        files.iter().for_each(|f| text.push_str(&format!("\nwritten: {}", f.display())));
        text.push_str(&format!("\n{DEVELOPMENT_NOTICE}"));
        text
    };
    let value = || {
        let mut value = countersign_stats::to_json(&collected.table);
        if let Some(object) = value.as_object_mut() {
            object.insert("query".into(), json!(query.to_string()));
            object.insert("number".into(), json!(number));
            object.insert("verified".into(), json!(collected.verified));
            object.insert("rejected".into(), json!(collected.rejected));
            object.insert("exported".into(), json!(files));
            object.insert("development_keys".into(), json!(true));
        }
        value
    };
    session.screen.result(text, value);
    exported.map(drop)
}

/// Makes the folder for exported answers and tries whether it can be written to: before anything is asked.
pub(super) fn writable(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {} to export to", folder.display()))?;
    tempfile::tempfile_in(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
    Ok(())
}

/// One file an accepted answer.
async fn export(network: &Network, query: QueryId, folder: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    writable(folder)?;
    let record = network.state().query(&query).ok_or_else(|| anyhow!("the query is gone"))?;
    let mut files = Vec::new();
    for site in &record.sites {
        if network.state().pair(&query, site).is_some_and(|p| matches!(p.status, PairStatus::Answered(_))) {
            let bytes = network.store().export_answer(network.state(), &query, site).await?.encode();
            let path = folder.join(format!("q{}-{}.answer", record.number, network.site_name(site)));
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            files.push(path);
        }
    }
    Ok(files)
}

/// Reasons by hospital, where there are any.
pub(super) fn reasons(missing: &[String], of: &[&BTreeMap<String, String>]) -> Vec<String> {
    let reason = |name: &String| of.iter().find_map(|map| map.get(name)).map_or_else(|| name.clone(), |why| format!("{name} ({why})"));
    missing.iter().map(reason).collect()
}
