//! What approvals ask for beyond what was submitted.

use super::persons::{rejects, submitted};
use countersign_circuits::consent::Day;
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;

#[test]
fn an_approval_asks_for_more_and_never_for_less() {
    let (mut net, study) = submitted();
    let asks = |conditions| Act::Approve(conditions);
    let none = Conditions::default;
    let expiry = net.state.study(&study).unwrap().submitted.expiry;
    for conditions in [
        Conditions { until: Some(Day(expiry.0 + 1)), ..none() },
        Conditions { until: Some(Day(START.day().0 - 1)), ..none() },
        Conditions { not_before: Some(Day(expiry.0 + 1)), ..none() },
        Conditions { until: Some(Day(expiry.0 - 5)), not_before: Some(Day(expiry.0 - 4)), ..none() },
        Conditions { k_min: Some(4), ..none() },
        Conditions { k_min: Some(K_MIN_MAX + 1), ..none() },
        Conditions { sites: vec![id(HospitalA), id(HospitalA)], ..none() },
        Conditions { sites: vec![id(Board)], ..none() },
    ] {
        let statement = net.decision(Board, study, asks(conditions));
        rejects(&mut net, Office::Chair, statement, 260);
    }
    let first = Day(net.time.day().0 + 2);
    let conditions = Conditions {
        until: Some(Day(expiry.0 - 5)),
        not_before: Some(first),
        k_min: Some(8),
        sites: vec![id(HospitalA)],
        words: String::new(),
    };
    net.decide(Board, study, asks(conditions));
    net.tables(HospitalB, 1);
    let accept = |k_min| Payload::StudyAccept(StudyAccept { study, k_min, renew: None });
    reject(&mut net, HospitalB, accept(8), 262);
    reject(&mut net, HospitalA, accept(7), 141);
    net.accept(HospitalA, accept(8));
    let early = net.query(study, statement());
    reject(&mut net, Researcher, early, 261);
    net.block_after(2 * DAY_MS, vec![]);
    let query = net.ask(study);
    assert_eq!(net.state.query(&query).unwrap().hospitals, [id(HospitalA)]);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    let Some(PairStatus::Answered(record)) = net.state.pair(&query, &id(HospitalA)).map(|p| p.status.clone()) else { panic!() };
    assert_eq!(record.k_min, 8);
    net.block_after(24 * DAY_MS, vec![]);
    let late = net.query(study, filtered(0, 2));
    reject(&mut net, Researcher, late, 148);
}

/// A second board asks for more after hospitals have accepted: whoever may not take part any more is not asked and does not answer, and an answer of before is to be
/// made anew and is no strike.
#[test]
fn what_a_second_board_asks_for_holds_from_then_on() {
    let mut genesis = genesis();
    genesis.members.push(member(GovernanceB, "Second board", &[Role::Board]));
    genesis.members.sort_by_key(|m| m.id);
    genesis.persons = persons(&[Board, GovernanceB]);
    let mut net = Net::new(genesis);
    net.publish(dictionary());
    let mut draft = study(&dictionary());
    draft.sealing.push(sealing_key(SealingParty::Board, GovernanceB));
    draft.sealing.sort();
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(draft)));
    net.decide(Board, study, approval());
    for hospital in [HospitalA, HospitalB] {
        net.tables(hospital, 1);
        net.accept(hospital, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    }
    let query = net.ask(study);
    let made = net.answer_now(HospitalA, query);
    let second = Conditions { k_min: Some(9), sites: vec![id(HospitalA)], ..Conditions::default() };
    net.decide(GovernanceB, study, Act::Approve(second));
    reject(&mut net, HospitalA, made, 182);
    let now = net.answer_now(HospitalB, query);
    reject(&mut net, HospitalB, now, 262);
    let now = net.answer_now(HospitalA, query);
    net.accept(HospitalA, now);
    let Some(PairStatus::Answered(record)) = net.state.pair(&query, &id(HospitalA)).map(|p| p.status.clone()) else { panic!() };
    assert_eq!((record.k_min, net.state.pair(&query, &id(HospitalA)).unwrap().invalid), (9, 0));
    let next = net.ask_other(study, 2);
    assert_eq!(net.state.query(&next).unwrap().hospitals, [id(HospitalA)]);
}
