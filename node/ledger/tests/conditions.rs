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

/// A vote names the boards that must approve before a hospital accepts; other hospitals go on with any one.
#[test]
fn a_hospital_accepts_what_its_boards_have_approved() {
    let mut net = with_second_board();
    let boards = |hospital: Who, boards: &[Who]| {
        let mut boards: Vec<MemberId> = boards.iter().map(|who| id(*who)).collect();
        boards.sort();
        propose(Change::Boards { hospital: id(hospital), boards })
    };
    reject(&mut net, Governance, boards(Researcher, &[Board]), 212);
    reject(&mut net, Governance, boards(HospitalA, &[Researcher]), 212);
    reject(&mut net, Governance, boards(HospitalA, &[Board, Board]), 212);
    reject(&mut net, Governance, boards(HospitalA, &[]), 207);
    net.accept(Governance, boards(HospitalA, &[Board, GovernanceB]));
    reject(&mut net, Governance, boards(HospitalA, &[Board, GovernanceB]), 207);
    let study = of_two_boards(&mut net);
    net.decide(Board, study, approval());
    let accept = || Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None });
    for hospital in [HospitalA, HospitalB] {
        net.tables(hospital, 1);
    }
    reject(&mut net, HospitalA, accept(), 264);
    net.accept(HospitalB, accept());
    net.decide(GovernanceB, study, approval());
    net.accept(HospitalA, accept());
    // answers over what was accepted so are checked without the chain
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    assert!(super::light::export(&net, query).check(&Script::default()).is_ok());
    net.accept(Governance, boards(HospitalA, &[]));
    assert!(net.state.required_boards(&id(HospitalA)).is_empty());
}

fn with_second_board() -> Net {
    let mut net = Net::new(with_boards(&[(GovernanceB, "Second board")]));
    net.publish(dictionary());
    net
}

fn of_two_boards(net: &mut Net) -> StudyId {
    let mut draft = study(&dictionary());
    draft.sealing.push(sealing_key(SealingParty::Board, GovernanceB));
    draft.sealing.sort();
    StudyId(net.accept(Researcher, Payload::StudySubmit(draft)))
}

/// A second board asks for more after hospitals have accepted: whoever may not take part any more is not asked and does not answer, and an answer of before is to be
/// made anew and is no strike.
#[test]
fn what_a_second_board_asks_for_holds_from_then_on() {
    let mut net = with_second_board();
    let study = of_two_boards(&mut net);
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

/// An export holds both signatures of every approval until the answer, and everything that changed who signs; it checks, and with any of it missing it does not.
#[test]
fn an_answer_is_checked_without_the_chain_with_every_signature_it_rests_on() {
    let mut net = with_second_board();
    let study = of_two_boards(&mut net);
    // the deputy signs first and serves nothing; an assessor is admitted by two, prolonged and ended; one of the second board by its own key
    let deputy = net.signing(Board, Office::Deputy, net.decision(Board, study, approval()));
    net.accept(Board, deputy);
    let recused = person(Board, Office::Deputy).key;
    let recuse = net.signing(Board, Office::Deputy, BoardStatement::Recuse { study, person: recused, reason: "a relative".into() });
    net.accept(Board, recuse);
    net.accept(GovernanceB, Payload::EndPerson(person(GovernanceB, Office::Deputy).key));
    let ended = BoardStatement::End { person: person(Board, Office::Assessor).key };
    for office in [Office::Chair, Office::Secretary] {
        let signed = net.signing(Board, office, ended.clone());
        net.accept(Board, signed);
    }
    net.decide(Board, study, approval());
    net.tables(HospitalA, 1);
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    // words alone change nothing that is proved, and are as much a part of the answer's record
    net.decide(GovernanceB, study, Act::Approve(Conditions { words: "show the hospitals first".into(), ..Conditions::default() }));
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    // what is signed after the answer, in its block too, is not needed and does no harm
    let late = net.signing(GovernanceB, Office::Secretary, BoardStatement::End { person: person(GovernanceB, Office::Secretary).key });
    let results = net.block(vec![(HospitalA, answer), (GovernanceB, late)]);
    assert!(results.iter().all(|result| result.effect().is_some()), "{results:?}");
    let good = super::light::export(&net, query);
    let finding = good.check(&Script::default()).unwrap();
    assert_eq!((finding.answer.k_min, finding.study.approvals.len()), (5, 2));
    let last = good.inclusions.last().unwrap();
    assert!(last.transaction.payload.is_of_persons());
    let of_boards = |i: &light::Inclusion| matches!(i.transaction.payload, Payload::Sign(_) | Payload::EndPerson(_));
    let needed: Vec<usize> = (0..good.inclusions.len() - 1).filter(|at| of_boards(&good.inclusions[*at])).collect();
    assert_eq!(needed.len(), 4 + 2 + 1, "four signatures of approvals, two that ended a person, one end by a board's own key");
    for at in needed {
        let mut bad = good.clone();
        bad.inclusions.remove(at);
        assert!(bad.check(&Script::default()).is_err(), "without transaction {at}");
    }
}

/// The last signature of another approval stands in the answer's block, after it: it has no part in the answer, and the answer is checked all the same.
#[test]
fn an_approval_after_the_answer_in_its_block_does_no_harm() {
    let mut net = with_second_board();
    let study = of_two_boards(&mut net);
    net.decide(Board, study, approval());
    net.tables(HospitalA, 1);
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    let statement = net.decision(GovernanceB, study, approval());
    let first = net.signing(GovernanceB, Office::Chair, statement.clone());
    net.accept(GovernanceB, first);
    let query = net.ask(study);
    let (answer, second) = (net.answer_now(HospitalA, query), net.signing(GovernanceB, Office::Secretary, statement));
    let results = net.block(vec![(HospitalA, answer), (GovernanceB, second)]);
    assert!(results.iter().all(|result| result.effect().is_some()), "{results:?}");
    let finding = super::light::export(&net, query).check(&Script::default()).unwrap();
    assert_eq!((finding.study.approvals.len(), net.state.study(&study).unwrap().approvals.len()), (1, 2));
}

#[test]
fn two_boards_do_not_ask_for_what_cannot_be() {
    let mut net = with_second_board();
    let study = of_two_boards(&mut net);
    let today = net.time.day();
    let first = Conditions { until: Some(Day(today.0 + 10)), sites: vec![id(HospitalA)], ..Conditions::default() };
    net.decide(Board, study, Act::Approve(first));
    for conditions in [
        Conditions { not_before: Some(Day(today.0 + 11)), ..Conditions::default() },
        Conditions { sites: vec![id(HospitalB)], ..Conditions::default() },
    ] {
        let statement = net.decision(GovernanceB, study, Act::Approve(conditions));
        let signed = net.signing(GovernanceB, Office::Chair, statement);
        reject(&mut net, GovernanceB, signed, 260);
    }
}
