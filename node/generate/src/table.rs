//! Levels without the detour through FHIR, for benches with millions of rows.

use crate::{
    Profile,
    dice::{Dice, Seed},
    person::{Person, Sex, Smoker},
};
use countersign_circuits::dictionary::{Attribute, Dictionary, Domain, Scale};

/// Draws `rows` persons and returns the levels of every attribute of `dictionary`: one column an attribute, in the
/// dictionary's order, `column[row]`; `None` is missing.
///
/// The attributes of the cardiometabolic core (`age`, `sex`, `diabetes`, `hypertension`, `hba1c`, `bmi`, `sbp`, `smoker`,
/// `encounters_1y`, `died`, `followup_days`) come from the same model, and with the same seed from the same persons, as
/// [`generate`](crate::generate)'s exports. Any other attribute is uniform over its levels, one value in twenty missing.
/// Values are rounded to levels and clipped to the range as an importer would.
pub fn table(profile: Profile, rows: u32, seed: u64, dictionary: &Dictionary) -> Vec<Vec<Option<u32>>> {
    let seed = Seed::new(profile, seed);
    let mut columns: Vec<Vec<Option<u32>>> = dictionary.attributes().iter().map(|_| Vec::with_capacity(rows as usize)).collect();
    for row in 0..rows {
        let mut dice = Dice::of(&seed, row);
        let person = Person::draw(profile, &mut dice);
        for (attribute, column) in dictionary.attributes().iter().zip(&mut columns) {
            column.push(level(attribute, &person, &mut dice));
        }
    }
    columns
}

/// A quantity as tenths of the attribute's unit.
fn tenths(attribute: &str, person: &Person) -> Option<Option<i32>> {
    Some(match attribute {
        "age" => Some(person.age * 10),
        "hba1c" => person.hba1c,
        "bmi" => person.bmi,
        "sbp" => person.sbp.map(|v| v * 10),
        "encounters_1y" => Some(person.encounters.0 * 10),
        "followup_days" => Some(person.followup() * 10),
        _ => return None,
    })
}

fn name(attribute: &str, person: &Person) -> Option<Option<&'static str>> {
    let flag = |yes: bool| Some(if yes { "yes" } else { "no" });
    Some(match attribute {
        "sex" => match person.sex {
            Sex::Female => Some("female"),
            Sex::Male => Some("male"),
            Sex::Other => Some("other"),
            Sex::Unknown => None,
        },
        "smoker" => person.smoker.map(|s| match s {
            Smoker::Never => "never",
            Smoker::Former => "former",
            Smoker::Current => "current",
        }),
        "diabetes" => flag(person.diabetes),
        "hypertension" => flag(person.hypertension),
        "died" => flag(person.died()),
        _ => return None,
    })
}

fn level(attribute: &Attribute, person: &Person, dice: &mut Dice) -> Option<u32> {
    match attribute.domain() {
        Domain::Scale(scale) => match tenths(attribute.name(), person) {
            Some(value) => value.and_then(|v| scale_level(scale, v)),
            None => uniform(attribute.level_count(), dice),
        },
        Domain::Levels(levels) => match name(attribute.name(), person) {
            Some(value) => value.and_then(|v| levels.iter().position(|l| l == v)).map(|i| i as u32),
            None => uniform(attribute.level_count(), dice),
        },
    }
}

fn uniform(levels: u32, dice: &mut Dice) -> Option<u32> {
    let missing = dice.chance(0.05);
    let level = dice.between(0, levels.saturating_sub(1) as i32) as u32;
    (!missing).then_some(level)
}

fn scale_level(scale: &Scale, tenths: i32) -> Option<u32> {
    let value = rust_decimal::Decimal::new(i64::from(tenths), 1);
    if value > scale.hi() {
        return scale.clip.then_some(scale.levels - 1);
    }
    if value < scale.lo {
        return scale.clip.then_some(0);
    }
    scale.level(value)
}
