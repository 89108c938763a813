//! No double answer, looked at when a seed has ended.
//!
//! Failures:
//! - two answers of one hospital to one query are accepted;
//! - two answers of one hospital to one statement of one study are accepted, whichever queries asked it.

use super::{Failure, history::Executed};
use countersign_ledger::{AnswerRecord, Effect};
use countersign_messages::{MemberId, Payload, QueryId, StudyId};
use std::collections::{BTreeMap, BTreeSet};

/// What was asked: study, and the statement's bytes within the query that asked it.
type Question = (StudyId, Vec<u8>);

pub(super) fn check(executed: &Executed) -> Result<(), Failure> {
    let mut asked: BTreeMap<QueryId, Question> = BTreeMap::new();
    let mut answered = Answered::default();
    for (block, results) in executed {
        for (transaction, result) in block.transactions.iter().zip(results) {
            match (&transaction.payload, result.effect()) {
                (Payload::Query(query), Some(Effect::Asked { query: id, .. })) => {
                    let statement = borsh::to_vec(&query.statement).unwrap();
                    asked.insert(*id, (query.study, statement));
                }
                (_, Some(Effect::Answered(record))) => answered.add(record, asked.get(&record.query))?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Answers so far.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pairs: BTreeSet<(QueryId, MemberId)>,
    questions: BTreeSet<(Question, MemberId)>,
}

impl Answered {
    pub(super) fn add(&mut self, record: &AnswerRecord, question: Option<&Question>) -> Result<(), Failure> {
        let (query, hospital) = (record.query, record.hospital);
        let new_pair = self.pairs.insert((query, hospital));
        let new_question = question.is_none_or(|q| self.questions.insert((q.clone(), hospital)));
        if new_pair && new_question { Ok(()) } else { Err(Failure::DoubleAnswer { hospital, query }) }
    }
}
