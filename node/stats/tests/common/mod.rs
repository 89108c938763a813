//! A small dictionary, random rows, and the release rule applied to plain rows (S2.7), for the tests to share.

use countersign_circuits::{
    consent::{Day, Eligibility, ScopeRegistry},
    dictionary::{Dictionary, canonical_json},
    statement::{CellMeaning, Measure, Measures, Wiring},
};
use countersign_query::{Question, compile};
use countersign_stats::{CellStatus, ResultTable, SiteAnswer, SiteState, SiteTable, WithholdReason, tabulate};
use rand::Rng;
use rand_chacha::ChaCha20Rng;
use serde_json::json;

/// Level of each attribute, or missing.
pub type Row = Vec<Option<u32>>;

pub const AGE: usize = 0;
pub const SEX: usize = 1;
pub const OLDPEAK: usize = 2;
pub const BMI: usize = 3;
pub const DISEASE: usize = 4;

pub fn dictionary() -> Dictionary {
    let value = json!({ "format": "countersign-dictionary/1", "id": "heart", "version": 1, "title": "Heart", "grain": "patient", "attribute": [
        { "name": "age", "category": "d", "kind": "number", "unit": "a", "range": ["0", "110"], "step": "1", "cuts": ["40", "50", "60", "70"] },
        { "name": "sex", "category": "d", "kind": "category", "levels": ["female", "male", "other"] },
        { "name": "oldpeak", "category": "c", "kind": "number", "unit": "mm", "range": ["-3", "10"], "step": "0.1", "cuts": ["0", "1", "2"] },
        { "name": "bmi", "category": "v", "kind": "number", "unit": "kg/m2", "range": ["10", "80"], "step": "0.1", "cuts": ["18.5", "25", "30"] },
        { "name": "disease", "category": "o", "kind": "flag" },
    ] });
    Dictionary::from_canonical(&canonical_json(&value).expect("no floats")).expect("valid")
}

pub fn value(dictionary: &Dictionary, attribute: usize, level: u32) -> f64 {
    let scale = dictionary.attributes()[attribute].scale().expect("a number");
    scale.value(level).to_string().parse().expect("a decimal")
}

pub fn random_rows(rng: &mut ChaCha20Rng, n: usize, missing: f64) -> Vec<Row> {
    let one = |rng: &mut ChaCha20Rng| {
        let age: u32 = rng.gen_range(25..95);
        let levels = [age, u32::from(rng.gen_bool(0.6)), rng.gen_range(0..70), age + rng.gen_range(50..400), u32::from(rng.gen_bool(0.4))];
        levels.into_iter().map(|l| (!rng.gen_bool(missing)).then_some(l)).collect()
    };
    (0..n).map(|_| one(rng)).collect()
}

/// A compiled question with its wiring.
pub struct Asked {
    pub dictionary: Dictionary,
    pub question: Question,
    pub wiring: Wiring,
}

impl Asked {
    pub fn new(sql: &str) -> Self {
        let dictionary = dictionary();
        let question = compile(sql, &dictionary).unwrap_or_else(|e| panic!("{sql}\n{e}"));
        let registry = ScopeRegistry { scopes: vec!["p".into()], grid: vec![Day(1)] };
        let wiring = question.wiring(&dictionary, &registry, &Eligibility { scopes: vec![0], day: Day(0) }).expect("fits");
        Self { dictionary, question, wiring }
    }

    fn bin(&self, row: &Row, attribute: u16) -> u16 {
        self.dictionary.attributes()[usize::from(attribute)].bins(row[usize::from(attribute)]).expect("in range").first
    }

    fn counts(&self, row: &Row) -> Option<usize> {
        let statement = &self.question.statement;
        if !statement.filter.iter().all(|c| c.any_of.iter().any(|l| l.bins.contains(&self.bin(row, l.attribute)))) {
            return None;
        }
        let (mut group, mut stride) = (0, 1);
        for g in &statement.groups {
            group += stride * g.bands.iter().position(|b| b.contains(&self.bin(row, g.attribute)))?;
            stride *= g.bands.len();
        }
        Some(group)
    }

    /// The moment table of some rows, before release.
    pub fn moments(&self, rows: &[Row]) -> Vec<u64> {
        let level = |row: &Row, a: u16| row[usize::from(a)].map_or(0, u64::from);
        let cell = |row: &Row, meaning: CellMeaning| match meaning {
            CellMeaning::Rows => 1,
            CellMeaning::Missing(a) => u64::from(row[usize::from(a)].is_none()),
            CellMeaning::Known(a) => u64::from(row[usize::from(a)].is_some()),
            CellMeaning::Sum(a) => level(row, a),
            CellMeaning::SumOfSquares(a) => level(row, a).pow(2),
            CellMeaning::Product(a, b) => level(row, a) * level(row, b),
            CellMeaning::Part(a, p) => {
                let Measures::Descriptive { of, .. } = &self.question.statement.measures else { panic!("a part of a model") };
                let part = of.iter().find_map(|m| match m {
                    Measure::Parts { attribute, parts } if *attribute == a => parts.get(usize::from(p)),
                    _ => None,
                });
                u64::from(part.expect("its part").contains(&self.bin(row, a)))
            }
            CellMeaning::Hidden => 0,
        };
        let placed: Vec<(usize, &Row)> = rows.iter().filter_map(|r| Some((self.counts(r)?, r))).collect();
        self.wiring.cells().iter().map(|c| placed.iter().filter(|(g, _)| *g == c.group).map(|(_, r)| cell(r, c.meaning)).sum()).collect()
    }

    /// The release rule on plain cells.
    pub fn release(&self, rows: &[Row], k_min: u32) -> SiteTable {
        let (moments, minimum) = (self.moments(rows), u64::from(self.wiring.gate_minimum(k_min)));
        let cells = self.wiring.cells();
        let fails = |i: usize| cells[i].kind.gate && moments[i] < minimum && !(cells[i].kind.zero_ok && moments[i] == 0);
        let mut out = Vec::with_capacity(cells.len());
        let mut small_group = false;
        for i in 0..cells.len() {
            let kind = cells[i].kind;
            if i == 0 || cells[i].group != cells[i - 1].group {
                small_group = kind.group_start && fails(i);
            }
            let start = (0..=i).rev().find(|j| cells[*j].kind.block_start).unwrap_or(i);
            let end = (start + 1..cells.len())
                .find(|j| cells[*j].kind.block_start || cells[*j].group != cells[start].group)
                .unwrap_or(cells.len());
            let small = small_group || (start..end).any(fails);
            out.push(match (kind.show, small) {
                (false, _) => CellStatus::NotReleased,
                (true, true) => CellStatus::Small,
                (true, false) => CellStatus::Exact(moments[i]),
            });
        }
        SiteTable { cells: out }
    }

    pub fn table(&self, k_min: u32, sites: &[(&str, SiteState)]) -> ResultTable {
        let answers: Vec<SiteAnswer> =
            sites.iter().map(|(site, state)| SiteAnswer { site: (*site).to_owned(), state: state.clone() }).collect();
        tabulate(&self.question, &self.dictionary, &self.wiring, k_min, &answers).expect("of the wiring's shape")
    }

    /// Releases each site's rows; `withheld` of the first site's groups are withheld as a whole.
    pub fn over_rows(&self, k_min: u32, sites: &[Vec<Row>], withheld: &[usize]) -> ResultTable {
        let names = ["A", "B", "C", "D"];
        let release = |(i, (rows, name)): (usize, (&Vec<Row>, &'static str))| {
            let mut table = self.release(rows, k_min);
            for (status, cell) in table.cells.iter_mut().zip(self.wiring.cells()).filter(|(s, _)| i == 0 && **s != CellStatus::NotReleased)
            {
                if withheld.contains(&cell.group) {
                    *status = CellStatus::Withheld(WithholdReason::Overlap);
                }
            }
            (name, SiteState::Accepted(table))
        };
        let states: Vec<(&str, SiteState)> = sites.iter().zip(names).enumerate().map(release).collect();
        self.table(k_min, &states)
    }
}
