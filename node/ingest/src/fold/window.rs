//! Data windows: of which days a person permits the use of records. Records of other days, and records without a date, do not exist for the person's row.

use super::people::Person;
use crate::{
    calendar::{Moment, date_of, day_number},
    consent::DayRange,
    fact::{Death, EncounterFact},
};
use countersign_circuits::consent::Day;
use jiff::civil::Date;

/// What the windows of a person leave.
pub(super) struct Seen {
    /// Records that are not there.
    pub(super) outside: u64,
    /// Up to when the data of the person reach.
    pub(super) until: Date,
}

/// Takes records outside the windows away from a person.
pub(super) fn apply(person: &mut Person<'_>, windows: &[DayRange], shift: bool, table_day: Date) -> Seen {
    let windows = if shift { shifted(windows, &person.encounters) } else { windows.to_vec() };
    let inside = |moment: Option<Moment>| moment.is_some_and(|m| holds(&windows, m));
    let before = count(person);
    person.observations.retain(|(_, o)| inside(o.when));
    person.conditions.retain(|c| inside(c.recorded));
    person.encounters.retain(|e| inside(e.start));
    person.death = match person.patient.death {
        Death::On(moment) if !holds(&windows, moment) => Death::No,
        // on no day: nothing that may be used says it
        Death::Undated => Death::No,
        other => other,
    };
    let last = windows.iter().map(|w| w.last).max().unwrap_or(Day(i32::MIN));
    let until = date_of(last).filter(|date| *date < table_day).unwrap_or(table_day);
    Seen { outside: before - count(person), until }
}

fn count(person: &Person<'_>) -> u64 {
    (person.observations.len() + person.conditions.len() + person.encounters.len()) as u64
}

/// All days a record may be of are in one window.
fn holds(windows: &[DayRange], moment: Moment) -> bool {
    let (first, last) = (Day(day_number(moment.span.first)), Day(day_number(moment.span.last)));
    windows.iter().any(|window| window.holds(first, last))
}

/// Windows that begin with the encounter their first day lies in. An encounter of which no end is known moves nothing.
fn shifted(windows: &[DayRange], encounters: &[&EncounterFact]) -> Vec<DayRange> {
    let around = |first: Day| {
        let stays = encounters.iter().filter(|e| e.counts).filter_map(|e| Some((e.start?, e.end?)));
        let over = stays.map(|(start, end)| (Day(day_number(start.span.first)), Day(day_number(end.span.first))));
        over.filter(|(start, end)| *start < first && first <= *end).map(|(start, _)| start).min().unwrap_or(first)
    };
    windows.iter().map(|window| DayRange { first: around(window.first), ..*window }).collect()
}
