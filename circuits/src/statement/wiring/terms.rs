//! Left and right terms of a statement: what is summed, and which of the products are released.

use super::{
    StatementError,
    cell::{CellKind, CellMeaning},
    conditions::{attribute, bin_rows, check_disjoint, limit, possible},
};
use crate::{
    dictionary::{Attribute, AttributeKind, Dictionary, Missingness},
    statement::{Measure, Measures, Statement},
};

/// A linear function of one row's bins; the first term of every list is the constant one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) one: bool,
    pub(super) rows: Vec<(usize, u64)>,
}

/// Left and right terms of a statement's shape.
pub(super) struct Terms {
    pub(super) left: Vec<Term>,
    pub(super) right: Vec<Term>,
    /// Meaning of each left term, and of each (left, right) product that is released.
    meanings: Vec<Vec<CellMeaning>>,
}

impl Terms {
    pub(super) fn new(dictionary: &Dictionary, statement: &Statement) -> Result<Self, StatementError> {
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
        let reads_protected = reads_protected(dictionary, statement);
        for measure in of {
            let index = measure.attribute();
            let attribute = attribute(dictionary, index)?;
            let bin_terms = |bins: &[u16]| bin_rows(attribute, bins).into_iter().map(|r| (r, 1)).collect::<Vec<_>>();
            // with another count beside it (the rows', or that of an attribute known by construction) a known count shows the missing, which
            // is a gate unless that says nothing (rule D3)
            if (count_rows || of.len() > 1)
                && (reads_protected || attribute.missingness() == Missingness::Protected)
                && !attribute.complete()
            {
                terms.push_left(bin_terms(&[0]), CellMeaning::Missing(index));
            }
            let known: Vec<u16> = attribute.known_bins().collect();
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
            if attribute.missing_bin().is_some_and(|missing| possible(statement, *index, &[missing])) {
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
    pub(super) fn cells<'a>(&self, statement: &'a Statement, band_of: &dyn Fn(u16) -> Option<&'a [u16]>) -> Vec<(CellMeaning, CellKind)> {
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
        out
    }
}

/// True if a filter or a group reads an attribute whose missingness is protected: then every measure is treated as protected, as "one of those with the
/// condition has no weight" is told otherwise (rule D3: public only among public).
fn reads_protected(dictionary: &Dictionary, statement: &Statement) -> bool {
    let literals = statement.filter.iter().flat_map(|c| &c.any_of).map(|l| l.attribute);
    let mut read = literals.chain(statement.groups.iter().map(|g| g.attribute));
    let public = |a: &Attribute| a.complete() || a.missingness() == Missingness::Public;
    read.any(|index| !dictionary.attribute(index).is_some_and(public))
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
    let missing = attribute.missing_bin().map(|bin| [bin]);
    for band in bands.into_iter().filter(|b| b.is_none() || *b != missing.as_ref().map(<[u16; 1]>::as_slice)) {
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
    if parts.len() < 2
        || attribute.missing_bin().is_some_and(|bin| parts.iter().any(|p| p.contains(&bin)))
        || known != attribute.known_bins().len()
    {
        return Err(StatementError::Measure {
            attribute: attribute.name().to_owned(),
            reason: "the parts of a share are two or more sets that together are all known levels",
        });
    }
    Ok(())
}
