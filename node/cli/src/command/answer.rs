//! `countersign answer`: a hospital's person sees what is asked, and answers or declines.

use super::{Session, network_arguments::MemberArguments, noticed};
use crate::{failure::Failure, keyed_connection::KeyedConnection, screen::plain};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_hospital::{Answering, waiting};
use countersign_ledger::QueryRecord;
use countersign_member::{named, now};
use countersign_messages::QueryId;
use serde_json::json;

/// Arguments of `answer`.
#[derive(Debug, Args)]
pub struct AnswerArguments {
    /// The query (Q-7, or its id); without it, what waits for an answer is listed
    pub query: Option<String>,
    /// The hospital's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// Decline, for this reason (it must not say how small a number is)
    #[arg(long, value_name = "REASON", requires = "query")]
    pub decline: Option<String>,
}

/// Runs it.
///
/// # Errors
/// There is no such query, or the answer is not accepted.
#[boxed]
pub async fn run(session: &Session, arguments: &AnswerArguments) -> Result<(), Failure> {
    let mut network = arguments.member.open(session).await?;
    let name = network.holder().reader()?.name;
    let site = network.hospital(&session.keys, &name).await?;
    // a ciphertext that an earlier run left behind, between the ledger's word and its delivery
    let delivered = site.deliver(&network).await;
    site.close().await;
    delivered?;
    let Some(text) = &arguments.query else {
        list(session, &network)?;
        return network.close().await;
    };
    let query = named::query(network.state(), text)?;
    let site = network.hospital(&session.keys, &name).await?;
    let working = session.screen.working(format!("{name}: answering and proving"));
    let outcome = match &arguments.decline {
        Some(reason) => site.decline(&mut network, query, reason).await,
        None => site.answer(&mut network, query).await,
    };
    drop(working);
    site.close().await;
    let development = network.development();
    network.close().await?;
    let words = match outcome? {
        Answering::Accepted => "answered, and accepted by the ledger".to_owned(),
        Answering::Declined(_) => "declined; the researcher and the board see it".to_owned(),
        Answering::Rejected(reason) => return Err(Failure::Refused(format!("the ledger rejects the answer: {reason}"))),
    };
    let value = json!({ "query": query.to_string(), "declined": arguments.decline.is_some(), "development_keys": development });
    session.screen.result(|| noticed(words, development), || value);
    Ok(())
}

fn list(session: &Session, network: &KeyedConnection) -> Result<(), Failure> {
    let (state, me) = (network.state(), network.holder().reader()?.id());
    let open: Vec<_> = waiting(state, &me, now()).into_iter().filter_map(|id| Some((id, state.query(&id)?))).collect();
    let text = || match open.is_empty() {
        true => "nothing waits for an answer of this hospital".to_owned(),
        false => open.iter().map(|(_, q)| format!("Q-{}  {}", q.number, plain(&q.query.question))).collect::<Vec<_>>().join("\n"),
    };
    let value = || {
        let one = |(id, q): &(QueryId, &QueryRecord)| json!({ "query": id.to_string(), "number": q.number, "question": q.query.question });
        json!({ "open": open.iter().map(one).collect::<Vec<_>>() })
    };
    session.screen.result(text, value);
    Ok(())
}
