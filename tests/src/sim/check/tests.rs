//! The checks on histories that are wrong by construction.

use super::{
    Failure,
    answers::{Answered, Held},
    history::{History, certificate, replay},
    liveness, validity,
    withdrawals::{self, Known},
};
use crate::sim::{
    harness::{self, HospitalA, Net, Who, id},
    people::{prefix, sign},
};
use countersign_ledger::{Effect, State, TransactionResult};
use countersign_messages::{Act, Block, Cause, Office, Payload, Transaction};
use std::sync::Arc;

/// A block after the common beginning, properly made.
fn block(state: &State, transactions: Vec<Transaction>) -> (Arc<Block>, State, Vec<TransactionResult>) {
    let proposed = state.propose(state.tip().time.plus_ms(1_000), transactions, &harness::Script::default()).unwrap();
    assert!(proposed.refused.is_empty());
    let outcome = proposed.outcome;
    (Arc::new(outcome.block().clone()), outcome.state().clone(), outcome.results().to_vec())
}

fn withdrawal(slot: u32) -> Transaction {
    let next = prefix().state.next_sequence(&id(HospitalA));
    sign(HospitalA, next, harness::withdraw(&[slot], Cause::Word))
}

/// A network of the ledger's harness with an answer in its last block.
fn answered() -> (Net, countersign_ledger::AnswerRecord) {
    let mut net = Net::new(harness::genesis());
    let study = net.open();
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    let results = net.block(vec![(HospitalA, answer)]);
    let Some(Effect::Answered(record)) = results[0].effect() else { panic!("{results:?}") };
    let record = record.as_ref().clone();
    (net, record)
}

#[test]
fn a_replayed_transaction_is_found_though_all_have_signed_its_block() {
    let (first, state, _) = block(&prefix().state, vec![withdrawal(9)]);
    let (second, ..) = block(&state, vec![]);
    assert_eq!(History::of(vec![first.clone(), second.clone()]).check(true), Ok(()));
    let mut bad = second.as_ref().clone();
    replay(&mut bad, first.transactions[0].clone());
    assert_eq!(certificate(&bad).check(&bad.header, &prefix().state.validators()), Ok(()));
    let id = first.transactions[0].id();
    assert_eq!(History::of(vec![first.clone(), Arc::new(bad)]).check(false), Err(Failure::Twice(id)));
    // one that is no replay, but not what the header says either
    let mut bad = second.as_ref().clone();
    replay(&mut bad, sign(Who::Board, prefix().state.next_sequence(&harness::id(Who::Board)), harness::withdraw(&[1], Cause::Word)));
    assert!(matches!(validity::check(&History::of(vec![first, Arc::new(bad)]), false), Err(Failure::Invalid { .. })));
}

#[test]
fn a_second_answer_is_found() {
    let (_, record) = answered();
    let mut pairs = Answered::default();
    assert_eq!(pairs.add(&record, None), Ok(()));
    assert!(matches!(pairs.add(&record, None), Err(Failure::DoubleAnswer { .. })));
    // the same statement under another query
    let mut other = record.clone();
    other.query = countersign_messages::QueryId(record.transaction);
    let question = (prefix().study, vec![1]);
    let mut questions = Answered::default();
    assert_eq!(questions.add(&record, Some(&question)), Ok(()));
    assert!(matches!(questions.add(&other, Some(&question)), Err(Failure::DoubleAnswer { .. })));
}

#[test]
fn a_withdrawal_that_a_state_has_lost_is_found() {
    let (block, after, results) = block(&prefix().state, vec![withdrawal(9)]);
    let mut known = Known::default();
    known.learn(&block, &results);
    assert_eq!(known.check(&after), Ok(()));
    // a state of that height in which it never happened
    let empty = self::block(&prefix().state, vec![]).1;
    assert!(matches!(known.check(&empty), Err(Failure::LostWithdrawal { slot: 9, .. })));
}

#[test]
fn a_version_of_before_an_erasure_that_can_still_be_used_is_found() {
    let mut net = Net::new(harness::genesis());
    let study = net.open();
    net.accept(HospitalA, harness::withdraw(&[9], Cause::Word));
    let before = net.state.clone();
    let erase = net.erase(HospitalA, 0);
    net.accept(HospitalA, Payload::Erase(erase));
    let (block, results) = net.blocks.last().unwrap().clone();
    let mut known = Known::default();
    known.learn(&block, &results);
    assert_eq!(known.check(&net.state), Ok(()));
    // a state of a later height in which it never happened
    let outcome = |state: &State| {
        state.propose(state.tip().time.plus_ms(1_000), vec![], &harness::Script::default()).unwrap().outcome.state().clone()
    };
    let empty = outcome(&outcome(&before));
    assert!(empty.study(&study).is_some());
    assert!(matches!(known.check(&empty), Err(Failure::NotErased { index: 0, .. })));
}

#[test]
fn an_answer_that_counts_who_left_is_found() {
    let (net, record) = answered();
    let (last, results) = net.blocks.last().unwrap();
    let history = |results: Vec<TransactionResult>| vec![(Arc::new(last.clone()), results)];
    assert_eq!(withdrawals::check_answers(&history(results.clone())), Ok(()));
    // a withdrawal earlier in the same block that the answer does not know of
    let mut with = last.clone();
    with.transactions.insert(0, withdrawal(9));
    let left = net.state.leavers_after(id(HospitalA), record.height);
    let withdrawn = TransactionResult {
        transaction: with.transactions[0].id(),
        verdict: countersign_ledger::Verdict::Accepted(Effect::Withdrawn(left)),
    };
    let executed = vec![(Arc::new(with), [vec![withdrawn], results.clone()].concat())];
    assert!(matches!(withdrawals::check_answers(&executed), Err(Failure::CountsWhoLeft { missed: 1, .. })));
}

#[test]
fn a_transaction_that_never_got_in_is_found() {
    let (block, ..) = block(&prefix().state, vec![withdrawal(9)]);
    let history = History::of(vec![block.clone()]);
    let inside = (block.transactions[0].id(), "withdraw");
    let outside = (withdrawal(10).id(), "withdraw");
    assert_eq!(liveness::all_in(&history, [inside].into_iter()), Ok(()));
    let missing = Failure::Missing { transaction: outside.0, kind: "withdraw" };
    assert_eq!(liveness::all_in(&history, [inside, outside].into_iter()), Err(missing));
}

#[test]
fn an_answer_of_a_suspended_study_is_found() {
    let (net, record) = answered();
    let (last, results) = net.blocks.last().unwrap();
    let study = net.state.query(&record.query).unwrap().query.study;
    let asked = [(record.query, (study, Vec::new()))].into();
    let statement = |act| harness::decision_on(&net.state, Who::Board, study, act);
    let signed = |office, act| harness::sign_statement(&net.state, Who::Board, office, statement(act));
    let decided = |act| signed(Office::Secretary, act);
    let board = id(Who::Board);
    let first = |act: Act| TransactionResult {
        transaction: last.transactions[0].id(),
        verdict: countersign_ledger::Verdict::Accepted(Effect::Signed(statement(act).digest())),
    };
    let done = |act| TransactionResult {
        transaction: last.transactions[0].id(),
        verdict: countersign_ledger::Verdict::Accepted(Effect::Decided { study, act }),
    };
    let answer = (&last.transactions[0].payload, &results[0]);
    let hospital = id(HospitalA);
    let mut held = Held::default();
    assert_eq!(held.look(&hospital, answer, &asked), Ok(()));
    held.look(&board, (&decided(Act::Suspend), &done(Act::Suspend)), &asked).unwrap();
    let found = Failure::NotHeld { study, transaction: results[0].transaction };
    assert_eq!(held.look(&hospital, answer, &asked), Err(found.clone()));
    // one person cannot lift it, however often they sign
    let alone = Failure::OneSignature { study, transaction: last.transactions[0].id() };
    held.look(&board, (&decided(Act::Lift), &first(Act::Lift)), &asked).unwrap();
    assert_eq!(held.look(&board, (&decided(Act::Lift), &done(Act::Lift)), &asked), Err(alone.clone()));
    held.look(&board, (&signed(Office::Chair, Act::Lift), &first(Act::Lift)), &asked).unwrap();
    held.look(&board, (&decided(Act::Lift), &done(Act::Lift)), &asked).unwrap();
    assert_eq!(held.look(&board, (&decided(Act::Lift), &done(Act::Lift)), &asked), Err(alone), "a signature serves once");
    assert_eq!(held.look(&hospital, answer, &asked), Ok(()));
    held.look(&board, (&signed(Office::Chair, Act::Stop), &first(Act::Stop)), &asked).unwrap();
    held.look(&board, (&decided(Act::Stop), &done(Act::Stop)), &asked).unwrap();
    assert_eq!(held.look(&hospital, answer, &asked), Err(found));
}
