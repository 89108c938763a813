//! SELECT: items to what they ask.

use crate::{
    condition::position,
    predicate::{column, level, resolve},
    question::{Ask, OutputItem},
    refusal::{Refusal, TextPosition},
};
use countersign_circuits::dictionary::{Attribute, AttributeKind, Dictionary, decimal};
use rust_decimal::Decimal;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, SelectItem, Spanned, Value,
};

/// Most items of one SELECT.
const ITEMS_MAX: usize = 64;
/// Longest column title in characters.
const TITLE_MAX: usize = 64;
const FUNCTIONS: &str = "COUNT, SUM, AVG, STDDEV, VARIANCE, COVAR, CORR, MEDIAN, PERCENTILE, HISTOGRAM, SHARE";

/// An item and its place.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) output: OutputItem,
    pub(crate) at: TextPosition,
}

/// Reads the items of a SELECT.
pub(crate) fn read(projection: &[SelectItem], dictionary: &Dictionary, at: TextPosition) -> Result<Vec<Item>, Refusal> {
    if projection.is_empty() || projection.len() > ITEMS_MAX {
        return Err(Refusal::unreadable(at, &format!("SELECT names 1 to {ITEMS_MAX} items.")));
    }
    projection
        .iter()
        .map(|item| {
            let (expr, title) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, expr.to_string()),
                SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return Err(Refusal::all_rows(item.span())),
                SelectItem::ExprWithAliases { .. } => return Err(Refusal::unreadable(item.span(), "an item has one title.")),
            };
            if title.is_empty() || title.chars().count() > TITLE_MAX || title.chars().any(char::is_control) {
                let words = format!("a title has 1 to {TITLE_MAX} printable characters; give the item a shorter one with AS.");
                return Err(Refusal::unreadable(position(expr), &words));
            }
            Ok(Item { output: OutputItem { title, ask: ask(expr, dictionary)? }, at: position(expr) })
        })
        .collect()
}

fn ask(expr: &Expr, dictionary: &Dictionary) -> Result<Ask, Refusal> {
    match expr {
        Expr::Identifier(ident) => resolve(ident, dictionary).map(|(attribute, _)| Ask::Group { attribute }),
        Expr::Nested(inner) => ask(inner, dictionary),
        Expr::Function(function) => call(function, dictionary),
        other => Err(Refusal::unreadable(position(other), &format!("an item of SELECT is a grouped attribute or one of {FUNCTIONS}."))),
    }
}

/// A function call, checked to be a plain one.
struct Call<'a> {
    name: String,
    args: Vec<&'a Expr>,
    wildcard: bool,
    at: TextPosition,
}

impl<'a> Call<'a> {
    fn read(function: &'a Function) -> Result<Self, Refusal> {
        let at: TextPosition = function.name.span().into();
        let foreign = |what: &str| Err(Refusal::foreign(at, what));
        let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } = function;
        let [part] = name.0.as_slice() else { return foreign("a function of a schema") };
        let plain = !uses_odbc_syntax && *parameters == FunctionArguments::None && null_treatment.is_none();
        if over.is_some() || filter.is_some() || !within_group.is_empty() || !plain {
            return foreign("a function with more than arguments");
        }
        let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) = args else {
            return foreign("arguments of another form");
        };
        if !clauses.is_empty() {
            return foreign("arguments of another form");
        }
        let mut out = Self { name: part.to_string().to_ascii_uppercase(), args: Vec::new(), wildcard: false, at };
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => out.args.push(expr),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => out.wildcard = true,
                _ => return foreign("arguments of another form"),
            }
        }
        if out.wildcard && (out.name != "COUNT" || !out.args.is_empty()) {
            return Err(Refusal::unreadable(at, "only COUNT takes *."));
        }
        Ok(out)
    }

    fn exactly<const N: usize>(&self, form: &str) -> Result<[&'a Expr; N], Refusal> {
        <[&Expr; N]>::try_from(self.args.as_slice())
            .map_err(|_| Refusal::unreadable(self.at, &format!("{} is written {}({form}).", self.name, self.name)))
    }

    /// An argument that is an attribute with levels to compute on.
    fn value(&self, expr: &Expr, verb: &str, dictionary: &Dictionary) -> Result<u16, Refusal> {
        let (index, attribute) = column(expr, dictionary)?;
        if matches!(attribute.kind(), AttributeKind::Category | AttributeKind::Flag) {
            let args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
            let call = format!("{}({})", self.name, args.join(", "));
            return Err(Refusal::not_a_number(self.at, &call, verb, attribute));
        }
        Ok(index)
    }
}

fn call(function: &Function, dictionary: &Dictionary) -> Result<Ask, Refusal> {
    let call = Call::read(function)?;
    let single = |verb: &str| {
        let [x] = call.exactly("x")?;
        call.value(x, verb, dictionary)
    };
    match call.name.as_str() {
        "MIN" | "MAX" => Err(Refusal::extreme(call.at, &call.args.first().map_or_else(|| "x".to_owned(), ToString::to_string))),
        "COUNT" if call.wildcard => Ok(Ask::Rows),
        "COUNT" => {
            let [x] = call.exactly("*) or COUNT(x")?;
            if matches!(x, Expr::Value(_)) {
                let words = "COUNT takes * for the number of people, or an attribute for those of whom it is known: COUNT(*), COUNT(x).";
                return Err(Refusal::unreadable(call.at, words));
            }
            column(x, dictionary).map(|(attribute, _)| Ask::Known { attribute })
        }
        "SUM" => single("sums").map(|attribute| Ask::Sum { attribute }),
        "AVG" => single("averages").map(|attribute| Ask::Mean { attribute }),
        "VARIANCE" | "VAR_SAMP" => single("takes the spread of").map(|attribute| Ask::Variance { attribute }),
        "STDDEV" | "STDDEV_SAMP" => single("takes the spread of").map(|attribute| Ask::StdDev { attribute }),
        "COVAR" | "COVAR_SAMP" => pair(&call, dictionary).map(|(x, y)| Ask::Covariance { x, y }),
        "CORR" => pair(&call, dictionary).map(|(x, y)| Ask::Correlation { x, y }),
        "HISTOGRAM" => {
            let [x] = call.exactly("x")?;
            column(x, dictionary).map(|(attribute, _)| Ask::Histogram { attribute })
        }
        "MEDIAN" => single("ranks").map(|attribute| Ask::Quantile { attribute, p: Decimal::new(5, 1) }),
        "PERCENTILE" => {
            let [x, p] = call.exactly("x, 0.25")?;
            Ok(Ask::Quantile { attribute: call.value(x, "ranks", dictionary)?, p: probability(p)? })
        }
        "SHARE" => {
            let [condition] = call.exactly("x = 'level'")?;
            share(&call, condition, dictionary)
        }
        other => {
            let name: String = other.chars().take(40).collect();
            Err(Refusal::unreadable(call.at, &format!("{name} is not a function of this language; there are {FUNCTIONS}.")))
        }
    }
}

fn pair(call: &Call<'_>, dictionary: &Dictionary) -> Result<(u16, u16), Refusal> {
    let [x, y] = call.exactly("x, y")?;
    let out = (call.value(x, "multiplies", dictionary)?, call.value(y, "multiplies", dictionary)?);
    if out.0 == out.1 {
        return Err(Refusal::unreadable(call.at, &format!("{} needs two different attributes.", call.name)));
    }
    Ok(out)
}

fn probability(expr: &Expr) -> Result<Decimal, Refusal> {
    let fail = || Refusal::unreadable(position(expr), "the second argument of PERCENTILE is a number between 0 and 1, as in 0.25.");
    let Expr::Value(value) = expr else { return Err(fail()) };
    let Value::Number(text, _) = &value.value else { return Err(fail()) };
    decimal(text).ok().filter(|p| *p > Decimal::ZERO && *p < Decimal::ONE && p.scale() <= 6).ok_or_else(fail)
}

fn share(call: &Call<'_>, condition: &Expr, dictionary: &Dictionary) -> Result<Ask, Refusal> {
    let fail = |at: TextPosition| Refusal::unreadable(at, "SHARE is written SHARE(x = 'level').");
    let condition = if let Expr::Nested(inner) = condition { inner } else { condition };
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else {
        return Err(fail(call.at));
    };
    let (index, attribute) = column(left, dictionary)?;
    if attribute.scale().is_some() {
        let words = format!(
            "SHARE takes a level of a category or flag, and \"{}\" is a number. GROUP BY it, or ask for HISTOGRAM({}).",
            attribute.name(),
            attribute.name()
        );
        return Err(Refusal::unreadable(call.at, &words));
    }
    let bin = level(attribute, right)?;
    if attribute.bands().len() < 2 {
        return Err(Refusal::unreadable(call.at, &one_level(attribute)));
    }
    Ok(Ask::Share { attribute: index, bin })
}

fn one_level(attribute: &Attribute) -> String {
    format!("\"{}\" has a single level; ask for COUNT(*) and COUNT({}).", attribute.name(), attribute.name())
}
