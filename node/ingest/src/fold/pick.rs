//! Several readings, one value.

use crate::{calendar::Instant, reading::Pick};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// A value of a reading: a converted number, or a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Number(Decimal),
    Level(u32),
}

/// One reading in the window. `fact` tells readings of different records apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Taken {
    pub(super) instant: Instant,
    pub(super) value: Value,
    pub(super) day: Date,
    pub(super) fact: usize,
}

/// What was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) value: Option<Value>,
    /// Several different values stood at the picked instant.
    pub(super) tie: bool,
}

/// Picks from readings. The same record read by two sources with the same value counts once.
pub(super) fn pick(mut readings: Vec<Taken>, how: Pick, index: Date) -> Picked {
    readings.sort_unstable();
    readings.dedup();
    let plain = |value| Picked { value, tie: false };
    let number = |n: Option<Decimal>| plain(n.map(Value::Number));
    let (Some(first), Some(last)) = (readings.first().copied(), readings.last().copied()) else {
        return plain(None);
    };
    let numbers = || readings.iter().map(|r| r.value);
    match how {
        Pick::Latest => same(readings.iter().filter(|r| r.instant == last.instant)),
        Pick::First => same(readings.iter().filter(|r| r.instant == first.instant)),
        Pick::Closest => {
            let distance = |r: &Taken| index.duration_until(r.day).as_hours().abs();
            let nearest = readings.iter().map(distance).min().unwrap_or_default();
            same(readings.iter().filter(|r| distance(r) == nearest))
        }
        Pick::LatestDayMean => {
            let day = readings.iter().map(|r| r.day).max().unwrap_or(last.day);
            number(mean(readings.iter().filter(|r| r.day == day).map(|r| r.value)))
        }
        Pick::Mean => number(mean(numbers())),
        Pick::Sum => number(sum(numbers())),
        Pick::Min => plain(numbers().min()),
        Pick::Max => plain(numbers().max()),
        Pick::Count | Pick::Any => number(Some(Decimal::from(readings.len() as u64))),
    }
}

/// Readings at one instant: numbers give their mean, levels must agree.
fn same<'a>(readings: impl Iterator<Item = &'a Taken> + Clone) -> Picked {
    let mut values = readings.clone().map(|r| r.value);
    let first = values.next();
    let tie = values.any(|v| Some(v) != first);
    let value = match first {
        Some(Value::Number(_)) => mean(readings.map(|r| r.value)).map(Value::Number),
        Some(Value::Level(_)) if tie => None,
        level => level,
    };
    Picked { value, tie }
}

fn sum(values: impl Iterator<Item = Value>) -> Option<Decimal> {
    values.map(|v| if let Value::Number(n) = v { n } else { Decimal::ZERO }).try_fold(Decimal::ZERO, |a, b| a.checked_add(b))
}

fn mean(values: impl Iterator<Item = Value> + Clone) -> Option<Decimal> {
    let count = Decimal::from(values.clone().count() as u64);
    sum(values)?.checked_div(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Moment;

    fn taken(list: &[(&str, i64)]) -> Vec<Taken> {
        list.iter()
            .enumerate()
            .map(|(fact, (when, value))| {
                let moment: Moment = when.parse().unwrap();
                Taken { instant: moment.instant, day: moment.span.first, value: Value::Number(Decimal::from(*value)), fact }
            })
            .collect()
    }

    const INDEX: Date = Date::constant(2019, 1, 1);

    #[track_caller]
    fn picks(list: &[(&str, i64)], how: Pick, expected: &str, tie: bool) {
        let picked = pick(taken(list), how, INDEX);
        assert_eq!(picked, Picked { value: Some(Value::Number(expected.parse().unwrap())), tie }, "{how:?}");
        let mut reversed = taken(list);
        reversed.reverse();
        assert_eq!(pick(reversed, how, INDEX), picked, "the order of reading decides nothing");
    }

    #[test]
    fn each_pick() {
        let list = [("2018-03-01", 5), ("2018-06-01T08:00:00+02:00", 7), ("2018-06-01T23:00:00-05:00", 12), ("2018-05-01", 1)];
        picks(&list, Pick::Latest, "12", false);
        picks(&list, Pick::First, "5", false);
        picks(&list, Pick::Min, "1", false);
        picks(&list, Pick::Max, "12", false);
        picks(&list, Pick::Sum, "25", false);
        picks(&list, Pick::Mean, "6.25", false);
        picks(&list, Pick::Count, "4", false);
        picks(&list, Pick::LatestDayMean, "9.5", false);
        picks(&[("2018-12-30", 3), ("2019-01-02", 4), ("2019-01-05", 9)], Pick::Closest, "4", false);
        picks(&[("2018-12-30", 3), ("2019-01-03", 4)], Pick::Closest, "3.5", true);
    }

    #[test]
    fn a_date_alone_sorts_at_the_start_of_its_day() {
        picks(&[("2018-03-01", 5), ("2018-03-01T00:01:00Z", 6)], Pick::Latest, "6", false);
    }

    #[test]
    fn ties_are_means_of_numbers_and_missing_for_levels() {
        picks(&[("2018-03-01T10:00:00Z", 5), ("2018-03-01T12:00:00+02:00", 8)], Pick::Latest, "6.5", true);
        picks(&[("2018-03-01", 5), ("2018-03-01", 5)], Pick::First, "5", false);
        let mut levels = taken(&[("2018-03-01", 0), ("2018-03-01", 0)]);
        levels[0].value = Value::Level(1);
        levels[1].value = Value::Level(2);
        assert_eq!(pick(levels.clone(), Pick::Latest, INDEX), Picked { value: None, tie: true });
        levels[1].value = Value::Level(1);
        assert_eq!(pick(levels, Pick::Latest, INDEX), Picked { value: Some(Value::Level(1)), tie: false });
    }

    #[test]
    fn one_record_through_two_sources_counts_once() {
        let mut twice = taken(&[("2018-03-01", 5), ("2018-03-01", 5)]);
        twice[1].fact = 0;
        assert_eq!(pick(twice, Pick::Count, INDEX).value, Some(Value::Number(Decimal::ONE)));
        assert_eq!(pick(Vec::new(), Pick::Mean, INDEX), Picked { value: None, tie: false });
    }
}
