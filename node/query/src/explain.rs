//! A question in plain words, from the statement itself: what is read here is what is proved.

use crate::{
    compile::wired,
    question::{AxisRole, Question},
};
use countersign_circuits::{
    dictionary::{Attribute, Dictionary},
    statement::{Cell, CellMeaning, Clause, Literal, Measure, Measures},
};
use std::fmt::Write as _;

/// Most sets spelled out before the rest is counted.
const SPELLED_MAX: usize = 12;

/// Says a question in plain words: who is counted, how they are divided, what is released and when it is shown, which data are read. `k_min` is the
/// least number of people the network asks for; a study or a hospital may ask for more.
pub fn explain(question: &Question, dictionary: &Dictionary, k_min: u32) -> String {
    let statement = &question.statement;
    let mut out = format!("Table: {} ({}).\n", dictionary.reference(), dictionary.title());
    out.push_str("Who is counted: ");
    match statement.filter.as_slice() {
        [] => out.push_str("everybody with a row.\n"),
        clauses => {
            let words: Vec<String> = clauses.iter().map(|c| clause(c, dictionary)).collect();
            let _ = writeln!(out, "people for whom {}.", words.join("; and "));
        }
    }
    for axis in &question.groups {
        let name = name(dictionary, axis.attribute);
        let bands: Vec<&str> = axis.bands.iter().take(SPELLED_MAX).map(|b| b.label.as_str()).collect();
        let more = if axis.bands.len() > SPELLED_MAX { ", …" } else { "" };
        let role = match axis.role {
            AxisRole::Grouping => "Separately for each",
            AxisRole::Distribution => "Counted in each band of",
        };
        let _ = writeln!(out, "{role} {name}: {}{more}.", bands.join(", "));
    }
    out.push_str("What each hospital releases");
    out.push_str(if question.groups.is_empty() { ": " } else { ", for each group: " });
    let _ = writeln!(out, "{}.", released(&statement.measures, dictionary).join("; "));
    let gates = gates(question, dictionary, k_min);
    if !gates.is_empty() {
        let _ = writeln!(
            out,
            "When a group's numbers are shown (proved; k_min {k_min} is the network's, a study or a hospital may ask for more):"
        );
        gates.iter().for_each(|gate| {
            let _ = writeln!(out, "  - {gate}.");
        });
        out.push_str("Beyond that a hospital withholds what lies too few people from a number released earlier, and sums that one or two people make up.\n");
    }
    let _ = write!(out, "Data categories read: {}.", question.categories.join(", "));
    out
}

/// The gates of one group's cells, in words.
fn gates(question: &Question, dictionary: &Dictionary, k_min: u32) -> Vec<String> {
    let Ok(wiring) = wired(&question.statement, dictionary) else { return Vec::new() };
    let k = wiring.gate_minimum(k_min);
    let of = |a: u16| dictionary.attribute(a).map_or_else(|| format!("attribute #{a}"), |a| a.name().to_owned());
    let cells = || wiring.cells().iter().filter(|c| c.group == 0 && c.kind.gate);
    let looks_at_missing = |a: u16| cells().any(|c| c.meaning == CellMeaning::Missing(a));
    let gate = |cell: &Cell| match cell.meaning {
        CellMeaning::Rows if matches!(question.statement.measures, Measures::Model { .. }) => {
            Some(format!("everything: at least {k} people are in it, three for each number of a model"))
        }
        CellMeaning::Rows => Some(format!("everything: at least {k} people are in it")),
        CellMeaning::Known(a) if looks_at_missing(a) => None,
        CellMeaning::Known(a) => Some(format!("numbers of {0}: at least {k} people have a value of {0}", of(a))),
        CellMeaning::Missing(a) => Some(format!(
            "numbers of {0}: at least {k} people have a value of {0}, and nobody or at least {k} have none (it says something to have none)",
            of(a)
        )),
        CellMeaning::Part(a, 0) => Some(format!("shares of {}: at least {k} people are in each part", of(a))),
        _ => None,
    };
    cells().filter_map(gate).collect()
}

/// A unit as people read it: UCUM's time units in words, everything else as it is.
pub fn unit_words(unit: &str) -> &str {
    match unit {
        "a" => "years",
        "mo" => "months",
        "wk" => "weeks",
        "d" => "days",
        "h" => "hours",
        "mm[Hg]" => "mmHg",
        other => other,
    }
}

fn name(dictionary: &Dictionary, attribute: u16) -> String {
    match dictionary.attribute(attribute) {
        Some(a) if a.label() == a.name() => a.name().to_owned(),
        Some(a) => format!("{} ({})", a.name(), a.label()),
        None => format!("attribute #{attribute}"),
    }
}

fn clause(clause: &Clause, dictionary: &Dictionary) -> String {
    let words: Vec<String> = clause.any_of.iter().map(|l| literal(l, dictionary)).collect();
    if words.len() == 1 { words.concat() } else { format!("({})", words.join(" or ")) }
}

fn literal(literal: &Literal, dictionary: &Dictionary) -> String {
    let Some(attribute) = dictionary.attribute(literal.attribute) else { return format!("attribute #{}", literal.attribute) };
    let name = attribute.name();
    let known = attribute.known_bins().len();
    let missing = attribute.missing_bin().is_some_and(|bin| literal.bins.first() == Some(&bin));
    let values = literal.bins.len() - usize::from(missing);
    let mut out = match (values, missing) {
        (0, _) => return format!("{name} is missing"),
        (n, _) if n == known => return format!("{name} is known"),
        _ => format!("{name} is {}", set(attribute, &literal.bins)),
    };
    if missing {
        out.push_str(" or missing");
    }
    out
}

/// Bands in words; runs of neighbouring bands of a scale as one range.
fn set(attribute: &Attribute, bins: &[u16]) -> String {
    let inside = |b: &u16| bins.binary_search(b).is_ok();
    let bands: Vec<(usize, _)> = attribute.bands().iter().enumerate().filter(|(_, b)| b.bins.first().is_some_and(inside)).collect();
    let Some(scale) = attribute.scale() else {
        return bands.iter().map(|(_, b)| b.label.as_str()).collect::<Vec<_>>().join(" or ");
    };
    let unit = attribute.unit().map(|u| format!(" {}", unit_words(u))).unwrap_or_default();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for (_, band) in bands {
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == band.levels.0 => last.1 = band.levels.1,
            _ => ranges.push(band.levels),
        }
    }
    let words: Vec<String> = ranges
        .iter()
        .map(|(from, to)| match (*from, to + 1 == scale.levels) {
            (0, _) => format!("below {}{unit}", scale.value(to + 1)),
            (from, true) => format!("{}{unit} or more", scale.value(from)),
            (from, false) => format!("{} to {}{unit}", scale.value(from), scale.value(*to)),
        })
        .collect();
    words.join(" or ")
}

fn released(measures: &Measures, dictionary: &Dictionary) -> Vec<String> {
    match measures {
        Measures::Descriptive { count_rows, of } => {
            let rows = count_rows.then(|| "the number of people".to_owned());
            let of = of.iter().map(|m| match m {
                Measure::Known { attribute } => format!("the number with {} known", name(dictionary, *attribute)),
                Measure::Moments { attribute } => {
                    let name = name(dictionary, *attribute);
                    format!("of {name} the number known, the sum and the sum of squares")
                }
                Measure::Parts { attribute, parts } => {
                    let sets = parts.iter().filter_map(|p| dictionary.attribute(*attribute).map(|a| set(a, p)));
                    format!("of {} the numbers with {}", name(dictionary, *attribute), sets.collect::<Vec<_>>().join(", and with "))
                }
            });
            rows.into_iter().chain(of).collect()
        }
        Measures::Model { values } => {
            let names: Vec<String> = values.iter().map(|v| name(dictionary, *v)).collect();
            vec![format!("the number of people, and sums, sums of squares and sums of products of {}", names.join(" and "))]
        }
    }
}
