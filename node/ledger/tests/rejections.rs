//! Every rejection is reached, and changes nothing it must not change.

use countersign_circuits::{
    consent::Day,
    hash::Digest32,
    segment::SegmentId,
    statement::{Measures, Statement},
};
use countersign_harness::{self as harness, *};
use countersign_ledger::*;
use countersign_messages::*;

fn propose_dictionary(bytes: Vec<u8>) -> Payload {
    propose(Change::Dictionary(bytes))
}

fn net() -> Net {
    Net::new(genesis())
}

fn with_rules(change: impl Fn(&mut Rules)) -> Net {
    let mut genesis = genesis();
    change(&mut genesis.rules);
    Net::new(genesis)
}

#[test]
fn roles() {
    let mut net = net();
    let study = StudyId(TransactionId(digest("none")));
    let query = QueryId(TransactionId(digest("none")));
    let data = net.data(&dictionary(), &[(0, 0)]);
    let asked = net.query(study, statement());
    for (who, payload, role) in [
        (HospitalA, propose_dictionary(dictionary()), Role::Governance),
        (Governance, Payload::Anchor(data), Role::Hospital),
        (Researcher, withdraw(&[0], Cause::Word), Role::Hospital),
        (Board, Payload::StudySubmit(harness::study(&dictionary())), Role::Researcher),
        (Researcher, net.approves(Board, study), Role::Board),
        (Researcher, Payload::EndPerson(PersonKey([0; 32])), Role::Board),
        (Board, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }), Role::Hospital),
        (HospitalA, asked, Role::Researcher),
        (Researcher, Payload::Answer(Answer { query, height: Height(0), proof: vec![], sealed: digest("") }), Role::Hospital),
        (Validator, refusal(query, 30), Role::Hospital),
    ] {
        refuse(&net, who, payload, &EnvelopeError::Role(role));
    }
}

#[test]
fn dictionaries() {
    let mut net = net();
    reject(&mut net, Governance, propose_dictionary(b"{}".to_vec()), 110);
    reject(&mut net, Governance, propose_dictionary(b"{ }".to_vec()), 110);
    net.publish(dictionary());
    reject(&mut net, Governance, propose_dictionary(dictionary()), 111);
    reject(&mut net, Governance, propose_dictionary(dictionary_taken()), 112);
    net.publish(dictionary_tied());
    assert_eq!(net.state.dictionaries().count(), 2);
}

#[test]
fn anchors_out_of_order() {
    let mut net = net();
    let early = net.data(&dictionary(), &[(0, 0)]);
    reject(&mut net, HospitalA, Payload::Anchor(early), 113);
    net.publish(dictionary());
    for (ids, code) in [
        (vec![], 120),
        (vec![(1, 0)], 120),
        (vec![(0, 0), (0, 1)], 120),
        (vec![(0, 0), (2, 0)], 120),
        (vec![(0, 0), (2_048, 0)], 121),
        (vec![(0, 1)], 122),
        (vec![(0, 0), (1, 7)], 122),
    ] {
        let anchor = net.data(&dictionary(), &ids);
        reject(&mut net, HospitalA, Payload::Anchor(anchor), code);
    }
    net.tables(HospitalA, 2);
    for (ids, code) in [(vec![(0, 0)], 122), (vec![(1, 2)], 122), (vec![(3, 0)], 120)] {
        let anchor = net.data(&dictionary(), &ids);
        reject(&mut net, HospitalA, Payload::Anchor(anchor), code);
    }
    // again with the next version, and further than before
    let anchor = net.data(&dictionary(), &[(1, 1), (2, 0)]);
    net.accept(HospitalA, Payload::Anchor(anchor));
    let key = TableKey { hospital: id(HospitalA), table: Digest32::of(&dictionary()) };
    assert_eq!(net.state.table(&key).unwrap().versions, [0, 1, 0]);
}

#[test]
fn anchors_of_bad_commitments() {
    let mut net = net();
    net.publish(dictionary());
    let good = net.data(&dictionary(), &[(0, 0), (1, 0)]);
    let with = |change: &dyn Fn(&mut Anchor)| {
        let mut anchor = good.clone();
        change(&mut anchor);
        Payload::Anchor(anchor)
    };
    reject(&mut net, HospitalA, with(&|a| a.segments[0].1.truncate(32)), 123);
    reject(&mut net, HospitalA, with(&|a| a.segments[1].1.extend([0; 32])), 123);
    reject(&mut net, HospitalA, with(&|a| a.segments[0].1[..32].fill(0xff)), 123);
    let identity = |a: &mut Anchor| {
        a.segments[0].1[..32].fill(0);
        a.segments[0].1[31] = 0x40;
    };
    reject(&mut net, HospitalA, with(&identity), 124);
    // within a segment, between segments, with a stored one, from another hospital's
    reject(&mut net, HospitalA, with(&|a| a.segments[0].1.copy_within(0..32, 64)), 125);
    let copy = |a: &mut Anchor| {
        let row = a.segments[0].1[..32].to_vec();
        a.segments[1].1[32..64].copy_from_slice(&row);
    };
    reject(&mut net, HospitalA, with(&copy), 125);
    reject(&mut net, HospitalA, with(&|a| a.proof = b"bad".to_vec()), 127);
    net.accept(HospitalA, Payload::Anchor(good.clone()));
    let mut again = net.data(&dictionary(), &[(0, 1)]);
    again.segments[0].1[..32].copy_from_slice(&good.segments[0].1[..32]);
    reject(&mut net, HospitalA, Payload::Anchor(again), 125);
    reject(&mut net, HospitalB, Payload::Anchor(good), 125);
}

#[test]
fn a_tied_pair_is_the_only_commitment_used_twice() {
    let mut net = net();
    net.publish(dictionary_tied());
    let layout = countersign_circuits::dictionary::Dictionary::from_canonical(&dictionary_tied()).unwrap().layout();
    let (first, second) = layout.tied[0];
    let mut anchor = net.data(&dictionary_tied(), &[(0, 0)]);
    let mut wrong = anchor.clone();
    anchor.segments[0].1.copy_within(first * 32..first * 32 + 32, second * 32);
    wrong.segments[0].1.copy_within(first * 32..first * 32 + 32, second * 32 + 32);
    reject(&mut net, HospitalA, Payload::Anchor(wrong), 125);
    net.accept(HospitalA, Payload::Anchor(anchor));
}

#[test]
fn points_a_day() {
    let rows = rows_of(&dictionary()) as u64;
    let mut net = with_rules(|r| r.points_a_day = rows + 1);
    net.publish(dictionary());
    let (one, two) = (net.data(&dictionary(), &[(0, 0)]), net.data(&dictionary(), &[(1, 0)]));
    net.accept(HospitalA, Payload::Anchor(one));
    reject(&mut net, HospitalA, Payload::Anchor(two.clone()), 126);
    let results = net.block_after(DAY_MS, vec![(HospitalA, Payload::Anchor(two))]);
    assert!(results[0].effect().is_some(), "a new day, a new allowance");
}

#[test]
fn studies_as_submitted() {
    let mut net = net();
    reject(&mut net, Researcher, Payload::StudySubmit(study(&dictionary())), 113);
    net.publish(dictionary());
    let with = |change: &dyn Fn(&mut StudySubmit)| {
        let mut study = study(&dictionary());
        change(&mut study);
        Payload::StudySubmit(study)
    };
    const TODAY: i32 = 20_000;
    assert_eq!(START.day(), Day(TODAY));
    type Change<'a> = &'a dyn Fn(&mut StudySubmit);
    let cases: Vec<(Change<'_>, u16)> = vec![
        (&|s| s.title = " ".into(), 144),
        (&|s| s.summary.clear(), 144),
        (&|s| s.purpose = "p.none".into(), 140),
        (&|s| s.categories.clear(), 140),
        (&|s| s.categories = vec!["p.health".into()], 140),
        (&|s| s.k_min = 4, 141),
        (&|s| s.k_min = u32::MAX, 141),
        (&|s| s.researchers.clear(), 142),
        (&|s| s.researchers = vec![id(Board)], 142),
        (&|s| s.researchers = vec![id(Researcher), id(Researcher)], 142),
        (&|s| s.sealing.clear(), 143),
        (&|s| s.sealing.truncate(1), 143),
        (&|s| s.sealing.reverse(), 143),
        // a key of the submitter's own choice in the board's place, another's key, somebody who is no board, a board that takes part
        (&|s| s.sealing[1].key = sealing_of(Researcher), 143),
        (&|s| s.sealing[0].key = [0; 32], 143),
        (&|s| s.sealing[1] = sealing_key(SealingParty::Board, OtherResearcher), 143),
        (&|s| s.sealing[0] = sealing_key(SealingParty::Team, OtherResearcher), 143),
        (&|s| s.sealing[0] = sealing_key(SealingParty::Team, Board), 143),
        (&|s| s.expiry = Day(TODAY - 1), 145),
        (&|s| s.expiry = Day(TODAY + 367), 145),
    ];
    for (change, code) in cases {
        reject(&mut net, Researcher, with(change), code);
    }
    // a purpose and seven categories are the most
    net.accept(
        Researcher,
        with(&|s| s.categories = ["demographics", "labs", "conditions", "a", "b", "c", "d"].map(|c| format!("c.{c}")).to_vec()),
    );
}

#[test]
fn approval_and_acceptance() {
    let mut net = net();
    let none = StudyId(TransactionId(digest("none")));
    let approves = net.approves(Board, none);
    reject(&mut net, Board, approves, 146);
    reject(&mut net, HospitalA, Payload::StudyAccept(StudyAccept { study: none, k_min: 5, renew: None }), 146);
    net.publish(dictionary());
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(harness::study(&dictionary()))));
    let accept = |k_min| Payload::StudyAccept(StudyAccept { study, k_min, renew: None });
    reject(&mut net, HospitalA, accept(5), 147);
    let early = net.query(study, statement());
    reject(&mut net, Researcher, early, 147);
    net.decide(Board, study, approval());
    let approves = net.approves(Board, study);
    reject(&mut net, Board, approves, 147);
    reject(&mut net, HospitalA, accept(4), 141);
    reject(&mut net, HospitalA, accept(5), 150);
    let data = net.data(&dictionary(), &[(0, 0), (1, 0)]);
    net.accept(HospitalA, Payload::Anchor(data));
    reject(&mut net, HospitalA, accept(5), 150);
    let consent = net.consent(&[(0, 0)]);
    net.accept(HospitalA, Payload::Anchor(consent));
    reject(&mut net, HospitalA, accept(5), 151);
    let mut consent = net.consent(&[(1, 0)]);
    consent.table = AnchoredTable::Consent { registry: registry().digest(), policy: digest("other policy") };
    net.accept(HospitalA, Payload::Anchor(consent));
    reject(&mut net, HospitalA, accept(5), 152);
    let consent = net.consent(&[(1, 1)]);
    net.accept(HospitalA, Payload::Anchor(consent));
    net.accept(HospitalA, accept(7));
    let cut = net.state.cut(&study, &id(HospitalA)).unwrap();
    assert_eq!(cut.consent, [SegmentId { index: 0, version: 0 }, SegmentId { index: 1, version: 1 }]);
    assert_eq!(cut.k_min, 7);
    reject(&mut net, HospitalA, accept(7), 149);
}

#[test]
fn cuts_too_large() {
    let mut net = with_rules(|r| r.points_a_cut = 100);
    let study = net.approved();
    net.tables(HospitalA, 2);
    reject(&mut net, HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }), 153);
}

#[test]
fn studies_expire() {
    let mut net = net();
    let study = net.open();
    let query = net.ask(study);
    let unapproved = StudyId(net.accept(Researcher, Payload::StudySubmit(harness::study(&dictionary()))));
    net.tables(HospitalB, 2);
    let approves = net.approves(Board, unapproved);
    let results = net.block_after(31 * DAY_MS, vec![(Board, approves)]);
    // what was signed 31 days ago counts no more, whatever became of the study
    assert_eq!(results[0].rejection(), Some(RejectionCode(244)));
    let (asked, answer) = (net.query(study, filtered(0, 2)), net.answer_now(HospitalA, query));
    reject(&mut net, Researcher, asked, 148);
    reject(&mut net, HospitalA, answer, 148);
    reject(&mut net, HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }), 148);
    let approves = net.approves(Board, unapproved);
    reject(&mut net, Board, approves, 146);
}

#[test]
fn queries() {
    let mut net = with_rules(|r| r.statements_per_study = 2);
    let none = net.query(StudyId(TransactionId(digest("none"))), statement());
    reject(&mut net, Researcher, none, 146);
    let study = net.approved();
    let ask = |net: &mut Net, who, statement: Statement, code| {
        let query = net.query(study, statement);
        reject(net, who, query, code);
    };
    ask(&mut net, Researcher, statement(), 161);
    net.tables(HospitalA, 1);
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    ask(&mut net, OtherResearcher, statement(), 160);
    ask(&mut net, Researcher, filtered(9, 1), 162);
    ask(
        &mut net,
        Researcher,
        Statement { filter: vec![], groups: vec![], measures: Measures::Descriptive { count_rows: false, of: vec![] } },
        162,
    );
    // a free cut point (D4)
    ask(&mut net, Researcher, filtered(1, 3), 162);
    // an attribute of a category the study was not approved for
    ask(&mut net, Researcher, filtered(2, 1), 163);
    for deadline in [net.time, net.time.plus_ms(31 * DAY_MS)] {
        reject(&mut net, Researcher, Payload::Query(Query { study, statement: statement(), question: String::new(), deadline }), 164);
    }
    let first = net.ask(study);
    assert_eq!(net.state.query(&first).unwrap().number, 1);
    ask(&mut net, Researcher, statement(), 165);
    let second = net.query(study, filtered(0, 2));
    net.accept(Researcher, second);
    ask(&mut net, Researcher, filtered(0, 0), 166);
}

#[test]
fn answers_where_none_is_due() {
    let mut net = net();
    let study = net.open();
    let none = QueryId(TransactionId(digest("none")));
    let answer = net.answer_now(HospitalA, none);
    reject(&mut net, HospitalA, answer, 170);
    reject(&mut net, HospitalA, refusal(none, 30), 170);
    let query = net.ask(study);
    // a site that accepts after the question has no cut for it: it could have anchored with the question in view
    net.tables(HospitalB, 2);
    net.accept(HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    let answer = net.answer_now(HospitalB, query);
    reject(&mut net, HospitalB, answer, 172);
    let asked_at = net.state.query(&query).unwrap().height;
    for height in [Height(asked_at.0 - 1), Height(net.state.tip().height.0 + 9), Height(u64::MAX)] {
        let answer = Payload::Answer(Answer { query, height, proof: vec![], sealed: digest("") });
        reject(&mut net, HospitalA, answer, 176);
    }
    let old = net.answer_now(HospitalA, query);
    net.block_after(600_001, vec![]);
    reject(&mut net, HospitalA, old, 177);
    reject(&mut net, HospitalA, refusal(query, 29), 190);
    reject(&mut net, HospitalA, refusal(query, 40), 190);
    net.block_after(2 * HOUR_MS, vec![]);
    let late = net.answer_now(HospitalA, query);
    reject(&mut net, HospitalA, late, 171);
    reject(&mut net, HospitalA, refusal(query, 33), 171);
}

#[test]
fn an_answer_counts_once() {
    let mut net = net();
    let study = net.open();
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer.clone());
    reject(&mut net, HospitalA, answer, 173);
    reject(&mut net, HospitalA, refusal(query, 34), 173);
    // all asked sites have answered: repeating it is refused until a site is there that has not
    let again = net.query(study, statement());
    reject(&mut net, Researcher, again, 165);
    net.tables(HospitalB, 1);
    net.accept(HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    let second = net.ask(study);
    let answer = net.answer_now(HospitalA, second);
    reject(&mut net, HospitalA, answer, 180);
    let answer = net.answer_now(HospitalB, second);
    net.accept(HospitalB, answer);
}

#[test]
fn refusals_close_the_pair() {
    let mut net = net();
    let study = net.open();
    let query = net.ask(study);
    net.accept(HospitalA, refusal(query, 34));
    let pair = net.state.pair(&query, &id(HospitalA)).unwrap();
    assert!(matches!(pair.status, PairStatus::Declined { after_acceptance: true, .. }));
    let answer = net.answer_now(HospitalA, query);
    reject(&mut net, HospitalA, answer, 174);
    reject(&mut net, HospitalA, refusal(query, 34), 174);
    net.accept(HospitalB, refusal(query, 30));
    let pair = net.state.pair(&query, &id(HospitalB)).unwrap();
    assert!(matches!(pair.status, PairStatus::Declined { after_acceptance: false, .. }));
}

#[test]
fn three_invalid_answers_close_the_pair() {
    let mut net = net();
    let study = net.open();
    let query = net.ask(study);
    for strike in 1..=3 {
        let bad = net.bad_answer(query);
        reject(&mut net, HospitalA, bad, 179);
        assert_eq!(net.state.pair(&query, &id(HospitalA)).unwrap().invalid, strike);
    }
    let answer = net.answer_now(HospitalA, query);
    reject(&mut net, HospitalA, answer, 175);
}

#[test]
fn a_withdrawal_in_between_refuses_always() {
    let mut net = net();
    let study = net.open();
    let query = net.ask(study);
    for slot in 0..6 {
        let answer = net.answer_now(HospitalA, query);
        net.accept(HospitalA, withdraw(&[slot], Cause::Word));
        reject(&mut net, HospitalA, answer, 178);
    }
    // in the same block, too, and by a patient's key; the proof is not even looked at
    let keys = enrol(net.state.network(), HospitalA, &[(9, 1)]);
    net.accept(HospitalA, keys);
    let verified = net.checker.inner().answers.load(std::sync::atomic::Ordering::Relaxed);
    let answer = net.answer_now(HospitalA, query);
    let (left, stale) = (leave(net.state.network(), 1, HospitalA, 9), net.sign(vec![(HospitalA, answer)]).remove(0));
    let results = net.block_of(vec![left, stale]);
    assert!(results[0].effect().is_some(), "{results:?}");
    assert_eq!(results[1].rejection(), Some(RejectionCode(178)));
    assert_eq!(net.checker.inner().answers.load(std::sync::atomic::Ordering::Relaxed), verified);
    // a withdrawal elsewhere is no reason
    net.tables(HospitalB, 1);
    let answer = net.answer_now(HospitalA, query);
    let results = net.block(vec![(HospitalB, withdraw(&[9], Cause::Word)), (HospitalA, answer)]);
    let Some(Effect::Answered(record)) = results[1].effect() else { panic!("{:?}", results[1]) };
    assert_eq!(record.left_since_query, Leavers { key: 1, word: 6, source: 0 });
    assert!(!record.marked);
}

#[test]
fn cell_budgets() {
    let mut net = with_rules(|r| r.cells_per_table = 1);
    let study = net.open();
    let first = net.ask(study);
    let answer = net.answer_now(HospitalA, first);
    net.accept(HospitalA, answer);
    let second = net.query(study, filtered(0, 2));
    let second = QueryId(net.accept(Researcher, second));
    let answer = net.answer_now(HospitalA, second);
    reject(&mut net, HospitalA, answer, 181);
}

#[test]
fn a_board_does_not_approve_its_own_study() {
    let mut genesis = genesis();
    let both = genesis.members.iter_mut().find(|m| m.id == id(Researcher)).unwrap();
    both.roles = vec![Role::Researcher, Role::Board];
    genesis.persons = persons(&[Board, Researcher]);
    let mut net = Net::new(genesis);
    net.publish(dictionary());
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(study(&dictionary()))));
    let approves = net.approves(Researcher, study);
    reject(&mut net, Researcher, approves, 156);
    net.decide(Board, study, approval());
}

#[test]
fn texts_with_control_characters_stand_in_no_block() {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    for bad in ["a\u{1b}[31m", "a\nS-9  approved", "\u{202e}a", "a\u{2028}b"] {
        let refused = |payload: Payload| {
            let transaction = net.sign(vec![(Researcher, payload)]).remove(0);
            let proposed = net.state.propose(net.time.plus_ms(1_000), vec![transaction], &net.second_checker).unwrap();
            assert_eq!(proposed.refused.len(), 1, "{bad:?}");
        };
        refused(Payload::StudySubmit(StudySubmit { title: bad.into(), ..study(&dictionary()) }));
        refused(Payload::StudySubmit(StudySubmit { summary: bad.into(), ..study(&dictionary()) }));
        refused(Payload::Propose(Proposal { change: Change::Dictionary(vec![1]), in_force: Height(0), reason: bad.into() }));
    }
}

/// A checker that panics at whatever it is shown.
#[derive(Debug)]
struct Panics;

impl ProofChecker for Panics {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        Script::default().keys(digest)
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        panic!("a fault of the program")
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        panic!("a fault of the program")
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        panic!("a fault of the program")
    }
}

#[test]
fn a_panic_is_a_rejection_and_the_next_transaction_goes_on() {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    let anchor = net.data(&dictionary(), &[(0, 0)]);
    let next = Payload::StudySubmit(study(&dictionary()));
    let transactions = net.sign(vec![(HospitalA, Payload::Anchor(anchor)), (Researcher, next)]);
    let proposed = net.state.propose(net.time.plus_ms(1_000), transactions, &Panics).unwrap().outcome;
    assert_eq!(proposed.results()[0].rejection(), Some(RejectionCode(240)));
    assert!(proposed.results()[1].effect().is_some());
    assert_eq!(net.state.validate(proposed.block(), &Panics).unwrap().results(), proposed.results(), "every validator finds the same");
}
