//! Columns as linear forms of what the ledger holds.

use super::terms::Term;
use crate::field::Fr;
use ark_ff::{One, Zero};

/// A column as a linear form of what the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnForm {
    /// Weight of the constant-one column.
    pub one: Fr,
    /// True for the active bits.
    pub active: bool,
    /// Rows of data segments with weights.
    pub data: Vec<(usize, Fr)>,
    /// Rows of consent segments with weights.
    pub consent: Vec<(usize, Fr)>,
}

impl ColumnForm {
    pub(super) fn constant(one: bool) -> Self {
        Self { one: Fr::from(one), ..Self::default() }
    }

    pub(super) fn data_sum(rows: impl IntoIterator<Item = usize>) -> Self {
        Self { data: rows.into_iter().map(|r| (r, Fr::one())).collect(), ..Self::default() }
    }
}

/// All columns of a statement folded into one: `sum over l of chi^(l+1) column_l` (S2.6, S2.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedForm {
    /// Weight of the constant-one column.
    pub one: Fr,
    /// Weight of the active bits.
    pub active: Fr,
    /// Rows of data segments with weights, ascending.
    pub data: Vec<(usize, Fr)>,
    /// Rows of consent segments with weights, ascending.
    pub consent: Vec<(usize, Fr)>,
}

impl FoldedForm {
    /// Folds columns with powers of chi.
    pub fn new(columns: &[ColumnForm], chi: Fr) -> Self {
        let (mut one, mut active) = (Fr::zero(), Fr::zero());
        let mut rows: [std::collections::BTreeMap<usize, Fr>; 2] = Default::default();
        let mut weight = chi;
        for column in columns {
            one += weight * column.one;
            if column.active {
                active += weight;
            }
            for (rows, form) in rows.iter_mut().zip([&column.data, &column.consent]) {
                for (row, w) in form {
                    *rows.entry(*row).or_insert_with(Fr::zero) += weight * w;
                }
            }
            weight *= chi;
        }
        let [data, consent] = rows.map(|rows| rows.into_iter().collect());
        Self { one, active, data, consent }
    }
}

/// Where the rows of an [`IntegerForm`] stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Data segments.
    Data,
    /// Consent segments.
    Consent,
}

/// A linear form with small public weights: what a verifier adds up for each segment, and may keep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IntegerForm {
    /// Which segments.
    pub side: Side,
    /// Rows and weights, ascending.
    pub rows: Vec<(usize, u64)>,
}

impl IntegerForm {
    pub(super) fn sum(side: Side, rows: &[usize]) -> Self {
        Self { side, rows: rows.iter().map(|r| (*r, 1)).collect() }
    }
}

pub(super) fn combine(terms: &[Term], weights: &[Fr]) -> ColumnForm {
    let mut form = ColumnForm::default();
    let mut data = std::collections::BTreeMap::<usize, Fr>::new();
    for (term, weight) in terms.iter().zip(weights) {
        if term.one {
            form.one += weight;
        }
        for (row, w) in &term.rows {
            *data.entry(*row).or_insert_with(Fr::zero) += *weight * Fr::from(*w);
        }
    }
    form.data = data.into_iter().collect();
    form
}
