//! The rows of a bench table as plain numbers, and the question answered by counting.
//!
//! The question is that of `Table::wiring`: four filters, two consents, ten groups, and of one value how often it is known, its sum and its
//! sum of squares.

use crate::table::Table;

/// Number of groups.
pub(crate) const GROUPS: usize = 10;

/// A condition on a column: a number on one side of a bound.
pub(crate) struct Filter {
    pub(crate) column: &'static str,
    pub(crate) bound: i16,
    /// Is `x < bound` asked for, or `x > bound`?
    pub(crate) below: bool,
}

impl Filter {
    fn passes(&self, x: i16) -> bool {
        if self.below { x < self.bound } else { x > self.bound }
    }
}

/// The four filters. Each is one comparison, the cheapest form for Proof of SQL, as "missing" is written past the end that is cut off.
pub(crate) const FILTERS: [Filter; 4] = [
    Filter { column: "n0", bound: 20, below: false },
    Filter { column: "n1", bound: 81, below: true },
    Filter { column: "n2", bound: 10, below: false },
    Filter { column: "c1", bound: 9, below: true },
];

/// One row.
pub(crate) struct Row {
    /// What the filters look at, in their order.
    pub(crate) filtered: [i16; 4],
    /// Is consent to each of the two scopes valid?
    pub(crate) consents: [bool; 2],
    pub(crate) group: u16,
    /// The value's level, if it is known.
    pub(crate) value: Option<u16>,
}

impl Row {
    fn counts(&self) -> bool {
        self.consents == [true, true] && FILTERS.iter().zip(self.filtered).all(|(filter, x)| filter.passes(x))
    }
}

/// The first `count` rows of a table made by `dictionary(4, 2)`: numbers n0 to n3 have the bins 0 (missing) to 100, categories c0 and c1
/// the bins 0 (missing) to 9; bin 0 of a consent is "no", and the others are valid on the table's day.
pub(crate) fn rows(table: &Table, count: usize) -> Vec<Row> {
    let witness = table.witness();
    let [n0, n1, n2, n3, c0, c1] = [0, 1, 2, 3, 4, 5].map(|block: usize| &witness.data.blocks[block]);
    let [health, labs] = [0, 1].map(|block: usize| &witness.consent.blocks[block]);
    let missing_last = |bin: u16, past: i16| if bin == 0 { past } else { bin as i16 };
    let row = |i: usize| Row {
        filtered: [n0[i] as i16, missing_last(n1[i], 101), n2[i] as i16, missing_last(c1[i], 10)],
        consents: [health[i] > 0, labs[i] > 0],
        group: c0[i],
        value: n3[i].checked_sub(1),
    };
    (0..count).map(row).collect()
}

/// What is asked of a group, and the number of its rows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Group {
    /// Rows, known value or not.
    pub(crate) rows: u64,
    /// Rows where the value is known.
    pub(crate) known: u64,
    /// Sum of the value.
    pub(crate) sum: u64,
    /// Sum of its squares.
    pub(crate) squares: u64,
}

/// The answer, by counting.
pub(crate) fn answer(rows: &[Row]) -> [Group; GROUPS] {
    let mut groups = [Group::default(); GROUPS];
    for row in rows.iter().filter(|row| row.counts()) {
        let group = &mut groups[usize::from(row.group)];
        group.rows += 1;
        if let Some(x) = row.value.map(u64::from) {
            group.known += 1;
            group.sum += x;
            group.squares += x * x;
        }
    }
    groups
}
