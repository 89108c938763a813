//! Asking a question, and waiting for what comes.

use crate::StudyError;
use async_recursion::async_recursion as boxed;
use countersign_circuits::{dictionary::Dictionary, hash::Digest32, text::is_unprintable};
use countersign_ledger::{Effect, PairRecord, State, StudyStatus};
use countersign_member::{Connection, Member};
use countersign_messages::{BlockTime, MemberId, Payload, Query, QueryId, StudyId};
use countersign_query::{Question, compile};
use std::time::Duration;

/// How long hospitals have to answer: one hour of block time.
const ANSWER_WINDOW_MS: u64 = 3_600_000;
/// Pause between two looks for answers.
const LOOK: Duration = Duration::from_millis(200);

/// The dictionary of a digest.
///
/// # Errors
/// The ledger does not know it.
pub fn dictionary<'a>(state: &'a State, digest: &Digest32) -> Result<&'a Dictionary, StudyError> {
    state.dictionary(digest).map(|record| record.dictionary()).ok_or(StudyError::Unknown("dictionary"))
}

/// The dictionary a question names, among those that are published, and the question compiled in it.
///
/// # Errors
/// No dictionary is published, or the question is refused.
pub fn find(state: &State, sql: &str) -> Result<(Digest32, Question), StudyError> {
    let mut refusal = None;
    for record in state.dictionaries() {
        match compile(sql, record.dictionary()) {
            Ok(question) => return Ok((record.dictionary().digest(), question)),
            Err(error) if refusal.is_none() || sql.contains(record.dictionary().id()) => refusal = Some(error),
            Err(_) => {}
        }
    }
    Err(refusal.map_or(StudyError::NoDictionary, StudyError::Question))
}

/// Asks a compiled question of a study. `now` is the clock: hospitals have an hour from it.
///
/// # Errors
/// The ledger refuses it.
#[boxed]
pub async fn ask(
    connection: &mut Connection,
    researcher: &Member,
    study: StudyId,
    (question, sql): (&Question, &str),
    now: BlockTime,
) -> Result<QueryId, StudyError> {
    // a question written over several lines is the same question in one
    let line = sql.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    let query = Query { study, statement: question.statement.clone(), question: line, deadline: now.plus_ms(ANSWER_WINDOW_MS) };
    let (_, result) = connection.accepted(researcher, Payload::Query(query)).await?;
    match result.effect() {
        Some(Effect::Asked { query, .. }) => Ok(*query),
        _ => Err(StudyError::NotRecorded("query")),
    }
}

/// Waits until every hospital has answered or declined, or the time is over. `waiting` hears whose answers are not there yet.
///
/// # Errors
/// The chain cannot be read.
#[boxed]
pub async fn until_answered(
    connection: &mut Connection,
    query: QueryId,
    wait: Duration,
    waiting: &(dyn Fn(&[String]) + Sync),
) -> Result<(), StudyError> {
    let answered = async {
        loop {
            connection.refresh().await?;
            let state = connection.state();
            let sites = state.query(&query).map(|q| q.hospitals.clone()).unwrap_or_default();
            // nobody answers of a study that is suspended or ended, or that an approval lets them take part in no more
            let study = state.query(&query).and_then(|q| state.study(&q.query.study)).filter(|s| s.status() == StudyStatus::Open);
            let asked = |hospital: &MemberId| study.is_some_and(|study| study.allows(hospital));
            let open = sites.iter().filter(|s| asked(s) && state.pair(&query, s).is_some_and(PairRecord::is_open));
            let open: Vec<String> = open.map(|s| connection.member_name(s)).collect();
            if open.is_empty() {
                return Ok(());
            }
            waiting(&open);
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(wait, answered).await.unwrap_or(Ok(()))
}
