//! Decisions about studies: whose each is, and what a suspension and an end refuse.

use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;

/// A second board that answers are sealed to, and one they are not.
pub(super) const SECOND: Who = GovernanceB;
pub(super) const THIRD: Who = GovernanceC;

/// A study sealed to two boards, as it is submitted.
pub(super) fn submitted() -> (Net, StudyId) {
    let mut net = Net::new(with_boards(&[(SECOND, "Second board"), (THIRD, "Third board")]));
    net.publish(dictionary());
    net.tables(HospitalA, 2);
    let mut draft = study(&dictionary());
    draft.sealing.push(sealing_key(SealingParty::Board, SECOND));
    draft.sealing.sort();
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(draft)));
    (net, study)
}

/// The same, approved by both and accepted by hospital A, with an open query.
fn asked() -> (Net, StudyId, QueryId) {
    let (mut net, study) = submitted();
    net.decide(Board, study, approval());
    net.decide(SECOND, study, approval());
    net.accept(HospitalA, accept(study));
    let query = net.ask(study);
    (net, study, query)
}

pub(super) fn accept(study: StudyId) -> Payload {
    Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None })
}

fn is_team(who: Who) -> bool {
    matches!(who, Researcher | OtherResearcher)
}

/// What the chair of a board signs, or a researcher sends.
fn act(net: &Net, study: StudyId, who: Who, act: Act) -> Payload {
    match is_team(who) {
        true => Payload::StudyAct(StudyAct { study, reason: format!("{act} for a reason"), act }),
        false => net.signing(who, Office::Chair, net.decision(who, study, act)),
    }
}

/// Somebody decides, with the signatures it takes.
fn decide(net: &mut Net, study: StudyId, who: Who, decision: Act) {
    if is_team(who) {
        let payload = act(net, study, who, decision);
        net.accept(who, payload);
    } else {
        net.decide(who, study, decision);
    }
}

/// Somebody may not decide so: not even a first signature is taken.
fn refused(net: &mut Net, study: StudyId, who: Who, decision: Act, code: u16) {
    let payload = act(net, study, who, decision);
    reject(net, who, payload, code);
}

pub(super) fn acts() -> [Act; 6] {
    [approval(), Act::Reject, Act::Suspend, Act::Lift, Act::Stop, Act::Close]
}

const DECIDERS: [Who; 5] = [Researcher, OtherResearcher, Board, SECOND, THIRD];

#[test]
fn each_decision_is_for_some_and_for_nobody_else() {
    let theirs = |who: Who, decision: &Act| match decision {
        Act::Approve(_) | Act::Reject => matches!(who, Board | SECOND),
        Act::Suspend | Act::Lift => matches!(who, Board | SECOND | Researcher),
        Act::Stop => matches!(who, Board | SECOND),
        Act::Close => who == Researcher,
    };
    for who in DECIDERS {
        for decision in acts() {
            let (mut net, mut study, _) = asked();
            let early = matches!(decision, Act::Approve(_) | Act::Reject);
            if early {
                (net, study) = submitted();
            }
            if decision == Act::Lift && theirs(who, &decision) {
                decide(&mut net, study, who, Act::Suspend);
            }
            match theirs(who, &decision) {
                true => decide(&mut net, study, who, decision),
                // a board that answers are not sealed to reads why
                false if who == THIRD && matches!(decision, Act::Approve(_)) => refused(&mut net, study, who, decision, 157),
                false => refused(&mut net, study, who, decision, 235),
            }
        }
    }
    // answers are sealed to the second board, and it has approved nothing
    let (mut net, study) = submitted();
    net.decide(Board, study, approval());
    for decision in [Act::Suspend, Act::Lift, Act::Stop] {
        refused(&mut net, study, SECOND, decision, 235);
    }
    // nothing to reject any more, and nothing to approve again
    let (mut net, study, _) = asked();
    refused(&mut net, study, Board, Act::Reject, 147);
    refused(&mut net, study, SECOND, Act::Reject, 147);
    refused(&mut net, study, Board, approval(), 147);
    // a board does not decide as the team, nor a researcher as a board: without the role it stands in no block
    for (who, payload, role) in [
        (Board, act(&net, study, Researcher, Act::Suspend), Role::Researcher),
        (Researcher, act(&net, study, Board, Act::Suspend), Role::Board),
        (HospitalA, act(&net, study, Board, Act::Suspend), Role::Board),
    ] {
        refuse(&net, who, payload, &EnvelopeError::Role(role));
    }
}

#[test]
fn a_decision_says_why_and_of_which_study() {
    let (mut net, study, _) = asked();
    let said = |net: &Net, reason: &str| {
        let BoardStatement::Study(decision) = net.decision(Board, study, Act::Suspend) else { panic!() };
        net.signing(Board, Office::Chair, BoardStatement::Study(StudyDecision { reason: reason.into(), ..decision }))
    };
    let empty = said(&net, " ");
    reject(&mut net, Board, empty, 238);
    reject(&mut net, Researcher, Payload::StudyAct(StudyAct { study, act: Act::Suspend, reason: String::new() }), 238);
    let none = StudyId(TransactionId(digest("none")));
    refused(&mut net, none, Board, Act::Suspend, 146);
    refused(&mut net, none, Researcher, Act::Suspend, 146);
    for unreadable in ["x".repeat(limits::TEXT_BYTES_MAX + 1), "a\u{1b}[2J".into()] {
        let by_board = said(&net, &unreadable);
        let by_team = Payload::StudyAct(StudyAct { study, act: Act::Suspend, reason: unreadable.clone() });
        let words = act(&net, study, Board, Act::Approve(Conditions { words: unreadable, ..Conditions::default() }));
        for (who, payload) in [(Board, by_board), (Researcher, by_team), (Board, words)] {
            assert!(Transaction::decode(&net.sign(vec![(who, payload)])[0].encode()).is_err(), "bounded, and one plain line");
        }
    }
}

#[test]
fn while_anybody_suspends_nothing_is_asked_accepted_or_answered_and_then_all_goes_on() {
    let (mut net, study, query) = asked();
    let made = net.answer_now(HospitalA, query);
    net.tables(HospitalB, 1);
    decide(&mut net, study, SECOND, Act::Suspend);
    decide(&mut net, study, Researcher, Act::Suspend);
    refused(&mut net, study, SECOND, Act::Suspend, 237);
    refused(&mut net, study, Board, Act::Lift, 236);
    let status = |net: &Net| net.state.study(&study).unwrap().status();
    assert_eq!(status(&net), StudyStatus::Suspended);
    let next = net.query(study, filtered(0, 2));
    for lifted in [None, Some(SECOND)] {
        if let Some(who) = lifted {
            decide(&mut net, study, who, Act::Lift);
        }
        reject(&mut net, Researcher, next.clone(), 234);
        reject(&mut net, HospitalB, accept(study), 234);
        // one in the making, and one made now
        reject(&mut net, HospitalA, made.clone(), 234);
        let now = net.answer_now(HospitalA, query);
        reject(&mut net, HospitalA, now, 234);
        assert!(net.state.answer_task(&query, &id(HospitalA)).is_err());
    }
    let results = net.block(vec![(HospitalA, net.answer_now(HospitalA, query))]);
    let Verdict::Rejected { detail, .. } = &results[0].verdict else { panic!("{results:?}") };
    assert!(detail.contains("suspend for a reason"), "whoever is refused reads why: {detail}");
    decide(&mut net, study, Researcher, Act::Lift);
    assert_eq!((status(&net), net.state.pair(&query, &id(HospitalA)).map_or(0, |pair| pair.invalid)), (StudyStatus::Open, 0));
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    net.accept(Researcher, next);
    net.accept(HospitalB, accept(study));
}

#[test]
fn a_hospital_declines_and_patients_leave_while_a_study_is_suspended() {
    let (mut net, study, query) = asked();
    decide(&mut net, study, Board, Act::Suspend);
    net.accept(HospitalA, refusal(query, 32));
    net.accept(HospitalA, withdraw(&[3], Cause::Word));
}

#[test]
fn what_has_ended_stays_ended_and_pins_nothing() {
    for (who, last, words) in [(Board, Act::Stop, StudyStatus::Stopped), (Researcher, Act::Close, StudyStatus::Closed)] {
        let (mut net, study, query) = asked();
        net.accept(HospitalA, withdraw(&[3], Cause::Word));
        let again = net.data(&dictionary(), &[(0, 1)]);
        net.accept(HospitalA, Payload::Anchor(again));
        let table = |net: &Net, version: u32| net.state.versions_to_erase(&id(HospitalA), 0).0.contains(&(digest_of_table(), version));
        assert!(table(&net, 0) && table(&net, 1));
        // suspended it may go on one day
        decide(&mut net, study, SECOND, Act::Suspend);
        assert!(table(&net, 0));
        decide(&mut net, study, who, last);
        assert_eq!(net.state.study(&study).unwrap().status(), words);
        assert!(!table(&net, 0) && table(&net, 1), "only what is in force has to go with an erasure");
        let next = net.query(study, filtered(0, 2));
        reject(&mut net, Researcher, next, 147);
        let answer = net.answer_now(HospitalA, query);
        reject(&mut net, HospitalA, answer, 147);
        reject(&mut net, HospitalB, accept(study), 147);
        for decider in [Researcher, Board] {
            for decision in acts().into_iter().filter(|decision| match decider {
                Researcher => matches!(decision, Act::Suspend | Act::Lift | Act::Close),
                _ => *decision != Act::Close,
            }) {
                refused(&mut net, study, decider, decision, 147);
            }
        }
    }
}

fn digest_of_table() -> countersign_circuits::hash::Digest32 {
    countersign_circuits::hash::Digest32::of(&dictionary())
}

#[test]
fn who_closes_what_no_board_has_approved_may_submit_another_and_who_was_rejected_when_it_is_forgotten() {
    let (mut net, study) = submitted();
    for i in 1..limits::STUDIES_WAITING_MAX {
        net.accept(Researcher, Payload::StudySubmit(titled(i)));
    }
    net.block_after(DAY_MS, vec![]);
    let one_more = || Payload::StudySubmit(titled(99));
    reject(&mut net, Researcher, one_more(), 159);
    decide(&mut net, study, Board, Act::Reject);
    refused(&mut net, study, SECOND, approval(), 147);
    reject(&mut net, Researcher, one_more(), 159);
    let other = *net.state.studies().find(|(id, _)| **id != study).unwrap().0;
    decide(&mut net, other, Researcher, Act::Close);
    assert!(net.state.study(&other).is_none(), "nothing of it is kept");
    refused(&mut net, other, Board, approval(), 146);
    net.accept(Researcher, one_more());
    assert_eq!(net.state.study(&study).unwrap().status(), StudyStatus::Rejected);
    net.block_after(40 * DAY_MS, vec![]);
    assert!(net.state.study(&study).is_none());
}

#[test]
fn nobody_fills_the_chain_with_suspensions() {
    let (mut net, study, _) = asked();
    for _ in 0..limits::SUSPENSIONS_A_DAY_MAX {
        decide(&mut net, study, Board, Act::Suspend);
        decide(&mut net, study, Board, Act::Lift);
    }
    refused(&mut net, study, Board, Act::Suspend, 239);
    decide(&mut net, study, Researcher, Act::Suspend);
    decide(&mut net, study, Board, Act::Stop);
    let (mut net, study, _) = asked();
    decide(&mut net, study, Board, Act::Suspend);
    net.block_after(DAY_MS, vec![]);
    decide(&mut net, study, Board, Act::Lift);
}

fn titled(number: usize) -> StudySubmit {
    StudySubmit { title: format!("Study {number}"), ..study(&dictionary()) }
}
