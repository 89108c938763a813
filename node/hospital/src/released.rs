//! The memory of released numbers, for the overlap rule D7: which people each stood for and what it measured of them.
//!
//! A set names no person and no slot; after an erasure nothing links its ids to either.

mod levels;
mod sizes;

use crate::{
    HospitalStore, HospitalStoreError,
    disclosure::{Differing, MeasureRef, Number, RowSet, Table, Withhold, exposes},
    hospital_store::secret,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{dictionary::Dictionary, hash::Digest32, segment::SegmentId, tag};
use countersign_messages::QueryId;
use levels::Levels;
use rand::rngs::OsRng;
use sizes::Sizes;
use sqlx::SqliteConnection;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use zeroize::Zeroizing;

/// Dictionaries of the tables that numbers were read from.
pub trait Dictionaries: Sync {
    /// A published dictionary.
    fn dictionary(&self, digest: &Digest32) -> Option<Dictionary>;
}

/// An answer as it may leave.
#[derive(Debug, Default)]
pub struct Judged {
    /// For each block, why it is withheld.
    pub withheld: Vec<Withhold>,
    /// What must be remembered when it leaves: released numbers, and the margins of them.
    pub numbers: Vec<Number>,
    /// The last number remembered when it was judged.
    last: i64,
}

/// A released number of the memory.
struct Remembered {
    base: Vec<u8>,
    measures: Vec<MeasureRef>,
}

/// The memory while an answer is judged.
struct Memory<'a> {
    c: &'a mut SqliteConnection,
    key: Zeroizing<[u8; 32]>,
    sizes: Sizes,
    sets: HashMap<i64, Arc<(RowSet, Vec<Remembered>)>>,
    levels: Levels<'a>,
}

impl HospitalStore {
    /// Judges the blocks of an answer by the rules that rest on the hospital: dominance, its own word, and overlap with every other number that left or is
    /// about to leave, of any study and table, margins included. With `k_min` 1 (development only) disclosure control is off.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn judge(&self, table: &Table<'_>, k_min: u32, dictionaries: &dyn Dictionaries) -> Result<Judged, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let last = last_number(&mut tx).await?;
        if k_min <= 1 {
            return Ok(Judged { withheld: vec![Withhold::None; table.blocks.len()], numbers: Vec::new(), last });
        }
        let mut memory = Memory::open(&mut tx, dictionaries).await?;
        let mut withheld = table.by_block(k_min);
        // each block alone against the past; then margins, until none exposes
        for (i, block) in table.blocks.iter().enumerate() {
            let mut exposed = false;
            for number in block.numbers.iter().filter(|n| block.passes && !n.own().is_empty()) {
                exposed |= memory.exposes(number, k_min).await?;
            }
            if exposed && withheld[i] == Withhold::None {
                withheld[i] = Withhold::Overlap;
            }
        }
        table.spread(&mut withheld);
        let margins = loop {
            let margins = table.margins(&withheld);
            let mut exposing = None;
            for (i, margin) in margins.iter().enumerate() {
                let here = table.released(&withheld).flat_map(|(_, b)| &b.numbers).chain(margins[..i].iter().map(|m| &m.number));
                if memory.exposes(&margin.number, k_min).await? || memory.exposes_any(&margin.number, here, k_min).await? {
                    exposing = Some(margin.smallest);
                    break;
                }
            }
            let Some(smallest) = exposing else { break margins };
            withheld[smallest] = Withhold::Overlap;
            table.spread(&mut withheld);
        };
        drop(memory);
        // keys are drawn on first use
        tx.commit().await?;
        let released = table.released(&withheld).flat_map(|(_, b)| &b.numbers).filter(|n| !n.own().is_empty()).cloned();
        let numbers = released.chain(margins.into_iter().map(|m| m.number)).collect();
        Ok(Judged { withheld, numbers, last })
    }

    /// Notes which versions of a table's segments numbers are read from; returns what [`MeasureRef::cut`] calls them.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn pin(&self, dictionary: Digest32, segments: &[SegmentId]) -> Result<Digest32, HospitalStoreError> {
        let bytes: Vec<u8> = segments.iter().flat_map(|s| [s.index, s.version]).flat_map(u32::to_le_bytes).collect();
        let cut = Digest32::tagged(tag::PINNED, [&dictionary.0[..], &bytes]);
        sqlx::query("INSERT OR IGNORE INTO pinned (cut, table_id, segments) VALUES (?, ?, ?)")
            .bind(&cut.0[..])
            .bind(&dictionary.0[..])
            .bind(bytes)
            .execute(&self.pool)
            .await?;
        Ok(cut)
    }
}

async fn last_number(c: &mut SqliteConnection) -> Result<i64, HospitalStoreError> {
    Ok(sqlx::query_scalar::<_, Option<i64>>("SELECT max(id) FROM number").fetch_one(c).await?.unwrap_or_default())
}

impl<'a> Memory<'a> {
    async fn open(c: &'a mut SqliteConnection, dictionaries: &'a dyn Dictionaries) -> Result<Self, HospitalStoreError> {
        let key = secret(c, "row-sets", &mut OsRng).await?;
        Ok(Self { c, key, sizes: Sizes::default(), sets: HashMap::new(), levels: Levels::new(dictionaries) })
    }

    /// True if a number exposes with one that left before.
    async fn exposes(&mut self, number: &Number, k_min: u32) -> Result<bool, HospitalStoreError> {
        let (size, reach) = (number.own().len(), u64::from(k_min));
        let near = self.sizes.near(self.c, size, reach, number.counts()).await?;
        let base = set_hash(&self.key, number.base());
        for id in near {
            let earlier = self.set(id).await?;
            let distance = number.own().distance(&earlier.0);
            if distance >= reach {
                continue;
            }
            for remembered in &earlier.1 {
                let differing = self.differing(number, &earlier.0, &remembered.measures).await?;
                if exposes(distance, differing, remembered.base == base, k_min) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// True if a number exposes with one of the same answer.
    async fn exposes_any(
        &mut self,
        number: &Number,
        others: impl Iterator<Item = &Number>,
        k_min: u32,
    ) -> Result<bool, HospitalStoreError> {
        for other in others.filter(|other| !other.own().is_empty()) {
            if other.counts().distance_at_least(number.counts()) >= u64::from(k_min) {
                continue;
            }
            let distance = number.own().distance(other.own());
            let differing = self.differing(number, other.own(), other.measures()).await?;
            if exposes(distance, differing, number.base() == other.base(), k_min) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// People in both sets whose level of an attribute that both measure differs; `None`: they measure nothing in common.
    async fn differing(
        &mut self,
        number: &Number,
        other: &RowSet,
        measures: &[MeasureRef],
    ) -> Result<Option<Differing>, HospitalStoreError> {
        let pairs: Vec<(MeasureRef, MeasureRef)> = number.measured_by_both(measures).map(|(a, b)| (a.clone(), b.clone())).collect();
        if pairs.is_empty() {
            return Ok(None);
        }
        self.levels.differing(self.c, &pairs, number.own(), other).await.map(Some)
    }

    async fn set(&mut self, id: i64) -> Result<Arc<(RowSet, Vec<Remembered>)>, HospitalStoreError> {
        if let Some(found) = self.sets.get(&id) {
            return Ok(Arc::clone(found));
        }
        let rows: Vec<u8> = sqlx::query_scalar("SELECT rows FROM row_set WHERE id = ?").bind(id).fetch_one(&mut *self.c).await?;
        let rows = RowSet::from_bytes(&rows).ok_or(HospitalStoreError::Damaged("the people of a released number"))?;
        let numbers: Vec<(Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT DISTINCT base, measures FROM number WHERE own = ?").bind(id).fetch_all(&mut *self.c).await?;
        let remembered = numbers.into_iter().map(|(base, measures)| Ok(Remembered { base, measures: read_measures(&measures)? }));
        let found = Arc::new((rows, remembered.collect::<Result<Vec<_>, HospitalStoreError>>()?));
        self.sets.insert(id, Arc::clone(&found));
        Ok(found)
    }
}

/// Keeps the numbers of an answer that is stored. The caller has seen to it that nothing was remembered since it was judged.
pub(crate) async fn remember(c: &mut SqliteConnection, query: QueryId, judged: &Judged) -> Result<(), HospitalStoreError> {
    if last_number(c).await? != judged.last {
        return Err(HospitalStoreError::Overlap);
    }
    let key = secret(c, "row-sets", &mut OsRng).await?;
    let mut stored: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    for number in &judged.numbers {
        let hash = set_hash(&key, number.own());
        let own = match stored.get(&hash) {
            Some(id) => *id,
            None => {
                sqlx::query("INSERT OR IGNORE INTO row_set (hash, size, counts, rows) VALUES (?, ?, ?, ?)")
                    .bind(&hash)
                    .bind(number.own().len() as i64)
                    .bind(number.counts().to_bytes())
                    .bind(number.own().to_bytes())
                    .execute(&mut *c)
                    .await?;
                let id = sqlx::query_scalar("SELECT id FROM row_set WHERE hash = ?").bind(&hash).fetch_one(&mut *c).await?;
                stored.insert(hash, id);
                id
            }
        };
        sqlx::query("INSERT INTO number (query, own, base, measures) VALUES (?, ?, ?, ?)")
            .bind(&query.0.0.0[..])
            .bind(own)
            .bind(set_hash(&key, number.base()))
            .bind(write_measures(number.measures()))
            .execute(&mut *c)
            .await?;
    }
    Ok(())
}

/// Forgets the numbers of an answer that did not leave.
pub(crate) async fn forget(c: &mut SqliteConnection, query: &[u8]) -> Result<(), HospitalStoreError> {
    sqlx::query("DELETE FROM number WHERE query = ?").bind(query).execute(&mut *c).await?;
    sqlx::query("DELETE FROM row_set WHERE NOT EXISTS (SELECT 1 FROM number WHERE own = row_set.id)").execute(c).await?;
    Ok(())
}

/// A set's name, under a key of this file.
fn set_hash(key: &[u8; 32], set: &RowSet) -> Vec<u8> {
    Digest32::tagged(tag::ROW_SET, [&key[..], &set.to_bytes()]).0.to_vec()
}

/// Number of measures; of each: dictionary, attribute, cut, number of sources, sources.
fn write_measures(measures: &[MeasureRef]) -> Vec<u8> {
    let mut out = (measures.len() as u32).to_le_bytes().to_vec();
    for measure in measures {
        out.extend(measure.dictionary.0);
        out.extend(measure.attribute.to_le_bytes());
        out.extend(measure.cut.0);
        out.extend((measure.sources.len() as u32).to_le_bytes());
        measure.sources.iter().for_each(|source| out.extend(source.0));
    }
    out
}

fn read_measures(bytes: &[u8]) -> Result<Vec<MeasureRef>, HospitalStoreError> {
    struct Cursor<'a>(&'a [u8]);
    impl Cursor<'_> {
        fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
            let (head, rest) = self.0.split_first_chunk::<N>()?;
            self.0 = rest;
            Some(*head)
        }
    }
    let read = || {
        let mut cursor = Cursor(bytes);
        let count = u32::from_le_bytes(cursor.take()?);
        let mut measures = Vec::new();
        for _ in 0..count {
            let (dictionary, attribute, cut) = (Digest32(cursor.take()?), u16::from_le_bytes(cursor.take()?), Digest32(cursor.take()?));
            let sources = (0..u32::from_le_bytes(cursor.take()?)).map(|_| cursor.take().map(Digest32)).collect::<Option<Vec<_>>>()?;
            measures.push(MeasureRef { dictionary, attribute, cut, sources });
        }
        cursor.0.is_empty().then_some(measures)
    };
    read().ok_or(HospitalStoreError::Damaged("what a released number measures"))
}
