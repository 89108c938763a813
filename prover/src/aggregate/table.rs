//! The plain computation of the grouped moment table.

use super::AggregateWitness;
use crate::sumcheck::RowView;
use countersign_circuits::{segment::EMPTY, statement::Plan};
use rayon::prelude::*;

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

/// The cells of a plan over every row, withheld or not: what the rule is then applied to.
///
/// Cost: one pass over the rows. Values stay below 2^62 (levels below 2^20, 2^22 rows).
pub fn moment_table(plan: &Plan, witness: &AggregateWitness<'_>) -> Vec<u64> {
    let rows = RowView::new(plan, (witness.data_layout, witness.data), (witness.consent_layout, witness.consent), witness.active);
    // bands are numbered from one, so that zero is "in no group"
    let groups: Vec<(Column<'_>, usize)> = plan
        .groupings()
        .iter()
        .map(|bands| {
            let weights: Vec<(usize, u64)> =
                bands.iter().enumerate().flat_map(|(t, rows)| rows.iter().map(move |r| (*r, t as u64 + 1))).collect();
            (Column::new(witness, 0, &weights), bands.len())
        })
        .collect();
    let [left, right] = plan.terms().map(|terms| {
        terms.iter().map(|t| t.map_or_else(|| Column::new(witness, 1, &[]), |rows| Column::new(witness, 0, rows))).collect::<Vec<_>>()
    });
    let count = plan.cells().len();
    let add_row = |mut cells: Vec<u64>, (slot, mask): (usize, &u32)| {
        if rows.counts(*mask) {
            let (mut group, mut stride, mut inside) = (0, 1, true);
            for (column, bands) in &groups {
                let band = column.value(slot) as usize;
                inside &= band > 0;
                group += band.saturating_sub(1) * stride;
                stride *= bands;
            }
            if inside {
                for (a, x) in left.iter().enumerate() {
                    let x = x.value(slot);
                    for (b, y) in right.iter().enumerate() {
                        cells[(group * left.len() + a) * right.len() + b] += x * y.value(slot);
                    }
                }
            }
        }
        cells
    };
    let zero = || vec![0u64; count];
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(x, y)| *x += y);
        a
    };
    rows.masks.par_iter().enumerate().with_min_len(4096).fold(zero, add_row).reduce(zero, add)
}
