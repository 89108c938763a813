//! Filters and groups: bin sets checked and turned into matrix rows.

use super::StatementError;
use crate::{
    dictionary::{Attribute, Dictionary},
    statement::{CLAUSES_MAX, Clause, GROUPS_MAX, LITERALS_MAX, Literal, Measure, Measures, Statement},
};

pub(super) fn limit(what: &'static str, found: usize, max: usize) -> Result<(), StatementError> {
    if found > max { Err(StatementError::Limit { what, found, max }) } else { Ok(()) }
}

pub(super) fn attribute(dictionary: &Dictionary, index: u16) -> Result<&Attribute, StatementError> {
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

pub(super) fn bin_rows(attribute: &Attribute, bins: &[u16]) -> Vec<usize> {
    bins.iter().map(|b| attribute.first_block().first_row() + usize::from(*b)).collect()
}

pub(super) fn filter(dictionary: &Dictionary, clauses: &[Clause]) -> Result<Vec<Vec<Vec<usize>>>, StatementError> {
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

pub(super) fn groups(dictionary: &Dictionary, statement: &Statement) -> Result<Vec<Vec<Vec<usize>>>, StatementError> {
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

pub(super) fn check_disjoint(attribute: &Attribute, sets: &[Vec<u16>]) -> Result<(), StatementError> {
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
pub(super) fn check_alternatives(statement: &Statement) -> Result<(), StatementError> {
    let measured: Vec<u16> = match &statement.measures {
        Measures::Descriptive { of, .. } => of.iter().map(Measure::attribute).collect(),
        Measures::Model { values } => values.clone(),
    };
    let alternatives = statement.filter.iter().filter(|c| c.any_of.len() > 1).flat_map(|c| &c.any_of);
    let named: std::collections::BTreeSet<u16> = alternatives.map(|l| l.attribute).filter(|a| measured.contains(a)).collect();
    limit("measured attributes among its alternatives", named.len(), 1)
}

/// False if single-literal clauses on the attribute already exclude every one of these bins.
pub(super) fn possible(statement: &Statement, attribute: u16, bins: &[u16]) -> bool {
    statement.filter.iter().all(|clause| match clause.any_of.as_slice() {
        [only] if only.attribute == attribute => bins.iter().any(|b| only.bins.binary_search(b).is_ok()),
        _ => true,
    })
}

/// The band of a grouping attribute that a group lies in.
pub(super) fn group_band(statement: &Statement, mut group: usize, attribute: u16) -> Option<&[u16]> {
    for grouping in &statement.groups {
        let t = group % grouping.bands.len();
        group /= grouping.bands.len();
        if grouping.attribute == attribute {
            return Some(&grouping.bands[t]);
        }
    }
    None
}
