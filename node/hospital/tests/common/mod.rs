//! Small dictionaries, registries and people for the tests.

use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::{Dictionary, canonical_json},
    hash::Digest32,
};
use countersign_hospital::{
    HospitalStore, HospitalStoreError,
    disclosure::{CellBlock, CellBlockKind, Number, RowSet, Table},
    journal::{AnchorContent, Begun, Import, ImportedPerson},
    ledger_view::LedgerView,
    opening::{TableKind, TableName},
    released::Dictionaries,
    slots::SlotIndex,
};
use countersign_ingest::PatientId;
use countersign_messages::{PatientKey, QueryId, TransactionId};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::json;
use std::{collections::BTreeMap, path::Path};

pub(crate) fn dictionary() -> Dictionary {
    let value = json!({
        "format": "countersign-dictionary/1", "id": "test", "version": 1, "title": "Test", "grain": "patient",
        "attribute": [
            {"name": "age", "category": "demographics", "kind": "number", "range": ["0", "110"], "step": "1", "cuts": ["40", "65"]},
            {"name": "sex", "category": "demographics", "kind": "category", "levels": ["female", "male", "other"]},
            {"name": "bmi", "category": "vitals", "kind": "number", "range": ["10", "80"], "step": "0.1", "cuts": ["25", "30"]},
        ],
    });
    Dictionary::from_canonical(&canonical_json(&value).unwrap()).unwrap()
}

pub(crate) fn registry() -> ScopeRegistry {
    ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![Day(18000), Day(19000), Day(20000)] }
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn patient(i: u32) -> PatientId {
    PatientId::new(format!("pat-{i:06}")).unwrap()
}

/// The query that is called so.
pub(crate) fn query_id(name: &[u8]) -> QueryId {
    QueryId(TransactionId(Digest32::of(name)))
}

/// A person whose levels tell who it is.
pub(crate) fn person(i: u32) -> ImportedPerson {
    ImportedPerson {
        patient: patient(i),
        levels: Some(vec![Some(i % 111), (!i.is_multiple_of(7)).then_some(i % 3), Some(i % 701)]),
        grants: vec![Some(Day(19500)), i.is_multiple_of(2).then_some(Day(30000))],
    }
}

pub(crate) fn content() -> AnchorContent {
    let [mapping, policy, report] = ["mapping", "policy", "report"].map(|what| Digest32::of(what.as_bytes()));
    AnchorContent { data_table: dictionary().digest(), consent_table: registry().digest(), mapping, policy, report }
}

/// A ledger that holds what the file believes.
pub(crate) struct Echo(BTreeMap<(TableName, u32), (u32, Vec<u8>)>);

impl Echo {
    pub(crate) async fn of(store: &HospitalStore) -> Self {
        Self::with(store, dictionary().digest()).await
    }

    /// With a data table of another dictionary.
    pub(crate) async fn with(store: &HospitalStore, data: Digest32) -> Self {
        let mut current = BTreeMap::new();
        for (kind, digest) in [(TableKind::Data, data), (TableKind::Consent, registry().digest())] {
            for key in store.anchored(TableName { kind, digest }).await.unwrap() {
                let points = store.opening(&key).await.unwrap().points.unwrap();
                current.insert((key.table, key.segment.index), (key.segment.version, points));
            }
        }
        Self(current)
    }
}

impl LedgerView for Echo {
    fn segments(&self, table: TableName) -> u32 {
        self.0.keys().filter(|(of, _)| *of == table).count() as u32
    }

    fn current(&self, table: TableName, segment: u32) -> Option<(u32, Vec<u8>)> {
        self.0.get(&(table, segment)).cloned()
    }

    fn withdrawn(&self) -> Vec<SlotIndex> {
        Vec::new()
    }

    fn left_by_key(&self) -> Vec<SlotIndex> {
        Vec::new()
    }

    fn left_by_word(&self, _: SlotIndex) -> bool {
        false
    }

    fn keyed(&self) -> Vec<SlotIndex> {
        Vec::new()
    }

    fn key(&self, slot: SlotIndex) -> Option<PatientKey> {
        Some(PatientKey(Digest32::of(&slot.0.to_le_bytes()).0))
    }

    fn today(&self) -> Day {
        Day(18_000)
    }

    fn registry(&self, digest: &Digest32) -> Option<ScopeRegistry> {
        (*digest == registry().digest()).then(registry)
    }
}

pub(crate) async fn import(
    store: &HospitalStore,
    people: impl IntoIterator<Item = ImportedPerson>,
    rng: &mut ChaCha20Rng,
) -> Result<Begun, HospitalStoreError> {
    let ledger = Echo::of(store).await;
    let people = people.into_iter().collect();
    let (dictionary, registry) = (dictionary(), registry());
    store.import(Import { content: content(), people, dictionary: &dictionary, registry: &registry, ledger: &ledger }, rng).await
}

/// Opens the file of a run that was killed, whose connection may still be closing: a loaded machine takes its time for that.
pub(crate) async fn reopen(path: &Path) -> HospitalStore {
    for _ in 0..10 {
        if let Ok(store) = HospitalStore::open(path).await {
            return store;
        }
    }
    HospitalStore::open(path).await.unwrap()
}

/// A folder in memory where there is one: these tests write a lot of small transactions.
pub(crate) fn folder() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// No table is ever compared by levels.
pub(crate) struct NoDictionaries;

impl Dictionaries for NoDictionaries {
    fn dictionary(&self, _: &Digest32) -> Option<Dictionary> {
        None
    }
}

/// Blocks of rows, each in a group of its own.
pub(crate) fn table(sets: impl IntoIterator<Item = RowSet>) -> Table<'static> {
    let block = |(i, own): (usize, RowSet)| CellBlock {
        cell: i,
        group: 0,
        starts_group: false,
        passes: true,
        kind: CellBlockKind::Known(i as u16),
        numbers: vec![Number::new(own.clone(), own, Vec::new())],
        unknown: RowSet::default(),
        values: Vec::new(),
        products: Vec::new(),
        held_back: false,
    };
    Table { blocks: sets.into_iter().enumerate().map(block).collect(), bands: Vec::new(), unknown: Vec::new() }
}
