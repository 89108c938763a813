//! The plain computation of the grouped moment table.

use super::AggregateWitness;
use crate::sumcheck::RowView;
use countersign_circuits::{segment::EMPTY, statement::Wiring};
use rayon::prelude::*;

/// The slots that a gate counts, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRows {
    /// Index of the cell.
    pub cell: usize,
    /// Slots.
    pub slots: Vec<u32>,
}

/// The rows behind every gate of a wiring that is shown: what the hospital's overlap and dominance rules look at.
///
/// Cost: one pass over the rows, and memory for a number a counted row and gate.
pub fn gate_rows(wiring: &Wiring, witness: &AggregateWitness<'_>) -> Vec<GateRows> {
    let columns = Columns::new(wiring, witness);
    let gates: Vec<usize> = (0..wiring.cells().len()).filter(|i| wiring.cells()[*i].kind.gate && wiring.cells()[*i].kind.show).collect();
    let mut out: Vec<GateRows> = gates.iter().map(|cell| GateRows { cell: *cell, slots: Vec::new() }).collect();
    let width = columns.left.len() * columns.right.len();
    for slot in 0..columns.rows.masks.len() {
        let Some(group) = columns.group(slot) else { continue };
        for gate in out.iter_mut().filter(|g| g.cell / width == group) {
            let (a, b) = (gate.cell % width / columns.right.len(), gate.cell % columns.right.len());
            if columns.left[a].value(slot) * columns.right[b].value(slot) > 0 {
                gate.slots.push(slot as u32);
            }
        }
    }
    out
}

/// A wiring's columns as small integers.
struct Columns<'a> {
    rows: RowView,
    groups: Vec<(Column<'a>, usize)>,
    left: Vec<Column<'a>>,
    right: Vec<Column<'a>>,
}

impl<'a> Columns<'a> {
    fn new(wiring: &Wiring, witness: &AggregateWitness<'a>) -> Self {
        let rows = RowView::new(wiring, (witness.data_layout, witness.data), (witness.consent_layout, witness.consent), witness.active);
        // bands are numbered from one, so that zero is "in no group"
        let groups = wiring
            .groupings()
            .iter()
            .map(|bands| {
                let weights: Vec<(usize, u64)> =
                    bands.iter().enumerate().flat_map(|(t, rows)| rows.iter().map(move |r| (*r, t as u64 + 1))).collect();
                (Column::new(witness, 0, &weights), bands.len())
            })
            .collect();
        let term = |t: &Option<&[(usize, u64)]>| t.map_or_else(|| Column::new(witness, 1, &[]), |rows| Column::new(witness, 0, rows));
        let [left, right] = wiring.terms().map(|terms| terms.iter().map(term).collect());
        Self { rows, groups, left, right }
    }

    /// The group of a row that counts.
    fn group(&self, slot: usize) -> Option<usize> {
        if !self.rows.counts(self.rows.masks[slot]) {
            return None;
        }
        let (mut group, mut stride) = (0, 1);
        for (column, bands) in &self.groups {
            group += (column.value(slot) as usize).checked_sub(1)? * stride;
            stride *= bands;
        }
        Some(group)
    }
}

/// A function of a row's bins with small integer values.
struct Column<'a> {
    constant: u64,
    tables: Vec<(&'a [u16], Vec<u64>)>,
}

impl<'a> Column<'a> {
    fn new(witness: &AggregateWitness<'a>, constant: u64, rows: &[(usize, u64)]) -> Self {
        let mut tables = Vec::new();
        let mut first = 0;
        for (block, size) in witness.data_layout.blocks.iter().enumerate() {
            let mut inside = rows.iter().filter(|(row, _)| (first..first + size).contains(row)).peekable();
            if inside.peek().is_some() {
                let mut table = vec![0; *size];
                inside.for_each(|(row, weight)| table[row - first] = *weight);
                tables.push((witness.data.blocks[block].as_slice(), table));
            }
            first += size;
        }
        Self { constant, tables }
    }

    #[inline]
    fn value(&self, slot: usize) -> u64 {
        self.tables.iter().map(|(codes, table)| if codes[slot] == EMPTY { 0 } else { table[usize::from(codes[slot])] }).sum::<u64>()
            + self.constant
    }
}

/// The cells of a wiring over every row, withheld or not: what the rule is then applied to.
///
/// Cost: one pass over the rows. Values stay below 2^62 (levels below 2^20, 2^22 rows).
pub fn moment_table(wiring: &Wiring, witness: &AggregateWitness<'_>) -> Vec<u64> {
    let columns = Columns::new(wiring, witness);
    let Columns { left, right, .. } = &columns;
    let add_row = |mut cells: Vec<u64>, slot: usize| {
        if let Some(group) = columns.group(slot) {
            for (a, x) in left.iter().enumerate() {
                let x = x.value(slot);
                for (b, y) in right.iter().enumerate() {
                    cells[(group * left.len() + a) * right.len() + b] += x * y.value(slot);
                }
            }
        }
        cells
    };
    let zero = || vec![0u64; wiring.cells().len()];
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(x, y)| *x += y);
        a
    };
    (0..columns.rows.masks.len()).into_par_iter().with_min_len(4096).fold(zero, add_row).reduce(zero, add)
}
