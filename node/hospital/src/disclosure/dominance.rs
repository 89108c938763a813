//! Rule D9: dominance by few contributors, from any end, and spread. On integer levels 0 ..= top.

use std::collections::HashMap;

/// Most equally frequent levels that a product is counted from.
const TIES_MAX: usize = 8;

/// The levels of a block's rows.
#[derive(Clone, Copy)]
pub struct Amounts<'a> {
    /// A level a row.
    pub levels: &'a [u32],
    /// The highest level of the attribute.
    pub top: u32,
    /// The level of the value zero, if that is a level inside the range.
    pub zero: Option<u32>,
    /// True if the sum of squares is released too.
    pub squares: bool,
}

impl std::fmt::Debug for Amounts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Amounts(secret)")
    }
}

/// Two values of the same rows.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// The one.
    pub x: Amounts<'a>,
    /// The other.
    pub y: Amounts<'a>,
}

/// True if a block with this sum must be withheld: nearly all alike, all but one or two in two neighbouring levels, or two people making up most
/// of the amounts counted from either end or from zero.
pub fn value_dominates(value: Amounts<'_>, k_min: u32) -> bool {
    value.levels.is_empty() || no_spread(value.levels.iter().copied(), k_min) || few_levels(value.levels, k_min) || amounts_dominate(value)
}

/// True if a block with the sum of products must be withheld.
pub fn product_dominates(product: Product<'_>, k_min: u32) -> bool {
    let Product { x, y } = product;
    if x.levels.is_empty() || x.levels.len() != y.levels.len() {
        return true;
    }
    // an indicator times a value is the value's sum among the indicator's rows, and so, with the value's own sum, among the others
    for (indicator, value) in [(x, y), (y, x)] {
        if indicator.top == 1 && [0, 1].into_iter().any(|at| among(indicator, value, at, k_min)) {
            return true;
        }
    }
    if x.top == 1 || y.top == 1 {
        return false;
    }
    let pairs = || x.levels.iter().copied().zip(y.levels.iter().copied());
    let n = x.levels.len() as u64;
    let few_away = anchors(x).into_iter().any(|ax| {
        anchors(y).into_iter().any(|ay| {
            let away = pairs().filter(|(vx, vy)| *vx != ax && *vy != ay).count() as u64;
            away < u64::from(k_min) && 2 * away < n
        })
    });
    let corner = |from_top: [bool; 2]| {
        let [fx, fy] = from_top;
        let amount = |v: u32, top: u32, from_top: bool| u128::from(if from_top { top.saturating_sub(v) } else { v });
        two_dominate(pairs().map(|(vx, vy)| amount(vx, x.top, fx) * amount(vy, y.top, fy)))
    };
    few_away || [[false, false], [false, true], [true, false], [true, true]].into_iter().any(corner)
}

/// The value's rule among the rows where an indicator has a level. Nobody there: nothing is told of them.
fn among(indicator: Amounts<'_>, value: Amounts<'_>, at: u32, k_min: u32) -> bool {
    let levels: Vec<u32> = indicator.levels.iter().zip(value.levels).filter(|(i, _)| **i == at).map(|(_, v)| *v).collect();
    if levels.is_empty() {
        return false;
    }
    let inside = Amounts { levels: &levels, squares: false, ..value };
    no_spread(levels.iter().copied(), k_min) || amounts_dominate(inside)
}

/// All but fewer than k_min rows, and less than half, are at one level: few contributors counted from there.
fn no_spread(levels: impl Iterator<Item = u32>, k_min: u32) -> bool {
    let (mut rows, mut at) = (0_u64, HashMap::<u32, u64>::new());
    for level in levels {
        rows += 1;
        *at.entry(level).or_default() += 1;
    }
    let others = rows - at.values().max().copied().unwrap_or_default();
    others < u64::from(k_min) && 2 * others < rows
}

/// Who reads n, S and Q knows that at most t rows lie outside the two levels next to the mean.
fn few_levels(levels: &[u32], k_min: u32) -> bool {
    let n = levels.len() as i128;
    let sum: i128 = levels.iter().map(|v| i128::from(*v)).sum();
    let squares: i128 = levels.iter().map(|v| i128::from(*v) * i128::from(*v)).sum();
    if n == 0 {
        return true;
    }
    let a = sum / n;
    let upper = sum - a * n;
    let t = (squares - (2 * a + 1) * sum + n * a * (a + 1)) / 2;
    let few = 1..i128::from(k_min);
    matches!(t, 1 | 2) || (t == 0 && (few.contains(&upper) || few.contains(&(n - upper))))
}

/// Two people make up 90 % of the amounts: from the lower end, the upper end, or zero; and of their squares.
fn amounts_dominate(value: Amounts<'_>) -> bool {
    let from_zero = value.zero.map(|z| move |v: u32| v.abs_diff(z));
    let from = |amount: &dyn Fn(u32) -> u32| {
        let amounts = || value.levels.iter().map(|v| u128::from(amount(*v)));
        two_dominate(amounts()) || (value.squares && two_dominate(amounts().map(|a| a * a)))
    };
    from(&|v| v) || from(&|v| value.top.saturating_sub(v)) || from_zero.is_some_and(|f| from(&f))
}

/// True unless the two largest make up less than 90 % of a sum that is not zero.
fn two_dominate(amounts: impl Iterator<Item = u128>) -> bool {
    let (mut first, mut second, mut sum) = (0, 0, 0_u128);
    for amount in amounts {
        sum += amount;
        if amount > first {
            (first, second) = (amount, first);
        } else if amount > second {
            second = amount;
        }
    }
    sum == 0 || 10 * (first + second) >= 9 * sum
}

/// Levels a product is counted from: both ends, zero, and the most frequent.
fn anchors(value: Amounts<'_>) -> Vec<u32> {
    let mut at = HashMap::<u32, u64>::new();
    value.levels.iter().for_each(|v| *at.entry(*v).or_default() += 1);
    // of several equally frequent ones each
    let most = at.values().max().copied().unwrap_or_default();
    let mut anchors: Vec<u32> = at.into_iter().filter(|(_, n)| *n == most).map(|(v, _)| v).collect();
    // a table of all different levels has no most frequent one worth the name
    if most <= 1 {
        anchors.clear();
    }
    anchors.sort_unstable();
    anchors.truncate(TIES_MAX);
    anchors.extend([0, value.top]);
    anchors.extend(value.zero);
    anchors.sort_unstable();
    anchors.dedup();
    anchors
}
