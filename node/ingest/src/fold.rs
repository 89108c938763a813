//! From records to rows: who is in the population, and one level an attribute (design: product, section 2.2).

mod cohort;
mod people;
mod pick;
mod rows;
mod scope;
mod window;

pub(crate) use cohort::{Cohort, ConsentsFound};

use crate::{error::ImportError, import::ImportOptions, reading::Reading, report::AttributeReport, source::Records};
use countersign_circuits::dictionary::Scale;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// Folds what a source holds into rows, whatever the source.
///
/// # Errors
/// [`ImportError::MergeCircle`]: patients took each other's place.
pub(crate) fn fold(reading: &Reading, records: Records, table_day: Date, options: &ImportOptions<'_>) -> Result<Cohort, ImportError> {
    match records {
        Records::Facts(facts) => people::fold_facts(reading, &facts, table_day, options),
        Records::Rows(rows) => Ok(rows::fold_rows(reading, rows, options)),
    }
}

/// A converted value becomes a level: the one place where anything is rounded. Counts what was out of range.
pub(crate) fn to_level(scale: &Scale, value: Decimal, report: &mut AttributeReport) -> Option<u32> {
    if scale.plausible.is_some_and(|(lo, hi)| value < lo || value > hi) {
        report.implausible += 1;
        return None;
    }
    let (lo, hi) = (scale.lo, scale.hi());
    if value < lo || value > hi {
        if !scale.clip {
            report.beyond += 1;
            return None;
        }
        report.clipped += 1;
    }
    scale.level(value.clamp(lo, hi))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scale(clip: bool) -> Scale {
        let d = |t: &str| t.parse().unwrap();
        Scale { lo: d("-3"), step: d("0.1"), levels: 131, edges: vec![], clip, plausible: Some((d("-10"), d("15"))) }
    }

    fn level(value: &str, clip: bool) -> (Option<u32>, u64, u64, u64) {
        let mut report = AttributeReport::default();
        let level = to_level(&scale(clip), value.parse().unwrap(), &mut report);
        (level, report.clipped, report.beyond, report.implausible)
    }

    #[test]
    fn two_fences() {
        assert_eq!(level("-3", true), (Some(0), 0, 0, 0));
        assert_eq!(level("10", true), (Some(130), 0, 0, 0));
        assert_eq!(level("10.01", true), (Some(130), 1, 0, 0));
        assert_eq!(level("-10", true), (Some(0), 1, 0, 0));
        assert_eq!(level("-10.01", true), (None, 0, 0, 1));
        assert_eq!(level("15.0001", false), (None, 0, 0, 1));
        assert_eq!(level("15", false), (None, 0, 1, 0));
    }

    #[test]
    fn halves_go_to_the_even_level() {
        assert_eq!(level("-2.95", true).0, Some(0));
        assert_eq!(level("-2.85", true).0, Some(2));
        assert_eq!(level("-2.9500000000000000000001", true).0, Some(0));
        assert_eq!(level("-2.9499999999999999999999", true).0, Some(1));
    }

    proptest! {
        #[test]
        fn every_plausible_value_has_the_nearest_level(n in -1_000_000i64..1_500_000) {
            let value = Decimal::new(n, 5);
            let mut report = AttributeReport::default();
            let scale = scale(true);
            let level = to_level(&scale, value, &mut report).unwrap();
            let near = value.clamp(scale.lo, scale.hi());
            prop_assert!((scale.value(level) - near).abs() <= Decimal::new(5, 2));
            prop_assert_eq!(report.clipped == 1, near != value);
        }
    }
}
