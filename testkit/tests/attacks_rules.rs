//! Statements that would isolate people, and the release rule against a plain reading of it (protocol, section 9: 4, 6, 23, 26, 29).

use countersign_circuits::{
    aggregate::{AggregateSize, Withheld, release},
    consent::{Day, Eligibility, ScopeError},
    field::Fr,
    statement::{CellMeaning, Clause, Grouping, Literal, Measure, Measures, Statement, StatementError, Wiring},
};
use countersign_prover::aggregate::moment_table;
use countersign_testkit::{
    plain::{self, Person, Table, random_dictionary, random_statement},
    world::World,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;

fn literal(attribute: u16, bins: impl IntoIterator<Item = u16>) -> Literal {
    Literal { attribute, bins: bins.into_iter().collect() }
}

fn only(attribute: u16, bins: impl IntoIterator<Item = u16>) -> Clause {
    Clause { any_of: vec![literal(attribute, bins)] }
}

fn count(filter: Vec<Clause>) -> Statement {
    Statement { filter, groups: vec![], measures: Measures::Descriptive { count_rows: true, of: vec![] } }
}

#[test]
fn a04_zero_scopes() {
    let world = World::new(10, 1);
    let statement = count(vec![]);
    assert!(world.wiring(&statement, 1).is_ok(), "one scope is enough");
    assert_eq!(world.wiring(&statement, 0), Err(StatementError::Scope(ScopeError::Count(0))));
    for (scopes, error) in [
        (vec![0, 0], ScopeError::Count(2)),
        (vec![2, 1], ScopeError::Count(2)),
        (vec![0, 64], ScopeError::Unknown("#64".into())),
        ((0..9).collect(), ScopeError::Count(9)),
    ] {
        let eligibility = Eligibility { scopes, day: Day(50) };
        assert_eq!(Wiring::new(&world.dictionary, &statement, &world.registry, &eligibility), Err(StatementError::Scope(error)));
    }
    let ended = Eligibility { scopes: vec![0], day: Day(301) };
    assert_eq!(Wiring::new(&world.dictionary, &statement, &world.registry, &ended), Err(StatementError::Scope(ScopeError::GridEnded)));
}

#[test]
fn a06_empty_clause_empty_set_all_bins_and_foreign_bins_are_refused() {
    let world = World::new(10, 1);
    let honest = count(vec![only(2, [2])]);
    assert!(world.wiring(&honest, 1).is_ok());
    let bins = |reason: &'static str| move |e: &StatementError| matches!(e, StatementError::Bins { reason: r, .. } if r.contains(reason));
    let refused = |filter: Vec<Clause>, check: &dyn Fn(&StatementError) -> bool| {
        let error = world.wiring(&count(filter), 1).unwrap_err();
        assert!(check(&error), "{error}");
    };
    refused(vec![Clause { any_of: vec![] }], &|e| matches!(e, StatementError::Canonical(_)));
    refused(vec![only(2, [])], &bins("empty set"));
    refused(vec![only(2, [0, 1, 2])], &bins("all bins"));
    refused(vec![only(2, [2, 1])], &bins("not ascending"));
    refused(vec![only(2, [1, 1])], &bins("not ascending"));
    refused(vec![only(2, [3])], &bins("out of range"));
    refused(vec![only(0, [1])], &bins("whole bands"));
    refused(vec![only(9, [1])], &|e| *e == StatementError::Attribute(9));
    refused(vec![only(2, [2]), only(2, [2])], &|e| matches!(e, StatementError::Canonical(_)));
    refused(vec![Clause { any_of: vec![literal(2, [1]), literal(2, [2])] }], &|e| matches!(e, StatementError::Canonical(_)));
    // the same through groups and parts
    let grouped = |bands: Vec<Vec<u16>>| Statement { groups: vec![Grouping { attribute: 2, bands }], ..count(vec![]) };
    assert!(world.wiring(&grouped(vec![vec![1], vec![2]]), 1).is_ok());
    for bands in [vec![], vec![vec![]], vec![vec![0, 1, 2]], vec![vec![1], vec![1, 2]]] {
        assert!(matches!(world.wiring(&grouped(bands), 1), Err(StatementError::Bins { .. })));
    }
    let parts = |parts: Vec<Vec<u16>>| Statement {
        measures: Measures::Descriptive { count_rows: true, of: vec![Measure::Parts { attribute: 1, parts }] },
        ..count(vec![])
    };
    assert!(world.wiring(&parts(vec![vec![1], vec![2, 3]]), 1).is_ok());
    // `is(x, set)` alone, parts that leave a level out, parts that take "missing" in
    for bad in [vec![vec![1, 2, 3]], vec![vec![1], vec![2]], vec![vec![0, 1], vec![2, 3]], vec![vec![1], vec![1, 2, 3]]] {
        assert!(world.wiring(&parts(bad), 1).is_err());
    }
}

/// A complement holds for rows only: empty slots have no bin at all, and neither has the clause every statement without a filter gets.
#[test]
fn a06_complements_and_no_filter_never_count_empty_slots() {
    let world = World::new(300, 6);
    let people = |keep: &dyn Fn(&Person) -> bool| {
        let wiring = world.wiring(&count(vec![]), 2).unwrap();
        let scopes = wiring.scopes().len();
        let consents = |slot: usize| (0..scopes).all(|s| !matches!(world.consent.blocks[s][slot], 0 | u16::MAX));
        (0..world.levels.len()).filter(|i| consents(*i) && world.levels[*i].as_ref().is_some_and(keep)).count() as u64
    };
    let orphans = (0..world.levels.len()).filter(|i| world.levels[*i].is_none() && world.consent.blocks[0][*i] != u16::MAX).count();
    assert!(orphans > 10, "consents without rows are there to be miscounted");
    let table = |filter: Vec<Clause>| moment_table(&world.wiring(&count(filter), 2).unwrap(), &world.witness());
    assert_eq!(table(vec![]), [people(&|_| true)]);
    // NOT diabetes = yes, missing included: the complement of one bin
    assert_eq!(table(vec![only(2, [0, 1])]), [people(&|p| p[2] != Some(1))]);
    let either = Clause { any_of: vec![literal(1, [0, 1]), literal(2, [0, 1])] };
    assert_eq!(table(vec![either]), [people(&|p| matches!(p[1], None | Some(0)) || p[2] != Some(1))]);
}

/// Every random statement: the prover's table is the plain loop's, and what leaves is what the rule in words lets go.
#[test]
fn a26_random_statements_against_a_plain_loop() {
    let mut rng = StdRng::seed_from_u64(26);
    let (mut accepted, mut released_cells, mut held_back) = (0, 0, 0);
    for _ in 0..40 {
        let table = Table::random(random_dictionary(&mut rng), &mut rng);
        for _ in 0..40 {
            let statement = random_statement(&table.dictionary, &mut rng);
            let scopes = if rng.gen_bool(0.5) { vec![0, 2] } else { vec![1] };
            let eligibility = Eligibility { scopes, day: Day(rng.gen_range(0..=300)) };
            let Ok(wiring) = Wiring::new(&table.dictionary, &statement, &table.registry, &eligibility) else { continue };
            accepted += 1;
            let cells = moment_table(&wiring, &table.witness());
            let expected = plain::cells(&table.dictionary, &statement, &wiring, table.eligible(&eligibility));
            let shown = |i: usize| wiring.cells()[i].meaning != CellMeaning::Hidden;
            for i in (0..cells.len()).filter(|i| shown(*i)) {
                assert_eq!(cells[i], expected[i], "cell {i} ({:?}) of {statement:?}", wiring.cells()[i]);
            }
            let k_min = wiring.gate_minimum(rng.gen_range(1..=20));
            let kinds: Vec<_> = wiring.cells().iter().map(|c| c.kind).collect();
            let padded: Vec<Fr> = cells.iter().map(|c| Fr::from(*c)).collect();
            let outcome = release(k_min, &kinds, &padded, &vec![Withheld::No; cells.len()]).unwrap();
            let by_words = plain::released(&statement, &wiring, u64::from(k_min), &expected);
            let by_words: Vec<Fr> = by_words.into_iter().map(Fr::from).collect();
            assert_eq!(outcome.released, by_words, "{statement:?}");
            released_cells += outcome.counts.released;
            held_back += outcome.counts.small;
        }
    }
    println!("{accepted} statements, {released_cells} blocks released, {held_back} small");
    assert!(accepted > 300 && released_cells > 300 && held_back > 300, "both outcomes are exercised");
}

/// Few of them proved, with the plain loop's table.
#[test]
fn a26_random_statements_prove_what_the_plain_loop_says() {
    let world = World::new(2500, 26);
    let mut rng = StdRng::seed_from_u64(2626);
    let mut proved = 0;
    while proved < 4 {
        let statement = random_statement(&world.dictionary, &mut rng);
        let Ok(wiring) = world.wiring(&statement, 2) else { continue };
        if AggregateSize::for_cells(wiring.cells().len()) != Some(AggregateSize::Cells128) || wiring.cells().len() < 4 {
            continue;
        }
        let consents = |slot: usize| (0..2).all(|s| !matches!(world.consent.blocks[s][slot], 0 | u16::MAX));
        let people = (0..world.levels.len()).filter(|i| consents(*i)).filter_map(|i| Some((world.levels[i].as_ref()?, 1)));
        let cells = plain::cells(&world.dictionary, &statement, &wiring, people);
        let k_min = u64::from(wiring.gate_minimum(world.context.k_min));
        let answer = world.answer(&wiring, &[], proved).unwrap();
        let verified = world.verify(&wiring, &answer.proof.encode()).unwrap();
        answer.opening.check(verified.size, wiring.cells().len(), &answer.proof.cells_digest).unwrap();
        assert_eq!(answer.opening.values, plain::released(&statement, &wiring, k_min, &cells));
        proved += 1;
    }
}

/// An integer combination of released cells of one group that counts people of some profiles, found where fewer than `k_min` of them
/// exist and every gate passes. None means none with small coefficients over up to three cells.
fn structural_leak(
    dictionary: &countersign_circuits::dictionary::Dictionary,
    statement: &Statement,
    wiring: &Wiring,
    k_min: u32,
) -> Option<String> {
    let used: Vec<bool> = (0..dictionary.attributes().len() as u16)
        .map(|a| {
            let measured = match &statement.measures {
                Measures::Descriptive { of, .. } => of.iter().any(|m| m.attribute() == a),
                Measures::Model { values } => values.contains(&a),
            };
            measured
                || statement.groups.iter().any(|g| g.attribute == a)
                || statement.filter.iter().flat_map(|c| &c.any_of).any(|l| l.attribute == a)
        })
        .collect();
    let mut profiles: Vec<Person> = vec![vec![]];
    for (a, attribute) in dictionary.attributes().iter().enumerate() {
        let levels = if used[a] { attribute.level_count() } else { 0 };
        let options: Vec<Option<u32>> = std::iter::once(None).chain((0..levels).map(Some)).collect();
        profiles = profiles.iter().flat_map(|p| options.iter().map(move |o| [p.clone(), vec![*o]].concat())).collect();
    }
    for group in 0..wiring.group_count() {
        let inside: Vec<&Person> = profiles.iter().filter(|p| plain::group_of(dictionary, statement, p) == Some(group)).collect();
        let shown: Vec<usize> =
            (0..wiring.cells().len()).filter(|i| wiring.cells()[*i].group == group && wiring.cells()[*i].kind.show).collect();
        let column =
            |i: &usize| inside.iter().map(|p| plain::contribution(dictionary, statement, p, wiring.cells()[*i].meaning) as i64).collect();
        let columns: Vec<Vec<i64>> = shown.iter().map(column).collect();
        if let Some(found) = search(&columns, |weights, target| {
            // one person counted, fifty of every profile that is not
            let value = |p: usize| weights.iter().map(|(c, w)| w * columns[*c][p]).sum::<i64>();
            let crowd = (0..inside.len()).filter(|p| value(*p) == 0).map(|p| (inside[p], 50)).chain([(inside[target], 1)]);
            let cells: Vec<Fr> = plain::cells(dictionary, statement, wiring, crowd).into_iter().map(Fr::from).collect();
            let kinds: Vec<_> = wiring.cells().iter().map(|c| c.kind).collect();
            let outcome = release(k_min, &kinds, &cells, &vec![Withheld::No; cells.len()]).unwrap();
            // every cell of the combination left
            weights.iter().all(|(c, _)| outcome.released[shown[*c]] == cells[shown[*c]])
        }) {
            let names: Vec<String> = found.iter().map(|(c, w)| format!("{w} {:?}", wiring.cells()[shown[*c]].meaning)).collect();
            return Some(format!("group {group}: {} counts single people; {statement:?}", names.join(" + ")));
        }
    }
    None
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Combinations of one to three columns, coefficients up to eight, whose values are 0 and one other number.
fn search(columns: &[Vec<i64>], mut leaks: impl FnMut(&[(usize, i64)], usize) -> bool) -> Option<Vec<(usize, i64)>> {
    let n = columns.len();
    let mut choices: Vec<Vec<usize>> = (0..n).map(|a| vec![a]).collect();
    choices.extend((0..n).flat_map(|a| (a + 1..n).map(move |b| vec![a, b])));
    choices.extend((0..n).flat_map(|a| (a + 1..n).flat_map(move |b| (b + 1..n).map(move |c| vec![a, b, c]))));
    let max = 8i64;
    for choice in choices {
        let total = 17usize.pow(choice.len() as u32);
        for code in 0..total {
            let weights: Vec<(usize, i64)> =
                choice.iter().enumerate().map(|(i, c)| (*c, (code / 17usize.pow(i as u32) % 17) as i64 - max)).collect();
            let common = weights.iter().fold(0, |d, (_, w)| gcd(d, w.abs()));
            if common != 1 || weights.iter().any(|(_, w)| *w == 0) || weights[0].1 < 0 {
                continue;
            }
            let (mut other, mut target, mut zeros) = (0, 0, 0);
            let indicator = (0..columns[0].len()).all(|p| {
                let value: i64 = weights.iter().map(|(c, w)| w * columns[*c][p]).sum();
                if value == 0 {
                    zeros += 1;
                } else if other == 0 {
                    (other, target) = (value, p);
                }
                value == 0 || value == other
            });
            if indicator && other != 0 && zeros > 0 && leaks(&weights, target) {
                return Some(weights);
            }
        }
    }
    None
}

/// Small scales, so that every profile of people can be listed.
fn small_dictionary() -> countersign_circuits::dictionary::Dictionary {
    plain::dictionary(vec![
        json!({"name": "visits", "category": "x", "kind": "count", "range": ["0", "11"], "cuts": ["1", "2", "5"]}),
        json!({"name": "flag", "category": "x", "kind": "flag"}),
        json!({"name": "sex", "category": "x", "kind": "category", "levels": ["f", "m", "o"]}),
        json!({"name": "score", "category": "x", "kind": "number", "range": ["0", "10"], "cuts": ["3"]}),
    ])
}

fn wiring_of(dictionary: &countersign_circuits::dictionary::Dictionary, statement: &Statement) -> Result<Wiring, StatementError> {
    let registry = countersign_testkit::world::registry();
    Wiring::new(dictionary, statement, &registry, &Eligibility { scopes: vec![0], day: Day(1) })
}

#[test]
fn a29_the_search_finds_what_the_rule_prevents() {
    // the rule's own examples, with the gates taken away: rows 100, known 80 shows 20 missing; a cell without a gate
    let dictionary = small_dictionary();
    let statement = Statement {
        filter: vec![],
        groups: vec![],
        measures: Measures::Descriptive { count_rows: true, of: vec![Measure::Known { attribute: 3 }] },
    };
    let wiring = wiring_of(&dictionary, &statement).unwrap();
    assert_eq!(structural_leak(&dictionary, &statement, &wiring, 10), None, "with its gates the statement is safe");
    assert!(structural_leak(&dictionary, &statement, &wiring, 1).is_some(), "the search sees n - known where k_min is 1");
}

#[test]
fn a29_no_combination_of_released_cells_counts_a_few_people() {
    let dictionary = small_dictionary();
    let mut rng = StdRng::seed_from_u64(29);
    let (mut searched, mut leaks) = (0, Vec::new());
    while searched < 300 {
        let statement = random_statement(&dictionary, &mut rng);
        let Ok(wiring) = wiring_of(&dictionary, &statement) else { continue };
        if wiring.group_count() > 12 {
            continue;
        }
        searched += 1;
        leaks.extend(structural_leak(&dictionary, &statement, &wiring, wiring.gate_minimum(10)));
    }
    leaks.truncate(5);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// Finding 1: a value that the filter or the group leaves fewer than four levels is a small count in disguise (D3, D5).
/// n, sum and sum of squares of {0, 1} or {2, 3, 4} give every level's count exactly, gates or not.
#[test]
fn a29_a_value_over_few_levels_is_refused() {
    let dictionary = small_dictionary();
    let moments = |filter, groups| Statement {
        filter,
        groups,
        measures: Measures::Descriptive { count_rows: true, of: vec![Measure::Moments { attribute: 0 }] },
    };
    let band = |bins: std::ops::Range<u16>| vec![Grouping { attribute: 0, bands: vec![bins.collect()] }];
    let model = |bins: std::ops::Range<u16>| Statement {
        filter: vec![only(0, bins), only(3, 1..12)],
        groups: vec![],
        measures: Measures::Model { values: vec![0, 3] },
    };
    let statements = [
        ("levels 0 and 1 by filter", moments(vec![only(0, 1..3)], vec![])),
        ("levels 2, 3, 4 by group", moments(vec![], band(3..6))),
        ("levels 0 and 1 by group", moments(vec![], band(1..3))),
        ("a model over levels 0 and 1", model(1..3)),
    ];
    let mut leaks = Vec::new();
    for (name, statement) in &statements {
        if let Ok(wiring) = wiring_of(&dictionary, statement) {
            leaks.extend(structural_leak(&dictionary, statement, &wiring, wiring.gate_minimum(10)).map(|l| format!("{name}: {l}")));
        }
    }
    // and by two conditions that only together leave two levels: (x in S or y) and (x in S or not y)
    let evasion =
        vec![Clause { any_of: vec![literal(0, 1..3), literal(1, [0, 1])] }, Clause { any_of: vec![literal(0, 1..3), literal(1, [2])] }];
    let statement = moments(evasion, vec![]);
    if let Ok(wiring) = wiring_of(&dictionary, &statement) {
        leaks.extend(structural_leak(&dictionary, &statement, &wiring, 10).map(|l| format!("two alternatives: {l}")));
    }
    assert!(wiring_of(&dictionary, &moments(vec![], vec![])).is_ok(), "the whole scale is a value");
    assert!(wiring_of(&dictionary, &model(1..13)).is_ok(), "the whole scale in a model");
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// Finding 2: where one measured attribute is known for everybody by filter or group, its count is the number of rows, and the other's
/// known count shows how many are missing, which no gate guards unless `COUNT(*)` was asked for too.
#[test]
fn a29_a_measure_known_by_construction_does_not_show_the_missing_of_another() {
    let dictionary = small_dictionary();
    let known = |a: u16| Measure::Known { attribute: a };
    let descriptive = |filter, groups, of| Statement { filter, groups, measures: Measures::Descriptive { count_rows: false, of } };
    let parts = Measure::Parts { attribute: 1, parts: vec![vec![1], vec![2]] };
    let statements = [
        ("known by filter", descriptive(vec![only(2, 1..4)], vec![], vec![known(2), known(3)])),
        ("known by group", descriptive(vec![], vec![Grouping { attribute: 2, bands: vec![vec![1], vec![2]] }], vec![known(2), known(3)])),
        ("parts add up to known", descriptive(vec![only(1, [1, 2])], vec![], vec![parts, Measure::Moments { attribute: 3 }])),
    ];
    let mut leaks = Vec::new();
    for (name, statement) in &statements {
        if let Ok(wiring) = wiring_of(&dictionary, statement) {
            leaks.extend(structural_leak(&dictionary, statement, &wiring, 10).map(|l| format!("{name}: {l}")));
        }
    }
    let single = descriptive(vec![only(2, 1..4)], vec![], vec![known(3)]);
    assert!(wiring_of(&dictionary, &single).is_ok(), "one measure alone has nothing to be subtracted from");
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// Finding 3: alternatives over two measured attributes leave a corner of their table empty, so the counts of both and of the rows give
/// the number of people who are in both (inclusion and exclusion), which no gate guards.
#[test]
fn a29_alternatives_over_two_measured_attributes_do_not_show_who_is_in_both() {
    let dictionary = small_dictionary();
    let parts = |attribute: u16, parts: &[&[u16]]| Measure::Parts { attribute, parts: parts.iter().map(|p| p.to_vec()).collect() };
    let shares = |filter: Vec<Clause>| Statement {
        filter,
        groups: vec![],
        measures: Measures::Descriptive { count_rows: true, of: vec![parts(1, &[&[1], &[2]]), parts(2, &[&[1], &[2, 3]])] },
    };
    let either = |literals: Vec<Literal>| Clause { any_of: literals };
    let statements = [
        ("flag or sex", shares(vec![only(1, [1, 2]), only(2, [1, 2, 3]), either(vec![literal(1, [2]), literal(2, [1])])])),
        // the same by resolution over an attribute that is not measured
        (
            "flag or visits, sex or not visits",
            shares(vec![
                only(1, [1, 2]),
                either(vec![literal(0, 0..2), literal(1, [2])]),
                either(vec![literal(0, 2..13), literal(2, [1])]),
                only(2, [1, 2, 3]),
            ]),
        ),
    ];
    let mut leaks = Vec::new();
    for (name, statement) in statements {
        let mut statement = statement;
        statement.filter.sort();
        if let Ok(wiring) = wiring_of(&dictionary, &statement) {
            leaks.extend(structural_leak(&dictionary, &statement, &wiring, 10).map(|l| format!("{name}: {l}")));
        }
    }
    let apart = shares(vec![either(vec![literal(0, 1..3), literal(1, [2])])]);
    assert!(wiring_of(&dictionary, &apart).is_ok(), "alternatives over one measured attribute are harmless");
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
