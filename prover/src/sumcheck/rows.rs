//! A statement's view of the rows: bits and field values of each slot.

use ark_ff::{One, Zero};
use countersign_circuits::{
    dictionary::SegmentLayout,
    field::Fr,
    segment::{EMPTY, SLOTS, SlotCodes},
    statement::Wiring,
};
use rayon::prelude::*;

/// A column of field values: a constant and a table of values for each one-hot block it reads.
#[derive(Debug, Clone)]
pub struct FieldColumn<'a> {
    /// Value of the constant-one part: it stands in every row, padding included.
    pub constant: Fr,
    tables: Vec<(&'a [u16], Vec<Fr>)>,
}

impl<'a> FieldColumn<'a> {
    /// A column from weighted matrix rows.
    pub fn new(layout: &SegmentLayout, codes: &'a SlotCodes, constant: Fr, rows: &[(usize, Fr)]) -> Self {
        let mut tables = Vec::new();
        let mut first = 0;
        for (block, size) in layout.blocks.iter().enumerate() {
            let range = first..first + size;
            if rows.iter().any(|(row, _)| range.contains(row)) {
                let mut table = vec![Fr::zero(); *size];
                rows.iter().filter(|(row, _)| range.contains(row)).for_each(|(row, w)| table[row - first] += w);
                tables.push((codes.blocks[block].as_slice(), table));
            }
            first += size;
        }
        Self { constant, tables }
    }

    /// The value of a slot without the constant.
    #[inline]
    pub fn value(&self, slot: usize) -> Fr {
        let mut sum = Fr::zero();
        for (codes, table) in &self.tables {
            let code = codes[slot];
            if code != EMPTY {
                sum += table[usize::from(code)];
            }
        }
        sum
    }
}

/// The bits of every slot, as masks: bit 0 is active, then one a scope, then one a literal.
#[derive(Debug, Clone)]
pub struct RowView {
    /// A mask a slot.
    pub masks: Vec<u32>,
    /// Literals of each clause, in bit order after the scopes.
    pub clauses: Vec<usize>,
    /// Number of scopes.
    pub scopes: usize,
}

/// Where a bit comes from: membership of a block's code, or occupancy.
struct BitSource<'a> {
    codes: &'a [u16],
    member: Vec<bool>,
}

impl<'a> BitSource<'a> {
    fn new(layout: &SegmentLayout, codes: &'a SlotCodes, rows: &[usize]) -> Self {
        let occupancy = layout.bin_rows();
        if rows == [occupancy] {
            return Self { codes: &codes.blocks[0], member: vec![true; layout.blocks[0]] };
        }
        let mut first = 0;
        for (block, size) in layout.blocks.iter().enumerate() {
            if rows.first().is_some_and(|row| (first..first + size).contains(row)) {
                let mut member = vec![false; *size];
                rows.iter().for_each(|row| member[row - first] = true);
                return Self { codes: &codes.blocks[block], member };
            }
            first += size;
        }
        Self { codes: &codes.blocks[0], member: vec![false; layout.blocks[0]] }
    }

    #[inline]
    fn bit(&self, slot: usize) -> u32 {
        let code = self.codes[slot];
        u32::from(code != EMPTY && self.member[usize::from(code)])
    }
}

impl RowView {
    /// Reads a wiring's bits off the tables.
    pub fn new(wiring: &Wiring, data: (&SegmentLayout, &SlotCodes), consent: (&SegmentLayout, &SlotCodes), active: &[bool]) -> Self {
        let sources: Vec<BitSource<'_>> = wiring
            .scopes()
            .iter()
            .map(|rows| BitSource::new(consent.0, consent.1, rows))
            .chain(wiring.clauses().iter().flatten().map(|rows| BitSource::new(data.0, data.1, rows)))
            .collect();
        let masks = active
            .par_iter()
            .enumerate()
            .with_min_len(SLOTS)
            .map(|(slot, active)| sources.iter().enumerate().fold(u32::from(*active), |mask, (k, s)| mask | s.bit(slot) << (k + 1)))
            .collect();
        Self { masks, clauses: wiring.clauses().iter().map(Vec::len).collect(), scopes: wiring.scopes().len() }
    }

    /// Number of bit columns.
    pub fn bits(&self) -> usize {
        1 + self.scopes + self.clauses.iter().sum::<usize>()
    }

    /// Does the row count: active, consented to every scope, every clause with a literal?
    #[inline]
    pub fn counts(&self, mask: u32) -> bool {
        let head = (1u32 << (1 + self.scopes)) - 1;
        let mut shift = 1 + self.scopes;
        mask & head == head
            && self.clauses.iter().all(|literals| {
                let any = mask >> shift & ((1 << literals) - 1) != 0;
                shift += literals;
                any
            })
    }
}

/// Group, left and right columns of a wiring under gamma, constants left out where a column is the constant one.
pub(crate) fn field_columns<'a>(wiring: &Wiring, layout: &SegmentLayout, codes: &'a SlotCodes, gamma: Fr) -> Vec<FieldColumn<'a>> {
    use countersign_circuits::statement::columns;
    let forms = wiring.columns(gamma);
    let (left, right) = wiring.has_terms();
    let mut slots: Vec<usize> = (0..wiring.groupings().len()).map(|q| columns::GROUP + q).collect();
    slots.extend(left.then_some(columns::LEFT));
    slots.extend(right.then_some(columns::RIGHT));
    debug_assert!(forms.iter().all(|f| f.one.is_zero() || f.one.is_one()));
    slots.into_iter().map(|slot| FieldColumn::new(layout, codes, forms[slot].one, &forms[slot].data)).collect()
}
