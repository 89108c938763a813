//! Rows of a segment as lists of their non-zero entries.

use countersign_circuits::{
    dictionary::SegmentLayout,
    field::Fr,
    segment::{EMPTY, SLOTS, SlotCodes},
};

/// A row of a bin matrix: slots with entries that are not zero, ascending.
#[derive(Clone, Default)]
pub struct SparseRow {
    pub(super) slots: Vec<u16>,
    /// The entries; empty if all are one.
    pub(super) values: Vec<Fr>,
}

impl std::fmt::Debug for SparseRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SparseRow(redacted)")
    }
}

impl SparseRow {
    /// A row of ones at ascending slots.
    pub fn ones(slots: Vec<u16>) -> Self {
        Self { slots, values: Vec::new() }
    }

    /// A row of arbitrary entries at ascending slots. An honest table never has one; the zero-check exists to notice it.
    pub fn with_values(entries: impl IntoIterator<Item = (u16, Fr)>) -> Self {
        let (slots, values) = entries.into_iter().unzip();
        Self { slots, values }
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = (u16, Fr)> + '_ {
        self.slots.iter().enumerate().map(|(i, slot)| (*slot, self.values.get(i).copied().unwrap_or(Fr::from(1u64))))
    }

    /// Adds `weight` times the row.
    pub(crate) fn add_to(&self, z: &mut [Fr], weight: Fr) {
        if self.values.is_empty() {
            self.slots.iter().for_each(|slot| z[usize::from(*slot)] += weight);
        } else {
            self.entries().for_each(|(slot, value)| z[usize::from(slot)] += weight * value);
        }
    }
}

/// The rows of one segment of a table, occupancy last.
///
/// # Panics
/// If the codes do not have the layout's shape or the segment.
pub fn sparse_rows(layout: &SegmentLayout, codes: &SlotCodes, segment: usize) -> Vec<SparseRow> {
    let range = segment * SLOTS..(segment + 1) * SLOTS;
    let mut rows = vec![SparseRow::default(); layout.rows()];
    let mut first = 0;
    for (block, size) in codes.blocks.iter().zip(&layout.blocks) {
        for (slot, code) in block[range.clone()].iter().enumerate() {
            if *code != EMPTY {
                rows[first + usize::from(*code)].slots.push(slot as u16);
            }
        }
        first += size;
    }
    rows[first].slots = (0..SLOTS as u16).filter(|slot| codes.blocks[0][range.start + usize::from(*slot)] != EMPTY).collect();
    rows
}
