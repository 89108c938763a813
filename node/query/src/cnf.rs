//! Conditions in conjunctive normal form over sets of bins, and their rewriting.
//!
//! A literal is "attribute a is in one of these bins": the set where a predicate is *true*, so SQL's third value needs no
//! place here. Clauses are kept small while they are made: implied clauses go, and clauses that differ in one attribute merge
//! (x or c) and (y or c) = ((x and y) or c), which also intersects single-literal clauses on one attribute.

use std::collections::{BTreeMap, BTreeSet};

/// Most clauses while rewriting; bounds the work on hostile conditions.
pub(crate) const WORKING_MAX: usize = 64;

/// Bins of one attribute's first block.
pub(crate) type BinSet = BTreeSet<u16>;
/// A disjunction: attribute index to bins, none empty.
pub(crate) type Disjunction = BTreeMap<u16, BinSet>;

/// Over [`WORKING_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// A conjunction of disjunctions. No clause: true. An empty clause: false.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cnf {
    pub(crate) clauses: Vec<Disjunction>,
}

impl Cnf {
    /// One literal; `all` is the attribute's number of bins.
    pub(crate) fn literal(attribute: u16, bins: BinSet, all: usize) -> Self {
        if bins.len() == all {
            return Self::default();
        }
        let clause = if bins.is_empty() { Disjunction::new() } else { Disjunction::from([(attribute, bins)]) };
        Self { clauses: vec![clause] }
    }

    /// Both hold.
    pub(crate) fn and(self, other: Self) -> Result<Self, TooLarge> {
        let mut out = self;
        for clause in other.clauses {
            out.insert(clause)?;
        }
        Ok(out)
    }

    /// At least one holds.
    pub(crate) fn or(&self, other: &Self, all: &dyn Fn(u16) -> usize) -> Result<Self, TooLarge> {
        let mut out = Self::default();
        for left in &self.clauses {
            for right in &other.clauses {
                let mut clause = left.clone();
                for (attribute, bins) in right {
                    clause.entry(*attribute).or_default().extend(bins);
                }
                if clause.iter().all(|(a, bins)| bins.len() < all(*a)) {
                    out.insert(clause)?;
                }
            }
        }
        Ok(out)
    }

    fn insert(&mut self, mut clause: Disjunction) -> Result<(), TooLarge> {
        loop {
            if self.clauses.iter().any(|c| implies(c, &clause)) {
                return Ok(());
            }
            self.clauses.retain(|c| !implies(&clause, c));
            let Some((at, merged)) = self.clauses.iter().enumerate().find_map(|(i, c)| Some((i, merge(c, &clause)?))) else { break };
            self.clauses.swap_remove(at);
            clause = merged;
        }
        self.clauses.push(clause);
        if self.clauses.len() > WORKING_MAX { Err(TooLarge) } else { Ok(()) }
    }

    /// Uses single-literal clauses inside the others until nothing changes, and sorts.
    pub(crate) fn settle(mut self) -> Self {
        loop {
            let facts: Disjunction =
                self.clauses.iter().filter(|c| c.len() == 1).flat_map(|c| c.iter().map(|(a, b)| (*a, b.clone()))).collect();
            let before = self.clauses.clone();
            let mut next = Self::default();
            for mut clause in std::mem::take(&mut self.clauses) {
                if clause.len() > 1 {
                    clause.retain(|a, bins| facts.get(a).is_none_or(|fact| !fact.is_disjoint(bins)));
                }
                // no more clauses than before: the bound held then
                let _ = next.insert(clause);
            }
            next.clauses.sort();
            self = next;
            let mut same = before;
            same.sort();
            if same == self.clauses {
                return self;
            }
        }
    }

    /// True if it holds for nobody (as far as single attributes tell; call after [`Cnf::settle`]).
    pub(crate) fn is_false(&self) -> bool {
        self.clauses.iter().any(Disjunction::is_empty)
    }
}

/// Whenever `a` holds, `b` holds.
fn implies(a: &Disjunction, b: &Disjunction) -> bool {
    a.iter().all(|(attribute, bins)| b.get(attribute).is_some_and(|other| bins.is_subset(other)))
}

/// The conjunction of two clauses as one, if they differ in one attribute only.
fn merge(a: &Disjunction, b: &Disjunction) -> Option<Disjunction> {
    if a.len() != b.len() || a.keys().ne(b.keys()) {
        return None;
    }
    let mut different = a.iter().filter(|(attribute, bins)| b.get(attribute) != Some(bins));
    let (attribute, bins) = different.next()?;
    if different.next().is_some() {
        return None;
    }
    let mut out = a.clone();
    let both: BinSet = bins.intersection(b.get(attribute)?).copied().collect();
    if both.is_empty() {
        out.remove(attribute);
    } else {
        out.insert(*attribute, both);
    }
    Some(out)
}
