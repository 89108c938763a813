//! Refusals: stable codes, the exact words, and the place in the query they are about.

use countersign_circuits::dictionary::{Attribute, AttributeKind};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlparser::tokenizer::{Location, Span};
use std::fmt;

/// Most names or levels listed in a message.
const LISTED_MAX: usize = 12;
/// Most characters of the asker's own text repeated in a message.
const ECHO_MAX: usize = 60;

/// A position in the query text, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TextPosition {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl TextPosition {
    /// The beginning of the text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl From<Location> for TextPosition {
    fn from(at: Location) -> Self {
        // sqlparser writes 0:0 for "unknown"
        Self { line: at.line.max(1), column: at.column.max(1) }
    }
}

impl From<Span> for TextPosition {
    fn from(span: Span) -> Self {
        span.start.into()
    }
}

impl fmt::Display for TextPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Stable codes of refusals. Q01 to Q12 and their words are fixed; Q13 to Q19 cover what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Code {
    /// `SELECT *`.
    Q01,
    /// An attribute neither grouped nor aggregated.
    Q02,
    /// MIN or MAX.
    Q03,
    /// SQL that is not part of the language.
    Q04,
    /// Unknown attribute.
    Q05,
    /// A number that is not a band edge.
    Q06,
    /// Unknown level.
    Q07,
    /// Too many grouping attributes.
    Q08,
    /// Arithmetic on a flag or category.
    Q09,
    /// Too many cells.
    Q10,
    /// The condition is too large in conjunctive form.
    Q11,
    /// A literal that is not a number.
    Q12,
    /// Not readable as a query of this language.
    Q13,
    /// Another table than the dictionary at hand.
    Q14,
    /// The condition holds for nobody.
    Q15,
    /// Items that cannot stand in one query.
    Q16,
    /// The row polynomial's degree is over the circuit's.
    Q17,
    /// The text is over a bound on length or nesting.
    Q18,
    /// A scale too short to be summed, or another rule of the statement.
    Q19,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a query is not asked. The asker is at fault; the message names the rule and a way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code} at {line}:{column}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The words shown to people.
    pub message: String,
    /// Line in the query, from 1.
    pub line: u64,
    /// Column in the query in characters, from 1.
    pub column: u64,
}

/// Shortens and cleans the asker's text for a message.
fn echo(text: &str) -> String {
    let clean: String = text.chars().take(ECHO_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(ECHO_MAX).is_some() { format!("{clean}…") } else { clean }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.take(LISTED_MAX + 1).collect();
    let more = names.len() > LISTED_MAX;
    names.truncate(LISTED_MAX);
    if more { format!("{}, …", names.join(", ")) } else { names.join(", ") }
}

/// What the bands of an attribute are called in Q02: `bands 18, 40, 50 …` or `levels no, yes`.
fn groups_of(attribute: &Attribute) -> String {
    let Some(scale) = attribute.scale() else {
        return format!("levels {}", listed(attribute.bands().iter().map(|b| b.label.as_str())));
    };
    let edges: Vec<String> = scale.edges.iter().take(3).map(|c| scale.value(*c).to_string()).collect();
    match (edges.is_empty(), scale.edges.len() > 3) {
        (true, _) => "one band".to_owned(),
        (false, true) => format!("bands {} …", edges.join(", ")),
        (false, false) => format!("bands {}", edges.join(", ")),
    }
}

impl Refusal {
    pub(crate) fn new(code: Code, at: impl Into<TextPosition>, message: impl Into<String>) -> Self {
        let at = at.into();
        Self { code, message: message.into(), line: at.line, column: at.column }
    }

    /// Where in the query.
    pub fn position(&self) -> TextPosition {
        TextPosition { line: self.line, column: self.column }
    }

    pub(crate) fn all_rows(at: impl Into<TextPosition>) -> Self {
        let words = "SELECT * returns rows. Rows never leave a hospital; ask for COUNT, SUM, AVG, STDDEV, MEDIAN or HISTOGRAM.";
        Self::new(Code::Q01, at, words)
    }

    pub(crate) fn stands_alone(at: impl Into<TextPosition>, attribute: &Attribute) -> Self {
        let (name, groups) = (attribute.name(), groups_of(attribute));
        let words = format!("\"{name}\" stands alone in SELECT but not in GROUP BY. Group by it ({groups}) or aggregate it.");
        Self::new(Code::Q02, at, words)
    }

    pub(crate) fn extreme(at: impl Into<TextPosition>, argument: &str) -> Self {
        let x = echo(argument);
        let words = format!("MIN and MAX name one person's value. Use PERCENTILE({x}, 0.05) and PERCENTILE({x}, 0.95).");
        Self::new(Code::Q03, at, words)
    }

    pub(crate) fn foreign(at: impl Into<TextPosition>, found: &str) -> Self {
        let at = at.into();
        let words = format!(
            "JOIN, subqueries, UNION, HAVING, DISTINCT, window functions, CASE and arithmetic are not part of this language (found: {}, {at}). A derived variable belongs in the study dictionary.",
            echo(found)
        );
        Self::new(Code::Q04, at, words)
    }

    /// ORDER BY and its kin.
    pub(crate) fn sorting(at: impl Into<TextPosition>, found: &str) -> Self {
        let words = format!(
            "{found}: sorting and cutting off are the reader's. Every group is released or hidden by the same rule, so leave it out and sort what comes back; WHERE picks the groups."
        );
        Self::new(Code::Q04, at, words)
    }

    /// BETWEEN with the larger end first.
    pub(crate) fn reversed(at: impl Into<TextPosition>, low: Decimal, high: Decimal) -> Self {
        let words = format!("BETWEEN {low} AND {high} holds for nobody: the smaller end comes first. Write BETWEEN {high} AND {low}.");
        Self::new(Code::Q15, at, words)
    }

    /// One condition that holds for nobody by itself.
    pub(crate) fn nobody(at: impl Into<TextPosition>, attribute: &Attribute) -> Self {
        let range = attribute.scale().map(|s| format!(": \"{}\" goes from {} to {}", attribute.name(), s.lo.normalize(), s.hi()));
        let words = format!("this condition holds for nobody{}. Check the number and the direction.", range.unwrap_or_default());
        Self::new(Code::Q15, at, words)
    }

    pub(crate) fn unknown_attribute<'a>(
        at: impl Into<TextPosition>,
        name: &str,
        attributes: impl Iterator<Item = &'a Attribute> + Clone,
    ) -> Self {
        let lower = name.to_lowercase();
        let nearest = attributes.clone().min_by_key(|a| strsim::damerau_levenshtein(a.name(), &lower));
        let close = nearest.filter(|a| strsim::damerau_levenshtein(a.name(), &lower) <= (lower.chars().count() / 3).max(1));
        let out = match close {
            Some(a) if a.label() == a.name() => format!("Did you mean \"{}\"?", a.name()),
            Some(a) => format!("Did you mean \"{}\" ({})?", a.name(), a.label()),
            None => format!("The dictionary has: {}.", listed(attributes.map(Attribute::name))),
        };
        Self::new(Code::Q05, at, format!("unknown attribute \"{}\". {out}", echo(name)))
    }

    /// `number` is the boundary asked for; `hint` tells why it is not the one written.
    pub(crate) fn no_edge(at: impl Into<TextPosition>, attribute: &Attribute, number: Decimal, hint: &str) -> Self {
        let edges: Vec<Decimal> = attribute.scale().map(|s| s.edges.iter().map(|c| s.value(*c)).collect()).unwrap_or_default();
        let below = edges.iter().rev().find(|c| **c < number);
        let above = edges.iter().find(|c| **c > number);
        let near: Vec<String> = below.into_iter().chain(above).map(Decimal::to_string).collect();
        let near = if near.is_empty() { "none".to_owned() } else { near.join(", ") };
        let words = format!(
            "{} is not a cut of \"{}\". Nearest: {near}. Free cut points allow single people to be isolated; ask for another cut in the study dictionary.{hint}",
            number.normalize(),
            attribute.name()
        );
        Self::new(Code::Q06, at, words)
    }

    pub(crate) fn unknown_level(at: impl Into<TextPosition>, attribute: &Attribute, level: &str) -> Self {
        let levels = listed(attribute.bands().iter().map(|b| b.label.as_str()));
        Self::new(Code::Q07, at, format!("\"{}\" is not a level of \"{}\"; levels: {levels}.", echo(level), attribute.name()))
    }

    pub(crate) fn too_many_groupings(at: impl Into<TextPosition>, found: usize, max: usize) -> Self {
        let words = format!("{found} grouping attributes; at most {max}. Put one into WHERE, or define a combined attribute.");
        Self::new(Code::Q08, at, words)
    }

    /// `does` is the verb of the function: averages, sums, ..
    pub(crate) fn not_a_number(at: impl Into<TextPosition>, call: &str, does: &str, attribute: &Attribute) -> Self {
        let (what, level) = match attribute.kind() {
            AttributeKind::Flag => ("a yes/no attribute; its sum is a count", "yes"),
            _ => ("a category; it has no sum", attribute.bands().first().map_or("", |b| b.label.as_str())),
        };
        let words = format!("{call} {does} {what}. Use SHARE({} = '{level}'), which follows the counting rule.", attribute.name());
        Self::new(Code::Q09, at, words)
    }

    pub(crate) fn too_many_cells(at: impl Into<TextPosition>, found: usize, max: usize) -> Self {
        let words = format!(
            "this statement has {found} cells; circuit 1 carries {max}. Split it: countersign split does it without another budget item."
        );
        Self::new(Code::Q10, at, words)
    }

    pub(crate) fn too_many_clauses(at: impl Into<TextPosition>, found: &str, max: usize) -> Self {
        Self::new(Code::Q11, at, format!("after rewriting, the condition has {found} clauses; at most {max}."))
    }

    /// IS NULL on a complete attribute.
    pub(crate) fn never_missing(at: TextPosition, attribute: &Attribute) -> Self {
        let words = format!(
            "this condition holds for nobody: only people with a recorded \"{}\" have a row, so it is never missing. Leave the condition out.",
            attribute.name()
        );
        Self::new(Code::Q15, at, words)
    }

    pub(crate) fn bad_number(at: impl Into<TextPosition>, attribute: &Attribute, literal: &str) -> Self {
        let unit = match (attribute.unit(), attribute.kind()) {
            (Some(unit), _) => format!("its unit is {unit}"),
            (None, AttributeKind::Count) => "it is a count".to_owned(),
            (None, _) => "it has none".to_owned(),
        };
        let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, ""));
        let words = if !literal.is_empty() && literal.chars().all(digits) {
            format!("the number '{}' has too many digits; write it with at most 28.", echo(literal))
        } else if !exponent.is_empty() && mantissa.chars().all(digits) && exponent.trim_start_matches(['+', '-']).chars().all(digits) {
            format!("numbers are written out, without an exponent: 50 and not 5e1 (found '{}').", echo(literal))
        } else {
            format!("literal '{}' is not a number. Numbers of \"{}\" are written without a unit; {unit}.", echo(literal), attribute.name())
        };
        Self::new(Code::Q12, at, words)
    }

    pub(crate) fn unreadable(at: impl Into<TextPosition>, what: &str) -> Self {
        Self::new(Code::Q13, at, what)
    }
}
