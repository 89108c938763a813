//! From a person to dated events: encounters and what was measured at each.

use crate::{
    Profile,
    dice::Dice,
    person::{EXPORT_DAY, Person, Smoker},
};
use std::collections::BTreeSet;

/// A measurement at an encounter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    /// Tenths of a percent.
    Hba1c(i32),
    /// Tenths of kg/m2.
    Bmi(i32),
    /// Systolic and diastolic, mm[Hg].
    Pressure(i32, i32),
    Smoker(Smoker),
}

/// One finished encounter.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// Relative to index.
    pub(crate) day: i32,
    /// Minute of the day it began.
    pub(crate) minute: i32,
    pub(crate) measured: Vec<Measured>,
}

/// All visits of a person, ascending by day. The latest values before index are those of [`Person`].
pub(crate) fn visits(profile: Profile, person: &Person, dice: &mut Dice) -> Vec<Visit> {
    let mut days = distinct(person.encounters.0, -365, -1, dice);
    days.extend(distinct(person.encounters.1, -730, -366, dice));
    days.extend(distinct(i32::from(dice.chance(0.4)), -2200, -740, dice));
    // nobody is seen after death: what would fall there is mirrored to before it
    let mut days: Vec<i32> = match person.death.filter(|d| *d < 0) {
        Some(death) => days.into_iter().map(|d| if d > death { 2 * death - d - 1 } else { d }).collect(),
        None => days.into_iter().collect(),
    };
    days.sort_unstable();
    days.dedup();
    if let Some(last) = person.last_contact {
        let middle = dice.between(0, 200);
        days.extend((middle < last).then_some(middle));
        days.push(last);
    }
    let mut visits: Vec<Visit> =
        days.into_iter().map(|day| Visit { day, minute: dice.between(8 * 60, 17 * 60), measured: Vec::new() }).collect();
    let mut next = Drift::new(person);
    // newest first: the newest visit before index carries the person's own values, older and later ones drift from them
    for visit in visits.iter_mut().rev().filter(|v| (-730..0).contains(&v.day)) {
        visit.measured = next.measure(profile, dice);
    }
    for visit in visits.iter_mut().filter(|v| !(-730..0).contains(&v.day)) {
        visit.measured = Drift::later(person).measure(profile, dice);
    }
    visits
}

fn distinct(count: i32, lo: i32, hi: i32, dice: &mut Dice) -> BTreeSet<i32> {
    let mut days = BTreeSet::new();
    while (days.len() as i32) < count.min(hi - lo) {
        days.insert(dice.between(lo, hi));
    }
    days
}

/// Values on their way into the past.
struct Drift {
    newest: bool,
    hba1c: Option<i32>,
    bmi: Option<i32>,
    sbp: Option<i32>,
    smoker: Option<Smoker>,
}

impl Drift {
    fn new(person: &Person) -> Self {
        Self { newest: true, hba1c: person.hba1c, bmi: person.bmi, sbp: person.sbp, smoker: person.smoker }
    }

    fn later(person: &Person) -> Self {
        Self { newest: false, smoker: None, ..Self::new(person) }
    }

    fn measure(&mut self, profile: Profile, dice: &mut Dice) -> Vec<Measured> {
        let often = if profile.has_gaps() { 0.5 } else { 0.75 };
        let mut now = |p: f64| self.newest || dice.chance(p);
        let (lab, vitals, asked) = (now(0.4), now(often), now(0.25));
        let mut measured = Vec::new();
        if let Some(value) = self.hba1c.filter(|_| lab) {
            measured.push(Measured::Hba1c(value));
            self.hba1c = Some((value + dice.between(-3, 4)).clamp(41, 152));
        }
        if let Some(value) = self.bmi.filter(|_| vitals) {
            measured.push(Measured::Bmi(value));
            self.bmi = Some((value + dice.between(-8, 7)).clamp(150, 600));
        }
        if let Some(value) = self.sbp.filter(|_| vitals) {
            let diastolic = 38 + value * 3 / 10 + dice.between(-6, 6);
            if dice.chance(0.2) {
                let apart = dice.between(2, 7);
                measured.push(Measured::Pressure(value + apart, diastolic + 2));
                measured.push(Measured::Pressure(value - apart, diastolic - 2));
            } else {
                measured.push(Measured::Pressure(value, diastolic));
            }
            self.sbp = Some((value + dice.between(-9, 9)).clamp(78, 235));
        }
        if let Some(value) = self.smoker.filter(|_| asked) {
            measured.push(Measured::Smoker(value));
        }
        self.newest = false;
        measured
    }
}

/// Days before index at which a chronic condition was first recorded.
pub(crate) fn onset(person: &Person, dice: &mut Dice) -> i32 {
    let years = (person.age - 18).clamp(1, 15);
    let day = -dice.between(400, 400 + years * 365);
    person.death.map_or(day, |death| day.min(death - 1))
}

/// A day that is certainly inside the export.
pub(crate) fn capped(day: i32) -> i32 {
    day.min(EXPORT_DAY - 1)
}
