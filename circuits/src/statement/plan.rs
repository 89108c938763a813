//! The fixed wiring of a statement: columns, cells, gates.
//!
//! Row polynomial: `P(i) = product of column l at row i over the slots of [`columns`]`, with clauses as `1 - prod (1 - literal)`.
//! One challenge gamma: cell i has weight gamma^i, `i = (g |X| + a) |Y| + b` for group g, left term a and right term b, so that
//! the group columns carry gamma^(g |X| |Y|), the left column sum_a gamma^(a |Y|) X_a and the right one sum_b gamma^b Y_b.
//! Different cells have different powers, so no value can move between cells (docs/adr/002).

use super::{CLAUSES_MAX, Clause, DEGREE_MAX, GROUPS_MAX, LITERALS_MAX, Literal, Measure, Measures, Statement};
use crate::{
    consent::{Eligibility, STUDY_SCOPES_MAX, ScopeError, ScopeRegistry},
    dictionary::{Attribute, AttributeKind, Dictionary},
    field::Fr,
};
use ark_ff::{Field, One, Zero};

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

/// Why a statement is refused. The asker is at fault; messages carry the query language's codes where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// An attribute index beyond the dictionary.
    #[error("the statement names attribute #{0}, which the dictionary does not have")]
    Attribute(u16),
    /// A bin set that is empty, unordered, out of range, always true, or not made of governed bands.
    #[error("bins of \"{attribute}\": {reason}")]
    Bins {
        /// The attribute's name.
        attribute: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Not the canonical order, or a repetition.
    #[error("the statement is not in canonical form: {0}")]
    Canonical(&'static str),
    /// A measure its attribute does not allow.
    #[error("\"{attribute}\": {reason}")]
    Measure {
        /// The attribute's name.
        attribute: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Over one of the fixed limits.
    #[error("the statement has {found} {what}; at most {max}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// Too many factors.
    #[error(
        "the statement needs degree {degree} ({scopes} consent scopes, {filter} filter conditions, {groups} groups, {terms} for values, 1 for withdrawals); circuit 1 carries {DEGREE_MAX}. Drop a condition, or ask for counts and means of one-block attributes"
    )]
    Degree {
        /// Degree needed.
        degree: usize,
        /// Consent scopes.
        scopes: usize,
        /// Literals of the filter.
        filter: usize,
        /// Grouping attributes.
        groups: usize,
        /// Value columns.
        terms: usize,
    },
    /// The consent side is malformed.
    #[error(transparent)]
    Scope(#[from] ScopeError),
}

/// What a cell of the moment table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellMeaning {
    /// Rows of the group.
    Rows,
    /// Rows where the attribute is missing.
    Missing(u16),
    /// Rows where it is known.
    Known(u16),
    /// Sum of its levels.
    Sum(u16),
    /// Sum of its squared levels.
    SumOfSquares(u16),
    /// Rows in a part of its partition.
    Part(u16, u16),
    /// Sum of products of the levels of two attributes.
    Product(u16, u16),
    /// A product the statement does not release.
    Hidden,
}

/// Public kind bits of a cell (S2.7). All false on padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellKind {
    /// First cell of a group that releases its number of rows: withholding it withholds the group.
    pub group_start: bool,
    /// First cell of a block; blocks run to the next start.
    pub block_start: bool,
    /// Its count must be at least `k_min` for the block to be released.
    pub gate: bool,
    /// A gate that zero passes: structural zeros and missing counts.
    pub zero_ok: bool,
    /// Released with its block; a cell not shown is released as zero.
    pub show: bool,
}

/// One cell of the moment table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Index of its group.
    pub group: usize,
    /// What it counts or sums.
    pub meaning: CellMeaning,
    /// How it is released.
    pub kind: CellKind,
}

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
    fn constant(one: bool) -> Self {
        Self { one: Fr::from(one), ..Self::default() }
    }

    fn data_sum(rows: impl IntoIterator<Item = usize>) -> Self {
        Self { data: rows.into_iter().map(|r| (r, Fr::one())).collect(), ..Self::default() }
    }
}

/// A linear function of one row's bins; the first term of every list is the constant one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    one: bool,
    rows: Vec<(usize, u64)>,
}

/// Rows and weights of a term; `None` for the constant one.
pub type TermRows<'a> = Option<&'a [(usize, u64)]>;

/// A statement checked against its dictionary and wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    scopes: Vec<Vec<usize>>,
    clauses: Vec<Vec<Vec<usize>>>,
    groups: Vec<Vec<Vec<usize>>>,
    left: Vec<Term>,
    right: Vec<Term>,
    cells: Vec<Cell>,
    model_values: usize,
}

impl Plan {
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
            cells.extend(terms.cells(dictionary, statement, &band_of)?.into_iter().map(|(meaning, kind)| Cell { group, meaning, kind }));
        }
        let model_values = if let Measures::Model { values } = &statement.measures { values.len() } else { 0 };
        let plan = Self { scopes, clauses, groups, left: terms.left, right: terms.right, cells, model_values };
        let degree = plan.degree();
        if degree > DEGREE_MAX {
            let filter = plan.clauses.iter().map(Vec::len).sum();
            let terms = usize::from(plan.left.len() > 1) + usize::from(plan.right.len() > 1);
            return Err(StatementError::Degree { degree, scopes: plan.scopes.len(), filter, groups: plan.groups.len(), terms });
        }
        Ok(plan)
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
    fn sum(side: Side, rows: &[usize]) -> Self {
        Self { side, rows: rows.iter().map(|r| (*r, 1)).collect() }
    }
}

fn combine(terms: &[Term], weights: &[Fr]) -> ColumnForm {
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

fn powers(x: Fr, n: usize) -> Vec<Fr> {
    std::iter::successors(Some(Fr::one()), |p| Some(*p * x)).take(n).collect()
}

fn limit(what: &'static str, found: usize, max: usize) -> Result<(), StatementError> {
    if found > max { Err(StatementError::Limit { what, found, max }) } else { Ok(()) }
}

fn attribute(dictionary: &Dictionary, index: u16) -> Result<&Attribute, StatementError> {
    dictionary.attribute(index).ok_or(StatementError::Attribute(index))
}

/// Checks a bin set: non-empty, ascending, in range, not all bins, and for scales made of whole bands (rule D4).
fn check_bins(attribute: &Attribute, bins: &[u16]) -> Result<(), StatementError> {
    let fail = |reason| Err(StatementError::Bins { attribute: attribute.name().to_owned(), reason });
    let all = attribute.first_block().bins();
    if bins.is_empty() {
        return fail("an empty set holds for nobody");
    }
    if !bins.windows(2).all(|w| w[0] < w[1]) || bins.last().is_none_or(|b| usize::from(*b) >= all) {
        return fail("not ascending, or out of range");
    }
    if bins.len() == all {
        return fail("the set of all bins holds for everybody; leave the condition out");
    }
    let inside = |b: &u16| bins.binary_search(b).is_ok();
    if attribute.bands().iter().any(|band| band.bins.iter().any(inside) && !band.bins.iter().all(inside)) {
        return fail("not made of whole bands; free cut points allow single people to be isolated (D4)");
    }
    Ok(())
}

fn bin_rows(attribute: &Attribute, bins: &[u16]) -> Vec<usize> {
    bins.iter().map(|b| attribute.first_block().first_row() + usize::from(*b)).collect()
}

fn filter(dictionary: &Dictionary, clauses: &[Clause]) -> Result<Vec<Vec<Vec<usize>>>, StatementError> {
    limit("clauses", clauses.len(), CLAUSES_MAX)?;
    if !clauses.windows(2).all(|w| w[0] < w[1]) {
        return Err(StatementError::Canonical("clauses ascend and differ"));
    }
    let literal = |l: &Literal| {
        let attribute = attribute(dictionary, l.attribute)?;
        check_bins(attribute, &l.bins)?;
        Ok(bin_rows(attribute, &l.bins))
    };
    clauses
        .iter()
        .map(|clause| {
            limit("alternatives in one condition", clause.any_of.len(), LITERALS_MAX)?;
            if clause.any_of.is_empty() || !clause.any_of.windows(2).all(|w| w[0].attribute < w[1].attribute) {
                return Err(StatementError::Canonical("a clause has literals, ascending by attribute, one each"));
            }
            clause.any_of.iter().map(literal).collect()
        })
        .collect()
}

fn groups(dictionary: &Dictionary, statement: &Statement) -> Result<Vec<Vec<Vec<usize>>>, StatementError> {
    limit("grouping attributes", statement.groups.len(), GROUPS_MAX)?;
    let mut out = Vec::new();
    for (i, grouping) in statement.groups.iter().enumerate() {
        let attribute = attribute(dictionary, grouping.attribute)?;
        if statement.groups[..i].iter().any(|g| g.attribute == grouping.attribute) {
            return Err(StatementError::Canonical("an attribute groups once"));
        }
        limit("groups", grouping.bands.len(), crate::aggregate_cells_max())?;
        check_disjoint(attribute, &grouping.bands)?;
        for bins in &grouping.bands {
            if !possible(statement, grouping.attribute, bins) {
                return Err(StatementError::Bins {
                    attribute: attribute.name().to_owned(),
                    reason: "the filter leaves a requested group empty; leave it out",
                });
            }
        }
        out.push(grouping.bands.iter().map(|bins| bin_rows(attribute, bins)).collect());
    }
    Ok(out)
}

fn check_disjoint(attribute: &Attribute, sets: &[Vec<u16>]) -> Result<(), StatementError> {
    if sets.is_empty() {
        return Err(StatementError::Bins { attribute: attribute.name().to_owned(), reason: "no set at all" });
    }
    let mut seen = std::collections::BTreeSet::new();
    for bins in sets {
        check_bins(attribute, bins)?;
        if !bins.iter().all(|b| seen.insert(*b)) {
            return Err(StatementError::Bins { attribute: attribute.name().to_owned(), reason: "sets overlap" });
        }
    }
    Ok(())
}

/// `x in A or y in B` makes the table of x and y lack a corner, so that n, x's counts and y's counts show how many are in both. Alternatives
/// may name one measured attribute in all: then the measured attributes of the rows that count vary independently of each other, and no
/// combination of their counts counts anything that is not gated.
fn check_alternatives(statement: &Statement) -> Result<(), StatementError> {
    let measured: Vec<u16> = match &statement.measures {
        Measures::Descriptive { of, .. } => of.iter().map(Measure::attribute).collect(),
        Measures::Model { values } => values.clone(),
    };
    let alternatives = statement.filter.iter().filter(|c| c.any_of.len() > 1).flat_map(|c| &c.any_of);
    let named: std::collections::BTreeSet<u16> = alternatives.map(|l| l.attribute).filter(|a| measured.contains(a)).collect();
    limit("measured attributes among its alternatives", named.len(), 1)
}

/// False if single-literal clauses on the attribute already exclude every one of these bins.
fn possible(statement: &Statement, attribute: u16, bins: &[u16]) -> bool {
    statement.filter.iter().all(|clause| match clause.any_of.as_slice() {
        [only] if only.attribute == attribute => bins.iter().any(|b| only.bins.binary_search(b).is_ok()),
        _ => true,
    })
}

/// The band of a grouping attribute that a group lies in.
fn group_band(statement: &Statement, mut group: usize, attribute: u16) -> Option<&[u16]> {
    for grouping in &statement.groups {
        let t = group % grouping.bands.len();
        group /= grouping.bands.len();
        if grouping.attribute == attribute {
            return Some(&grouping.bands[t]);
        }
    }
    None
}

/// Left and right terms of a statement's shape.
struct Terms {
    left: Vec<Term>,
    right: Vec<Term>,
    /// Meaning of each left term, and of each (left, right) product that is released.
    meanings: Vec<Vec<CellMeaning>>,
}

impl Terms {
    fn new(dictionary: &Dictionary, statement: &Statement) -> Result<Self, StatementError> {
        match &statement.measures {
            Measures::Descriptive { count_rows, of } => Self::descriptive(dictionary, statement, *count_rows, of),
            Measures::Model { values } => Self::model(dictionary, statement, values),
        }
    }

    fn one(meaning: CellMeaning) -> Self {
        let one = Term { one: true, rows: Vec::new() };
        Self { left: vec![one.clone()], right: vec![one], meanings: vec![vec![meaning]] }
    }

    fn push_left(&mut self, rows: Vec<(usize, u64)>, meaning: CellMeaning) {
        self.left.push(Term { one: false, rows });
        self.meanings.push(vec![meaning]);
    }

    /// One-block attributes: known, value and square are linear, and the right column is the constant one. A two-block square is
    /// a product: its value stands on the right as well, and all other products are hidden.
    fn descriptive(dictionary: &Dictionary, statement: &Statement, count_rows: bool, of: &[Measure]) -> Result<Self, StatementError> {
        if of.is_empty() && !count_rows {
            return Err(StatementError::Canonical("nothing is asked for"));
        }
        if of.iter().enumerate().any(|(i, m)| of[..i].iter().any(|n| n.attribute() == m.attribute())) {
            return Err(StatementError::Canonical("an attribute is measured once"));
        }
        limit("measures", of.len(), crate::aggregate_cells_max())?;
        let mut terms = Self::one(if count_rows { CellMeaning::Rows } else { CellMeaning::Hidden });
        let mut squares = Vec::new();
        for measure in of {
            let index = measure.attribute();
            let attribute = attribute(dictionary, index)?;
            let bin_terms = |bins: &[u16]| bin_rows(attribute, bins).into_iter().map(|r| (r, 1)).collect::<Vec<_>>();
            // with another count beside it (the rows', or that of an attribute known by construction) a known count shows the missing
            if count_rows || of.len() > 1 {
                terms.push_left(bin_terms(&[0]), CellMeaning::Missing(index));
            }
            let known: Vec<u16> = (1..attribute.first_block().bins() as u16).collect();
            match measure {
                Measure::Known { .. } => terms.push_left(bin_terms(&known), CellMeaning::Known(index)),
                Measure::Moments { .. } => {
                    check_value(attribute, index, statement)?;
                    terms.push_left(bin_terms(&known), CellMeaning::Known(index));
                    terms.push_left(attribute.value_form(), CellMeaning::Sum(index));
                    match attribute.square_form() {
                        Some(square) => terms.push_left(square, CellMeaning::SumOfSquares(index)),
                        None => squares.push((index, terms.left.len() - 1)),
                    }
                }
                Measure::Parts { parts, .. } => {
                    check_parts(attribute, parts)?;
                    for (i, part) in parts.iter().enumerate() {
                        terms.push_left(bin_terms(part), CellMeaning::Part(index, i as u16));
                    }
                }
            }
        }
        for (k, (index, left)) in squares.iter().enumerate() {
            terms.right.push(terms.left[*left].clone());
            for (a, row) in terms.meanings.iter_mut().enumerate() {
                debug_assert_eq!(row.len(), k + 1);
                row.push(if a == *left { CellMeaning::SumOfSquares(*index) } else { CellMeaning::Hidden });
            }
        }
        Ok(terms)
    }

    fn model(dictionary: &Dictionary, statement: &Statement, values: &[u16]) -> Result<Self, StatementError> {
        if values.len() < 2 || !values.windows(2).all(|w| w[0] < w[1]) {
            return Err(StatementError::Canonical("a model has two or more values, ascending"));
        }
        limit("values of a model", values.len(), 15)?;
        let mut terms = Self::one(CellMeaning::Rows);
        for index in values {
            let attribute = attribute(dictionary, *index)?;
            check_value(attribute, *index, statement)?;
            if possible(statement, *index, &[0]) {
                return Err(StatementError::Measure {
                    attribute: attribute.name().to_owned(),
                    reason: "a model is a complete-case statement: its filter must ask for known values",
                });
            }
            terms.push_left(attribute.value_form(), CellMeaning::Sum(*index));
            terms.right.push(Term { one: false, rows: attribute.value_form() });
        }
        for (a, row) in terms.meanings.iter_mut().enumerate() {
            for (b, y) in values.iter().enumerate() {
                row.push(match a.checked_sub(1) {
                    Some(x) if x == b => CellMeaning::SumOfSquares(*y),
                    Some(x) if x < b => CellMeaning::Product(values[x], *y),
                    // (1, y) repeats (y, 1), (y, x) repeats (x, y)
                    _ => CellMeaning::Hidden,
                });
            }
        }
        Ok(terms)
    }

    /// Meanings and kinds of one group's cells, in order.
    fn cells<'a>(
        &self,
        dictionary: &Dictionary,
        statement: &'a Statement,
        band_of: &dyn Fn(u16) -> Option<&'a [u16]>,
    ) -> Result<Vec<(CellMeaning, CellKind)>, StatementError> {
        let model = matches!(statement.measures, Measures::Model { .. });
        let mut block = None;
        let mut out = Vec::with_capacity(self.left.len() * self.right.len());
        for meaning in self.meanings.iter().flatten() {
            let kind = match *meaning {
                CellMeaning::Hidden => CellKind::default(),
                CellMeaning::Rows => CellKind { group_start: true, block_start: true, gate: true, zero_ok: false, show: true },
                CellMeaning::Missing(a) => {
                    CellKind { block_start: block.replace(a) != Some(a), gate: true, zero_ok: true, ..CellKind::default() }
                }
                CellMeaning::Known(a) => {
                    CellKind { block_start: block.replace(a) != Some(a), gate: true, show: true, ..CellKind::default() }
                }
                CellMeaning::Part(a, part) => {
                    let bins = part_bins(statement, a, part);
                    let empty = !possible(statement, a, bins) || band_of(a).is_some_and(|band| !band.iter().any(|b| bins.contains(b)));
                    CellKind { block_start: block.replace(a) != Some(a), gate: true, zero_ok: empty, show: true, ..CellKind::default() }
                }
                CellMeaning::Sum(_) | CellMeaning::SumOfSquares(_) | CellMeaning::Product(..) => {
                    CellKind { show: true, ..CellKind::default() }
                }
            };
            out.push((*meaning, kind));
        }
        debug_assert!(model || dictionary.attributes().len() <= usize::from(u16::MAX));
        Ok(out)
    }
}

fn part_bins(statement: &Statement, attribute: u16, part: u16) -> &[u16] {
    let Measures::Descriptive { of, .. } = &statement.measures else { return &[] };
    of.iter()
        .find_map(|m| match m {
            Measure::Parts { attribute: a, parts } if *a == attribute => parts.get(usize::from(part)),
            _ => None,
        })
        .map_or(&[], Vec::as_slice)
}

/// Fewest levels of a value (rule D5).
const VALUE_LEVELS_MIN: u32 = 10;

/// Rule D5: flags, categories and scales of fewer than ten levels are never values, and neither is what the statement's own conditions
/// and groups leave fewer than ten levels of: the moments of three levels are their three counts.
fn check_value(attribute: &Attribute, index: u16, statement: &Statement) -> Result<(), StatementError> {
    let refuse = |reason| Err(StatementError::Measure { attribute: attribute.name().to_owned(), reason });
    if matches!(attribute.kind(), AttributeKind::Category | AttributeKind::Flag) {
        return refuse("categories and flags are counted by SHARE, not summed (D3)");
    }
    if attribute.level_count() < VALUE_LEVELS_MIN {
        return refuse("a scale of fewer than ten levels is used by bands only (D5)");
    }
    // every literal counts, also inside an alternative: several alternatives together can leave one of their sets
    let conditions: Vec<&[u16]> =
        statement.filter.iter().flat_map(|c| &c.any_of).filter(|l| l.attribute == index).map(|l| l.bins.as_slice()).collect();
    let bands = statement.groups.iter().filter(|g| g.attribute == index).flat_map(|g| &g.bands).map(|b| Some(b.as_slice()));
    let bands: Vec<Option<&[u16]>> = bands.collect();
    let bands = if bands.is_empty() { vec![None] } else { bands };
    for band in bands.into_iter().filter(|b| *b != Some(&[0][..])) {
        let inside = |bin: &u16| conditions.iter().copied().chain(band).all(|set| set.binary_search(bin).is_ok());
        let levels: u32 = attribute.bands().iter().filter(|b| b.bins.iter().all(inside)).map(|b| b.levels.1 - b.levels.0 + 1).sum();
        if levels < VALUE_LEVELS_MIN {
            return refuse("the conditions and groups leave fewer than ten of its levels; count its bands instead (D5)");
        }
    }
    Ok(())
}

fn check_parts(attribute: &Attribute, parts: &[Vec<u16>]) -> Result<(), StatementError> {
    check_disjoint(attribute, parts)?;
    let known: usize = parts.iter().map(Vec::len).sum();
    if parts.len() < 2 || parts.iter().any(|p| p.contains(&0)) || known + 1 != attribute.first_block().bins() {
        return Err(StatementError::Measure {
            attribute: attribute.name().to_owned(),
            reason: "the parts of a share are two or more sets that together are all known levels",
        });
    }
    Ok(())
}
