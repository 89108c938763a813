//! Rule D7 by what rows hold: the same people on two cuts, in two dictionaries, with openings that are gone; the levels come from the hospital's
//! own openings. And random pairs of numbers against a plain oracle.

use crate::common;

use crate::common::{content, folder, query_id, rng};
use countersign_circuits::{
    consent::Day,
    dictionary::{Dictionary, canonical_json},
    field::Fr,
    hash::Digest32,
    segment::SegmentId,
};
use countersign_hospital::{
    HospitalStore,
    disclosure::{CellBlock, CellBlockKind, MeasureRef, Number, RowSet, Table, Withhold},
    journal::{AnchorContent, AnchorId, AnchorTransaction, Begun, Committed, Heard, Import, ImportedPerson, Replaceable},
    opening::{OpeningKey, TableKind, TableName},
    released::Dictionaries,
    research_cut::{Renewal, Version},
    slots::SlotIndex,
};
use countersign_messages::Height;
use countersign_prover::commitment::Blinders;
use rand::{Rng, seq::SliceRandom};
use serde_json::json;
use std::{collections::BTreeSet, path::Path};

const PEOPLE: u32 = 60;
const K: u32 = 10;

/// One number, with a range and a unit of its own: the source code is always the same.
fn dictionary(version: u32, hi: &str, unit: &str) -> Dictionary {
    let codes = json!([{"system": "http://loinc.org", "in": ["29463-7"]}]);
    let value = json!({
        "format": "countersign-dictionary/1", "id": "weights", "version": version, "title": "Weights", "grain": "patient",
        "attribute": [{"name": "weight", "category": "vitals", "kind": "number", "unit": unit, "range": ["0", hi], "beyond": "clip",
            "any_of": [{"use": "observation", "codes": codes}]}],
    });
    Dictionary::from_canonical(&canonical_json(&value).unwrap()).unwrap()
}

struct Published(Vec<Dictionary>);

impl Dictionaries for Published {
    fn dictionary(&self, digest: &Digest32) -> Option<Dictionary> {
        self.0.iter().find(|d| d.digest() == *digest).cloned()
    }
}

/// Anchors weights, and notes the versions of the table.
async fn cut(store: &HospitalStore, dictionary: &Dictionary, weights: &[u32], seed: u64) -> Digest32 {
    let registry = common::registry();
    let person = |(i, weight): (usize, &u32)| ImportedPerson {
        patient: common::patient(i as u32),
        levels: Some(vec![Some(*weight)]),
        grants: vec![Some(Day(30_000)); 2],
    };
    let people = weights.iter().enumerate().map(person).collect();
    let content = AnchorContent { data_table: dictionary.digest(), ..content() };
    let ledger = common::Echo::with(store, dictionary.digest()).await;
    let import = Import { content, people, dictionary, registry: &registry, ledger: &ledger };
    let Begun::New { anchor, .. } = store.import(import, &mut rng(seed)).await.unwrap() else { panic!() };
    anchor_planned(store, anchor).await;
    let table = TableName { kind: TableKind::Data, digest: dictionary.digest() };
    let versions: Vec<_> = store.anchored(table).await.unwrap().iter().map(|key| key.segment).collect();
    store.pin(dictionary.digest(), &versions).await.unwrap()
}

async fn anchor_planned(store: &HospitalStore, anchor: AnchorId) {
    let planned = store.anchor_openings(anchor).await.unwrap();
    for key in &planned {
        let blinders = Blinders(vec![Fr::from(1u64); 3]);
        store.store_commitments(anchor, &[Committed { key: *key, blinders: &blinders, points: &[7; 96], source: None }]).await.unwrap();
    }
    if !planned.is_empty() {
        store.store_transactions(anchor, &[AnchorTransaction { bytes: vec![1], openings: planned }]).await.unwrap();
        store.anchor_submitted(anchor, 0).await.unwrap();
        store.anchor_confirmed(anchor, 0, Height(1)).await.unwrap();
    }
}

async fn people(store: &HospitalStore, which: impl IntoIterator<Item = u32>) -> RowSet {
    let register = store.register().await.unwrap();
    which.into_iter().map(|i| register.find(&common::patient(i)).unwrap().row_id).collect()
}

fn block(own: RowSet, base: RowSet, measures: Vec<MeasureRef>) -> Table<'static> {
    let block = CellBlock {
        cell: 0,
        group: 0,
        starts_group: false,
        passes: own.len() >= u64::from(K),
        kind: CellBlockKind::Known(0),
        numbers: vec![Number::new(own, base, measures)],
        unknown: RowSet::default(),
        values: Vec::new(),
        products: Vec::new(),
        held_back: false,
    };
    Table { blocks: vec![block], bands: Vec::new(), unknown: Vec::new() }
}

fn weight(dictionary: &Dictionary, cut: Digest32) -> MeasureRef {
    let sources = dictionary.attribute(0).unwrap().sources().to_vec();
    MeasureRef { dictionary: dictionary.digest(), attribute: 0, cut, sources }
}

async fn verdict(store: &HospitalStore, table: &Table<'_>, published: &Published) -> Withhold {
    store.judge(table, K, published).await.unwrap().withheld[0]
}

/// Judges and, if it may leave, remembers.
async fn answer(store: &HospitalStore, table: &Table<'_>, published: &Published, tag: u64) -> Withhold {
    let judged = store.judge(table, K, published).await.unwrap();
    let query = query_id(&tag.to_le_bytes());
    store.query_seen(query, Height(1)).await.unwrap();
    let attempt = store.start_attempt(query, &mut rng(tag)).await.unwrap();
    let verdict = judged.withheld[0];
    store.store_answer(&attempt, b"answer", b"sealed", &judged).await.unwrap();
    verdict
}

async fn open(folder: &Path) -> HospitalStore {
    HospitalStore::open(&folder.join("hospital.sqlite")).await.unwrap()
}

#[tokio::test]
async fn a_value_changed_between_two_cuts_is_not_read_off() {
    let folder = folder();
    let store = open(folder.path()).await;
    let kilos = dictionary(1, "200", "kg");
    let published = Published(vec![kilos.clone()]);
    let weights: Vec<u32> = (0..PEOPLE).map(|i| 50 + i).collect();
    let first = cut(&store, &kilos, &weights, 1).await;
    let everybody = people(&store, 0..PEOPLE).await;
    let of = |cut| block(everybody.clone(), everybody.clone(), vec![weight(&kilos, cut)]);
    assert_eq!(answer(&store, &of(first), &published, 1).await, Withhold::None);
    assert_eq!(verdict(&store, &of(first), &published).await, Withhold::None, "the same again says nothing new");
    for (changed, expected) in [(0, Withhold::None), (1, Withhold::Overlap), (9, Withhold::Overlap), (10, Withhold::None)] {
        let moved: Vec<u32> = weights.iter().enumerate().map(|(i, w)| if i < changed { w + 1 } else { *w }).collect();
        let later = cut(&store, &kilos, &moved, 2 + changed as u64).await;
        assert_eq!(verdict(&store, &of(later), &published).await, expected, "{changed} changed");
        // counts of the same rows measure nothing, and do not change with a value
        let rows = block(everybody.clone(), everybody.clone(), Vec::new());
        assert_eq!(verdict(&store, &rows, &published).await, Withhold::None);
    }
}

#[tokio::test]
async fn who_left_and_who_changed_count_together_and_nobody_twice() {
    let folder = folder();
    let store = open(folder.path()).await;
    let kilos = dictionary(1, "200", "kg");
    let published = Published(vec![kilos.clone()]);
    let weights: Vec<u32> = (0..PEOPLE).map(|i| 50 + i).collect();
    let first = cut(&store, &kilos, &weights, 1).await;
    let everybody = people(&store, 0..PEOPLE).await;
    answer(&store, &block(everybody.clone(), everybody, vec![weight(&kilos, first)]), &published, 1).await;
    // five of the others changed: with five fewer that is ten people, and the first five, changed or not, are gone
    let moved: Vec<u32> = weights.iter().enumerate().map(|(i, w)| if i < 10 { w + 1 } else { *w }).collect();
    let later = cut(&store, &kilos, &moved, 2).await;
    for (left, expected) in [(5, Withhold::None), (0, Withhold::None), (10, Withhold::None)] {
        let own = people(&store, left..PEOPLE).await;
        assert_eq!(verdict(&store, &block(own.clone(), own, vec![weight(&kilos, later)]), &published).await, expected, "{left} left");
    }
    let four: Vec<u32> = weights.iter().enumerate().map(|(i, w)| if i < 9 { w + 1 } else { *w }).collect();
    let later = cut(&store, &kilos, &four, 3).await;
    let own = people(&store, 5..PEOPLE).await;
    assert_eq!(verdict(&store, &block(own.clone(), own, vec![weight(&kilos, later)]), &published).await, Withhold::Overlap);
}

#[tokio::test]
async fn two_ranges_one_person_apart_are_no_free_filter() {
    let folder = folder();
    let store = open(folder.path()).await;
    let (wide, narrow, other_unit) = (dictionary(1, "200", "kg"), dictionary(2, "150", "kg"), dictionary(3, "200", "[lb_av]"));
    let published = Published(vec![wide.clone(), narrow.clone(), other_unit.clone()]);
    // one person weighs 180, and is clipped to 150 in the narrow range
    let weights: Vec<u32> = (0..PEOPLE).map(|i| if i == 0 { 180 } else { 50 + i }).collect();
    let clipped: Vec<u32> = weights.iter().map(|w| *w.min(&150)).collect();
    let [a, b, c] =
        [cut(&store, &wide, &weights, 1).await, cut(&store, &narrow, &clipped, 2).await, cut(&store, &other_unit, &weights, 3).await];
    let everybody = people(&store, 0..PEOPLE).await;
    let of = |measure| block(everybody.clone(), everybody.clone(), vec![measure]);
    assert_eq!(answer(&store, &of(weight(&wide, a)), &published, 1).await, Withhold::None);
    assert_eq!(
        verdict(&store, &of(weight(&narrow, b)), &published).await,
        Withhold::Overlap,
        "the mean of the two ranges differs by one person"
    );
    assert_eq!(verdict(&store, &of(weight(&other_unit, c)), &published).await, Withhold::Overlap, "levels of two units cannot be compared");
    // an attribute of other codes is another
    let other = MeasureRef { sources: vec![Digest32::of(b"another code")], ..weight(&narrow, b) };
    assert_eq!(verdict(&store, &of(other), &published).await, Withhold::None);
}

#[tokio::test]
async fn an_opening_that_is_gone_may_hide_any_change() {
    let folder = folder();
    let store = open(folder.path()).await;
    let kilos = dictionary(1, "200", "kg");
    let published = Published(vec![kilos.clone()]);
    let weights: Vec<u32> = (0..PEOPLE).map(|i| 50 + i).collect();
    let first = cut(&store, &kilos, &weights, 1).await;
    let everybody = people(&store, 0..PEOPLE).await;
    let of = |cut| block(everybody.clone(), everybody.clone(), vec![weight(&kilos, cut)]);
    answer(&store, &of(first), &published, 1).await;
    let moved: Vec<u32> = weights.iter().map(|w| w + 1).collect();
    let later = cut(&store, &kilos, &moved, 2).await;
    assert_eq!(verdict(&store, &of(later), &published).await, Withhold::None, "everybody changed");
    for key in store.superseded().await.unwrap() {
        store.destroy(&key).await.unwrap();
    }
    assert_eq!(verdict(&store, &of(later), &published).await, Withhold::Overlap, "who changed is known no more");
}

#[tokio::test]
async fn a_mean_beside_a_count_is_shown_though_one_person_has_no_value() {
    // 2,002 of 2,003 people, in small: the known are one fewer, the base is the same, and the count measures nothing
    let folder = folder();
    let store = open(folder.path()).await;
    let kilos = dictionary(1, "200", "kg");
    let published = Published(vec![kilos.clone()]);
    let first = cut(&store, &kilos, &(0..PEOPLE).map(|i| 50 + i).collect::<Vec<_>>(), 1).await;
    let (all, known) = (people(&store, 0..PEOPLE).await, people(&store, 1..PEOPLE).await);
    assert_eq!(answer(&store, &block(all.clone(), all.clone(), Vec::new()), &published, 1).await, Withhold::None);
    let mean = |base: &RowSet| block(known.clone(), base.clone(), vec![weight(&kilos, first)]);
    assert_eq!(verdict(&store, &mean(&all), &published).await, Withhold::None, "public missingness");
    assert_eq!(verdict(&store, &mean(&known), &published).await, Withhold::Overlap, "protected missingness");
}

/// Random numbers about random people on random cuts: a verdict must be the oracle's, which compares people and values one by one.
#[tokio::test]
async fn random_pairs_of_numbers_against_a_plain_oracle() {
    for seed in 0..60 {
        let mut dice = rng(7_000 + seed);
        let folder = folder();
        let store = open(folder.path()).await;
        let kilos = dictionary(1, "200", "kg");
        let published = Published(vec![kilos.clone()]);
        let mut values: Vec<Vec<u32>> = vec![(0..PEOPLE).map(|_| dice.gen_range(40..160)).collect()];
        for _ in 0..2 {
            let mut next = values.last().unwrap().clone();
            let who: Vec<usize> = (0..PEOPLE as usize).collect();
            let changed = dice.gen_range(0..16);
            who.choose_multiple(&mut dice, changed).for_each(|i| next[*i] += 1);
            values.push(next);
        }
        let mut cuts = Vec::new();
        for (i, weights) in values.iter().enumerate() {
            cuts.push(cut(&store, &kilos, weights, seed * 10 + i as u64).await);
        }
        let mut past: Vec<(BTreeSet<u32>, Option<usize>)> = Vec::new();
        for number in 0..12_u64 {
            let start: BTreeSet<u32> = match past.choose(&mut dice) {
                Some((set, _)) if dice.gen_ratio(3, 4) => set.clone(),
                _ => (0..PEOPLE).filter(|_| dice.gen_ratio(2, 3)).collect(),
            };
            let mut own = start;
            for _ in 0..dice.gen_range(0..13) {
                let who = dice.gen_range(0..PEOPLE);
                if !own.remove(&who) {
                    own.insert(who);
                }
            }
            if own.len() < K as usize {
                continue;
            }
            let measured = dice.gen_ratio(2, 3).then(|| dice.gen_range(0..3));
            let apart = |(other, measure): &(BTreeSet<u32>, Option<usize>)| {
                let differ = match (measured, measure) {
                    (Some(a), Some(b)) => own.intersection(other).filter(|i| values[a][**i as usize] != values[*b][**i as usize]).count(),
                    _ => 0,
                };
                own.symmetric_difference(other).count() + differ
            };
            let exposed = past.iter().any(|p| (1..K as usize).contains(&apart(p)));
            let set = people(&store, own.iter().copied()).await;
            let table = block(set.clone(), set, measured.map(|m: usize| weight(&kilos, cuts[m])).into_iter().collect());
            let found = answer(&store, &table, &published, seed * 100 + number).await;
            assert_eq!(found == Withhold::Overlap, exposed, "seed {seed}, number {number}");
            if !exposed {
                past.push((own, measured));
            }
        }
        store.close().await;
    }
}

/// Rule D12 rests on this count: of values changed, people who came and people who left, also where they only withdrew.
#[tokio::test]
async fn what_differs_between_two_cuts_is_counted() {
    let folder = folder();
    let store = HospitalStore::open(&folder.path().join("store.sqlite")).await.unwrap();
    let dictionary = dictionary(1, "200", "kg");
    let table = TableName { kind: TableKind::Data, digest: dictionary.digest() };
    let versions = async || store.anchored(table).await.unwrap().into_iter().map(|key| key.segment).collect::<Vec<_>>();
    let mut weights: Vec<u32> = (0..PEOPLE).map(|i| 50 + i % 40).collect();
    cut(&store, &dictionary, &weights, 1).await;
    let before = versions().await;
    let nobody = BTreeSet::new();
    let at = |segments: &[SegmentId], out: &BTreeSet<SlotIndex>| (segments.to_vec(), out.clone());
    let renewal = async |before: (Vec<SegmentId>, BTreeSet<SlotIndex>), after: (Vec<SegmentId>, BTreeSet<SlotIndex>), k_min: u32| {
        let (pinned, current) = (Version { segments: &before.0, out: &before.1 }, Version { segments: &after.0, out: &after.1 });
        store.renewal(table, Some(pinned), current, k_min).await
    };
    let not_yet = |changed, needed| Renewal::NotYet { changed, needed };
    assert_eq!(renewal(at(&before, &nobody), at(&before, &nobody), K).await.unwrap(), not_yet(0, 10));
    let current = Version { segments: &before, out: &nobody };
    assert_eq!(store.renewal(table, None, current, K).await.unwrap(), Renewal::First);
    // three values, five people more, two fewer
    for (i, weight) in weights.iter_mut().enumerate().take(3) {
        *weight = 150 + i as u32;
    }
    weights.extend([70; 5]);
    cut(&store, &dictionary, &weights, 2).await;
    let after = versions().await;
    assert_ne!(after, before);
    assert_eq!(renewal(at(&before, &nobody), at(&after, &nobody), K).await.unwrap(), not_yet(8, 10));
    assert_eq!(renewal(at(&before, &nobody), at(&after, &nobody), 8).await.unwrap(), Renewal::Due { changed: 8 });
    // who has withdrawn since is gone, whatever the segments still hold; who came at the same time counts with them
    let register = store.register().await.unwrap();
    let slots = |people: std::ops::Range<u32>| people.map(|i| register.find(&common::patient(i)).unwrap().slot).collect::<BTreeSet<_>>();
    assert_eq!(renewal(at(&before, &nobody), at(&after, &slots(10..12)), K).await.unwrap(), not_yet(8, 10));
    assert_eq!(renewal(at(&before, &nobody), at(&after, &slots(10..17)), K).await.unwrap(), Renewal::Due { changed: 10 });
    // who was out of force when the cut was made was never in it
    assert_eq!(renewal(at(&before, &slots(10..17)), at(&after, &slots(10..17)), K).await.unwrap(), not_yet(8, 10));
    // an opening that is not there is no reason to say that nothing changed
    let missing = [SegmentId { index: 0, version: 99 }];
    assert_eq!(renewal(at(&missing, &nobody), at(&after, &slots(10..12)), K).await.unwrap(), Renewal::Lost { rows: u64::from(PEOPLE) + 3 });
    assert!(renewal(at(&before, &nobody), at(&missing, &nobody), K).await.is_err());
    store.destroy(&OpeningKey { table, segment: before[0] }).await.unwrap();
    assert!(matches!(renewal(at(&before, &nobody), at(&after, &nobody), K).await.unwrap(), Renewal::Lost { .. }));
}

/// Nine people left and came back with other slots; an erasure empties their old ones. Whether their values changed in between is known no more, and they are nobody new.
#[tokio::test]
async fn people_whose_old_rows_an_erasure_emptied_may_have_changed_and_are_not_new() {
    let folder = folder();
    let store = open(folder.path()).await;
    let kilos = dictionary(1, "200", "kg");
    let (published, table) = (Published(vec![kilos.clone()]), TableName { kind: TableKind::Data, digest: kilos.digest() });
    let versions = async || store.anchored(table).await.unwrap().into_iter().map(|key| key.segment).collect::<Vec<_>>();
    let weights: Vec<u32> = (0..PEOPLE).map(|i| 50 + i).collect();
    let first = cut(&store, &kilos, &weights, 1).await;
    let before = versions().await;
    let everybody = people(&store, 0..PEOPLE).await;
    let of = |cut| block(everybody.clone(), everybody.clone(), vec![weight(&kilos, cut)]);
    answer(&store, &of(first), &published, 1).await;
    // one that has not been sent is made again when somebody leaves
    let query = query_id(&1_u64.to_le_bytes());
    store.answer_submitted(query).await.unwrap();
    store.answer_confirmed(query, Height(1)).await.unwrap();

    let nine: Vec<_> = (0..9).map(common::patient).collect();
    let register = store.register().await.unwrap();
    let out: BTreeSet<SlotIndex> = nine.iter().map(|patient| register.find(patient).unwrap().slot).collect();
    store.withdraw(&nine, Heard::WORD).await.unwrap();
    for patient in &nine {
        assert!(store.readmit(patient).await.unwrap());
    }
    let later = cut(&store, &kilos, &weights, 2).await;
    let after = versions().await;
    let register = store.register().await.unwrap();
    let now: BTreeSet<SlotIndex> = nine.iter().filter_map(|patient| register.find(patient)).map(|at| at.slot).collect();
    assert!(now.len() == 9 && now.is_disjoint(&out) && after != before, "{} {after:?} {before:?}", now.len());
    assert_eq!(verdict(&store, &of(later), &published).await, Withhold::None, "the same people, and no value changed");
    let nobody = BTreeSet::new();
    let renewal = async |pinned: &[SegmentId]| {
        let (pinned, current) = (Version { segments: pinned, out: &nobody }, Version { segments: &after, out: &out });
        store.renewal(table, Some(pinned), current, K).await.unwrap()
    };
    assert_eq!(renewal(&before).await, Renewal::NotYet { changed: 0, needed: 10 });

    let [only] = before[..] else { panic!("sixty people are in one segment") };
    let slots: Vec<u16> = out.iter().map(|slot| slot.offset() as u16).collect();
    let to = after[0].version + 1;
    let version = Replaceable { key: OpeningKey { table, segment: only }, points: &[7; 96], to };
    // one that is not as the ledger holds it, or whose number is taken: nothing is kept
    for bad in [Replaceable { points: &[8; 96], ..version }, Replaceable { to: to - 1, ..version }] {
        assert_eq!(store.plan_replacement((0, Height(1)), &slots, &[bad]).await.unwrap(), None);
    }
    assert_eq!(store.plan_replacement((0, Height(1)), &slots, &[version; 65]).await.unwrap(), None, "more than one transaction takes");
    let anchor = store.plan_replacement((0, Height(1)), &slots, &[version]).await.unwrap().unwrap();
    anchor_planned(&store, anchor).await;
    let gone = store.opening(&version.key).await.unwrap();
    assert!(gone.codes.is_none() && gone.blinders.is_none(), "what was replaced is destroyed with the same step");

    assert_eq!(verdict(&store, &of(first), &published).await, Withhold::None, "the same again says nothing new");
    assert_eq!(verdict(&store, &of(later), &published).await, Withhold::Overlap, "up to nine may have changed");
    let others = people(&store, 9..PEOPLE).await;
    let rest = block(others.clone(), others, vec![weight(&kilos, later)]);
    assert_eq!(verdict(&store, &rest, &published).await, Withhold::Overlap, "nine people fewer");
    assert_eq!(renewal(&[SegmentId { version: to, ..only }]).await, Renewal::NotYet { changed: 0, needed: 10 }, "nobody of them is new");
}
