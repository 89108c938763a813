//! A seeded table in bins, with consents, ready to commit and to ask.

use countersign_circuits::{
    commitment::Generators,
    consent::{Day, Eligibility, ScopeRegistry},
    context::{AggregateInstance, AnswerContext},
    dictionary::{Dictionary, SegmentLayout, canonical_json},
    field::G1Affine,
    hash::Digest32,
    segment::{EMPTY, SLOTS, Segment, SegmentId, SlotCodes, TableContext},
    statement::{Clause, Grouping, Literal, Measure, Measures, Statement, Wiring},
};
use countersign_prover::{
    aggregate::AggregateWitness,
    commitment::{Blinders, commit_segment},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

/// A dictionary of `numbers` numbers of 100 levels and `categories` categories of 10 levels.
pub fn dictionary(numbers: usize, categories: usize) -> Dictionary {
    let number = |i| serde_json::json!({"name": format!("n{i}"), "category": "labs", "kind": "number", "range": ["0", "99"], "step": "1", "cuts": ["10", "20", "40", "60", "80"]});
    let category = |i| serde_json::json!({"name": format!("c{i}"), "category": "conditions", "kind": "category", "levels": (0..9).map(|l| format!("l{l}")).collect::<Vec<_>>()});
    let attributes: Vec<_> = (0..numbers).map(number).chain((0..categories).map(category)).collect();
    let json = serde_json::json!({"format": "countersign-dictionary/1", "id": "bench", "version": 1, "title": "bench", "grain": "patient", "attribute": attributes});
    Dictionary::from_canonical(&canonical_json(&json).unwrap()).unwrap()
}

/// A hospital's table, committed.
#[derive(Debug)]
pub struct Table {
    /// The dictionary.
    pub dictionary: Dictionary,
    registry: ScopeRegistry,
    layouts: [SegmentLayout; 2],
    data: SlotCodes,
    consent: SlotCodes,
    active: Vec<bool>,
    blinders: [Vec<Blinders>; 2],
    segments: [Vec<Segment>; 2],
    active_points: Vec<G1Affine>,
    context: AnswerContext,
}

/// Random codes of a layout.
pub fn random_codes(layout: &SegmentLayout, rows: usize, seed: u64) -> SlotCodes {
    let slots = rows.div_ceil(SLOTS) * SLOTS;
    let block = |(b, bins): (usize, &usize)| {
        let mut rng = StdRng::seed_from_u64(seed ^ (b as u64) << 32);
        (0..slots).map(|slot| if slot < rows { rng.gen_range(0..*bins as u16) } else { EMPTY }).collect()
    };
    SlotCodes { blocks: layout.blocks.par_iter().enumerate().map(block).collect() }
}

/// Fresh blinders and commitments of every segment.
pub fn commit(context: &TableContext, layout: &SegmentLayout, codes: &SlotCodes, seed: u64) -> (Vec<Blinders>, Vec<Segment>) {
    (0..codes.segments())
        .into_par_iter()
        .map(|j| {
            let blinders = Blinders::draw(layout, &mut StdRng::seed_from_u64(seed ^ (j as u64) << 20));
            let segment = commit_segment(context, layout, SegmentId { index: j as u32, version: 0 }, codes, &blinders);
            (blinders, segment)
        })
        .unzip()
}

impl Table {
    /// `rows` rows of a dictionary.
    pub fn new(dictionary: Dictionary, rows: usize) -> Self {
        let registry = ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![Day(100), Day(200)] };
        let layouts = [dictionary.layout(), registry.layout()];
        let d = |x: &str| Digest32::of(x.as_bytes());
        let context = AnswerContext {
            network: d("network"),
            query: d("query"),
            query_bytes: d("bytes"),
            study: d("study"),
            study_version: 1,
            cut: d("cut"),
            hospital: d("hospital"),
            dictionary: dictionary.digest(),
            mapping: d("mapping"),
            registry: registry.digest(),
            query_height: 1,
            answer_height: 2,
            day: Day(50),
            k_min: 10,
        };
        let (data, consent) = (random_codes(&layouts[0], rows, 1), random_codes(&layouts[1], rows, 2));
        let (data_blinders, data_segments) = commit(&context.data_table(), &layouts[0], &data, 3);
        let (consent_blinders, consent_segments) = commit(&context.consent_table(), &layouts[1], &consent, 4);
        let active = vec![true; data.slots()];
        let active_points = active.chunks(SLOTS).map(|bits| Generators::get().commit_bits(bits)).collect();
        let (blinders, segments) = ([data_blinders, consent_blinders], [data_segments, consent_segments]);
        Self { dictionary, registry, layouts, data, consent, active, blinders, segments, active_points, context }
    }

    /// Four filters, two scopes, ten groups, one value: 30 to 40 cells.
    pub fn wiring(&self) -> Wiring {
        let numbers = self.dictionary.attributes().iter().filter(|a| a.scale().is_some()).count() as u16;
        let clause = |attribute, bins: Vec<u16>| Clause { any_of: vec![Literal { attribute, bins }] };
        let filter = vec![
            clause(0, (21..101).collect()),
            clause(1, (1..81).collect()),
            clause(2, (11..101).collect()),
            clause(numbers + 1, (1..9).collect()),
        ];
        let groups = vec![Grouping { attribute: numbers, bands: (0..10).map(|b| vec![b]).collect() }];
        let measures = Measures::Descriptive { count_rows: false, of: vec![Measure::Moments { attribute: 3 }] };
        let eligibility = Eligibility { scopes: vec![0, 1], day: self.context.day };
        Wiring::new(&self.dictionary, &Statement { filter, groups, measures }, &self.registry, &eligibility).unwrap()
    }

    /// The ledger's side.
    pub fn instance<'a>(&'a self, wiring: &'a Wiring) -> AggregateInstance<'a> {
        AggregateInstance {
            context: &self.context,
            wiring,
            data: &self.segments[0],
            consent: &self.segments[1],
            active: &self.active_points,
        }
    }

    /// The hospital's side.
    pub fn witness(&self) -> AggregateWitness<'_> {
        AggregateWitness {
            data_layout: &self.layouts[0],
            data: &self.data,
            data_blinders: &self.blinders[0],
            consent_layout: &self.layouts[1],
            consent: &self.consent,
            consent_blinders: &self.blinders[1],
            active: &self.active,
        }
    }
}
