//! The model: one invented person as of the index date.

use crate::{Profile, dice::Dice};
use jiff::{ToSpan, civil::Date};

/// Day 0 of all windows.
pub(crate) const INDEX: Date = jiff::civil::date(2019, 1, 1);
/// Days from index to the export.
pub(crate) const EXPORT_DAY: i32 = 396;

/// Administrative gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sex {
    Female,
    Male,
    Other,
    Unknown,
}

/// Smoking status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Smoker {
    Never,
    Former,
    Current,
}

/// One person. Measurements are the latest in the two years before index, `None` if never taken then.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Completed years at index.
    pub(crate) age: i32,
    pub(crate) birth: Date,
    pub(crate) sex: Sex,
    pub(crate) diabetes: bool,
    pub(crate) hypertension: bool,
    /// Tenths of a percent, NGSP.
    pub(crate) hba1c: Option<i32>,
    /// Tenths of kg/m2.
    pub(crate) bmi: Option<i32>,
    /// mm[Hg].
    pub(crate) sbp: Option<i32>,
    pub(crate) smoker: Option<Smoker>,
    /// Finished encounters in the year before index, and in the year before that.
    pub(crate) encounters: (i32, i32),
    /// Day of death relative to index; a few lie before it.
    pub(crate) death: Option<i32>,
    /// Day of the last encounter after index, if any.
    pub(crate) last_contact: Option<i32>,
}

/// `slope` for every unit above `from`.
fn above(x: f64, from: f64, slope: f64) -> f64 {
    (x - from).max(0.0) * slope
}

fn rounded(x: f64, lo: i32, hi: i32) -> i32 {
    (x.round() as i32).clamp(lo, hi)
}

impl Person {
    pub(crate) fn draw(profile: Profile, dice: &mut Dice) -> Self {
        let age = rounded(profile.age_mean() + 16.5 * dice.normal(), 18, 97);
        let birth = INDEX.saturating_sub(age.years()).saturating_sub(dice.between(0, 364).days());
        let sex = sex(profile, dice);
        let years = f64::from(age);
        // weight peaks around 60 and is skewed to the right
        let bmi =
            24.0 + above(years.min(60.0), 20.0, 0.09) - above(years, 70.0, 0.12) + 3.6 * dice.normal() + above(dice.normal(), 0.0, 3.0);
        let bmi_tenths = rounded(bmi * 10.0, 150, 600);
        let male = f64::from(u8::from(sex == Sex::Male));
        let diabetes = dice.chance((0.015 + above(years, 40.0, 0.0035) + above(bmi, 26.0, 0.014) + 0.02 * male).min(0.6));
        let risk = 0.03 + above(years, 35.0, 0.0105) + above(bmi, 25.0, 0.012) + if diabetes { 0.16 } else { 0.0 };
        let hypertension = dice.chance(risk.min(0.88));
        let smoker = smoker(years, male, dice);
        let hba1c = hba1c(years, bmi, diabetes, dice);
        let treated = if hypertension { 10.0 } else { 0.0 };
        let sbp = 108.0 + above(years, 25.0, 0.32) + above(bmi, 22.0, 0.75) + treated + 2.0 * male + 11.5 * dice.normal();
        let encounters = encounters(years, diabetes, hypertension, dice);
        let death = death(years, diabetes, smoker == Smoker::Current, dice);
        let seen = encounters.0 + encounters.1 > 0;
        let (with, without) = profile.hba1c_shares();
        let tested = dice.chance(if diabetes { with } else { without });
        let vitals = profile.vitals_share();
        let mut taken = || dice.chance(vitals) && seen;
        let (bmi_taken, sbp_taken, smoker_taken) = (taken(), taken(), taken());
        Self {
            age,
            birth,
            sex,
            diabetes,
            hypertension,
            hba1c: (tested && seen).then_some(hba1c),
            bmi: bmi_taken.then_some(bmi_tenths),
            sbp: sbp_taken.then_some(rounded(sbp, 78, 235)),
            smoker: smoker_taken.then_some(smoker),
            encounters,
            death,
            last_contact: last_contact(death, dice),
        }
    }

    /// Days of follow-up after index, at most 365: to death or to the last contact.
    pub(crate) fn followup(&self) -> i32 {
        self.last_contact.unwrap_or(0).min(self.death.unwrap_or(i32::MAX)).clamp(0, 365)
    }

    /// True if death falls in the year after index.
    pub(crate) fn died(&self) -> bool {
        self.death.is_some_and(|day| (0..365).contains(&day))
    }
}

fn sex(profile: Profile, dice: &mut Dice) -> Sex {
    let unknown = if profile.has_gaps() { 0.01 } else { 0.0 };
    match dice.unit() {
        u if u < unknown => Sex::Unknown,
        u if u < unknown + 0.004 => Sex::Other,
        u if u < 0.52 => Sex::Female,
        _ => Sex::Male,
    }
}

fn smoker(years: f64, male: f64, dice: &mut Dice) -> Smoker {
    let current = (0.27 - above(years, 40.0, 0.004) + 0.03 * male).max(0.03);
    let former = 0.10 + above(years.min(75.0), 30.0, 0.005) + 0.06 * male;
    match dice.unit() {
        u if u < current => Smoker::Current,
        u if u < current + former => Smoker::Former,
        _ => Smoker::Never,
    }
}

/// Tenths of a percent, NGSP.
fn hba1c(years: f64, bmi: f64, diabetes: bool, dice: &mut Dice) -> i32 {
    let percent = if diabetes {
        6.9 + above(bmi, 27.0, 0.05) + 0.75 * dice.normal() + above(dice.normal(), 0.3, 0.9)
    } else {
        5.2 + above(years, 35.0, 0.005) + above(bmi, 24.0, 0.022) + 0.24 * dice.normal()
    };
    rounded(percent * 10.0, 41, 152)
}

/// Counts of the last and the last but one year. About 3 % were not seen in either.
fn encounters(years: f64, diabetes: bool, hypertension: bool, dice: &mut Dice) -> (i32, i32) {
    let load = if diabetes { 1.6 } else { 0.0 } + if hypertension { 0.8 } else { 0.0 };
    let rate = 1.1 + above(years, 35.0, 0.018) + load;
    let mut year = || (0..24).filter(|_| dice.chance(rate / 24.0)).count() as i32;
    let (last, before) = (year(), year());
    let absent = dice.chance(0.03);
    match (absent, last + before) {
        (true, _) => (0, 0),
        (false, 0) => (1, 0),
        (false, _) => (last, before),
    }
}

/// Day of death relative to index; drawn up to the export.
fn death(years: f64, diabetes: bool, smokes: bool, dice: &mut Dice) -> Option<i32> {
    if dice.chance(0.003 + above(years, 75.0, 0.0006)) {
        return Some(dice.between(-400, -1));
    }
    let risk = 0.002 + above(years, 50.0, 0.0009) + above(years, 75.0, 0.0042);
    let excess = 1.0 + if diabetes { 0.5 } else { 0.0 } + if smokes { 0.6 } else { 0.0 };
    dice.chance((risk * excess).min(0.5)).then(|| dice.between(0, EXPORT_DAY - 2))
}

fn last_contact(death: Option<i32>, dice: &mut Dice) -> Option<i32> {
    let (style, late, early) = (dice.unit(), dice.between(365, EXPORT_DAY - 1), dice.between(0, 364));
    let day = match style {
        u if u < 0.78 => late,
        u if u < 0.95 => early,
        _ => return None,
    };
    match death {
        Some(death) if death < 0 => None,
        Some(death) => Some(day.min(death)),
        None => Some(day),
    }
}
