//! Calendar days, partial dates, instants and windows, as dictionaries use them (design: product, section 2.2).
//!
//! A FHIR date, dateTime or instant is read as the local calendar day (or days, if it is partial) it is written in. Nothing is
//! ever converted to UTC to find a day; instants serve only to order readings.

use countersign_circuits::consent::Day;
use jiff::{ToSpan, civil::Date};
use std::str::FromStr;

/// A text that is not a date the importer accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date: write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset")]
pub struct NotADate;

/// The calendar days a FHIR date covers: one, a month or a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Date,
    pub(crate) last: Date,
}

/// A moment in nanoseconds since 1970-01-01T00:00Z; dates without a time sort at the start of their day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(i128);

/// A FHIR date, dateTime or instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) span: Span,
    pub(crate) instant: Instant,
    pub(crate) precision: Precision,
}

/// How much of a date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Year,
    Month,
    Day,
}

const EPOCH: Date = Date::constant(1970, 1, 1);
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Days since 1970-01-01.
pub(crate) fn day_number(date: Date) -> i32 {
    let hours = EPOCH.duration_until(date).as_hours();
    i32::try_from(hours / 24).expect("a date within years -9999 to 9999 is fewer than 2^31 days from 1970")
}

/// The calendar date of a day number, if it lies in years 0 to 9999.
pub(crate) fn date_of(day: Day) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(day.0).ok()?).ok().filter(|d| d.year() >= 0)
}

/// A text that is not a day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day: write YYYY-MM-DD")]
pub struct NotADay;

/// Reads `YYYY-MM-DD` as a day.
///
/// # Errors
/// [`NotADay`]: the text is something else, or no day of the calendar.
pub fn parse_day(text: &str) -> Result<Day, NotADay> {
    full_date(text.as_bytes()).map(|d| Day(day_number(d))).map_err(|_| NotADay)
}

/// Writes a day as `YYYY-MM-DD`.
pub fn day_text(day: Day) -> String {
    date_of(day).map_or_else(|| format!("day {}", day.0), |d| d.to_string())
}

fn digits(bytes: Option<&[u8]>) -> Result<i16, NotADate> {
    let bytes = bytes.filter(|b| !b.is_empty() && b.iter().all(u8::is_ascii_digit)).ok_or(NotADate)?;
    bytes.iter().try_fold(0i16, |n, b| n.checked_mul(10)?.checked_add(i16::from(b - b'0'))).ok_or(NotADate)
}

fn small(bytes: Option<&[u8]>) -> Result<i8, NotADate> {
    i8::try_from(digits(bytes)?).map_err(|_| NotADate)
}

fn full_date(bytes: &[u8]) -> Result<Date, NotADate> {
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return Err(NotADate);
    }
    Date::new(digits(bytes.get(..4))?, small(bytes.get(5..7))?, small(bytes.get(8..10))?).map_err(|_| NotADate)
}

/// Nanoseconds of a day, and the offset to UTC in seconds (none written: UTC, as for a date alone).
fn time_of_day(bytes: &[u8]) -> Result<(i128, i64), NotADate> {
    let at = bytes.iter().position(|b| matches!(b, b'Z' | b'z' | b'+' | b'-')).unwrap_or(bytes.len());
    let (clock, zone) = bytes.split_at(at);
    let offset = match zone {
        [] | [b'Z' | b'z'] => 0,
        [sign, rest @ ..] if rest.len() == 5 && rest.get(2) == Some(&b':') => {
            let (hours, minutes) = (i64::from(digits(rest.get(..2))?), i64::from(digits(rest.get(3..5))?));
            if hours > 15 || minutes > 59 {
                return Err(NotADate);
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return Err(NotADate),
    };
    if clock.get(2) != Some(&b':') {
        return Err(NotADate);
    }
    let (hour, minute) = (digits(clock.get(..2))?, digits(clock.get(3..5))?);
    let (second, fraction) = match clock.get(5) {
        None => (0, 0),
        Some(b':') => (digits(clock.get(6..8))?, fraction_nanos(clock.get(8..).unwrap_or_default())?),
        Some(_) => return Err(NotADate),
    };
    if hour > 24 || minute > 59 || second > 60 {
        return Err(NotADate);
    }
    let seconds = i128::from(hour) * 3600 + i128::from(minute) * 60 + i128::from(second);
    Ok((seconds * NANOS_PER_SECOND + fraction, offset))
}

fn fraction_nanos(bytes: &[u8]) -> Result<i128, NotADate> {
    match bytes {
        [] => Ok(0),
        [b'.', rest @ ..] if !rest.is_empty() && rest.len() <= 32 && rest.iter().all(u8::is_ascii_digit) => {
            Ok((0..9).fold(0, |n, i| n * 10 + rest.get(i).map_or(0, |b| i128::from(b - b'0'))))
        }
        _ => Err(NotADate),
    }
}

impl FromStr for Moment {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let bytes = text.as_bytes();
        let (span, precision) = match bytes.len() {
            4 => {
                let year = digits(Some(bytes))?;
                let date = |m, d| Date::new(year, m, d).map_err(|_| NotADate);
                (Span { first: date(1, 1)?, last: date(12, 31)? }, Precision::Year)
            }
            7 if bytes.get(4) == Some(&b'-') => {
                let first = Date::new(digits(bytes.get(..4))?, small(bytes.get(5..7))?, 1).map_err(|_| NotADate)?;
                (Span { first, last: first.last_of_month() }, Precision::Month)
            }
            _ => {
                let day = full_date(bytes.get(..10).ok_or(NotADate)?)?;
                (Span { first: day, last: day }, Precision::Day)
            }
        };
        let (nanos, offset) = match bytes.get(10..) {
            None | Some([]) => (0, 0),
            Some([b'T', rest @ ..]) => time_of_day(rest)?,
            Some(_) => return Err(NotADate),
        };
        let seconds = i128::from(day_number(span.first)) * 86_400 - i128::from(offset);
        Ok(Self { span, instant: Instant(seconds * NANOS_PER_SECOND + nanos), precision })
    }
}

/// A distance from the index date: days, or calendar months (clamped to the end of a month).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offset {
    Days(i32),
    Months(i32),
}

/// Longest distance a window may reach, so that arithmetic on dates stays inside the calendar.
const YEARS_MAX: i32 = 200;

impl FromStr for Offset {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, months) = if let Some(n) = text.strip_suffix("mo") {
            (n, Some(1))
        } else if let Some(n) = text.strip_suffix('y') {
            (n, Some(12))
        } else {
            (text.strip_suffix('d').ok_or(())?, None)
        };
        let n: i32 = number.parse().map_err(|_| ())?;
        let bound = |v: i32, max: i32| (v.unsigned_abs() <= max.unsigned_abs()).then_some(v).ok_or(());
        match months {
            Some(each) => bound(n.checked_mul(each).ok_or(())?, YEARS_MAX * 12).map(Self::Months),
            None => bound(n, YEARS_MAX * 366).map(Self::Days),
        }
    }
}

impl Offset {
    /// The day this far from another; clamped to the ends of the calendar.
    pub(crate) fn shift(self, day: Date) -> Date {
        match self {
            Self::Days(n) => day.saturating_add(n.days()),
            Self::Months(n) => day.saturating_add(n.months()),
        }
    }
}

/// `[from, to)` in local calendar days relative to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Offset,
    pub(crate) to: Offset,
}

impl Window {
    /// The window's days for one index date.
    pub(crate) fn around(self, index: Date) -> Range {
        Range { from: self.from.shift(index), to: self.to.shift(index) }
    }
}

/// Days `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Date,
    pub(crate) to: Date,
}

impl Range {
    /// True if the whole of a possibly partial date lies inside.
    pub(crate) fn holds(&self, span: Span) -> bool {
        self.from <= span.first && span.last < self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_local_day_is_the_one_written() {
        let late = moment("2018-12-31T23:30:00-05:00");
        assert_eq!(late.span.first, date("2018-12-31"));
        assert_eq!(late.instant, moment("2019-01-01T04:30:00Z").instant);
        assert!(moment("2018-12-31").instant < moment("2018-12-31T00:00:00.000000001Z").instant);
    }

    #[test]
    fn partial_dates_cover_their_period() {
        assert_eq!(moment("2020-02").span, Span { first: date("2020-02-01"), last: date("2020-02-29") });
        assert_eq!(moment("2018").span, Span { first: date("2018-01-01"), last: date("2018-12-31") });
        let window = Range { from: date("2018-01-01"), to: date("2019-01-01") };
        assert!(window.holds(moment("2018").span));
        assert!(!Range { from: date("2018-01-02"), ..window }.holds(moment("2018").span));
        assert!(!Range { to: date("2018-12-31"), ..window }.holds(moment("2018-12").span));
    }

    #[test]
    fn windows_are_closed_below_and_open_above() {
        let window = Window { from: "-2y".parse().unwrap(), to: "0d".parse().unwrap() }.around(date("2019-01-01"));
        assert!(window.holds(moment("2017-01-01").span) && window.holds(moment("2018-12-31").span));
        assert!(!window.holds(moment("2016-12-31").span) && !window.holds(moment("2019-01-01").span));
    }

    #[test]
    fn months_and_years_clamp_to_the_end_of_a_month() {
        let shift = |day: &str, by: &str| by.parse::<Offset>().unwrap().shift(date(day)).to_string();
        assert_eq!(shift("2019-03-31", "-1mo"), "2019-02-28");
        assert_eq!(shift("2020-02-29", "-1y"), "2019-02-28");
        assert_eq!(shift("2019-01-01", "-120y"), "1899-01-01");
        assert_eq!(shift("2019-01-01", "365d"), "2020-01-01");
    }

    #[test]
    fn malformed_dates_are_refused() {
        for text in [
            "",
            "19",
            "2019-1-1",
            "2019-02-30",
            "2019-13",
            "2019-01-01T",
            "2019-01-01T25:00Z",
            "2019-01-01 10:00",
            "2019-01-01T10:00+5",
            "+019",
            "２０１９",
            "2019-01-01T10:00:00.Z",
            "2019/01/01",
            "9999999",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(NotADate), "{text}");
        }
        for text in ["", "d", "1w", "99999999999d", "5000y", "--1d", "1.5y"] {
            assert!(text.parse::<Offset>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = text.parse::<Moment>();
            let _ = text.parse::<Offset>();
        }

        #[test]
        fn days_survive_writing(n in -200_000i32..200_000) {
            prop_assert_eq!(parse_day(&day_text(Day(n))), Ok(Day(n)));
        }

        #[test]
        fn an_offset_of_the_zone_never_moves_the_day(hour in 0u8..24, zone in -12i8..=14) {
            let text = format!("2018-07-04T{hour:02}:00:00{}{:02}:00", if zone < 0 { '-' } else { '+' }, zone.unsigned_abs());
            let read = moment(&text);
            prop_assert_eq!(read.span.first, date("2018-07-04"));
            prop_assert_eq!(read.instant.0, i128::from(day_number(date("2018-07-04")) * 24 + i32::from(hour) - i32::from(zone)) * 3600 * NANOS_PER_SECOND);
        }
    }
}
