//! `countersign result`: the answers to a question that was asked, opened and verified, at any time.

use super::{Session, network_arguments::NetworkArguments, noticed, queries};
use crate::{failure::Failure, keyed_connection::KeyedConnection};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_member::{named, now};
use countersign_messages::QueryId;
use countersign_study::{Collected, StudyError, asked_by, export, result, writable};
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
    pub network: NetworkArguments,
    /// Write every accepted answer with what verifies it into this folder
    #[arg(long, value_name = "FOLDER")]
    pub export: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// The answers cannot be opened or do not verify; or a hospital's answer is missing, which is said with the table of the others.
#[boxed]
pub async fn run(session: &Session, arguments: &ResultArguments) -> Result<(), Failure> {
    arguments.export.as_deref().map(writable).transpose()?;
    let mut network = arguments.network.open(session).await?;
    network.refresh().await?;
    let query = named::query(network.state(), &arguments.query)?;
    let collected = result(&network, &network.holder().reader()?, query).await?;
    show(session, &network, &collected, arguments.export.as_deref()).await?;
    let missing = standing_of(&network, query, &collected.missing)?;
    network.close().await?;
    if missing.is_empty() { Ok(()) } else { Err(Failure::SiteMissing(format!("no accepted answer from {}", missing.join("; ")))) }
}

/// Says for each hospital without an answer what became of the question there.
fn standing_of(network: &KeyedConnection, query: QueryId, missing: &[String]) -> Result<Vec<String>, Failure> {
    let asked = asked_by(network, &network.holder().reader()?.id(), now()).into_iter().find(|asked| asked.id == query);
    let words = |name: &String| {
        let standing = asked.as_ref().and_then(|asked| Some(queries::standing(asked.sites.get(name)?, asked.deadline)));
        standing.map_or_else(|| name.clone(), |words| format!("{name} ({words})"))
    };
    Ok(missing.iter().map(words).collect())
}

/// Shows a collected result; files that cannot be written do not keep the table back.
pub(super) async fn show(
    session: &Session,
    network: &KeyedConnection,
    collected: &Collected,
    folder: Option<&Path>,
) -> Result<(), Failure> {
    let exported: Result<Vec<PathBuf>, StudyError> = match folder {
        Some(folder) => export(network, collected.query, folder).await,
        None => Ok(Vec::new()),
    };
    let files = exported.as_ref().map(Vec::as_slice).unwrap_or_default();
    let number = collected.number;
    let text = || {
        let mut text = format!(
            "{}\nQ-{number}: {} proofs verified here, {} rejected",
            countersign_stats::render_text(&collected.table),
            collected.verified,
            collected.rejected
        );
        files.iter().for_each(|f| text.push_str(&format!("\nwritten: {}", f.display())));
        noticed(text, collected.development)
    };
    let value = || {
        let mut value = countersign_stats::to_json(&collected.table);
        if let Some(object) = value.as_object_mut() {
            object.insert("query".into(), json!(collected.query.to_string()));
            object.insert("number".into(), json!(number));
            object.insert("verified".into(), json!(collected.verified));
            object.insert("rejected".into(), json!(collected.rejected));
            object.insert("exported".into(), json!(files));
            object.insert("development_keys".into(), json!(collected.development));
        }
        value
    };
    session.screen.result(text, value);
    Ok(exported.map(drop)?)
}

/// Reasons by hospital, where there are any.
pub(super) fn reasons(missing: &[String], of: &[&BTreeMap<String, String>]) -> Vec<String> {
    let reason = |name: &String| of.iter().find_map(|map| map.get(name)).map_or_else(|| name.clone(), |why| format!("{name} ({why})"));
    missing.iter().map(reason).collect()
}
