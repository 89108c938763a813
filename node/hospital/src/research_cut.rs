//! When a research cut may be renewed (rule D12): how much has changed in a table since it was pinned.
//!
//! Studies a little apart in time must not be answered from tables a few people apart: what lies between two answers would be theirs. So all studies take one cut of a
//! table until enough of it is new, gone or changed.

use crate::{
    HospitalStore, HospitalStoreError,
    hospital_store::people_by_slot,
    journal::emptied,
    opening::{OpeningKey, OpeningState, TableName},
    slots::{RowId, SlotIndex},
};
use countersign_circuits::segment::{EMPTY, SLOTS, SegmentId, SlotCodes};
use std::collections::{BTreeSet, HashMap, HashSet};

/// One row in so many must be new, gone or changed.
const SHARE: u64 = 10;
/// More than so many times k_min need not be.
const ENOUGH: u64 = 50;

/// What became of the rows of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Rows of the cut.
    pub rows: u64,
    /// Rows that were not in it.
    pub new: u64,
    /// Rows of it that are no more, those of people who left among them.
    pub gone: u64,
    /// Rows with another value.
    pub changed: u64,
}

impl Changes {
    /// Rows that differ. Two people of whom one came and one left count once, to be on the safe side.
    pub fn count(&self) -> u64 {
        self.changed.saturating_add(self.new.max(self.gone))
    }

    /// How many must differ before the cut is renewed: a tenth of the rows, at least k_min and at most 50 k_min. With `k_min` 1 (development only) disclosure control
    /// is off, and one is enough.
    pub fn needed(&self, k_min: u32) -> u64 {
        let k_min = u64::from(k_min);
        if k_min <= 1 { 1 } else { self.rows.div_ceil(SHARE).clamp(k_min, ENOUGH.saturating_mul(k_min)) }
    }
}

/// A table at some time.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// Its segments.
    pub segments: &'a [SegmentId],
    /// Slots that were out of force then: nobody's, whatever the segments hold.
    pub out: &'a BTreeSet<SlotIndex>,
}

/// What the next study is answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The current table: there is no research cut.
    First,
    /// The current table: enough rows differ.
    Due {
        /// Rows that differ.
        changed: u64,
    },
    /// The current table: openings of the research cut are not in this file any more, so that no study can be answered from it, or hold rows of people who were erased, so that they must go. Every row counts as
    /// differing.
    Lost {
        /// Rows of the current table.
        rows: u64,
    },
    /// The research cut.
    NotYet {
        /// Rows that differ.
        changed: u64,
        /// Rows it takes.
        needed: u64,
    },
}

fn in_use(codes: &SlotCodes, offset: usize) -> bool {
    codes.blocks.first().and_then(|block| block.get(offset)).is_some_and(|code| *code != EMPTY)
}

fn row(codes: &SlotCodes, offset: usize) -> Vec<u16> {
    codes.blocks.iter().map(|block| block.get(offset).copied().unwrap_or(EMPTY)).collect()
}

/// Rows whose slot is in use in one version only.
#[derive(Default)]
struct Moving {
    people: HashMap<RowId, Vec<u16>>,
    /// Of slots that are linked to nobody any more.
    nobody: u64,
    /// Slots in use in both.
    stayed: u64,
}

impl Moving {
    fn add(&mut self, person: Option<&RowId>, row: Vec<u16>) {
        match person {
            Some(id) => drop(self.people.insert(*id, row)),
            None => self.nobody += 1,
        }
    }

    fn count(&self) -> u64 {
        self.people.len() as u64 + self.nobody
    }
}

/// Rows of a segment of one version.
enum Rows {
    /// The version has no such segment.
    Absent,
    /// The opening was destroyed, or is of another file.
    Gone,
    Held(SlotCodes),
}

impl Rows {
    fn held(&self) -> Option<&SlotCodes> {
        if let Self::Held(codes) = self { Some(codes) } else { None }
    }

    fn at(&self, offset: usize) -> Option<&SlotCodes> {
        self.held().filter(|codes| in_use(codes, offset))
    }
}

impl HospitalStore {
    /// Whether the next study takes the research cut of a table (as it was when that was made), or a new one of the current version (rule D12), by this
    /// hospital's openings.
    ///
    /// # Errors
    /// The table is being anchored ([`HospitalStoreError::AnchorRunning`]: finish that first), an opening of a current segment is gone, or the file is damaged.
    pub async fn renewal(
        &self,
        table: TableName,
        pinned: Option<Version<'_>>,
        current: Version<'_>,
        k_min: u32,
    ) -> Result<Renewal, HospitalStoreError> {
        let Some(pinned) = pinned else { return Ok(Renewal::First) };
        let (changes, lost) = self.compare(table, pinned, current).await?;
        let (changed, needed) = (changes.count(), changes.needed(k_min));
        Ok(match lost {
            true => Renewal::Lost { rows: changes.new },
            false if changed >= needed => Renewal::Due { changed },
            false => Renewal::NotYet { changed, needed },
        })
    }

    /// A new cut of the current version, where that of before cannot be answered from or must go: every row counts as differing.
    ///
    /// # Errors
    /// As [`HospitalStore::renewal`].
    pub async fn renewal_of_lost(&self, table: TableName, current: Version<'_>) -> Result<Renewal, HospitalStoreError> {
        let nothing = Version { segments: &[], out: &BTreeSet::new() };
        Ok(Renewal::Lost { rows: self.compare(table, nothing, current).await?.0.new })
    }

    /// Compares two versions of a table person by person; true if an opening of the first is gone, and then everybody of the second is new.
    async fn compare(&self, table: TableName, pinned: Version<'_>, current: Version<'_>) -> Result<(Changes, bool), HospitalStoreError> {
        let people = people_by_slot(&mut *self.pool.acquire().await?).await?;
        let (mut then, mut now) = (Moving::default(), Moving::default());
        // people of the first version whose rows erasures emptied since: with another slot by now they are not new
        let mut before: HashSet<RowId> = HashSet::new();
        let (mut changes, mut lost) = (Changes::default(), false);
        for index in 0..pinned.segments.len().max(current.segments.len()) {
            let was = self.rows(table, pinned.segments.get(index)).await?;
            let is = self.rows(table, current.segments.get(index)).await?;
            if matches!(is, Rows::Gone) {
                return Err(HospitalStoreError::Unknown("opening of a segment that is in force; anchor the table again"));
            }
            lost |= matches!(was, Rows::Gone);
            if let Some(segment) = pinned.segments.get(index) {
                let emptied = emptied(&mut *self.pool.acquire().await?, &table, *segment).await?;
                before.extend(emptied.iter().filter(|slot| !pinned.out.contains(slot)).filter_map(|slot| people.get(slot)));
            }
            for offset in 0..SLOTS {
                let slot = SlotIndex((index * SLOTS + offset) as u32);
                let old = was.at(offset).filter(|_| !pinned.out.contains(&slot));
                let new = is.at(offset).filter(|_| !current.out.contains(&slot));
                changes.rows += u64::from(old.is_some());
                match (old, new) {
                    (Some(old), Some(new)) => {
                        then.stayed += 1;
                        changes.changed += u64::from(row(old, offset) != row(new, offset));
                    }
                    (Some(old), None) => then.add(people.get(&slot), row(old, offset)),
                    (None, Some(new)) => now.add(people.get(&slot), row(new, offset)),
                    (None, None) => {}
                }
            }
        }
        if lost {
            return Ok((Changes { new: then.stayed + now.count(), ..Changes::default() }, true));
        }
        // somebody with another slot is no other person
        let moved: Vec<RowId> = then.people.keys().filter(|id| now.people.contains_key(id)).copied().collect();
        changes.changed += moved.iter().filter(|id| then.people.get(id) != now.people.get(id)).count() as u64;
        changes.gone = then.count() - moved.len() as u64;
        let returned = now.people.keys().filter(|id| before.contains(id) && !then.people.contains_key(id)).count();
        changes.new = now.count() - (moved.len() + returned) as u64;
        Ok((changes, false))
    }

    async fn rows(&self, table: TableName, segment: Option<&SegmentId>) -> Result<Rows, HospitalStoreError> {
        let Some(segment) = segment else { return Ok(Rows::Absent) };
        let opening = match self.opening(&OpeningKey { table, segment: *segment }).await {
            Err(HospitalStoreError::Unknown(_)) => return Ok(Rows::Gone),
            other => other?,
        };
        match (opening.state, opening.codes) {
            (OpeningState::Anchored, Some(codes)) => Ok(Rows::Held(codes)),
            (OpeningState::Destroyed, _) => Ok(Rows::Gone),
            (OpeningState::Anchored, None) => Err(HospitalStoreError::Damaged("an anchored opening without rows")),
            _ => Err(HospitalStoreError::AnchorRunning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_within_bounds() {
        let of = |rows: u64, k_min: u32| Changes { rows, ..Changes::default() }.needed(k_min);
        assert_eq!([0, 40, 100, 101, 1_000, 5_000, 1_000_000].map(|rows| of(rows, 10)), [10, 10, 10, 11, 100, 500, 500]);
        assert_eq!([of(1_000_000, 1), of(1_000_000, 5)], [1, 250]);
    }

    #[test]
    fn one_who_came_and_one_who_left_count_once() {
        let changes = Changes { rows: 100, new: 7, gone: 4, changed: 2 };
        assert_eq!(changes.count(), 9);
    }
}
