//! When a research cut may be renewed (rule D12): how much has changed in a table since it was pinned.
//!
//! Studies a little apart in time must not be answered from tables a few people apart: what lies between two answers would be theirs. So all studies take one cut of a
//! table until enough of it is new, gone or changed.

use crate::{
    Keeping, KeepingError,
    opening::{OpeningKey, TableName},
    slots::SlotIndex,
};
use countersign_circuits::segment::{EMPTY, SLOTS, SegmentId, SlotCodes};
use std::collections::BTreeSet;

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
    /// Rows that differ. Somebody who got a new slot is gone and new, and counts once; so do, to be on the safe side, two people of whom one came and one left.
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

fn in_use(codes: &SlotCodes, offset: usize) -> bool {
    codes.blocks.first().and_then(|block| block.get(offset)).is_some_and(|code| *code != EMPTY)
}

fn differ(a: &SlotCodes, b: &SlotCodes, offset: usize) -> bool {
    a.blocks.iter().map(|block| block.get(offset)).ne(b.blocks.iter().map(|block| block.get(offset)))
}

impl Keeping {
    /// Compares the rows of two versions of a table, by their openings. `left` are the slots of people who left since the first: they are no rows of the second.
    ///
    /// # Errors
    /// An opening is gone, or the file is damaged.
    pub async fn changes(
        &self,
        table: TableName,
        before: &[SegmentId],
        after: &[SegmentId],
        left: &BTreeSet<SlotIndex>,
    ) -> Result<Changes, KeepingError> {
        let mut changes = Changes::default();
        for index in 0..before.len().max(after.len()) {
            let (old, new) = (before.get(index), after.get(index));
            let old_codes = self.codes(table, old).await?;
            let new_codes = if old == new { old_codes.clone() } else { self.codes(table, new).await? };
            for offset in 0..SLOTS {
                let is = |codes: &Option<SlotCodes>| codes.as_ref().is_some_and(|codes| in_use(codes, offset));
                let gone = left.contains(&SlotIndex((index * SLOTS + offset) as u32));
                let (was, is) = (is(&old_codes), is(&new_codes) && !gone);
                changes.rows += u64::from(was);
                match (was, is, &old_codes, &new_codes) {
                    (true, false, ..) => changes.gone += 1,
                    (false, true, ..) => changes.new += 1,
                    (true, true, Some(old), Some(new)) => changes.changed += u64::from(differ(old, new, offset)),
                    _ => {}
                }
            }
        }
        Ok(changes)
    }

    async fn codes(&self, table: TableName, segment: Option<&SegmentId>) -> Result<Option<SlotCodes>, KeepingError> {
        let Some(segment) = segment else { return Ok(None) };
        let opening = self.opening(&OpeningKey { table, segment: *segment }).await?;
        opening.codes.map(Some).ok_or(KeepingError::Unknown("opening of a segment of the research cut"))
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
    fn somebody_with_a_new_slot_counts_once() {
        let changes = Changes { rows: 100, new: 7, gone: 4, changed: 2 };
        assert_eq!(changes.count(), 9);
    }
}
