//! `countersign queries`: what the member's team has asked, and where each question stands.

use super::{Session, network_arguments::NetworkArguments};
use crate::{failure::Failure, screen::plain};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_member::now;
use countersign_messages::BlockTime;
use countersign_study::{Asked, Standing, asked_by};
use serde_json::json;

/// Arguments of `queries`.
#[derive(Debug, Args)]
pub struct QueriesArguments {
    /// Whose questions, on which chain
    #[command(flatten)]
    pub network: NetworkArguments,
}

/// Runs it.
///
/// # Errors
/// The chain cannot be read.
#[boxed]
pub async fn run(session: &Session, arguments: &QueriesArguments) -> Result<(), Failure> {
    let network = arguments.network.open(session).await?;
    let asked = asked_by(&network, &network.holder().reader()?.id(), now());
    let text = || match asked.is_empty() {
        true => "nothing was asked yet: `countersign query`".to_owned(),
        false => asked.iter().map(words).collect::<Vec<_>>().join("\n"),
    };
    let value = || json!({ "queries": asked.iter().map(value).collect::<Vec<_>>() });
    session.screen.result(text, value);
    network.close().await
}

/// A block time as people read it, UTC.
fn when(time: BlockTime) -> String {
    let minutes = time.0 / 60_000 % (24 * 60);
    format!("{} {:02}:{:02} UTC", countersign_ingest::day_text(time.day()), minutes / 60, minutes % 60)
}

/// Where a question stands at a hospital: what is there, or what is waited for.
pub(super) fn standing(standing: &Standing, deadline: BlockTime) -> String {
    let until = when(deadline);
    match standing {
        Standing::Answered => "answered".to_owned(),
        Standing::Declined { code, reason } => format!("declined ({code}): {}", plain(reason)),
        Standing::Waiting { rejected: 0 } => format!("waits for the hospital's node, or for a person there, until {until}"),
        Standing::Waiting { rejected } => {
            format!("{rejected} answers were rejected by the ledger; waits for another from the hospital until {until}")
        }
        Standing::Closed => "closed: its answers did not verify".to_owned(),
        Standing::Held(words) => format!("nobody answers, as the study is {}", plain(words)),
        Standing::Over => format!("no answer came until {until}; ask again"),
    }
}

fn words(asked: &Asked) -> String {
    let sites: String = asked.sites.iter().map(|(name, at)| format!("\n    {name}: {}", standing(at, asked.deadline))).collect();
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
    let site = |(name, at): (&String, &Standing)| json!({ "site": name, "state": at.name(), "words": standing(at, asked.deadline) });
    let sites: Vec<_> = asked.sites.iter().map(site).collect();
    json!({
        "query": asked.id.to_string(), "number": asked.number, "study": asked.study, "question": asked.question,
        "asked": when(asked.asked), "deadline": when(asked.deadline), "sites": sites,
    })
}
