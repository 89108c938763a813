//! The oracle of the release tests: moment tables by a plain loop over people, the release rule in words, and random dictionaries,
//! tables and statements to try both on. Nothing here looks at bins' matrices, wirings or kinds.

use crate::world::encode;
use countersign_circuits::{
    consent::{Day, Eligibility, ScopeRegistry},
    dictionary::{AttributeKind, Dictionary, SegmentLayout, canonical_json},
    segment::{EMPTY, SLOTS, SlotCodes},
    statement::{CellMeaning, Clause, Grouping, Literal, Measure, Measures, Statement, Wiring},
};
use countersign_prover::aggregate::AggregateWitness;
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

/// One person's levels, `None` being missing.
pub type Person = Vec<Option<u32>>;

/// A dictionary from attributes as the TOML file has them.
pub fn dictionary(attributes: Vec<Value>) -> Dictionary {
    let json = json!({ "format": "countersign-dictionary/1", "id": "attacks", "version": 1, "title": "Attacks", "attribute": attributes });
    Dictionary::from_canonical(&canonical_json(&json).unwrap()).unwrap()
}

/// Two to five attributes of any kind.
pub fn random_dictionary(rng: &mut StdRng) -> Dictionary {
    let attributes = (0..rng.gen_range(2..=5))
        .map(|i| {
            let name = format!("a{i}");
            match rng.gen_range(0..4) {
                0 => {
                    let levels: Vec<String> = (0..rng.gen_range(2..=5)).map(|l| format!("l{l}")).collect();
                    json!({"name": name, "category": "x", "kind": "category", "levels": levels})
                }
                1 => json!({"name": name, "category": "x", "kind": "flag"}),
                kind => {
                    // one block or two, with or without band edges
                    let top = *[9u32, 12, 40, 255, 256, 700].choose(rng).unwrap();
                    let mut edges: Vec<u32> = (0..rng.gen_range(0..4)).map(|_| rng.gen_range(1..=top)).collect();
                    edges.sort_unstable();
                    edges.dedup();
                    let edges: Vec<String> = edges.iter().map(u32::to_string).collect();
                    let kind = if kind == 2 { "number" } else { "count" };
                    json!({"name": name, "category": "x", "kind": kind, "range": ["0", top.to_string()], "cuts": edges})
                }
            }
        })
        .collect();
    dictionary(attributes)
}

/// A bin set a statement may name: bands, sometimes with "missing".
fn random_bins(dictionary: &Dictionary, attribute: u16, rng: &mut StdRng) -> Vec<u16> {
    let bands = dictionary.attributes()[usize::from(attribute)].bands();
    let mut bins: Vec<u16> = bands.iter().filter(|_| rng.gen_bool(0.6)).flat_map(|b| b.bins.clone()).collect();
    if rng.gen_bool(0.2) {
        bins.push(0);
    }
    bins.sort_unstable();
    bins
}

/// A statement that is often in canonical form and within the rules.
pub fn random_statement(dictionary: &Dictionary, rng: &mut StdRng) -> Statement {
    let n = dictionary.attributes().len() as u16;
    let mut filter: Vec<Clause> = (0..rng.gen_range(0..3))
        .map(|_| {
            let attributes: Vec<u16> = (0..n).filter(|_| rng.gen_bool(0.4)).collect();
            let literal = |attribute: u16| Literal { attribute, bins: random_bins(dictionary, attribute, rng) };
            Clause { any_of: attributes.into_iter().map(literal).collect() }
        })
        .collect();
    let known = |a: u16| (1..dictionary.attributes()[usize::from(a)].first_block().bins() as u16).collect::<Vec<_>>();
    let mut attributes: Vec<u16> = (0..n).collect();
    attributes.shuffle(rng);
    let groups = attributes[..rng.gen_range(0..=2)]
        .iter()
        .map(|a| {
            let bands = dictionary.attributes()[usize::from(*a)].bands().iter().map(|b| b.bins.clone());
            let bands = bands.chain(rng.gen_bool(0.3).then(|| vec![0])).filter(|_| rng.gen_bool(0.8)).collect();
            Grouping { attribute: *a, bands }
        })
        .collect();
    let is_value = |a: u16| matches!(dictionary.attributes()[usize::from(a)].kind(), AttributeKind::Number | AttributeKind::Count);
    let values: Vec<u16> = (0..n).filter(|a| is_value(*a)).take(2).collect();
    let measures = if values.len() == 2 && rng.gen_bool(0.2) {
        filter.extend(values.iter().map(|a| Clause { any_of: vec![Literal { attribute: *a, bins: known(*a) }] }));
        Measures::Model { values }
    } else {
        attributes.shuffle(rng);
        let measure = |a: &u16, rng: &mut StdRng| match rng.gen_range(0..3) {
            0 => Measure::Known { attribute: *a },
            1 if is_value(*a) => Measure::Moments { attribute: *a },
            _ => {
                let parts = dictionary.attributes()[usize::from(*a)].bands().iter().map(|b| b.bins.clone()).collect();
                Measure::Parts { attribute: *a, parts }
            }
        };
        let count = rng.gen_range(0..=2);
        Measures::Descriptive { count_rows: rng.gen_bool(0.6), of: attributes[..count].iter().map(|a| measure(a, rng)).collect() }
    };
    filter.sort();
    Statement { filter, groups, measures }
}

/// Bin of the first block.
fn bin(dictionary: &Dictionary, attribute: u16, person: &Person) -> u16 {
    let attribute = (usize::from(attribute), dictionary.attribute(attribute).unwrap());
    attribute.1.bins(person[attribute.0]).unwrap().first
}

/// The group a person is in, if the filter and the groups have them at all.
pub fn group_of(dictionary: &Dictionary, statement: &Statement, person: &Person) -> Option<usize> {
    let holds = |l: &Literal| l.bins.contains(&bin(dictionary, l.attribute, person));
    if !statement.filter.iter().all(|clause| clause.any_of.iter().any(holds)) {
        return None;
    }
    let (mut group, mut stride) = (0, 1);
    for grouping in &statement.groups {
        let bin = bin(dictionary, grouping.attribute, person);
        group += stride * grouping.bands.iter().position(|band| band.contains(&bin))?;
        stride *= grouping.bands.len();
    }
    Some(group)
}

/// What one person of the group adds to a cell.
pub fn contribution(dictionary: &Dictionary, statement: &Statement, person: &Person, meaning: CellMeaning) -> u64 {
    let level = |a: u16| person[usize::from(a)];
    let value = |a: u16| u64::from(level(a).unwrap_or(0));
    match meaning {
        CellMeaning::Rows => 1,
        CellMeaning::Missing(a) => u64::from(level(a).is_none()),
        CellMeaning::Known(a) => u64::from(level(a).is_some()),
        CellMeaning::Sum(a) => value(a),
        CellMeaning::SumOfSquares(a) => value(a) * value(a),
        CellMeaning::Product(a, b) => value(a) * value(b),
        CellMeaning::Part(a, part) => {
            let Measures::Descriptive { of, .. } = &statement.measures else { unreachable!() };
            let parts = of.iter().find_map(|m| match m {
                Measure::Parts { attribute, parts } if *attribute == a => Some(parts),
                _ => None,
            });
            u64::from(parts.unwrap()[usize::from(part)].contains(&bin(dictionary, a, person)))
        }
        CellMeaning::Hidden => 0,
    }
}

/// The cells of a wiring over people; hidden cells are left zero.
pub fn cells<'p>(
    dictionary: &Dictionary,
    statement: &Statement,
    wiring: &Wiring,
    people: impl IntoIterator<Item = (&'p Person, u64)>,
) -> Vec<u64> {
    let mut cells = vec![0; wiring.cells().len()];
    for (person, times) in people {
        let Some(group) = group_of(dictionary, statement, person) else { continue };
        for (cell, to) in wiring.cells().iter().zip(&mut cells).filter(|(c, _)| c.group == group) {
            *to += times * contribution(dictionary, statement, person, cell.meaning);
        }
    }
    cells
}

/// The release rule in words (S2.7, D1, D3, D6): what leaves of a table, by meaning alone.
pub fn released(statement: &Statement, wiring: &Wiring, k_min: u64, cells: &[u64]) -> Vec<u64> {
    let find = |group: usize, meaning: CellMeaning| wiring.cells().iter().position(|c| c.group == group && c.meaning == meaning);
    let mut out = vec![0; cells.len()];
    for group in 0..wiring.group_count() {
        let mut release = |gates: &[(CellMeaning, bool)], shown: &[CellMeaning]| {
            let passes = |(meaning, zero): &(CellMeaning, bool)| {
                let count = cells[find(group, *meaning).unwrap()];
                count >= k_min || (*zero && count == 0)
            };
            if gates.iter().all(passes) {
                for at in shown.iter().filter_map(|m| find(group, *m)) {
                    out[at] = cells[at];
                }
            }
        };
        match &statement.measures {
            Measures::Model { .. } => {
                let shown: Vec<_> = wiring.cells().iter().map(|c| c.meaning).filter(|m| *m != CellMeaning::Hidden).collect();
                release(&[(CellMeaning::Rows, false)], &shown);
            }
            Measures::Descriptive { count_rows, of } => {
                if *count_rows {
                    release(&[(CellMeaning::Rows, false)], &[CellMeaning::Rows]);
                }
                for measure in of {
                    let a = measure.attribute();
                    // "missing" is a gate wherever the wiring computes it
                    let mut gates: Vec<_> =
                        find(group, CellMeaning::Missing(a)).map(|_| (CellMeaning::Missing(a), true)).into_iter().collect();
                    assert!(!count_rows || gates.len() == 1, "a released number of rows brings the missing as a gate");
                    let shown = match measure {
                        Measure::Known { .. } => vec![CellMeaning::Known(a)],
                        Measure::Moments { .. } => vec![CellMeaning::Known(a), CellMeaning::Sum(a), CellMeaning::SumOfSquares(a)],
                        Measure::Parts { parts, .. } => (0..parts.len() as u16).map(|p| CellMeaning::Part(a, p)).collect(),
                    };
                    if let Measure::Parts { parts, .. } = measure {
                        let empty = |part: &[u16]| empty_by_construction(statement, group, a, part);
                        gates.extend(shown.iter().zip(parts).map(|(m, part)| (*m, empty(part))));
                    } else {
                        gates.push((CellMeaning::Known(a), false));
                    }
                    release(&gates, &shown);
                }
            }
        }
    }
    out
}

/// Does a condition on the attribute alone, or the group's band, exclude every bin of a part?
fn empty_by_construction(statement: &Statement, mut group: usize, attribute: u16, part: &[u16]) -> bool {
    let excluded = |allowed: &[u16]| !part.iter().any(|b| allowed.contains(b));
    let by_filter =
        statement.filter.iter().any(|c| c.any_of.len() == 1 && c.any_of[0].attribute == attribute && excluded(&c.any_of[0].bins));
    let mut by_band = false;
    for grouping in &statement.groups {
        let band = &grouping.bands[group % grouping.bands.len()];
        group /= grouping.bands.len();
        by_band |= grouping.attribute == attribute && excluded(band);
    }
    by_filter || by_band
}

/// A table that is not anchored: people in slots, consents, active bits.
pub struct Table {
    /// What the columns mean.
    pub dictionary: Dictionary,
    /// Scopes.
    pub registry: ScopeRegistry,
    /// Layouts of data and consent.
    pub layouts: [SegmentLayout; 2],
    /// Bins of data and consent.
    pub codes: [SlotCodes; 2],
    /// Active bits.
    pub active: Vec<bool>,
    /// Who is in which slot.
    pub people: Vec<Option<Person>>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Table")
    }
}

impl Table {
    /// About half of one segment, levels skewed to the low end, consents and withdrawals of every kind.
    pub fn random(dictionary: Dictionary, rng: &mut StdRng) -> Self {
        let registry = ScopeRegistry { scopes: vec!["p".into(), "c".into(), "d".into()], grid: vec![Day(100), Day(200), Day(300)] };
        let mut people: Vec<Option<Person>> = Vec::new();
        let mut consent = SlotCodes { blocks: vec![Vec::new(); 3] };
        for _ in 0..SLOTS {
            let level = |levels: u32, rng: &mut StdRng| rng.gen_range(0..levels).min(rng.gen_range(0..levels));
            let person = |rng: &mut StdRng| {
                dictionary.attributes().iter().map(|a| rng.gen_bool(0.93).then(|| level(a.level_count(), rng))).collect::<Person>()
            };
            people.push(rng.gen_bool(0.5).then(|| person(rng)));
            let on_record = rng.gen_bool(0.95);
            for block in &mut consent.blocks {
                block.push(if !on_record {
                    EMPTY
                } else if rng.gen_bool(0.8) {
                    3
                } else {
                    rng.gen_range(0..3)
                });
            }
        }
        let active = (0..SLOTS).map(|_| rng.gen_bool(0.97)).collect();
        let codes = [encode(&dictionary, &people), consent];
        Self { layouts: [dictionary.layout(), registry.layout()], dictionary, registry, codes, active, people }
    }

    /// The prover's side, without blinders.
    pub fn witness(&self) -> AggregateWitness<'_> {
        AggregateWitness {
            data_layout: &self.layouts[0],
            data: &self.codes[0],
            data_blinders: &[],
            consent_layout: &self.layouts[1],
            consent: &self.codes[1],
            consent_blinders: &[],
            active: &self.active,
        }
    }

    /// Everybody who counts on a day: in a slot, not withdrawn, consented to every scope until that day or later.
    pub fn eligible(&self, eligibility: &Eligibility) -> Vec<(&Person, u64)> {
        let consents = |slot: usize| {
            eligibility.scopes.iter().all(|s| match self.codes[1].blocks[usize::from(*s)][slot] {
                EMPTY | 0 => false,
                t => self.registry.grid[usize::from(t) - 1] >= eligibility.day,
            })
        };
        (0..self.people.len()).filter(|i| self.active[*i] && consents(*i)).filter_map(|i| Some((self.people[i].as_ref()?, 1))).collect()
    }
}
