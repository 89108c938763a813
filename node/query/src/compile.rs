//! A query text to a [`Question`].

use crate::{
    cnf::{BinSet, Cnf},
    condition,
    item::{self, Item},
    predicate::column,
    question::{Ask, Axis, AxisBand, AxisRole, Question, statement_refusal},
    refusal::{Code, Refusal, TextPosition},
    source::{self, Source},
};
use countersign_circuits::{
    consent::{Day, Eligibility, ScopeRegistry},
    dictionary::{Attribute, Dictionary},
    statement::{Clause, GROUPS_MAX, Grouping, Measure, Measures, Statement, StatementError, Wiring},
};
use std::collections::{BTreeMap, BTreeSet};

/// Compiles a query over a dictionary.
///
/// The statement is checked as the wiring will check it, with the fewest consent scopes a study can have; a study with more
/// scopes checks again with [`Question::wiring`].
///
/// # Errors
/// A [`Refusal`] with a code, words for the asker and a place in the text.
pub fn compile(sql: &str, dictionary: &Dictionary) -> Result<Question, Refusal> {
    let source = source::read(sql, dictionary)?;
    check_table(&source, dictionary)?;
    let items = item::read(&source.projection, dictionary, source.at)?;
    let by = grouping(&source, dictionary)?;
    check_alone(&items, &by, dictionary)?;
    let distribution = distribution(&items, &by, dictionary)?;
    let at = source.selection.as_ref().map_or(source.at, condition::position);
    let mut cnf = source.selection.as_ref().map_or(Ok(Cnf::default()), |e| condition::compile(e, dictionary, at))?;
    let measures = measures(&items, distribution, dictionary, source.at)?;
    if let Measures::Model { values } = &measures {
        for value in values {
            let bins = dictionary.attribute(*value).map_or(0, |a| a.first_block().bins());
            let known: BinSet = dictionary.attribute(*value).map_or(0..0, Attribute::known_bins).collect();
            cnf = cnf.and(Cnf::literal(*value, known, bins)).map_err(|e| condition::too_large(e, at))?;
        }
    }
    let filter = condition::filter(cnf, at)?;
    let groups = axes(&by, distribution, &filter, dictionary, source.at)?;
    let grouping_order = by.iter().filter_map(|a| groups.iter().position(|(axis, _)| axis.attribute == *a)).collect();
    let statement = Statement {
        filter,
        groups: groups.iter().map(|(axis, bands)| Grouping { attribute: axis.attribute, bands: bands.clone() }).collect(),
        measures,
    };
    let attributes = attributes(&statement);
    let question = Question {
        items: items.into_iter().map(|i| i.output).collect(),
        groups: groups.into_iter().map(|(axis, _)| axis).collect(),
        grouping_order,
        categories: categories(&attributes, dictionary),
        attributes,
        statement,
        at: source.at,
    };
    check_wiring(&question, dictionary)?;
    Ok(question)
}

fn check_table(source: &Source, dictionary: &Dictionary) -> Result<(), Refusal> {
    if source.table == dictionary.id() || source.table == dictionary.reference() {
        return Ok(());
    }
    let name: String = source.table.chars().take(60).collect();
    let words = format!("\"{name}\" is not the table of this query; it asks {}. Write FROM {}.", dictionary.reference(), dictionary.id());
    Err(Refusal::new(Code::Q14, source.table_at, words))
}

/// GROUP BY attributes in the order written, without repetition.
fn grouping(source: &Source, dictionary: &Dictionary) -> Result<Vec<u16>, Refusal> {
    let mut out = Vec::new();
    let mut fourth = None;
    for expr in &source.group_by {
        let (index, _) = column(expr, dictionary)?;
        if !out.contains(&index) {
            out.push(index);
            if out.len() == GROUPS_MAX + 1 {
                fourth = Some(condition::position(expr));
            }
        }
    }
    fourth.map_or(Ok(()), |at| Err(Refusal::too_many_groupings(at, out.len(), GROUPS_MAX)))?;
    Ok(out)
}

/// Q02, and that something is asked for at all.
fn check_alone(items: &[Item], by: &[u16], dictionary: &Dictionary) -> Result<(), Refusal> {
    let mut aggregates = 0;
    for item in items {
        match item.output.ask {
            Ask::Group { attribute } if !by.contains(&attribute) => {
                let found = dictionary.attribute(attribute);
                return found.map_or(Ok(()), |a| Err(Refusal::stands_alone(item.at, a)));
            }
            Ask::Group { .. } => {}
            _ => aggregates += 1,
        }
    }
    match items.first() {
        Some(first) if aggregates == 0 => {
            Err(Refusal::unreadable(first.at, "nothing is counted: add COUNT(*) or another aggregate to SELECT."))
        }
        _ => Ok(()),
    }
}

/// The one attribute whose distribution is asked for, if any, and that the other items agree with it.
fn distribution(items: &[Item], by: &[u16], dictionary: &Dictionary) -> Result<Option<u16>, Refusal> {
    let Some(attribute) = items.iter().find_map(|i| i.output.ask.distribution()) else { return Ok(None) };
    let name = |a: u16| dictionary.attribute(a).map_or("", Attribute::name);
    for item in items {
        let fine = match item.output.ask {
            Ask::Group { .. } | Ask::Rows => true,
            Ask::Known { attribute: a } | Ask::Histogram { attribute: a } | Ask::Quantile { attribute: a, .. } => a == attribute,
            _ => false,
        };
        if !fine {
            let words = format!(
                "HISTOGRAM, MEDIAN and PERCENTILE count the bands of one attribute (\"{0}\" here), so {1} would be split by these bands. Ask two queries, or GROUP BY {0} to see it in each band.",
                name(attribute),
                item.output.title
            );
            return Err(Refusal::new(Code::Q16, item.at, words));
        }
        if item.output.ask.distribution().is_some() && by.contains(&attribute) {
            let words = format!(
                "\"{0}\" is grouped and its distribution asked for at once. Leave GROUP BY {0} out, or ask for COUNT(*).",
                name(attribute)
            );
            return Err(Refusal::new(Code::Q16, item.at, words));
        }
    }
    if by.len() == GROUPS_MAX {
        let at = items.iter().find(|i| i.output.ask.distribution().is_some()).map_or(TextPosition::START, |i| i.at);
        return Err(Refusal::too_many_groupings(at, by.len() + 1, GROUPS_MAX));
    }
    Ok(Some(attribute))
}

fn measures(items: &[Item], distribution: Option<u16>, dictionary: &Dictionary, at: TextPosition) -> Result<Measures, Refusal> {
    if let Some(model) = model(items)? {
        return Ok(model);
    }
    let mut of = BTreeMap::<u16, Measure>::new();
    let mut levels = BTreeMap::<u16, BTreeSet<u16>>::new();
    let mut count_rows = distribution.is_some();
    for item in items {
        match item.output.ask {
            Ask::Rows => count_rows = true,
            Ask::Known { attribute } if distribution.is_none() => {
                of.entry(attribute).or_insert(Measure::Known { attribute });
            }
            Ask::Sum { attribute } | Ask::Mean { attribute } | Ask::Variance { attribute } | Ask::StdDev { attribute } => {
                of.insert(attribute, Measure::Moments { attribute });
            }
            Ask::Share { attribute, bin } => {
                levels.entry(attribute).or_default().insert(bin);
            }
            _ => {}
        }
    }
    for (attribute, asked) in levels {
        let known = dictionary.attribute(attribute).map_or(0..0, Attribute::known_bins);
        let rest: Vec<u16> = known.filter(|b| !asked.contains(b)).collect();
        let mut parts: Vec<Vec<u16>> = asked.into_iter().map(|b| vec![b]).collect();
        parts.extend((!rest.is_empty()).then_some(rest));
        parts.sort();
        of.insert(attribute, Measure::Parts { attribute, parts });
    }
    if of.is_empty() && !count_rows {
        return Err(Refusal::unreadable(at, "nothing is counted: add COUNT(*) or another aggregate to SELECT."));
    }
    Ok(Measures::Descriptive { count_rows, of: of.into_values().collect() })
}

/// CORR and COVAR: one pair, and nothing else.
fn model(items: &[Item]) -> Result<Option<Measures>, Refusal> {
    let pair = |ask: &Ask| match *ask {
        Ask::Covariance { x, y } | Ask::Correlation { x, y } => Some((x.min(y), x.max(y))),
        _ => None,
    };
    let Some((x, y)) = items.iter().find_map(|i| pair(&i.output.ask)) else { return Ok(None) };
    for item in items {
        match (&item.output.ask, pair(&item.output.ask)) {
            (Ask::Group { .. }, _) => {}
            (_, Some(found)) if found == (x, y) => {}
            (_, Some(_)) => {
                let words =
                    "CORR and COVAR count only people with both values known, and another pair means other people. Ask two queries.";
                return Err(Refusal::new(Code::Q16, item.at, words));
            }
            _ => {
                let words = format!(
                    "CORR and COVAR count only people with both values known, so {} beside them would mean other people than it says. Ask two queries.",
                    item.output.title
                );
                return Err(Refusal::new(Code::Q16, item.at, words));
            }
        }
    }
    Ok(Some(Measures::Model { values: vec![x, y] }))
}

/// Sets of first-block bins, one for each band.
type Bands = Vec<Vec<u16>>;

/// The statement's groupings, ascending by attribute, without bands the filter excludes.
fn axes(
    by: &[u16],
    distribution: Option<u16>,
    filter: &[Clause],
    dictionary: &Dictionary,
    at: TextPosition,
) -> Result<Vec<(Axis, Bands)>, Refusal> {
    let mut wanted: Vec<(u16, AxisRole)> = by.iter().map(|a| (*a, AxisRole::Grouping)).collect();
    wanted.extend(distribution.map(|a| (a, AxisRole::Distribution)));
    wanted.sort_by_key(|(a, _)| *a);
    let possible = |attribute: u16, bins: &[u16]| {
        filter.iter().all(|clause| match clause.any_of.as_slice() {
            [only] if only.attribute == attribute => bins.iter().any(|b| only.bins.binary_search(b).is_ok()),
            _ => true,
        })
    };
    let mut out = Vec::new();
    for (index, role) in wanted {
        let Some(attribute) = dictionary.attribute(index) else { continue };
        let known = attribute.bands().iter().map(|b| (AxisBand { label: b.label.clone(), levels: Some(b.levels) }, b.bins.clone()));
        let missing = attribute.missing_bin().map(|bin| (AxisBand { label: "missing".to_owned(), levels: None }, vec![bin]));
        let (labels, bins): (Vec<_>, Vec<_>) = known.chain(missing).filter(|(_, bins)| possible(index, bins)).unzip();
        if role == AxisRole::Distribution && labels.iter().all(|l| l.levels.is_none()) {
            let words = format!("the condition leaves no known value of \"{}\".", attribute.name());
            return Err(Refusal::new(Code::Q15, at, words));
        }
        out.push((Axis { attribute: index, role, bands: labels }, bins));
    }
    Ok(out)
}

fn attributes(statement: &Statement) -> Vec<u16> {
    let mut out: BTreeSet<u16> = statement.filter.iter().flat_map(|c| c.any_of.iter().map(|l| l.attribute)).collect();
    out.extend(statement.groups.iter().map(|g| g.attribute));
    match &statement.measures {
        Measures::Descriptive { of, .. } => out.extend(of.iter().map(Measure::attribute)),
        Measures::Model { values } => out.extend(values),
    }
    out.into_iter().collect()
}

fn categories(attributes: &[u16], dictionary: &Dictionary) -> Vec<String> {
    let used = attributes.iter().filter_map(|a| dictionary.attribute(*a));
    let sorted: BTreeSet<&String> = used.flat_map(Attribute::categories).collect();
    sorted.into_iter().cloned().collect()
}

fn check_wiring(question: &Question, dictionary: &Dictionary) -> Result<(), Refusal> {
    wired(&question.statement, dictionary).map(|_| ()).map_err(|e| statement_refusal(&e, question.at))
}

/// The statement's wiring with a single scope, the least a study has. Scopes change no cell and no gate.
pub(crate) fn wired(statement: &Statement, dictionary: &Dictionary) -> Result<Wiring, StatementError> {
    let registry = ScopeRegistry { scopes: vec!["p".to_owned()], grid: vec![Day(0)] };
    let eligibility = Eligibility { scopes: vec![0], day: Day(0) };
    Wiring::new(dictionary, statement, &registry, &eligibility)
}
