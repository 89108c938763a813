//! No double answer, looked at when a seed has ended.
//!
//! Failures:
//! - two answers of one hospital to one query are accepted;
//! - two answers of one hospital to one statement of one study are accepted, whichever queries asked it;
//! - a query, an acceptance or an answer is accepted of a study that somebody has suspended, or that has ended;
//! - one person of a board decides what takes two, or a signature serves twice.

use super::{Failure, history::Executed};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{AnswerRecord, Effect, TransactionResult};
use countersign_messages::{Act, BoardStatement, MemberId, Payload, PersonKey, QueryId, Signing, StudyId};
use std::collections::{BTreeMap, BTreeSet};

/// What was asked: study, and the statement's bytes within the query that asked it.
pub(super) type Question = (StudyId, Vec<u8>);

pub(super) fn check(executed: &Executed) -> Result<(), Failure> {
    let mut asked: BTreeMap<QueryId, Question> = BTreeMap::new();
    let mut answered = Answered::default();
    let mut held = Held::default();
    for (block, results) in executed {
        for (transaction, result) in block.transactions.iter().zip(results) {
            held.look(&transaction.signer, (&transaction.payload, result), &asked)?;
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

/// Who has suspended which study, and which have ended; from the decisions in blocks alone.
#[derive(Debug, Default)]
pub(super) struct Held {
    suspended: BTreeSet<(StudyId, MemberId)>,
    ended: BTreeSet<StudyId>,
    signatures: Signatures,
}

/// First signatures of boards: each serves one decision, that of a second person under the same statement.
#[derive(Debug, Default)]
struct Signatures(BTreeMap<(MemberId, Digest32), BTreeSet<PersonKey>>);

impl Signatures {
    fn signed(&mut self, board: &MemberId, signing: &Signing) {
        self.0.entry((*board, signing.statement.digest())).or_default().insert(signing.person);
    }

    fn decided(&mut self, board: &MemberId, (payload, result): (&Payload, &TransactionResult)) -> Result<(), Failure> {
        let Payload::Sign(signing) = payload else { return Ok(()) };
        let BoardStatement::Study(decision) = &signing.statement else { return Ok(()) };
        let before = self.0.remove(&(*board, signing.statement.digest())).unwrap_or_default();
        let alone = decision.act == Act::Suspend;
        match alone || before.iter().any(|person| *person != signing.person) {
            true => Ok(()),
            false => Err(Failure::OneSignature { study: decision.study, transaction: result.transaction }),
        }
    }
}

impl Held {
    pub(super) fn look(
        &mut self,
        signer: &MemberId,
        (payload, result): (&Payload, &TransactionResult),
        asked: &BTreeMap<QueryId, Question>,
    ) -> Result<(), Failure> {
        if result.effect().is_none() {
            return Ok(());
        }
        if let Some(Effect::Decided { study, act }) = result.effect() {
            let _ = match act {
                Act::Approve(_) => true,
                Act::Suspend => self.suspended.insert((*study, *signer)),
                Act::Lift => self.suspended.remove(&(*study, *signer)),
                Act::Reject | Act::Stop | Act::Close => self.ended.insert(*study),
            };
            return self.signatures.decided(signer, (payload, result));
        }
        let study = match payload {
            Payload::Sign(signing) => {
                self.signatures.signed(signer, signing);
                None
            }
            Payload::Query(query) => Some(query.study),
            Payload::StudyAccept(accept) => Some(accept.study),
            Payload::Answer(answer) => asked.get(&answer.query).map(|(study, _)| *study),
            _ => None,
        };
        let held = |study: &StudyId| self.ended.contains(study) || self.suspended.iter().any(|(held, _)| held == study);
        match study.filter(held) {
            Some(study) => Err(Failure::NotHeld { study, transaction: result.transaction }),
            None => Ok(()),
        }
    }
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
