//! Studies, queries and proposals by the names people give them: `S-3`, `Q-7`, `G-2`, a number, or the whole id.

use crate::failure::Failure;
use countersign_circuits::hash::Digest32;
use countersign_ledger::State;
use countersign_messages::{ProposalId, QueryId, StudyId, TransactionId};

/// What a person wrote: a number or an id.
enum Named {
    Number(u32),
    Id(TransactionId),
}

fn named(text: &str, letter: char) -> Result<Named, Failure> {
    if let Ok(id) = text.parse::<Digest32>() {
        return Ok(Named::Id(TransactionId(id)));
    }
    let number = text.strip_prefix([letter, letter.to_ascii_lowercase()]).map_or(text, |rest| rest.trim_start_matches('-'));
    let words = || Failure::Refused(format!("\"{text}\" is neither a number such as {letter}-1 nor an id of 64 hexadecimal digits"));
    number.parse().map(Named::Number).map_err(|_| words())
}

fn absent(what: &str, text: &str) -> Failure {
    Failure::Refused(format!("the ledger has no {what} \"{text}\""))
}

/// A study.
pub(super) fn study(state: &State, text: &str) -> Result<StudyId, Failure> {
    let wanted = named(text, 'S')?;
    let is = |id: &StudyId, number: u32| match &wanted {
        Named::Number(n) => *n == number,
        Named::Id(wanted) => *wanted == id.0,
    };
    state.studies().find(|(id, s)| is(id, s.number)).map(|(id, _)| *id).ok_or_else(|| absent("study", text))
}

/// A query.
pub(super) fn query(state: &State, text: &str) -> Result<QueryId, Failure> {
    let wanted = named(text, 'Q')?;
    let is = |id: &QueryId, number: u32| match &wanted {
        Named::Number(n) => *n == number,
        Named::Id(wanted) => *wanted == id.0,
    };
    state.queries().find(|(id, q)| is(id, q.number)).map(|(id, _)| *id).ok_or_else(|| absent("query", text))
}

/// A proposal.
pub(super) fn proposal(state: &State, text: &str) -> Result<ProposalId, Failure> {
    let wanted = named(text, 'G')?;
    let is = |id: &ProposalId, number: u32| match &wanted {
        Named::Number(n) => *n == number,
        Named::Id(wanted) => *wanted == id.0,
    };
    state.proposals().find(|(id, p)| is(id, p.number)).map(|(id, _)| *id).ok_or_else(|| absent("proposal", text))
}
