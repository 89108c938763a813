//! Each bullet of the rules D7 and D9 with the attack it stops.

use super::*;
use crate::slots::RowId;
use countersign_circuits::hash::Digest32;

fn people(ids: impl IntoIterator<Item = u32>) -> RowSet {
    ids.into_iter().map(RowId).collect()
}

fn value(levels: &[u32], top: u32, zero: Option<u32>) -> Amounts<'_> {
    Amounts { levels, top, zero, squares: true }
}

#[test]
fn fewer_than_k_apart_exposes_and_equal_sets_do_not() {
    for (distance, exposed) in [(0, false), (1, true), (9, true), (10, false)] {
        assert_eq!(exposes(distance, None, false, 10), exposed, "{distance}");
        assert!(!exposes(distance, None, true, 10), "equal base sets that measure nothing in common differ by public missingness alone");
    }
    assert!(!exposes(1, None, false, 1), "k_min 1 withholds nothing");
}

#[test]
fn a_changed_value_counts_as_a_person_and_nobody_counts_twice() {
    // the same people, one of whom has another value now: the difference of the means is hers
    assert!(exposes(0, Some(1..=1), true, 10) && !exposes(0, Some(0..=0), true, 10) && !exposes(0, Some(10..=10), true, 10));
    // five left and five changed are ten people
    assert!(!exposes(5, Some(5..=5), true, 10) && exposes(5, Some(4..=4), true, 10));
    // an opening is gone: nobody or anybody may have changed
    assert!(exposes(0, Some(0..=200), true, 10) && exposes(3, Some(0..=200), false, 10) && !exposes(10, Some(0..=200), false, 10));
}

#[test]
fn attributes_are_the_same_if_their_sources_meet() {
    let measure = |name: &str, sources: &[&str]| {
        let mut sources: Vec<Digest32> = sources.iter().map(|s| Digest32::of(s.as_bytes())).collect();
        sources.sort();
        MeasureRef { dictionary: Digest32::of(name.as_bytes()), attribute: 0, cut: Digest32::default(), sources }
    };
    let (a, b, c) = (measure("one", &["4548-4", "59261-8"]), measure("other", &["4548-4"]), measure("one", &["39156-5"]));
    assert!(a.same_source(&b) && b.same_source(&a) && !a.same_source(&c));
}

#[test]
fn counts_by_class_never_exceed_the_distance() {
    let sets = [people(0..500), people((0..500).filter(|i| i % 7 != 0)), people(300..900), people([]), people([64, 128, 192])];
    for a in &sets {
        for b in &sets {
            assert!(a.counts().distance_at_least(&b.counts()) <= a.distance(b));
        }
        assert_eq!(Counts::from_bytes(&a.counts().to_bytes()), Some(a.counts()));
        assert_eq!(RowSet::from_bytes(&a.to_bytes()).as_ref(), Some(a));
    }
    assert_eq!((RowSet::from_bytes(b"nonsense"), Counts::from_bytes(b"nonsense")), (None, None));
    assert_eq!(format!("{:?} {:?}", sets[0], sets[0].counts()), "RowSet(secret) Counts(secret)");
}

#[test]
fn few_contributors_from_any_end_are_withheld() {
    let mostly = |many: u32, few: &[u32], n: usize| -> Vec<u32> { few.iter().copied().chain(std::iter::repeat(many)).take(n).collect() };
    // three with level 1 among 97 zeros; SUM 6.2 of one person and 29 zeros in a range from below zero; nine at the top and one at 40
    assert!(value_dominates(value(&mostly(0, &[1, 1, 1], 100), 50, Some(0)), 10));
    assert!(value_dominates(value(&mostly(30, &[92], 30), 130, Some(30)), 10));
    assert!(value_dominates(value(&mostly(100, &[40], 20), 100, Some(0)), 10));
    // everybody alike: the standard deviation is 0.00, and everybody's value known
    assert!(value_dominates(value(&[10; 30], 110, Some(0)), 10));
    // ages of ten people are shown
    assert!(!value_dominates(value(&[31, 38, 44, 47, 52, 55, 58, 63, 66, 71], 110, Some(0)), 10));
    // 60 % at a detection limit: 25 rows withheld, 40 shown
    let limit = |n: usize| -> Vec<u32> { (0..n).map(|i| if i < n * 6 / 10 { 5 } else { 20 + i as u32 % 40 }).collect() };
    assert!(value_dominates(value(&limit(20), 200, Some(0)), 10) && !value_dominates(value(&limit(40), 200, Some(0)), 10));
}

#[test]
fn one_or_two_outside_two_neighbouring_levels_are_withheld() {
    // from n, S and Q: t is 1 if one row lies one level outside {a, a + 1}
    let rows = |outside: &[u32]| -> Vec<u32> { (0..40).map(|i| 50 + i % 2).chain(outside.iter().copied()).collect() };
    assert!(value_dominates(value(&rows(&[52]), 100, None), 10) && value_dominates(value(&rows(&[52, 52]), 100, None), 10));
    // only two levels, and few at the upper one
    let two = |upper: usize| -> Vec<u32> { (0..40).map(|i| if i < upper { 51 } else { 50 }).collect() };
    assert!(value_dominates(value(&two(9), 100, None), 10) && !value_dominates(value(&two(12), 100, None), 10));
}

#[test]
fn two_people_with_most_of_a_sum_are_withheld() {
    let amounts = |large: u32| -> Vec<u32> { [large, large].into_iter().chain((0..18).map(|i| 1 + i % 5)).collect() };
    assert!(value_dominates(value(&amounts(400), 1000, Some(0)), 10));
    // the sum is no secret, the sum of squares is theirs
    let long = amounts(60);
    assert!(value_dominates(value(&long, 1000, Some(0)), 10));
    assert!(!value_dominates(Amounts { squares: false, ..value(&long, 1000, Some(0)) }, 10));
    assert!(value_dominates(value(&[], 10, None), 10));
}

#[test]
fn a_product_of_one_person_is_withheld() {
    // x and y are each spread over 12 people, one person has both
    let x: Vec<u32> = (0..100).map(|i| if i < 12 { 7 + i } else { 0 }).collect();
    let y: Vec<u32> = (0..100).map(|i| if (11..23).contains(&i) { 3 + i } else { 0 }).collect();
    let product = |x, y| Product { x: value(x, 100, Some(0)), y: value(y, 100, Some(0)) };
    assert!(product_dominates(product(&x, &y), 10));
    let spread: Vec<u32> = (0..100).map(|i| (i * 37) % 90 + 5).collect();
    let other: Vec<u32> = (0..100).map(|i| (i * 53) % 80 + 7).collect();
    assert!(!product_dominates(product(&spread, &other), 10));
    // an indicator times a value is the value's sum among its rows, or, with the value's own sum, among the others
    let rare: Vec<u32> = (0..100).map(|i| u32::from(i < 1)).collect();
    let indicator = |levels| Amounts { levels, top: 1, zero: Some(0), squares: true };
    assert!(product_dominates(Product { x: indicator(&rare), y: value(&other, 100, None) }, 10));
    let half: Vec<u32> = (0..100).map(|i| u32::from(i % 2 == 0)).collect();
    assert!(!product_dominates(Product { x: indicator(&half), y: value(&other, 100, None) }, 10));
    assert!(
        product_dominates(Product { x: indicator(&half), y: value(&other[..99], 100, None) }, 10),
        "rows that do not match fail closed"
    );
}

fn rows(group: usize, own: RowSet) -> CellBlock<'static> {
    CellBlock {
        cell: group,
        group,
        starts_group: true,
        passes: own.len() >= 10,
        kind: CellBlockKind::Rows,
        numbers: vec![Number::new(own.clone(), own, Vec::new())],
        unknown: RowSet::default(),
        values: Vec::new(),
        products: Vec::new(),
        held_back: false,
    }
}

#[test]
fn a_margin_is_the_union_of_the_released_groups() {
    // two grouping attributes: 2 x 3 groups, one of them too small
    let sets = [0..50, 100..150, 200..206, 300..350, 400..450, 500..550];
    let table =
        Table { blocks: sets.into_iter().enumerate().map(|(g, set)| rows(g, people(set))).collect(), bands: vec![2, 3], unknown: vec![] };
    let withheld = table.by_block(10);
    let sizes: Vec<u64> = table.margins(&withheld).iter().map(|m| m.number.own().len()).collect();
    // over the first: {0,1}, {3}, {4,5}; over the second: {0,4}, {1,3,5}; over both: all five
    assert_eq!(sizes, [100, 100, 100, 150, 250]);
    assert!(table.margins(&withheld).iter().all(|m| m.number.own() == m.number.base()));
}

#[test]
fn people_without_a_public_group_are_in_the_base_of_its_margin() {
    let table = Table {
        blocks: vec![rows(0, people(0..50)), rows(1, people(50..100))],
        bands: vec![2],
        unknown: vec![Unknown { person: RowId(100), bands: vec![None] }],
    };
    let margins = table.margins(&table.by_block(10));
    assert_eq!(margins.len(), 1);
    assert_eq!((margins[0].number.own(), margins[0].number.base()), (&people(0..100), &people(0..101)));
}

#[test]
fn a_withheld_group_withholds_everything_in_it() {
    let mut blocks = vec![rows(0, people(0..50)), rows(1, people(50..100))];
    blocks[0].held_back = true;
    let known = CellBlock { cell: 2, starts_group: false, kind: CellBlockKind::Known(3), group: 0, ..rows(0, people(0..40)) };
    blocks.push(known);
    let table = Table { blocks, bands: vec![2], unknown: vec![] };
    assert_eq!(table.by_block(10), [Withhold::Local, Withhold::None, Withhold::Local]);
}
