//! Random lives of a study, every decision of every board signed by persons, against a plain model.

use super::deciding::{SECOND, THIRD, accept, acts, submitted};
use countersign_circuits::statement::Statement;
use countersign_harness::*;
use countersign_messages::*;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, BTreeSet};

/// What one board has said about the study, as one would write it on paper.
#[derive(Default)]
struct Table {
    approved: bool,
    suspended: bool,
    recused: BTreeSet<Office>,
    /// Who has signed what on which day, since the last decision.
    signed: BTreeMap<Act, Vec<(Office, u32)>>,
}

/// A study's life, alike.
#[derive(Default)]
struct Model {
    day: u32,
    accepted: bool,
    ended: bool,
    gone: bool,
    tables: BTreeMap<Who, Table>,
    /// By who submitted it.
    suspended: bool,
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
    fn approved(&self) -> bool {
        self.tables.values().any(|table| table.approved)
    }

    fn is_suspended(&self) -> bool {
        self.suspended || self.tables.values().any(|table| table.suspended)
    }

    /// A study that no board approved in its days is forgotten, and one that was closed before.
    fn forgotten(&self) -> bool {
        self.gone || !self.approved() && self.day > LAST_DAY
    }

    fn going_on(&self) -> Result<(), u16> {
        match self {
            _ if self.forgotten() => Err(146),
            _ if self.ended => Err(147),
            _ if self.is_suspended() => Err(234),
            _ if !self.approved() => Err(147),
            _ if self.day > LAST_DAY => Err(148),
            _ => Ok(()),
        }
    }

    fn fits(&self, decision: &Act) -> Result<(), u16> {
        match decision {
            _ if self.ended => Err(147),
            _ if self.day > LAST_DAY => Err(148),
            Act::Reject if self.approved() => Err(147),
            Act::Suspend | Act::Lift | Act::Stop if !self.approved() => Err(147),
            _ => Ok(()),
        }
    }

    /// The researcher who submitted it, or another, decides.
    fn team(&mut self, who: Who, decision: &Act) -> Result<(), u16> {
        if self.forgotten() {
            return Err(146);
        }
        if who != Researcher || !matches!(decision, Act::Suspend | Act::Lift | Act::Close) {
            return Err(235);
        }
        self.fits(decision)?;
        match decision {
            Act::Suspend if std::mem::replace(&mut self.suspended, true) => return Err(237),
            Act::Lift if !std::mem::take(&mut self.suspended) => return Err(236),
            Act::Close if !self.approved() => self.gone = true,
            Act::Close => self.end(),
            _ => {}
        }
        Ok(())
    }

    /// A person of a board signs a decision.
    fn sign(&mut self, board: Who, office: Office, decision: &Act) -> Result<(), u16> {
        if self.forgotten() {
            return Err(146);
        }
        if self.tables.get(&board).is_some_and(|table| table.recused.contains(&office)) {
            return Err(247);
        }
        let approved_this = self.tables.get(&board).is_some_and(|table| table.approved);
        match decision {
            Act::Approve(_) if board == THIRD => return Err(157),
            Act::Close => return Err(235),
            _ if board == THIRD => return Err(235),
            Act::Suspend | Act::Lift | Act::Stop if self.approved() && !approved_this => return Err(235),
            _ => {}
        }
        self.fits(decision)?;
        let suspended = self.tables.get(&board).is_some_and(|table| table.suspended);
        match decision {
            Act::Approve(_) if approved_this => return Err(147),
            Act::Suspend if suspended => return Err(237),
            Act::Lift if !suspended => return Err(236),
            Act::Suspend => {}
            _ if office == Office::Assessor => return Err(249),
            _ => {}
        }
        let table = self.tables.entry(board).or_default();
        let signed = table.signed.entry(decision.clone()).or_default();
        if signed.iter().any(|(other, _)| *other == office) {
            return Err(250);
        }
        let presides = |office: Office| office != Office::Secretary;
        let with = |other: &Office| presides(*other) != presides(office) && !table.recused.contains(other);
        if *decision != Act::Suspend && !signed.iter().any(|(other, _)| with(other)) {
            signed.push((office, self.day));
            return Ok(());
        }
        table.signed.clear();
        match decision {
            Act::Approve(_) => table.approved = true,
            Act::Suspend => table.suspended = true,
            Act::Lift => table.suspended = false,
            Act::Reject | Act::Stop | Act::Close => self.end(),
        }
        Ok(())
    }

    /// What boards have begun to say ends with it.
    fn end(&mut self) {
        self.ended = true;
        self.tables.values_mut().for_each(|table| table.signed.clear());
    }

    /// A person of a board takes no part.
    fn recuse(&mut self, board: Who, office: Office) -> Result<(), u16> {
        if self.forgotten() {
            return Err(146);
        }
        let table = self.tables.entry(board).or_default();
        match () {
            () if table.recused.contains(&office) => Err(247),
            () if self.ended => Err(147),
            () if self.day > LAST_DAY => Err(148),
            () => {
                table.recused.insert(office);
                Ok(())
            }
        }
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

/// What somebody decides in a random life: ends are rare, that lives are long.
fn any_act(dice: &mut ChaCha20Rng) -> Act {
    let act = acts().choose(dice).unwrap().clone();
    let usual = [approval(), Act::Suspend, Act::Lift];
    if dice.gen_ratio(3, 4) { usual.choose(dice).unwrap().clone() } else { act }
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
    let sign = |model: &mut Model, board: Who, office: Office, act: Act| {
        let expected = model.sign(board, office, &act);
        Some((board, net.signing(board, office, net.decision(board, study, act)), expected))
    };
    match dice.gen_range(0..15) {
        0 => {
            let (who, act) = (*[Researcher, OtherResearcher].choose(dice).unwrap(), any_act(dice));
            let expected = model.team(who, &act);
            Some((who, Payload::StudyAct(StudyAct { study, reason: format!("{act} for a reason"), act }), expected))
        }
        1..=3 => {
            let office = *Office::ALL.choose(dice).unwrap();
            sign(model, *[Board, SECOND, THIRD].choose(dice).unwrap(), office, any_act(dice))
        }
        4..=6 => {
            // whoever has suspended lifts it, so that lives go on
            let office = *[Office::Chair, Office::Secretary, Office::Secretary, Office::Deputy].choose(dice).unwrap();
            match [Board, SECOND].into_iter().find(|board| model.tables.get(board).is_some_and(|table| table.suspended)) {
                Some(board) => sign(model, board, office, Act::Lift),
                None if model.suspended => {
                    let expected = model.team(Researcher, &Act::Lift);
                    let reason = "lifted for a reason".into();
                    Some((Researcher, Payload::StudyAct(StudyAct { study, act: Act::Lift, reason }), expected))
                }
                None => sign(model, Board, office, approval()),
            }
        }
        7 if dice.gen_ratio(1, 4) => {
            let (board, office) = (*[Board, SECOND].choose(dice).unwrap(), *Office::ALL.choose(dice).unwrap());
            let statement = BoardStatement::Recuse { study, person: person(board, office).key, reason: "a relative".into() };
            Some((board, net.signing(board, office, statement), model.recuse(board, office)))
        }
        8 | 9 => Some((HospitalA, accept(study), model.accept())),
        10 | 11 if model.asked < STATEMENTS.len() => {
            model.asked += 1;
            // the deadline counts from the block before
            Some((Researcher, net.query(study, counting(STATEMENTS[model.asked - 1])), model.ask(now - 1_000)))
        }
        12 | 13 => Some((HospitalA, net.answer_now(HospitalA, query?), model.answer(now))),
        _ => None,
    }
}

/// One random life; how many queries and answers were accepted and refused in it.
fn life(seed: u64) -> (u32, u32) {
    let mut dice = ChaCha20Rng::seed_from_u64(seed);
    let (mut net, study) = submitted();
    let begin = net.time.0 / DAY_MS;
    let mut model = Model::default();
    let mut query = None;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..45 {
        if dice.gen_ratio(1, 16) {
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
        if matches!(payload, Payload::Answer(_)) && found.is_ok() {
            let export = super::light::export(&net, query.unwrap());
            export.check(&Script::default()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        *(if found.is_ok() { &mut taken } else { &mut refused }) += u32::from(counts);
        check(&net, study, &model, seed);
    }
    (taken, refused)
}

/// The ledger has on record what the model has.
fn check(net: &Net, study: StudyId, model: &Model, seed: u64) {
    let Some(record) = net.state.study(&study) else { return assert!(model.forgotten(), "seed {seed}") };
    let of = |is: fn(&Table) -> bool| model.tables.iter().filter(|(_, table)| is(table)).map(|(who, _)| id(*who)).collect::<BTreeSet<_>>();
    let mut suspended = of(|table| table.suspended);
    suspended.extend(model.suspended.then(|| id(Researcher)));
    assert_eq!(record.suspensions.keys().copied().collect::<BTreeSet<_>>(), suspended, "seed {seed}");
    assert_eq!(record.approvals.keys().copied().collect::<BTreeSet<_>>(), of(|table| table.approved), "seed {seed}");
    assert_eq!(record.ended.is_some(), model.ended, "seed {seed}");
    for (board, table) in &model.tables {
        let waiting: usize = net.state.waiting_statements(&id(*board)).map(|waiting| waiting.signatures.len()).sum();
        let counts = |signed: &&Vec<(Office, u32)>| signed.iter().any(|(_, day)| day + limits::SIGNATURE_DAYS as u32 >= model.day);
        assert_eq!(waiting, table.signed.values().filter(counts).map(Vec::len).sum::<usize>(), "seed {seed}");
    }
}

#[test]
fn random_lives_of_a_study_are_those_of_the_model() {
    let lives: Vec<(u32, u32)> = (0..600).map(life).collect();
    let (taken, refused) = lives.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    assert!(taken > 300 && refused > 300, "both happen: {taken} {refused}");
}
