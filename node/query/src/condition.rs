//! WHERE: a syntax tree to conjunctive normal form.
//!
//! Negation is pushed down to the predicates (De Morgan holds in three-valued logic), where it is the complement over the
//! *known* bins; for IS NULL it is the complement over all bins.

use crate::{
    cnf::{Cnf, TooLarge, WORKING_MAX},
    predicate,
    refusal::{Refusal, TextPosition},
};
use countersign_circuits::{
    dictionary::{Attribute, Dictionary},
    statement::{CLAUSES_MAX, Clause, LITERALS_MAX, Literal},
};
use sqlparser::ast::{BinaryOperator, Expr, Spanned, UnaryOperator};

/// Compiles a condition; `at` is where the refusals about the whole of it point to.
pub(crate) fn compile(expr: &Expr, dictionary: &Dictionary, at: TextPosition) -> Result<Cnf, Refusal> {
    let cnf = rewrite(expr, false, dictionary, at)?;
    // one part cannot exclude itself: it has a sentence of its own
    if let (Some(attribute), true) = (alone(expr, dictionary), cnf.clone().settle().is_false()) {
        return Err(match predicate::reversed(expr, dictionary) {
            Some((low, high, at)) => Refusal::reversed(at, low, high),
            None => Refusal::nobody(at, attribute),
        });
    }
    Ok(cnf)
}

/// The attribute of a condition that is a single predicate.
fn alone<'d>(expr: &Expr, dictionary: &'d Dictionary) -> Option<&'d Attribute> {
    match expr {
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => alone(inner, dictionary),
        Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } => None,
        predicate => predicate::bins(predicate, false, dictionary).ok().and_then(|(index, _)| dictionary.attribute(index)),
    }
}

fn rewrite(expr: &Expr, negated: bool, dictionary: &Dictionary, at: TextPosition) -> Result<Cnf, Refusal> {
    let all = |a: u16| dictionary.attribute(a).map_or(usize::MAX, |a| a.first_block().bins());
    match expr {
        Expr::Nested(inner) => rewrite(inner, negated, dictionary, at),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => rewrite(expr, !negated, dictionary, at),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            let left = rewrite(left, negated, dictionary, at)?;
            let right = rewrite(right, negated, dictionary, at)?;
            let both = (*op == BinaryOperator::And) != negated;
            if both { left.and(right) } else { left.or(&right, &all) }.map_err(|e| too_large(e, at))
        }
        predicate => {
            let (attribute, bins) = predicate::bins(predicate, negated, dictionary)?;
            Ok(Cnf::literal(attribute, bins, all(attribute)))
        }
    }
}

pub(crate) fn too_large(_: TooLarge, at: TextPosition) -> Refusal {
    Refusal::too_many_clauses(at, &format!("more than {WORKING_MAX}"), CLAUSES_MAX)
}

/// The statement's canonical filter.
pub(crate) fn filter(cnf: Cnf, at: TextPosition) -> Result<Vec<Clause>, Refusal> {
    let cnf = cnf.settle();
    if cnf.is_false() {
        return Err(Refusal::new(
            crate::refusal::Code::Q15,
            at,
            "this condition holds for nobody: two parts of it exclude each other. Check the AND, or the ends of BETWEEN.",
        ));
    }
    if cnf.clauses.len() > CLAUSES_MAX {
        return Err(Refusal::too_many_clauses(at, &cnf.clauses.len().to_string(), CLAUSES_MAX));
    }
    if let Some(clause) = cnf.clauses.iter().find(|c| c.len() > LITERALS_MAX) {
        let words = format!(
            "after rewriting, a clause of the condition has {} predicates on different attributes; at most {LITERALS_MAX}.",
            clause.len()
        );
        return Err(Refusal::new(crate::refusal::Code::Q11, at, words));
    }
    let literal = |(attribute, bins): (u16, crate::cnf::BinSet)| Literal { attribute, bins: bins.into_iter().collect() };
    let mut out: Vec<Clause> = cnf.clauses.into_iter().map(|clause| Clause { any_of: clause.into_iter().map(literal).collect() }).collect();
    out.sort();
    Ok(out)
}

/// Where an expression begins.
pub(crate) fn position(expr: &Expr) -> TextPosition {
    expr.span().into()
}
