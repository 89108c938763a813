//! Plans: weights of cells, agreement of the forms, every refusal, the degree budget.

use super::{wiring::Wiring as P, *};
use crate::{
    consent::{Day, Eligibility, ScopeError, ScopeRegistry},
    dictionary::{Dictionary, canonical_json},
    field::Fr,
};
use ark_ff::{Field, One, UniformRand, Zero};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use std::collections::HashMap;

const SEX: u16 = 0;
const REGION: u16 = 1;
const AGE: u16 = 2;
const DOSE: u16 = 3;
const WEIGHT: u16 = 4;
const SMALL: u16 = 5;

fn dictionary() -> Dictionary {
    let value = json!({"attribute": [
        {"category": "a", "kind": "flag", "name": "sex"},
        {"category": "a", "kind": "category", "levels": ["n", "e", "s", "w"], "name": "region"},
        {"category": "a", "cuts": ["40", "60"], "kind": "number", "name": "age", "range": ["0", "110"]},
        {"category": "b", "kind": "count", "name": "dose", "range": ["0", "20"]},
        {"category": "b", "cuts": ["60", "80"], "kind": "number", "name": "weight", "range": ["0", "200"], "step": "0.1"},
        {"category": "b", "kind": "count", "name": "small", "range": ["0", "8"]},
    ], "format": "countersign-dictionary/1", "id": "d", "version": 1});
    Dictionary::from_canonical(&canonical_json(&value).unwrap()).unwrap()
}

fn wiring_for(scopes: u16, statement: &Statement) -> Result<P, StatementError> {
    let registry = ScopeRegistry { scopes: (0..8).map(|i| format!("s{i}")).collect(), grid: vec![Day(1), Day(2)] };
    P::new(&dictionary(), statement, &registry, &Eligibility { scopes: (0..scopes).collect(), day: Day(2) })
}

fn wiring(statement: &Statement) -> Result<P, StatementError> {
    wiring_for(2, statement)
}

fn one(attribute: u16, bins: &[u16]) -> Clause {
    Clause { any_of: vec![Literal { attribute, bins: bins.to_vec() }] }
}

fn count(filter: Vec<Clause>, groups: Vec<Grouping>) -> Statement {
    Statement { filter, groups, measures: Measures::Descriptive { count_rows: true, of: vec![] } }
}

fn moments(attributes: &[u16]) -> Measures {
    Measures::Descriptive { count_rows: true, of: attributes.iter().map(|a| Measure::Moments { attribute: *a }).collect() }
}

fn by_region() -> Grouping {
    Grouping { attribute: REGION, bands: vec![vec![1], vec![2, 3], vec![4]] }
}

fn by_sex() -> Grouping {
    Grouping { attribute: SEX, bands: vec![vec![1], vec![2]] }
}

fn samples() -> Vec<Statement> {
    let ages: Vec<u16> = (1..=40).collect();
    let both = Clause { any_of: vec![Literal { attribute: SEX, bins: vec![2] }, Literal { attribute: REGION, bins: vec![1, 3] }] };
    let known = vec![one(AGE, &(1..=111).collect::<Vec<_>>()), one(DOSE, &(1..=21).collect::<Vec<_>>())];
    vec![
        count(vec![], vec![]),
        count(vec![both.clone(), one(AGE, &ages)], vec![by_region(), by_sex()]),
        Statement { filter: vec![both], groups: vec![by_sex(), by_region()], measures: moments(&[AGE, WEIGHT]) },
        Statement {
            filter: vec![],
            groups: vec![by_region()],
            measures: Measures::Descriptive {
                count_rows: false,
                of: vec![Measure::Known { attribute: AGE }, Measure::Parts { attribute: SEX, parts: vec![vec![1], vec![2]] }],
            },
        },
        Statement { filter: known, groups: vec![by_sex()], measures: Measures::Model { values: vec![AGE, DOSE] } },
    ]
}

/// One person: levels, `None` where missing; the consent bin of each scope.
struct Row {
    levels: Vec<Option<u32>>,
    consent: Vec<u16>,
    active: bool,
}

impl Row {
    fn random(rng: &mut StdRng) -> Self {
        let levels = dictionary().attributes().iter().map(|a| rng.gen_bool(0.85).then(|| rng.gen_range(0..a.level_count()))).collect();
        Self {
            levels,
            consent: (0..8).map(|_| if rng.gen_bool(0.9) { 2 } else { rng.gen_range(0..3) }).collect(),
            active: rng.gen_bool(0.9),
        }
    }

    fn first(&self, attribute: u16) -> u16 {
        dictionary().attribute(attribute).unwrap().bins(self.levels[usize::from(attribute)]).unwrap().first
    }

    fn set_rows(&self) -> Vec<usize> {
        let dictionary = dictionary();
        let of = |(a, level): (&crate::dictionary::Attribute, &Option<u32>)| {
            let bins = a.bins(*level).unwrap();
            let fine = bins.fine.map(|f| a.blocks()[1].first_row() + usize::from(f));
            [Some(a.first_block().first_row() + usize::from(bins.first)), fine]
        };
        let mut rows: Vec<usize> = dictionary.attributes().iter().zip(&self.levels).flat_map(of).flatten().collect();
        rows.push(dictionary.layout().bin_rows());
        rows
    }

    fn column(&self, form: &ColumnForm) -> Fr {
        let set = self.set_rows();
        let consent: Vec<usize> = self.consent.iter().enumerate().map(|(s, bin)| 3 * s + usize::from(*bin)).collect();
        let pick = |list: &[(usize, Fr)], set: &[usize]| list.iter().filter(|(r, _)| set.contains(r)).map(|(_, w)| *w).sum::<Fr>();
        form.one + Fr::from(form.active && self.active) + pick(&form.data, &set) + pick(&form.consent, &consent)
    }

    /// What the row adds to a cell, by the words of the statement.
    fn cell(&self, statement: &Statement, cell: &Cell) -> Option<Fr> {
        let inside = |l: &Literal| l.bins.contains(&self.first(l.attribute));
        let eligible =
            self.active && self.consent[..2].iter().all(|b| *b == 2) && statement.filter.iter().all(|c| c.any_of.iter().any(inside));
        let mut group = cell.group;
        let in_group = statement.groups.iter().all(|g| {
            let band = &g.bands[group % g.bands.len()];
            group /= g.bands.len();
            band.contains(&self.first(g.attribute))
        });
        let level = |a: u16| self.levels[usize::from(a)].map_or(Fr::zero(), Fr::from);
        let known = |a: u16| self.levels[usize::from(a)].is_some();
        let value = match cell.meaning {
            CellMeaning::Rows => Fr::one(),
            CellMeaning::Missing(a) => Fr::from(!known(a)),
            CellMeaning::Known(a) => Fr::from(known(a)),
            CellMeaning::Sum(a) => level(a),
            CellMeaning::SumOfSquares(a) => level(a).square(),
            CellMeaning::Product(a, b) => level(a) * level(b),
            CellMeaning::Part(a, i) => {
                let Measures::Descriptive { of, .. } = &statement.measures else { return None };
                let part = of.iter().find_map(|m| {
                    if let Measure::Parts { attribute, parts } = m { (*attribute == a).then(|| &parts[usize::from(i)]) } else { None }
                });
                Fr::from(part.unwrap().contains(&self.first(a)))
            }
            CellMeaning::Hidden => return None,
        };
        Some(if eligible && in_group { value } else { Fr::zero() })
    }
}

/// At a random gamma the row polynomial of one row is sum gamma^i cell_i: interpolated from as many gammas as there are cells it gives each cell alone.
#[test]
fn each_cell_has_its_own_power_of_gamma() {
    let mut rng = StdRng::seed_from_u64(1);
    for statement in samples() {
        let wiring = wiring(&statement).unwrap();
        for _ in 0..12 {
            let row = Row::random(&mut rng);
            let n = wiring.cells().len();
            // sum over visible cells, and hidden ones found by solving: Newton interpolation at n points
            let points: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            let mut newton: Vec<Fr> = points
                .iter()
                .map(|gamma| crate::aggregate::row_polynomial(&wiring.columns(*gamma).iter().map(|c| row.column(c)).collect::<Vec<_>>()))
                .collect();
            for k in 1..n {
                for i in (k..n).rev() {
                    newton[i] = (newton[i] - newton[i - 1]) * (points[i] - points[i - k]).inverse().unwrap();
                }
            }
            let mut coefficients = vec![Fr::zero(); n];
            for i in (0..n).rev() {
                for k in (0..n).rev() {
                    let lower = if k == 0 { newton[i] } else { coefficients[k - 1] };
                    coefficients[k] = lower - points[i] * coefficients[k];
                }
            }
            for (i, cell) in wiring.cells().iter().enumerate() {
                if let Some(expected) = row.cell(&statement, cell) {
                    assert_eq!(coefficients[i], expected, "cell {i} {cell:?} of {statement:?}");
                }
            }
        }
    }
}

#[test]
fn integer_forms_and_folded_form_agree() {
    let mut rng = StdRng::seed_from_u64(2);
    for statement in samples() {
        let wiring = wiring(&statement).unwrap();
        let (gamma, chi) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
        let folded = FoldedForm::new(&wiring.columns(gamma), chi);
        let mut sums = [HashMap::<usize, Fr>::new(), HashMap::new()];
        for (form, weight) in wiring.integer_forms(gamma, chi) {
            let side = &mut sums[usize::from(form.side == Side::Consent)];
            for (row, w) in form.rows {
                *side.entry(row).or_insert_with(Fr::zero) += weight * Fr::from(w);
            }
        }
        for (sums, list) in sums.into_iter().zip([&folded.data, &folded.consent]) {
            let nonzero: HashMap<usize, Fr> = list.iter().copied().filter(|(_, w)| !w.is_zero()).collect();
            assert_eq!(sums.into_iter().filter(|(_, w)| !w.is_zero()).collect::<HashMap<_, _>>(), nonzero);
            assert!(list.windows(2).all(|w| w[0].0 < w[1].0));
        }
        assert_eq!(folded.active, chi);
    }
}

fn degree_of(measures: Measures) -> Result<usize, StatementError> {
    let filter = vec![
        one(SEX, &[1]),
        one(REGION, &[1, 2]),
        one(AGE, &(1..=40).collect::<Vec<_>>()),
        one(DOSE, &(1..=21).collect::<Vec<_>>()),
        one(SMALL, &(1..=9).collect::<Vec<_>>()),
    ];
    let groups = vec![Grouping { attribute: REGION, bands: vec![vec![1], vec![2]] }, Grouping { attribute: SEX, bands: vec![vec![1]] }];
    // a purpose and six categories
    wiring_for(7, &Statement { filter, groups, measures }).map(|p| p.degree())
}

#[test]
fn seven_scopes_five_filters_two_groups_carry_counts_and_one_block_means_but_no_two_block_means() {
    assert_eq!(degree_of(Measures::Descriptive { count_rows: true, of: vec![] }), Ok(15));
    assert_eq!(degree_of(moments(&[AGE])), Ok(16));
    assert_eq!(degree_of(moments(&[AGE, DOSE])), Ok(16));
    assert_eq!(degree_of(moments(&[WEIGHT])), Err(StatementError::Degree { degree: 17, scopes: 7, filter: 5, groups: 2, terms: 2 }));
}

#[test]
fn every_refusal_is_reached() {
    let refused = |statement: Statement| wiring(&statement).expect_err("refused");
    let bins = |e: StatementError, part: &str| assert!(matches!(&e, StatementError::Bins { reason, .. } if reason.contains(part)), "{e}");
    let canonical = |e: StatementError, part: &str| assert!(matches!(&e, StatementError::Canonical(r) if r.contains(part)), "{e}");
    let measure =
        |e: StatementError, part: &str| assert!(matches!(&e, StatementError::Measure { reason, .. } if reason.contains(part)), "{e}");
    let limit = |e: StatementError, part: &str| assert!(matches!(&e, StatementError::Limit { what, .. } if *what == part), "{e}");
    let filter = |list: Vec<Clause>| refused(count(list, vec![]));
    assert_eq!(filter(vec![one(6, &[1])]), StatementError::Attribute(6));
    assert_eq!(filter(vec![one(u16::MAX, &[1])]), StatementError::Attribute(u16::MAX));
    bins(filter(vec![one(SEX, &[])]), "nobody");
    bins(filter(vec![one(SEX, &[2, 1])]), "ascending");
    bins(filter(vec![one(SEX, &[3])]), "out of range");
    bins(filter(vec![one(SEX, &[0, 1, 2])]), "everybody");
    bins(filter(vec![one(AGE, &(1..=39).collect::<Vec<_>>())]), "D4");
    bins(filter(vec![one(WEIGHT, &[1, 2])]), "D4");
    canonical(filter(vec![one(SEX, &[2]), one(SEX, &[1])]), "clauses ascend");
    canonical(filter(vec![one(SEX, &[1]), one(SEX, &[1])]), "clauses ascend");
    canonical(filter(vec![Clause { any_of: vec![] }]), "a clause");
    let twice = Clause { any_of: vec![one(SEX, &[1]).any_of[0].clone(), one(SEX, &[2]).any_of[0].clone()] };
    canonical(filter(vec![twice]), "a clause");
    limit(filter(vec![one(SEX, &[1]); 9]), "clauses");
    limit(filter(vec![Clause { any_of: vec![one(SEX, &[1]).any_of[0].clone(); 5] }]), "alternatives in one condition");
    let groups = |list: Vec<Grouping>| refused(count(vec![one(SEX, &[1])], list));
    limit(groups(vec![by_region(); 4]), "grouping attributes");
    canonical(groups(vec![by_region(), by_region()]), "groups once");
    bins(groups(vec![by_sex()]), "leaves a requested group empty");
    bins(groups(vec![Grouping { attribute: REGION, bands: vec![] }]), "no set");
    bins(groups(vec![Grouping { attribute: REGION, bands: vec![vec![1], vec![1, 2]] }]), "overlap");
    let ask = |measures: Measures| refused(Statement { filter: vec![], groups: vec![], measures });
    let of = |of: Vec<Measure>| Measures::Descriptive { count_rows: false, of };
    canonical(ask(of(vec![])), "nothing");
    canonical(ask(of(vec![Measure::Known { attribute: AGE }, Measure::Moments { attribute: AGE }])), "measured once");
    measure(ask(of(vec![Measure::Moments { attribute: REGION }])), "D3");
    measure(ask(of(vec![Measure::Moments { attribute: SMALL }])), "D5");
    for parts in [vec![vec![1, 2]], vec![vec![0], vec![1, 2]], vec![vec![1], vec![2]]] {
        let attribute = if parts.len() == 2 && parts[0] == [1] { REGION } else { SEX };
        measure(ask(of(vec![Measure::Parts { attribute, parts }])), "parts");
    }
    canonical(ask(Measures::Model { values: vec![AGE] }), "two or more");
    canonical(ask(Measures::Model { values: vec![DOSE, AGE] }), "two or more");
    limit(ask(Measures::Model { values: (0..16).collect() }), "values of a model");
    measure(ask(Measures::Model { values: vec![AGE, DOSE] }), "complete-case");
    let many = Statement {
        filter: vec![],
        groups: vec![by_region(), by_sex(), Grouping { attribute: SMALL, bands: (1..=9).map(|b| vec![b]).collect() }],
        measures: moments(&[AGE]),
    };
    let e = wiring(&many).expect_err("54 groups of 5 cells");
    assert!(matches!(e, StatementError::Limit { .. } | StatementError::Bins { .. }), "{e}");
    assert_eq!(wiring_for(0, &count(vec![], vec![])), Err(StatementError::Scope(ScopeError::Count(0))));
}

#[test]
fn a_model_needs_three_people_for_each_number() {
    let model = wiring(&samples()[4]).unwrap();
    assert_eq!([1, 10, 15, 16].map(|k| model.gate_minimum(k)), [15, 15, 15, 16]);
    assert_eq!(wiring(&samples()[0]).unwrap().gate_minimum(10), 10);
}
