//! Decisions about studies: whose each is, what a suspension and an end refuse, and random lives of a study against a plain model.

use countersign_circuits::statement::Statement;
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use std::collections::BTreeSet;

/// A second board that answers are sealed to, and one they are not.
const SECOND: Who = GovernanceB;
const THIRD: Who = GovernanceC;

fn boards() -> Genesis {
    let mut genesis = genesis();
    genesis.members.push(member(SECOND, "Second board", &[Role::Board]));
    genesis.members.push(member(THIRD, "Third board", &[Role::Board]));
    genesis.members.sort_by_key(|m| m.id);
    genesis
}

/// A study sealed to two boards, as it is submitted.
fn submitted() -> (Net, StudyId) {
    let mut net = Net::new(boards());
    net.publish(dictionary());
    net.tables(HospitalA, 2);
    let mut draft = study(&dictionary());
    draft.sealing.push(sealing_key(SealingParty::Board, SECOND));
    draft.sealing.sort();
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(draft)));
    (net, study)
}

/// The same, approved by the first board and accepted by hospital A, with an open query.
fn asked() -> (Net, StudyId, QueryId) {
    let (mut net, study) = submitted();
    net.accept(Board, approve(study));
    net.accept(HospitalA, accept(study));
    let query = net.ask(study);
    (net, study, query)
}

fn approve(study: StudyId) -> Payload {
    Payload::StudyApprove(StudyApprove { study })
}

fn accept(study: StudyId) -> Payload {
    Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None })
}

fn party(who: Who) -> SealingParty {
    if matches!(who, Researcher | OtherResearcher) { SealingParty::Team } else { SealingParty::Board }
}

fn act(study: StudyId, who: Who, act: Act) -> Payload {
    Payload::StudyAct(StudyAct { study, by: party(who), act, reason: format!("{act} for a reason") })
}

const ACTS: [Act; 5] = [Act::Reject, Act::Suspend, Act::Lift, Act::Stop, Act::Close];
const DECIDERS: [Who; 5] = [Researcher, OtherResearcher, Board, SECOND, THIRD];

#[test]
fn each_decision_is_for_some_and_for_nobody_else() {
    let theirs = |who: Who, decision: Act| match decision {
        Act::Reject => matches!(who, Board | SECOND),
        Act::Suspend | Act::Lift => matches!(who, Board | SECOND | Researcher),
        Act::Stop => who == Board,
        Act::Close => who == Researcher,
    };
    for who in DECIDERS {
        for decision in ACTS {
            let (mut net, study, _) = asked();
            if decision == Act::Reject {
                // nothing to reject any more, for those who could
                let code = if theirs(who, decision) { 147 } else { 235 };
                reject(&mut net, who, act(study, who, decision), code);
                let (mut net, study) = submitted();
                decided(&mut net, study, who, decision, theirs(who, decision));
                continue;
            }
            if decision == Act::Lift && theirs(who, decision) {
                net.accept(who, act(study, who, Act::Suspend));
            }
            decided(&mut net, study, who, decision, theirs(who, decision));
        }
    }
    // a board cannot speak as the team, nor a researcher as a board: without the role it stands in no block
    let (net, study) = submitted();
    for (who, by) in [(Board, SealingParty::Team), (Researcher, SealingParty::Board), (HospitalA, SealingParty::Board)] {
        let role = if by == SealingParty::Team { Role::Researcher } else { Role::Board };
        let decided = StudyAct { study, by, act: Act::Suspend, reason: "a reason".into() };
        refuse(&net, who, Payload::StudyAct(decided), &EnvelopeError::Role(role));
    }
}

/// Accepted from those whose it is, and from nobody else.
fn decided(net: &mut Net, study: StudyId, who: Who, decision: Act, theirs: bool) {
    match theirs {
        true => {
            net.accept(who, act(study, who, decision));
        }
        false => reject(net, who, act(study, who, decision), 235),
    }
}

#[test]
fn a_decision_says_why_and_of_which_study() {
    let (mut net, study, _) = asked();
    let decided =
        |study, reason: &str| Payload::StudyAct(StudyAct { study, by: SealingParty::Board, act: Act::Suspend, reason: reason.into() });
    reject(&mut net, Board, decided(study, " "), 238);
    reject(&mut net, Board, decided(StudyId(TransactionId(digest("none"))), "a reason"), 146);
    let long = decided(study, &"x".repeat(limits::TEXT_BYTES_MAX + 1));
    assert!(Transaction::decode(&net.sign(vec![(Board, long)])[0].encode()).is_err(), "bounded");
    let terminal = decided(study, "a\u{1b}[2J");
    assert!(Transaction::decode(&net.sign(vec![(Board, terminal)])[0].encode()).is_err(), "one plain line");
}

#[test]
fn while_anybody_suspends_nothing_is_asked_accepted_or_answered_and_then_all_goes_on() {
    let (mut net, study, query) = asked();
    let made = net.answer_now(HospitalA, query);
    net.tables(HospitalB, 1);
    net.accept(SECOND, act(study, SECOND, Act::Suspend));
    net.accept(Researcher, act(study, Researcher, Act::Suspend));
    reject(&mut net, SECOND, act(study, SECOND, Act::Suspend), 237);
    reject(&mut net, Board, act(study, Board, Act::Lift), 236);
    let status = |net: &Net| net.state.study(&study).unwrap().status();
    assert_eq!(status(&net), StudyStatus::Suspended);
    let next = net.query(study, filtered(0, 2));
    for lifted in [None, Some(SECOND)] {
        if let Some(who) = lifted {
            net.accept(who, act(study, who, Act::Lift));
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
    net.accept(Researcher, act(study, Researcher, Act::Lift));
    assert_eq!((status(&net), net.state.pair(&query, &id(HospitalA)).map_or(0, |pair| pair.invalid)), (StudyStatus::Open, 0));
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    net.accept(Researcher, next);
    net.accept(HospitalB, accept(study));
}

#[test]
fn a_hospital_declines_and_patients_leave_while_a_study_is_suspended() {
    let (mut net, study, query) = asked();
    net.accept(Board, act(study, Board, Act::Suspend));
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
        net.accept(SECOND, act(study, SECOND, Act::Suspend));
        assert!(table(&net, 0));
        net.accept(who, act(study, who, last));
        assert_eq!(net.state.study(&study).unwrap().status(), words);
        assert!(!table(&net, 0) && table(&net, 1), "only what is in force has to go with an erasure");
        let next = net.query(study, filtered(0, 2));
        reject(&mut net, Researcher, next, 147);
        let answer = net.answer_now(HospitalA, query);
        reject(&mut net, HospitalA, answer, 147);
        reject(&mut net, HospitalB, accept(study), 147);
        for decider in [Researcher, Board] {
            for decision in ACTS.into_iter().filter(|decision| match decider {
                Researcher => matches!(decision, Act::Suspend | Act::Lift | Act::Close),
                _ => *decision != Act::Close,
            }) {
                reject(&mut net, decider, act(study, decider, decision), 147);
            }
        }
        reject(&mut net, Board, approve(study), 147);
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
    net.accept(Board, act(study, Board, Act::Reject));
    reject(&mut net, SECOND, approve(study), 147);
    reject(&mut net, Researcher, one_more(), 159);
    let other = *net.state.studies().find(|(id, _)| **id != study).unwrap().0;
    net.accept(Researcher, act(other, Researcher, Act::Close));
    assert!(net.state.study(&other).is_none(), "nothing of it is kept");
    reject(&mut net, Board, approve(other), 146);
    net.accept(Researcher, one_more());
    assert_eq!(net.state.study(&study).unwrap().status(), StudyStatus::Rejected);
    net.block_after(40 * DAY_MS, vec![]);
    assert!(net.state.study(&study).is_none());
}

#[test]
fn nobody_fills_the_chain_with_suspensions() {
    let (mut net, study, _) = asked();
    for _ in 0..limits::SUSPENSIONS_A_DAY_MAX {
        net.accept(Board, act(study, Board, Act::Suspend));
        net.accept(Board, act(study, Board, Act::Lift));
    }
    reject(&mut net, Board, act(study, Board, Act::Suspend), 239);
    net.accept(Researcher, act(study, Researcher, Act::Suspend));
    net.accept(Board, act(study, Board, Act::Stop));
    let (mut net, study, _) = asked();
    net.accept(Board, act(study, Board, Act::Suspend));
    net.block_after(DAY_MS, vec![]);
    net.accept(Board, act(study, Board, Act::Lift));
}

fn titled(number: usize) -> StudySubmit {
    StudySubmit { title: format!("Study {number}"), ..study(&dictionary()) }
}

/// A study's life as one would write it on paper.
#[derive(Default)]
struct Model {
    day: u32,
    approved: bool,
    accepted: bool,
    ended: bool,
    gone: bool,
    suspended: BTreeSet<Who>,
    asked: usize,
    /// Time of the last query, and whether it is answered.
    query: Option<(u64, bool)>,
}

const LAST_DAY: u32 = 30;

/// Bins of an attribute that are counted; no statement twice.
const STATEMENTS: [&[u16]; 6] = [&[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]];

fn counting(bins: &[u16]) -> Statement {
    let mut statement = filtered(0, 0);
    statement.filter[0].any_of[0].bins = bins.to_vec();
    statement
}

impl Model {
    /// A study that no board approved in its days is forgotten, and one that was closed before.
    fn forgotten(&self) -> bool {
        self.gone || !self.approved && self.day > LAST_DAY
    }

    fn going_on(&self) -> Result<(), u16> {
        match self {
            _ if self.forgotten() => Err(146),
            _ if self.ended => Err(147),
            _ if !self.suspended.is_empty() => Err(234),
            _ if !self.approved => Err(147),
            _ if self.day > LAST_DAY => Err(148),
            _ => Ok(()),
        }
    }

    fn decide(&mut self, who: Who, decision: Act) -> Result<(), u16> {
        let theirs = match (who, decision) {
            (Researcher, Act::Suspend | Act::Lift | Act::Close) | (Board | SECOND, Act::Reject | Act::Suspend | Act::Lift) => true,
            (Board, Act::Stop) => true,
            (SECOND, Act::Stop) => !self.approved,
            _ => false,
        };
        match decision {
            _ if self.forgotten() => return Err(146),
            _ if !theirs => return Err(235),
            _ if self.ended => return Err(147),
            _ if self.day > LAST_DAY => return Err(148),
            Act::Reject if self.approved => return Err(147),
            Act::Suspend | Act::Lift | Act::Stop if !self.approved => return Err(147),
            Act::Suspend if !self.suspended.insert(who) => return Err(237),
            Act::Lift if !self.suspended.remove(&who) => return Err(236),
            Act::Close if !self.approved => self.gone = true,
            Act::Reject | Act::Stop | Act::Close => self.ended = true,
            Act::Suspend | Act::Lift => {}
        }
        Ok(())
    }

    fn approve(&mut self) -> Result<(), u16> {
        match self {
            _ if self.forgotten() => return Err(146),
            _ if self.approved || self.ended => return Err(147),
            _ if self.day > LAST_DAY => return Err(148),
            _ => self.approved = true,
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<(), u16> {
        self.going_on()?;
        if std::mem::replace(&mut self.accepted, true) { Err(149) } else { Ok(()) }
    }

    fn ask(&mut self, now: u64) -> Result<(), u16> {
        self.going_on()?;
        if !self.accepted {
            return Err(161);
        }
        self.query = Some((now, false));
        Ok(())
    }

    fn answer(&mut self, now: u64) -> Result<(), u16> {
        self.going_on()?;
        let (asked, answered) = self.query.as_mut().unwrap();
        match answered {
            _ if now > *asked + 2 * HOUR_MS => return Err(171),
            true => return Err(173),
            false => *answered = true,
        }
        Ok(())
    }
}

/// A random step: who does what, and what becomes of it by the model.
fn step(
    dice: &mut ChaCha20Rng,
    net: &Net,
    study: StudyId,
    query: Option<QueryId>,
    model: &mut Model,
) -> Option<(Who, Payload, Result<(), u16>)> {
    let now = net.time.plus_ms(1_000).0;
    Some(match dice.gen_range(0..11) {
        0..=3 => {
            let (who, decision) = (*DECIDERS.choose(dice).unwrap(), *ACTS.choose(dice).unwrap());
            // ends are rare, that lives are long
            let decision = if dice.gen_ratio(3, 4) && decision != Act::Lift { Act::Suspend } else { decision };
            (who, act(study, who, decision), model.decide(who, decision))
        }
        4 | 5 => {
            let who = model.suspended.iter().next().copied().unwrap_or(Board);
            (who, act(study, who, Act::Lift), model.decide(who, Act::Lift))
        }
        6 => (Board, approve(study), model.approve()),
        7 => (HospitalA, accept(study), model.accept()),
        8 | 9 if model.asked < STATEMENTS.len() => {
            model.asked += 1;
            // the deadline counts from the block before
            (Researcher, net.query(study, counting(STATEMENTS[model.asked - 1])), model.ask(now - 1_000))
        }
        10 => (HospitalA, net.answer_now(HospitalA, query?), model.answer(now)),
        _ => return None,
    })
}

/// One random life; how many queries and answers were accepted and refused in it.
fn life(seed: u64) -> (u32, u32) {
    let mut dice = ChaCha20Rng::seed_from_u64(seed);
    let (mut net, study) = submitted();
    let begin = net.time.0 / DAY_MS;
    let mut model = Model::default();
    let mut query = None;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..30 {
        if dice.gen_ratio(1, 12) {
            let days = if dice.gen_ratio(1, 3) { 11 } else { 1 };
            net.block_after(days * DAY_MS, vec![]);
        }
        model.day = ((net.time.plus_ms(1_000).0) / DAY_MS - begin) as u32;
        let Some((who, payload, expected)) = step(&mut dice, &net, study, query, &mut model) else { continue };
        let is_query = matches!(payload, Payload::Query(_));
        let counts = is_query || matches!(payload, Payload::Answer(_));
        let result = net.block(vec![(who, payload.clone())]).remove(0);
        let found = result.rejection().map_or(Ok(()), |code| Err(code.0));
        assert_eq!(found, expected, "seed {seed}: {payload:?}");
        if is_query && found.is_ok() {
            query = Some(QueryId(result.transaction));
        }
        *(if found.is_ok() { &mut taken } else { &mut refused }) += u32::from(counts);
        if let Some(record) = net.state.study(&study) {
            assert_eq!(record.suspensions.keys().copied().collect::<BTreeSet<_>>(), model.suspended.iter().map(|who| id(*who)).collect());
            assert_eq!((record.ended.is_some(), record.approval.is_some()), (model.ended, model.approved), "seed {seed}");
        }
    }
    (taken, refused)
}

#[test]
fn random_lives_of_a_study_are_those_of_the_model() {
    let lives: Vec<(u32, u32)> = (0..600).map(life).collect();
    let (taken, refused) = lives.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    assert!(taken > 300 && refused > 300, "both happen: {taken} {refused}");
}
