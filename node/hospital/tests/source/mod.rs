//! What the files of a hospital say: people with rows and consents, and what happens to them.

use crate::plain::registry;
use countersign_circuits::consent::Day;
use countersign_ingest::PatientId;
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

pub(crate) const SCOPES: [&str; 2] = ["p.health", "c.labs"];

/// What the source says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) age: u32,
    pub(crate) chol: Option<u32>,
    /// Days from the grid's point of view: bin 0 is no consent.
    pub(crate) bins: [u16; 2],
    /// True if the row is there (consents may be without).
    pub(crate) row: bool,
}

pub(crate) type Source = BTreeMap<u32, Person>;

pub(crate) fn number(patient: &PatientId) -> u32 {
    patient.expose()[1..].parse().unwrap()
}

/// The first day of a bin.
pub(crate) fn day(bin: u16) -> Option<Day> {
    (bin > 0).then(|| registry().grid[usize::from(bin) - 1])
}

pub(crate) fn write(folder: &Path, source: &Source) -> (PathBuf, PathBuf) {
    let mut table = String::from("patient_id,age,sex,trestbps,chol,cp,oldpeak,num\n");
    let mut consents = String::from("patient,scope,until\n");
    for (id, person) in source {
        if person.row {
            let chol = person.chol.map_or_else(String::new, |c| c.to_string());
            writeln!(table, "p{id},{},1,120,{chol},1,1.0,0", person.age).unwrap();
        }
        for (scope, bin) in SCOPES.iter().zip(person.bins) {
            if let Some(until) = day(bin) {
                writeln!(consents, "p{id},{scope},{}", countersign_ingest::day_text(until)).unwrap();
            }
        }
    }
    let (at, by) = (folder.join("table.csv"), folder.join("consents.csv"));
    std::fs::write(&at, table).unwrap();
    std::fs::write(&by, consents).unwrap();
    (at, by)
}

pub(crate) fn somebody(dice: &mut ChaCha20Rng) -> Person {
    let row = dice.gen_ratio(9, 10);
    let chol = dice.gen_ratio(4, 5).then(|| dice.gen_range(100..400));
    Person { age: dice.gen_range(20..100), chol, bins: [dice.gen_range(0..4), dice.gen_range(0..4)], row }
}

/// One thing after the other happens to the source.
pub(crate) fn change(source: &mut Source, past: &[Source], next: &mut u32, dice: &mut ChaCha20Rng) {
    let pick = |source: &Source, dice: &mut ChaCha20Rng| source.keys().copied().collect::<Vec<_>>().choose(dice).copied();
    match dice.gen_range(0..12) {
        0 => {
            source.insert(*next, somebody(dice));
            *next += 1;
        }
        1 => {
            if let Some(id) = pick(source, dice) {
                source.remove(&id);
            }
        }
        2 => {
            // replaced by somebody with the same values: counts and extremes stay
            if let Some(person) = pick(source, dice).and_then(|id| source.remove(&id)) {
                source.insert(*next, person);
                *next += 1;
            }
        }
        3 => {
            // two people's rows exchanged
            if let (Some(a), Some(b)) = (pick(source, dice), pick(source, dice)) {
                let (x, y) = (source[&a].clone(), source[&b].clone());
                source.insert(a, Person { bins: x.bins, ..y.clone() });
                source.insert(b, Person { bins: y.bins, ..x });
            }
        }
        4 => {
            if let (Some(a), Some(b)) = (pick(source, dice), pick(source, dice)) {
                let bins = (source[&a].bins, source[&b].bins);
                source.get_mut(&a).unwrap().bins = bins.1;
                source.get_mut(&b).unwrap().bins = bins.0;
            }
        }
        5 | 6 => {
            if let Some(person) = pick(source, dice).and_then(|id| source.get_mut(&id)) {
                person.bins = [person.bins[0].saturating_sub(dice.gen_range(0..3)), person.bins[1].saturating_sub(dice.gen_range(0..3))];
            }
        }
        7 => {
            if let Some(person) = pick(source, dice).and_then(|id| source.get_mut(&id)) {
                person.bins = [dice.gen_range(0..4), dice.gen_range(0..4)];
            }
        }
        8 => {
            if let Some(person) = pick(source, dice).and_then(|id| source.get_mut(&id)) {
                person.chol = dice.gen_ratio(4, 5).then(|| dice.gen_range(100..400));
            }
        }
        9 => {
            if let Some(person) = pick(source, dice).and_then(|id| source.get_mut(&id)) {
                person.row = !person.row;
            }
        }
        10 => {
            if let Some(earlier) = past.choose(dice) {
                source.clone_from(earlier);
            }
        }
        _ => {}
    }
}
