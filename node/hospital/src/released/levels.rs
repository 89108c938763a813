//! Levels of people as they stood in a cut, from the openings that are kept.

use super::Dictionaries;
use crate::{
    HospitalStoreError, codes,
    disclosure::{Differing, MeasureRef, RowSet},
    hospital_store::people_by_slot,
    journal::{emptied, standing_codes},
    opening::{TableKind, TableName},
    slots::{RowId, SlotIndex, SlotPeople},
};
use countersign_circuits::{
    dictionary::{Attribute, Dictionary, Domain},
    hash::Digest32,
    segment::{EMPTY, SLOTS, SegmentId},
};
use sqlx::SqliteConnection;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
/// One attribute of one cut: a level a person.
struct Column {
    /// Dictionary and attribute.
    of: (Digest32, u16),
    unit: Option<String>,
    /// What each level stands for, so that levels of two dictionaries can be compared.
    values: Vec<String>,
    /// Of everybody with one row that is still there; `None`: missing.
    levels: HashMap<RowId, Option<u32>>,
}

/// Columns read so far; `None`: an opening, or the cut itself, is gone.
pub(super) struct Levels<'a> {
    dictionaries: &'a dyn Dictionaries,
    columns: HashMap<MeasureRef, Option<Arc<Column>>>,
    people: Option<SlotPeople>,
}

impl<'a> Levels<'a> {
    pub(super) fn new(dictionaries: &'a dyn Dictionaries) -> Self {
        Self { dictionaries, columns: HashMap::new(), people: None }
    }

    /// People in both sets of whom one of the attributes stands at another level. Where levels cannot be compared (an opening is destroyed, or the
    /// units differ) it may be anybody or nobody.
    pub(super) async fn differing(
        &mut self,
        c: &mut SqliteConnection,
        pairs: &[(MeasureRef, MeasureRef)],
        own: &RowSet,
        other: &RowSet,
    ) -> Result<Differing, HospitalStoreError> {
        let (mut differ, mut maybe) = (HashSet::new(), HashSet::new());
        let mut unknown = false;
        for (a, b) in pairs {
            if (a.cut, a.attribute) == (b.cut, b.attribute) {
                continue;
            }
            let (Some(x), Some(y)) = (self.column(c, a).await?, self.column(c, b).await?) else {
                unknown = true;
                continue;
            };
            if x.unit != y.unit {
                unknown = true;
                continue;
            }
            let same_scale = x.of == y.of;
            for person in own.both(other) {
                // whose row an erasure emptied with those of others who had left, or who had two
                let (Some(p), Some(q)) = (x.levels.get(&person), y.levels.get(&person)) else {
                    maybe.insert(person.0);
                    continue;
                };
                let value = |column: &Column, level: &Option<u32>| level.and_then(|l| column.values.get(l as usize).cloned());
                let same = if same_scale { p == q } else { value(&x, p) == value(&y, q) };
                if !same {
                    differ.insert(person.0);
                }
            }
        }
        let certain = differ.len() as u64;
        let possible = maybe.difference(&differ).count() as u64;
        Ok(certain..=if unknown { own.common(other) } else { certain.saturating_add(possible) })
    }

    async fn column(&mut self, c: &mut SqliteConnection, measure: &MeasureRef) -> Result<Option<Arc<Column>>, HospitalStoreError> {
        if let Some(found) = self.columns.get(measure) {
            return Ok(found.clone());
        }
        let column = self.read(c, measure).await?.map(Arc::new);
        self.columns.insert(measure.clone(), column.clone());
        Ok(column)
    }

    async fn read(&mut self, c: &mut SqliteConnection, measure: &MeasureRef) -> Result<Option<Column>, HospitalStoreError> {
        let Some(dictionary) = self.dictionaries.dictionary(&measure.dictionary) else { return Ok(None) };
        let Some(attribute) = dictionary.attribute(measure.attribute) else { return Ok(None) };
        let pinned: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT segments FROM pinned WHERE cut = ?").bind(&measure.cut.0[..]).fetch_optional(&mut *c).await?;
        let Some(pinned) = pinned else { return Ok(None) };
        if self.people.is_none() {
            self.people = Some(people_by_slot(c).await?);
        }
        let Some(people) = &self.people else { return Ok(None) };
        let inverse = inverse(attribute);
        let first = first_block(&dictionary, measure.attribute);
        let (mut levels, mut unknown) = (HashMap::new(), HashSet::new());
        for segment in pinned.chunks_exact(8) {
            let word = |at: usize| segment.get(at..at + 4).and_then(|w| w.try_into().ok()).map_or(0, u32::from_le_bytes);
            let (index, version) = (word(0), word(4));
            let table = TableName { kind: TableKind::Data, digest: measure.dictionary };
            let Some((standing, bytes)) = standing_codes(c, table, SegmentId { index, version }).await? else { return Ok(None) };
            unknown.extend(emptied(c, &table, standing).await?.iter().filter_map(|slot| people.get(slot)));
            let codes = codes::from_bytes(&bytes)?;
            for offset in 0..SLOTS {
                let code = |block: usize| codes.blocks.get(first + block).and_then(|b| b.get(offset)).copied().unwrap_or(EMPTY);
                let fine = (attribute.blocks().len() == 2).then(|| code(1));
                let slot = index.saturating_mul(SLOTS as u32).saturating_add(offset as u32);
                if let Some(person) = people.get(&SlotIndex(slot)).filter(|_| code(0) != EMPTY) {
                    let level = inverse.get(&(code(0), fine)).copied();
                    // somebody who had two places: which of them counted is not known here
                    if levels.insert(*person, level).is_some_and(|other| other != level) {
                        unknown.insert(*person);
                    }
                }
            }
        }
        levels.retain(|person, _| !unknown.contains(person));
        let values = match attribute.domain() {
            Domain::Levels(names) => names.clone(),
            Domain::Scale(scale) => (0..scale.levels).map(|level| scale.value(level).to_string()).collect(),
        };
        let of = (measure.dictionary, measure.attribute);
        Ok(Some(Column { of, unit: attribute.unit().map(str::to_owned), values, levels }))
    }
}

/// The level of each pair of bins.
fn inverse(attribute: &Attribute) -> HashMap<(u16, Option<u16>), u32> {
    (0..attribute.level_count()).filter_map(|level| attribute.bins(Some(level)).map(|bins| ((bins.first, bins.fine), level))).collect()
}

/// Where an attribute's blocks begin.
fn first_block(dictionary: &Dictionary, attribute: u16) -> usize {
    dictionary.attributes().iter().take(usize::from(attribute)).map(|a| a.blocks().len()).sum()
}
