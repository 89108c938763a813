//! The fixed wiring of a statement: columns, cells, gates.
//!
//! Row polynomial: `P(i) = product of column l at row i over the slots of [`columns`]`, with clauses as `1 - prod (1 - literal)`.
//! One challenge gamma: cell i has weight gamma^i, `i = (g |X| + a) |Y| + b` for group g, left term a and right term b, so that
//! the group columns carry gamma^(g |X| |Y|), the left column sum_a gamma^(a |Y|) X_a and the right one sum_b gamma^b Y_b.
//! Different cells have different powers, so no value can move between cells (docs/adr/002).

mod cell;
mod conditions;
mod error;
mod forms;
mod terms;

pub use cell::{Cell, CellKind, CellMeaning};
pub use error::StatementError;
pub use forms::{ColumnForm, FoldedForm, IntegerForm, Side};

use super::{CLAUSES_MAX, DEGREE_MAX, GROUPS_MAX, LITERALS_MAX, Measures, Statement};
use crate::{
    consent::{Eligibility, STUDY_SCOPES_MAX, ScopeRegistry},
    dictionary::Dictionary,
    field::Fr,
};
use ark_ff::{Field, One};
use conditions::{check_alternatives, filter, group_band, groups, limit};
use forms::combine;
use terms::{Term, Terms};

/// Positions of the column slots; the same in the circuit, the prover and the verifier.
pub mod columns {
    use super::{CLAUSES_MAX, GROUPS_MAX, LITERALS_MAX, STUDY_SCOPES_MAX};
    /// The ledger's active bits.
    pub const ACTIVE: usize = 0;
    /// First consent scope.
    pub const SCOPE: usize = 1;
    /// First literal of the first clause.
    pub const LITERAL: usize = SCOPE + STUDY_SCOPES_MAX;
    /// First group factor.
    pub const GROUP: usize = LITERAL + CLAUSES_MAX * LITERALS_MAX;
    /// Left terms.
    pub const LEFT: usize = GROUP + GROUPS_MAX;
    /// Right terms.
    pub const RIGHT: usize = LEFT + 1;
    /// Number of slots.
    pub const COUNT: usize = RIGHT + 1;
}

/// Rows and weights of a term; `None` for the constant one.
pub type TermRows<'a> = Option<&'a [(usize, u64)]>;

/// A statement checked against its dictionary and wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    scopes: Vec<Vec<usize>>,
    clauses: Vec<Vec<Vec<usize>>>,
    groups: Vec<Vec<Vec<usize>>>,
    left: Vec<Term>,
    right: Vec<Term>,
    cells: Vec<Cell>,
    model_values: usize,
}

impl Wiring {
    /// Checks a statement and wires it.
    ///
    /// # Errors
    /// The statement is malformed, not canonical, or over a limit.
    pub fn new(
        dictionary: &Dictionary,
        statement: &Statement,
        registry: &ScopeRegistry,
        eligibility: &Eligibility,
    ) -> Result<Self, StatementError> {
        let scopes = eligibility.columns(registry)?;
        let mut clauses = filter(dictionary, &statement.filter)?;
        if clauses.is_empty() {
            // without a positive predicate an empty slot would count: occupancy is the filter (protocol, section 6)
            clauses.push(vec![vec![dictionary.layout().bin_rows()]]);
        }
        check_alternatives(statement)?;
        let groups = groups(dictionary, statement)?;
        let terms = Terms::new(dictionary, statement)?;
        let n_groups: usize = groups.iter().map(Vec::len).product();
        let count = n_groups * terms.left.len() * terms.right.len();
        limit("cells", count, crate::aggregate_cells_max())?;
        let mut cells = Vec::with_capacity(count);
        for group in 0..n_groups {
            let band_of = |attribute: u16| group_band(statement, group, attribute);
            cells.extend(terms.cells(statement, &band_of).into_iter().map(|(meaning, kind)| Cell { group, meaning, kind }));
        }
        let model_values = if let Measures::Model { values } = &statement.measures { values.len() } else { 0 };
        let wiring = Self { scopes, clauses, groups, left: terms.left, right: terms.right, cells, model_values };
        let degree = wiring.degree();
        if degree > DEGREE_MAX {
            let filter = wiring.clauses.iter().map(Vec::len).sum();
            let terms = usize::from(wiring.left.len() > 1) + usize::from(wiring.right.len() > 1);
            return Err(StatementError::Degree { degree, scopes: wiring.scopes.len(), filter, groups: wiring.groups.len(), terms });
        }
        Ok(wiring)
    }

    /// Cells in order; cell i has weight gamma^i.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Number of groups.
    pub fn group_count(&self) -> usize {
        self.groups.iter().map(Vec::len).product()
    }

    /// Consent rows of each scope's column.
    pub fn scopes(&self) -> &[Vec<usize>] {
        &self.scopes
    }

    /// Data rows of each literal of each clause.
    pub fn clauses(&self) -> &[Vec<Vec<usize>>] {
        &self.clauses
    }

    /// Data rows of each band of each grouping attribute.
    pub fn groupings(&self) -> &[Vec<Vec<usize>>] {
        &self.groups
    }

    /// True if the left (right) column is not the constant one.
    pub fn has_terms(&self) -> (bool, bool) {
        (self.left.len() > 1, self.right.len() > 1)
    }

    /// Terms of the left and the right column: rows and weights, the constant one as `None`.
    pub fn terms(&self) -> [Vec<TermRows<'_>>; 2] {
        [&self.left, &self.right].map(|list| list.iter().map(|t| (!t.one).then_some(t.rows.as_slice())).collect())
    }

    /// Degree of the row polynomial: one a factor that is not constant.
    pub fn degree(&self) -> usize {
        let (left, right) = self.has_terms();
        1 + self.scopes.len()
            + self.clauses.iter().map(Vec::len).sum::<usize>()
            + self.groups.len()
            + usize::from(left)
            + usize::from(right)
    }

    /// The number of people a gate needs under a rule of `k_min`: a model also needs three for each released number (rule D6).
    pub fn gate_minimum(&self, k_min: u32) -> u32 {
        let p = self.model_values as u32;
        k_min.max((3 * p * (p + 3)).div_ceil(2))
    }

    /// Weight of each band of a grouping attribute.
    pub fn group_weights(&self, grouping: usize, gamma: Fr) -> Vec<Fr> {
        let stride = self.groups[..grouping].iter().map(Vec::len).product::<usize>() * self.left.len() * self.right.len();
        powers(gamma.pow([stride as u64]), self.groups[grouping].len())
    }

    /// Weights of the left terms and of the right terms.
    pub fn term_weights(&self, gamma: Fr) -> [Vec<Fr>; 2] {
        [powers(gamma.pow([self.right.len() as u64]), self.left.len()), powers(gamma, self.right.len())]
    }

    /// The folded columns as forms with small weights, each with its field weight; constants and active bits left out.
    pub fn integer_forms(&self, gamma: Fr, chi: Fr) -> Vec<(IntegerForm, Fr)> {
        let power = |slot: usize| chi.pow([slot as u64 + 1]);
        let mut forms = Vec::new();
        for (s, rows) in self.scopes.iter().enumerate() {
            forms.push((IntegerForm::sum(Side::Consent, rows), power(columns::SCOPE + s)));
        }
        for (c, clause) in self.clauses.iter().enumerate() {
            for (l, rows) in clause.iter().enumerate() {
                forms.push((IntegerForm::sum(Side::Data, rows), power(columns::LITERAL + c * LITERALS_MAX + l)));
            }
        }
        for (q, bands) in self.groups.iter().enumerate() {
            let weights = self.group_weights(q, gamma);
            forms.extend(bands.iter().zip(weights).map(|(rows, w)| (IntegerForm::sum(Side::Data, rows), w * power(columns::GROUP + q))));
        }
        let weights = self.term_weights(gamma);
        for (slot, terms, weights) in [(columns::LEFT, &self.left, &weights[0]), (columns::RIGHT, &self.right, &weights[1])] {
            let real = terms.iter().zip(weights).filter(|(t, _)| !t.one);
            forms.extend(real.map(|(t, w)| (IntegerForm { side: Side::Data, rows: t.rows.clone() }, *w * power(slot))));
        }
        forms
    }

    /// Every column slot as a linear form, for a challenge gamma.
    pub fn columns(&self, gamma: Fr) -> Vec<ColumnForm> {
        let mut out = vec![ColumnForm::constant(true); columns::COUNT];
        out[columns::ACTIVE] = ColumnForm { active: true, ..ColumnForm::default() };
        for (s, rows) in self.scopes.iter().enumerate() {
            out[columns::SCOPE + s] = ColumnForm { consent: rows.iter().map(|r| (*r, Fr::one())).collect(), ..ColumnForm::default() };
        }
        for c in 0..CLAUSES_MAX {
            for l in 0..LITERALS_MAX {
                // an unused clause is one, an unused literal of a used clause is zero
                out[columns::LITERAL + c * LITERALS_MAX + l] = match self.clauses.get(c) {
                    None => ColumnForm::constant(l == 0),
                    Some(clause) => {
                        clause.get(l).map_or_else(|| ColumnForm::constant(false), |rows| ColumnForm::data_sum(rows.iter().copied()))
                    }
                };
            }
        }
        for (q, bands) in self.groups.iter().enumerate() {
            let weights = self.group_weights(q, gamma);
            let data = bands.iter().zip(&weights).flat_map(|(rows, w)| rows.iter().map(|r| (*r, *w))).collect();
            out[columns::GROUP + q] = ColumnForm { data, ..ColumnForm::default() };
        }
        let weights = self.term_weights(gamma);
        for (slot, terms, weights) in [(columns::LEFT, &self.left, &weights[0]), (columns::RIGHT, &self.right, &weights[1])] {
            out[slot] = combine(terms, weights);
        }
        out
    }
}

fn powers(x: Fr, n: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::one()), |p| Some(*p * x)).take(n).collect()
}
