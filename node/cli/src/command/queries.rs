//! `countersign queries`: what the member's team has asked, and where each question stands.

use super::{Session, place::Place};
use crate::{
    failure::Failure,
    network::now,
    questions::{Asked, when},
};
use clap::Args;
use serde_json::json;

/// Arguments of `queries`.
#[derive(Debug, Args)]
pub struct QueriesArguments {
    /// Whose questions, on which chain
    #[command(flatten)]
    pub place: Place,
}

/// Runs it.
///
/// # Errors
/// The chain cannot be read.
pub async fn run(session: &Session, arguments: &QueriesArguments) -> Result<(), Failure> {
    let network = arguments.place.open(session).await?;
    let asked = network.asked_by(&network.holder().reader()?.id(), now());
    let text = || match asked.is_empty() {
        true => "nothing was asked yet: `countersign query`".to_owned(),
        false => asked.iter().map(words).collect::<Vec<_>>().join("\n"),
    };
    let value = || json!({ "queries": asked.iter().map(value).collect::<Vec<_>>() });
    session.screen.result(text, value);
    network.close().await
}

fn words(asked: &Asked) -> String {
    let until = when(asked.deadline);
    let sites: String = asked.sites.iter().map(|(name, standing)| format!("\n    {name}: {}", standing.words(&until))).collect();
    format!(
        "Q-{}  (S-{}, asked {})  {}{sites}\n    show it: countersign result Q-{}",
        asked.number,
        asked.study,
        when(asked.asked),
        asked.question,
        asked.number
    )
}

fn value(asked: &Asked) -> serde_json::Value {
    let until = when(asked.deadline);
    let sites: Vec<_> = asked
        .sites
        .iter()
        .map(|(name, standing)| json!({ "site": name, "state": standing.name(), "words": standing.words(&until) }))
        .collect();
    json!({
        "query": asked.id.to_string(), "number": asked.number, "study": asked.study, "question": asked.question,
        "asked": when(asked.asked), "deadline": until, "sites": sites,
    })
}
