//! One predicate: the bins of an attribute where it is true.
//!
//! Numbers are compared on their levels. A comparison is accepted if its set of levels is a union of governed bands (rule D4):
//! `x > 49` on whole years is `x >= 50`, `x BETWEEN 40 AND 49` is the band 40-49.

use crate::{
    cnf::BinSet,
    condition::position,
    refusal::{Refusal, TextPosition},
};
use countersign_circuits::dictionary::{Attribute, Dictionary, Domain, Scale, decimal};
use rust_decimal::Decimal;
use sqlparser::ast::{BinaryOperator, Expr, Ident, UnaryOperator, Value};

/// Attribute and bins where the (negated) predicate is true.
pub(crate) fn bins(expr: &Expr, negated: bool, dictionary: &Dictionary) -> Result<(u16, BinSet), Refusal> {
    let missing = |e: &Expr, is_null: bool| {
        let (index, attribute) = column(e, dictionary)?;
        match attribute.missing_bin() {
            Some(missing) if is_null => Ok((index, BinSet::from([missing]))),
            None if is_null => Err(Refusal::never_missing(position(e), attribute)),
            // of a complete attribute this holds for everybody, and is no condition
            _ => Ok((index, attribute.known_bins().collect())),
        }
    };
    let (index, attribute, holds, flipped) = match expr {
        Expr::IsNull(e) => return missing(e, !negated),
        Expr::IsNotNull(e) => return missing(e, negated),
        Expr::BinaryOp { left, op, right } => {
            let (subject, op, value) = comparison(left, op, right)?;
            let (index, attribute) = column(subject, dictionary)?;
            (index, attribute, compare(attribute, op, value)?, false)
        }
        Expr::InList { expr, list, negated } => {
            let (index, attribute) = column(expr, dictionary)?;
            (index, attribute, in_list(attribute, list)?, *negated)
        }
        Expr::Between { expr, negated, low, high } => {
            let (index, attribute) = column(expr, dictionary)?;
            let scale = scale_of(attribute, "BETWEEN", position(low))?;
            (index, attribute, between(attribute, scale, low, high)?, *negated)
        }
        Expr::Identifier(ident) => {
            let (_, attribute) = resolve(ident, dictionary)?;
            let level = attribute.bands().last().map_or("", |b| b.label.as_str());
            let words = format!("\"{0}\" alone is not a condition. Write {0} = '{level}' or {0} IS NOT NULL.", attribute.name());
            return Err(Refusal::unreadable(ident.span, &words));
        }
        other => {
            return Err(Refusal::unreadable(
                position(other),
                "not a condition of this language: use = <> < <= > >=, IN, BETWEEN or IS NULL on an attribute.",
            ));
        }
    };
    if negated == flipped {
        return Ok((index, holds));
    }
    Ok((index, attribute.known_bins().filter(|b| !holds.contains(b)).collect()))
}

/// Looks an attribute up; unquoted names are read in lower case.
pub(crate) fn resolve<'a>(ident: &Ident, dictionary: &'a Dictionary) -> Result<(u16, &'a Attribute), Refusal> {
    let name = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() };
    dictionary.find(&name).ok_or_else(|| Refusal::unknown_attribute(ident.span, &ident.value, dictionary.attributes().iter()))
}

pub(crate) fn column<'a>(expr: &Expr, dictionary: &'a Dictionary) -> Result<(u16, &'a Attribute), Refusal> {
    match expr {
        Expr::Identifier(ident) => resolve(ident, dictionary),
        Expr::Nested(inner) => column(inner, dictionary),
        other => Err(Refusal::unreadable(position(other), "an attribute's name is expected here.")),
    }
}

fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_column(inner),
        other => matches!(other, Expr::Identifier(_)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Puts the attribute on the left.
fn comparison<'a>(left: &'a Expr, op: &BinaryOperator, right: &'a Expr) -> Result<(&'a Expr, Comparison, &'a Expr), Refusal> {
    use Comparison::{AtLeast, AtMost, Different, Equal, Less, More};
    let (op, mirrored) = match op {
        BinaryOperator::Eq => (Equal, Equal),
        BinaryOperator::NotEq => (Different, Different),
        BinaryOperator::Lt => (Less, More),
        BinaryOperator::LtEq => (AtMost, AtLeast),
        BinaryOperator::Gt => (More, Less),
        BinaryOperator::GtEq => (AtLeast, AtMost),
        other => return Err(Refusal::foreign(position(left), &other.to_string())),
    };
    match (is_column(left), right) {
        (true, Expr::Identifier(Ident { value, quote_style: Some(_), span })) => {
            Err(Refusal::unreadable(*span, &format!("texts stand in single quotes: '{}'.", value.chars().take(60).collect::<String>())))
        }
        (true, right) if is_column(right) => Err(Refusal::foreign(position(right), "a comparison of two attributes")),
        (true, right) => Ok((left, op, right)),
        (false, right) if is_column(right) => Ok((right, mirrored, left)),
        (false, _) => Err(Refusal::unreadable(position(left), "a comparison has an attribute on one side and a literal on the other.")),
    }
}

/// The text of a literal.
struct LiteralText {
    text: String,
    at: TextPosition,
}

fn literal(expr: &Expr) -> Result<LiteralText, Refusal> {
    let at = position(expr);
    let text = match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) | Value::SingleQuotedString(text) => text.clone(),
            Value::Boolean(yes) => yes.to_string(),
            Value::Null => {
                return Err(Refusal::unreadable(at, "a comparison with NULL is never true. Use IS NULL or IS NOT NULL."));
            }
            _ => return Err(Refusal::unreadable(at, "a literal is a number or a text in single quotes.")),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(value) => match &value.value {
                Value::Number(text, _) => format!("-{text}"),
                _ => return Err(Refusal::unreadable(at, "only a number has a sign.")),
            },
            _ => return Err(Refusal::unreadable(at, "only a number has a sign.")),
        },
        Expr::Nested(inner) => return literal(inner),
        _ => return Err(Refusal::unreadable(at, "a literal is expected here: a number or a text in single quotes.")),
    };
    Ok(LiteralText { text, at })
}

fn number(attribute: &Attribute, expr: &Expr) -> Result<(Decimal, TextPosition), Refusal> {
    let literal = literal(expr)?;
    let value = decimal(&literal.text).map_err(|_| Refusal::bad_number(literal.at, attribute, &literal.text))?;
    Ok((value, literal.at))
}

/// The bin of a named level.
pub(crate) fn level(attribute: &Attribute, expr: &Expr) -> Result<u16, Refusal> {
    let literal = literal(expr)?;
    let band = attribute.bands().iter().find(|b| b.label == literal.text);
    band.and_then(|b| b.bins.first().copied()).ok_or_else(|| Refusal::unknown_level(literal.at, attribute, &literal.text))
}

fn scale_of<'a>(attribute: &'a Attribute, what: &str, at: TextPosition) -> Result<&'a Scale, Refusal> {
    attribute.scale().ok_or_else(|| {
        let words = format!("the levels of \"{}\" have no order, so {what} means nothing for them. Use = or IN.", attribute.name());
        Refusal::unreadable(at, &words)
    })
}

fn compare(attribute: &Attribute, op: Comparison, value: &Expr) -> Result<BinSet, Refusal> {
    let known = attribute.known_bins();
    let complement = |set: &BinSet| known.clone().filter(|b| !set.contains(b)).collect();
    match (op, attribute.domain()) {
        (Comparison::Equal, _) => in_list(attribute, std::slice::from_ref(value)),
        (Comparison::Different, _) => in_list(attribute, std::slice::from_ref(value)).map(|set| complement(&set)),
        (_, Domain::Levels(_)) => Err(scale_of(attribute, "<", position(value)).err().unwrap_or_else(|| {
            // a domain of levels has no scale
            Refusal::unreadable(position(value), "levels have no order.")
        })),
        (_, Domain::Scale(scale)) => {
            let (number, at) = number(attribute, value)?;
            let edges = Edges { attribute, scale };
            match op {
                Comparison::AtLeast => Ok(edges.bands(edges.from(number, at)?, scale.levels)),
                Comparison::More => Ok(edges.bands(edges.beyond(number, at, Side::Above)?, scale.levels)),
                Comparison::Less => Ok(edges.bands(0, edges.from(number, at)?)),
                _ => Ok(edges.bands(0, edges.beyond(number, at, Side::UpTo)?)),
            }
        }
    }
}

fn between(attribute: &Attribute, scale: &Scale, low: &Expr, high: &Expr) -> Result<BinSet, Refusal> {
    let edges = Edges { attribute, scale };
    let (low, low_at) = number(attribute, low)?;
    let (high, high_at) = number(attribute, high)?;
    Ok(edges.bands(edges.from(low, low_at)?, edges.beyond(high, high_at, Side::UpTo)?))
}

/// The ends of a BETWEEN whose larger end comes first, and where it begins.
pub(crate) fn reversed(expr: &Expr, dictionary: &Dictionary) -> Option<(Decimal, Decimal, TextPosition)> {
    let Expr::Between { expr, negated: false, low, high } = expr else { return None };
    let (_, attribute) = column(expr, dictionary).ok()?;
    let ((low, at), (high, _)) = (number(attribute, low).ok()?, number(attribute, high).ok()?);
    (low > high).then_some((low, high, at))
}

fn in_list(attribute: &Attribute, list: &[Expr]) -> Result<BinSet, Refusal> {
    let Domain::Scale(scale) = attribute.domain() else {
        return list.iter().map(|e| level(attribute, e)).collect();
    };
    let mut levels = std::collections::BTreeMap::new();
    for entry in list {
        let (value, at) = number(attribute, entry)?;
        let on_step = scale.level(value).filter(|l| scale.value(*l) == value);
        levels.insert(on_step.ok_or_else(|| Refusal::no_edge(at, attribute, value, ""))?, at);
    }
    let edges = Edges { attribute, scale };
    let mut out = BinSet::new();
    for (level, at) in &levels {
        let starts = level.checked_sub(1).is_none_or(|before| !levels.contains_key(&before));
        let ends = !levels.contains_key(&(level + 1));
        if (starts && !edges.is_edge(*level)) || (ends && !edges.is_edge(level + 1)) {
            let hint = if edges.is_edge(*level) { " (Equality picks one value; a band is picked by its two ends.)" } else { "" };
            return Err(Refusal::no_edge(*at, attribute, scale.value(*level), hint));
        }
    }
    for band in attribute.bands() {
        if levels.contains_key(&band.levels.0) {
            out.extend(&band.bins);
        }
    }
    Ok(out)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    UpTo,
}

/// Levels as the ends of half-open ranges.
struct Edges<'a> {
    attribute: &'a Attribute,
    scale: &'a Scale,
}

impl Edges<'_> {
    fn is_edge(&self, level: u32) -> bool {
        level == 0 || level == self.scale.levels || self.scale.edges.binary_search(&level).is_ok()
    }

    /// First level whose value is at least `value`, which lies within the range.
    fn first_at_least(&self, value: Decimal) -> Option<u32> {
        let near = self.scale.level(value)?;
        // the nearest level is off by at most one
        let candidates = near.saturating_sub(1)..=near + 1;
        candidates.into_iter().find(|l| *l == self.scale.levels || self.scale.value(*l) >= value)
    }

    /// Edge of `x >= value` and `x < value`.
    fn from(&self, value: Decimal, at: TextPosition) -> Result<u32, Refusal> {
        let edge = self.first_at_least(value).filter(|l| self.is_edge(*l) && value >= self.scale.lo && value <= self.scale.hi());
        edge.ok_or_else(|| Refusal::no_edge(at, self.attribute, value, ""))
    }

    /// Edge of `x > value` and `x <= value`.
    fn beyond(&self, value: Decimal, at: TextPosition, side: Side) -> Result<u32, Refusal> {
        let inside = value >= self.scale.lo && value <= self.scale.hi();
        let Some(first) = self.first_at_least(value).filter(|_| inside) else {
            return Err(Refusal::no_edge(at, self.attribute, value, ""));
        };
        let exact = first < self.scale.levels && self.scale.value(first) == value;
        let edge = first + u32::from(exact);
        if self.is_edge(edge) {
            return Ok(edge);
        }
        if !exact || !self.is_edge(first) {
            return Err(Refusal::no_edge(at, self.attribute, value, ""));
        }
        let next = self.scale.value(edge);
        let (above, write) = if side == Side::Above { ("Above", ">=") } else { ("Up to and including", "<") };
        let edge = value.normalize();
        let hint = format!(" ({above} {edge} divides at {next}; {write} {edge} divides at {edge}.)");
        Err(Refusal::no_edge(at, self.attribute, next, &hint))
    }

    /// Bins of the bands between two edges.
    fn bands(&self, from: u32, to: u32) -> BinSet {
        self.attribute.bands().iter().filter(|b| b.levels.0 >= from && b.levels.1 < to).flat_map(|b| b.bins.iter().copied()).collect()
    }
}
