//! An invented cohort as files: a table a hospital would export, and its consents.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

/// Scopes that a question about any attribute of the heart-disease dictionary needs.
const SCOPES: [&str; 6] = ["p.health", "c.demographics", "c.vitals", "c.labs", "c.conditions", "c.outcomes"];

/// Writes `rows` people as the heart-disease dictionary's mapping reads them. Of people whose number `again` says yes to, another set of values is drawn.
pub fn table(file: &Path, rows: u32, seed: u64, again: impl Fn(u32) -> bool) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    writeln!(out, "patient_id,age,sex,trestbps,chol,cp,oldpeak,num").unwrap();
    for row in 0..rows {
        let mut dice = ChaCha20Rng::seed_from_u64(seed ^ u64::from(again(row)) << 40);
        dice.set_stream(u64::from(row));
        let age = dice.gen_range(29..90);
        let sex = dice.gen_range(0..2);
        let pressure = if dice.gen_ratio(1, 20) { String::new() } else { (dice.gen_range(90..180) + age / 4).to_string() };
        let cholesterol = if dice.gen_ratio(1, 10) { String::new() } else { dice.gen_range(120..400).to_string() };
        let pain = dice.gen_range(1..5);
        let oldpeak = f64::from(dice.gen_range(0..60)) / 10.0;
        let narrowed = u32::from(dice.gen_ratio(age as u32, 120));
        writeln!(out, "p{row:08},{age},{sex},{pressure},{cholesterol},{pain},{oldpeak:.1},{narrowed}").unwrap();
    }
    out.flush().unwrap();
}

/// Four filters, ten groups, count, sum and sum of squares; of another age nothing is shown from before.
pub fn question(age: u32) -> String {
    format!(
        "SELECT chest_pain, disease, COUNT(*), AVG(sbp), STDDEV(sbp) FROM heart-disease WHERE age >= {age} AND chol >= 200 \
         AND sex IN ('female', 'male') AND oldpeak >= 0 GROUP BY chest_pain, disease"
    )
}

/// Writes the consents of everybody but those `without` says yes to: all scopes, for ever.
pub fn consents(file: &Path, rows: u32, without: impl Fn(u32) -> bool) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    writeln!(out, "patient,scope,until").unwrap();
    for row in (0..rows).filter(|row| !without(*row)) {
        for scope in SCOPES {
            writeln!(out, "p{row:08},{scope},9999-12-31").unwrap();
        }
    }
    out.flush().unwrap();
}
