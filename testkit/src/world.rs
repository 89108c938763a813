//! A hospital with rows, consents, anchored segments and the ledger's view of them.

use crate::kept;
use countersign_circuits::{
    aggregate::{AggregateSize, Withheld},
    commitment::Generators,
    consent::{Day, Eligibility, ScopeRegistry},
    context::{AggregateInstance, AnswerContext},
    dictionary::{Dictionary, SegmentLayout},
    field::G1Affine,
    hash::Digest32,
    keys::CircuitName,
    segment::{EMPTY, SLOTS, Segment, SegmentId, SlotCodes, TableContext},
    statement::{Statement, StatementError, Wiring},
    validity::SegmentsInstance,
};
use countersign_prover::{
    aggregate::{AggregateWitness, Answer, ProveError, moment_table, prove_aggregate},
    commitment::{Blinders, commit_segment},
    keys::CircuitKey,
    validity::{SparseRow, prove_validity, sparse_rows},
};
use countersign_verifier::{VerifiedAnswer, VerifyError, VerifyingKey, VerifyingKeys, verify_aggregate};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::sync::OnceLock;

/// The circuits' keys, both sides.
#[derive(Debug)]
pub struct Keys {
    /// S1.
    pub validity: CircuitKey,
    /// S2 with 128 cells.
    pub aggregate_128: CircuitKey,
    /// S2 with 256 cells.
    pub aggregate_256: OnceLock<CircuitKey>,
    /// For everybody.
    pub verifying: VerifyingKeys,
}

/// Development keys from a fixed seed, made once a process, or once for all of them.
pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let make = |name, seed| kept::key(name, || CircuitKey::generate_development(name, &mut StdRng::seed_from_u64(seed)).unwrap());
        let [a, b, c] = CircuitName::ALL;
        let (validity, aggregate_128, aggregate_256) = (make(a, 1), make(b, 2), make(c, 3));
        let read = |key: &CircuitKey| VerifyingKey::read(key.name(), &key.verifying_file()).unwrap();
        let verifying =
            VerifyingKeys { validity: read(&validity), aggregate_128: read(&aggregate_128), aggregate_256: read(&aggregate_256) };
        Keys { validity, aggregate_128, aggregate_256: OnceLock::from(aggregate_256), verifying }
    })
}

impl Keys {
    /// The proving key for a size.
    pub fn aggregate(&self, size: AggregateSize) -> &CircuitKey {
        match size {
            AggregateSize::Cells128 => &self.aggregate_128,
            AggregateSize::Cells256 => self.aggregate_256.get().unwrap(),
        }
    }
}

/// A dictionary with one attribute of every kind; `bmi` has two blocks.
pub fn dictionary() -> Dictionary {
    let json = serde_json::json!({
        "format": "countersign-dictionary/1", "id": "trial", "version": 1, "title": "Test table", "grain": "patient",
        "attribute": [
            {"name": "age", "category": "demographics", "kind": "number", "unit": "a", "range": ["0", "110"], "step": "1", "beyond": "clip", "cuts": ["18", "40", "60", "80"]},
            {"name": "sex", "category": "demographics", "kind": "category", "levels": ["female", "male", "other"]},
            {"name": "diabetes", "category": "conditions", "kind": "flag"},
            {"name": "hba1c", "category": "labs", "kind": "number", "unit": "%", "range": ["3", "20"], "step": "0.1", "cuts": ["5.7", "6.5", "8"]},
            {"name": "bmi", "category": "vitals", "kind": "number", "unit": "kg/m2", "range": ["10", "80"], "step": "0.1", "cuts": ["18.5", "25", "30", "35", "40"]},
            {"name": "visits", "category": "encounters", "kind": "count", "range": ["0", "50"], "cuts": ["1", "2", "5", "10"]},
        ]
    });
    Dictionary::from_canonical(&countersign_circuits::dictionary::canonical_json(&json).unwrap()).unwrap()
}

/// Scopes and expiry dates; day 0 is before all of them.
pub fn registry() -> ScopeRegistry {
    let scopes = ["p.health", "c.demographics", "c.conditions", "c.labs", "c.vitals", "c.encounters", "c.lifestyle", "c.outcomes"];
    ScopeRegistry { scopes: scopes.map(str::to_owned).to_vec(), grid: vec![Day(100), Day(200), Day(300)] }
}

/// One hospital.
#[derive(Clone)]
pub struct World {
    /// The table's dictionary.
    pub dictionary: Dictionary,
    /// The scopes.
    pub registry: ScopeRegistry,
    /// Layout of data segments.
    pub data_layout: SegmentLayout,
    /// Layout of consent segments.
    pub consent_layout: SegmentLayout,
    /// Rows.
    pub data: SlotCodes,
    /// Consents.
    pub consent: SlotCodes,
    /// Active bits.
    pub active: Vec<bool>,
    /// Data blinders.
    pub data_blinders: Vec<Blinders>,
    /// Consent blinders.
    pub consent_blinders: Vec<Blinders>,
    /// Anchored data.
    pub data_segments: Vec<Segment>,
    /// Anchored consents.
    pub consent_segments: Vec<Segment>,
    /// Active points.
    pub active_points: Vec<G1Affine>,
    /// What an answer is about.
    pub context: AnswerContext,
    /// Levels of every slot, for plain computations.
    pub levels: Vec<Option<Vec<Option<u32>>>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// A hospital with about `rows` rows in whole segments.
    pub fn new(rows: usize, seed: u64) -> Self {
        Self::with_rows(rows, seed, |_, _| {})
    }

    /// The same with the levels of every occupied slot changed by a function of (slot, levels).
    pub fn with_rows(rows: usize, seed: u64, change: impl Fn(usize, &mut Vec<Option<u32>>)) -> Self {
        let (dictionary, registry) = (dictionary(), registry());
        let mut rng = StdRng::seed_from_u64(seed);
        let slots = rows.div_ceil(SLOTS).max(1) * SLOTS;
        let mut levels: Vec<Option<Vec<Option<u32>>>> = (0..slots).map(|_| None).collect();
        for slot in rand::seq::index::sample(&mut rng, slots, rows) {
            let mut row: Vec<Option<u32>> =
                dictionary.attributes().iter().map(|a| rng.gen_bool(0.9).then(|| rng.gen_range(0..a.level_count()))).collect();
            change(slot, &mut row);
            levels[slot] = Some(row);
        }
        let data = encode(&dictionary, &levels);
        let (scopes, bins) = (registry.scopes.len(), registry.grid.len() + 1);
        let mut consent = SlotCodes { blocks: vec![vec![EMPTY; slots]; scopes] };
        for (slot, row) in levels.iter().enumerate() {
            // some have a row and no consent on record, some a consent and no row
            if (row.is_some() && rng.gen_bool(0.95)) || rng.gen_bool(0.02) {
                consent
                    .blocks
                    .iter_mut()
                    .for_each(|block| block[slot] = if rng.gen_bool(0.85) { bins as u16 - 1 } else { rng.gen_range(0..bins as u16) });
            }
        }
        let active = vec![true; slots];
        Self::anchored(dictionary, registry, data, consent, active, levels, seed)
    }

    /// Commits given tables.
    pub fn anchored(
        dictionary: Dictionary,
        registry: ScopeRegistry,
        data: SlotCodes,
        consent: SlotCodes,
        active: Vec<bool>,
        levels: Vec<Option<Vec<Option<u32>>>>,
        seed: u64,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0xb11d);
        let d = |x: &str| Digest32::of(x.as_bytes());
        let context = AnswerContext {
            network: d("network"),
            query: d("query"),
            query_bytes: d("query bytes"),
            study: d("study"),
            study_version: 1,
            cut: d("cut"),
            hospital: d("hospital"),
            dictionary: dictionary.digest(),
            mapping: d("mapping"),
            registry: registry.digest(),
            query_height: 10,
            answer_height: 12,
            day: Day(50),
            k_min: 10,
        };
        let (data_layout, consent_layout) = (dictionary.layout(), registry.layout());
        let n = data.segments();
        let mut draw = |layout: &SegmentLayout| (0..n).map(|_| Blinders::draw(layout, &mut rng)).collect::<Vec<_>>();
        let (data_blinders, consent_blinders) = (draw(&data_layout), draw(&consent_layout));
        let commit = |table: TableContext, layout: &SegmentLayout, codes: &SlotCodes, blinders: &[Blinders]| {
            (0..n)
                .map(|j| commit_segment(&table, layout, SegmentId { index: j as u32, version: 0 }, codes, &blinders[j]))
                .collect::<Vec<_>>()
        };
        let data_segments = commit(context.data_table(), &data_layout, &data, &data_blinders);
        let consent_segments = commit(context.consent_table(), &consent_layout, &consent, &consent_blinders);
        let active_points = active.chunks(SLOTS).map(|bits| Generators::get().commit_bits(bits)).collect();
        Self {
            dictionary,
            registry,
            data_layout,
            consent_layout,
            data,
            consent,
            active,
            data_blinders,
            consent_blinders,
            data_segments,
            consent_segments,
            active_points,
            context,
            levels,
        }
    }

    /// Withdraws slots: the ledger's bits and points.
    pub fn withdraw(&mut self, slots: &[usize]) {
        slots.iter().for_each(|s| self.active[*s] = false);
        self.active_points = self.active.chunks(SLOTS).map(|bits| Generators::get().commit_bits(bits)).collect();
    }

    /// The consent side of a statement: purpose and some categories on the answer's day.
    pub fn eligibility(&self, scopes: u16) -> Eligibility {
        Eligibility { scopes: (0..scopes).collect(), day: self.context.day }
    }

    /// A wiring for a statement over `scopes` scopes.
    ///
    /// # Errors
    /// The statement is refused.
    pub fn wiring(&self, statement: &Statement, scopes: u16) -> Result<Wiring, StatementError> {
        Wiring::new(&self.dictionary, statement, &self.registry, &self.eligibility(scopes))
    }

    /// The ledger's side.
    pub fn instance<'a>(&'a self, wiring: &'a Wiring) -> AggregateInstance<'a> {
        AggregateInstance {
            context: &self.context,
            wiring,
            data: &self.data_segments,
            consent: &self.consent_segments,
            active: &self.active_points,
        }
    }

    /// The hospital's side.
    pub fn witness(&self) -> AggregateWitness<'_> {
        AggregateWitness {
            data_layout: &self.data_layout,
            data: &self.data,
            data_blinders: &self.data_blinders,
            consent_layout: &self.consent_layout,
            consent: &self.consent,
            consent_blinders: &self.consent_blinders,
            active: &self.active,
        }
    }

    /// Answers a wiring honestly.
    ///
    /// # Errors
    /// It cannot be proved.
    pub fn answer(&self, wiring: &Wiring, withheld: &[Withheld], seed: u64) -> Result<Answer, ProveError> {
        let size = AggregateSize::for_cells(wiring.cells().len()).unwrap();
        let cells = moment_table(wiring, &self.witness());
        prove_aggregate(keys().aggregate(size), &self.instance(wiring), &self.witness(), &cells, withheld, &mut StdRng::seed_from_u64(seed))
    }

    /// Verifies an answer's bytes.
    ///
    /// # Errors
    /// It does not verify.
    pub fn verify(&self, wiring: &Wiring, answer: &[u8]) -> Result<VerifiedAnswer, VerifyError> {
        verify_aggregate(&keys().verifying, &self.instance(wiring), answer)
    }

    /// The data segments as an S1 instance.
    pub fn segments(&self) -> SegmentsInstance<'_> {
        SegmentsInstance { context: self.context.data_table(), layout: &self.data_layout, segments: &self.data_segments }
    }

    /// The rows of all data segments.
    pub fn rows(&self) -> Vec<Vec<SparseRow>> {
        (0..self.data.segments()).map(|j| sparse_rows(&self.data_layout, &self.data, j)).collect()
    }

    /// Proves S1 for the data segments.
    pub fn anchor_proof(&self, seed: u64) -> Vec<u8> {
        prove_validity(&keys().validity, &self.segments(), self.rows(), &self.data_blinders, &mut StdRng::seed_from_u64(seed))
            .unwrap()
            .encode()
    }
}

/// Levels to bins.
pub fn encode(dictionary: &Dictionary, levels: &[Option<Vec<Option<u32>>>]) -> SlotCodes {
    let mut blocks = Vec::new();
    for (a, attribute) in dictionary.attributes().iter().enumerate() {
        for fine in 0..attribute.blocks().len() {
            let code = |row: &Vec<Option<u32>>| {
                let bins = attribute.bins(row[a]).unwrap();
                if fine == 0 { bins.first } else { bins.fine.unwrap() }
            };
            blocks.push(levels.iter().map(|row| row.as_ref().map_or(EMPTY, code)).collect());
        }
    }
    SlotCodes { blocks }
}
