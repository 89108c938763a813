//! One person's row: the index date, and a level for each attribute.

use super::{
    people::Person,
    pick::{Picked, Taken, Value, pick},
    to_level,
};
use crate::{
    calendar::{Moment, Offset, Precision, Range},
    fact::{Death, Facts, PartValue},
    reading::{Absent, AttributeRule, Censor, Comparator, Index, Pick, Reading, SourceRule},
    report::{AttributeReport, LeftOut},
    table::PatientId,
};
use countersign_circuits::dictionary::{Attribute, Domain, Scale};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

fn is_implausible(scale: Option<&Scale>, value: Value) -> bool {
    let (Some((lo, hi)), Value::Number(number)) = (scale.and_then(|s| s.plausible), value) else { return false };
    number < lo || number > hi
}

/// One person seen with one dictionary.
pub(super) struct Scope<'a> {
    pub(super) reading: &'a Reading,
    pub(super) facts: &'a Facts,
    pub(super) person: &'a Person<'a>,
    pub(super) table_day: Date,
}

impl Scope<'_> {
    /// The index date, or why there is no row.
    pub(super) fn index(&self, id: &str, consented: Option<&BTreeSet<PatientId>>) -> Result<Date, LeftOut> {
        let population = self.reading.population();
        let patient = self.person.patient;
        if population.birth_date && patient.birth.is_none() {
            return Err(LeftOut::NoBirthDate);
        }
        let index = match self.reading.index() {
            Index::Fixed(date) => *date,
            Index::FirstEvent { valueset, from, to } => {
                let set = self.reading.valueset_position(valueset);
                let range = Range { from: *from, to: *to };
                let hits = self.person.conditions.iter().filter(|c| c.counts && set.is_some_and(|s| c.sets.contains(&s)));
                let onsets = hits.filter_map(|c| c.onset).filter(|m| range.holds(m.span)).map(|m| m.span.first);
                onsets.min().ok_or(LeftOut::NoIndexEvent)?
            }
            // the importer refuses this before it reads anything
            Index::Column => return Err(LeftOut::NoIndexEvent),
        };
        let dead_before = match patient.death {
            Death::No => false,
            Death::Undated => true,
            Death::On(moment) => moment.span.first < index,
        };
        if population.alive_at_index && dead_before {
            return Err(LeftOut::DeadBeforeIndex);
        }
        if patient.birth.is_some_and(|b| b.span.first >= index) {
            return Err(LeftOut::BornAfterIndex);
        }
        if let Some((least, window)) = population.observed {
            let range = window.around(index);
            let seen = self.person.encounters.iter().filter(|e| e.counts && e.start.is_some_and(|s| range.holds(s.span)));
            if (seen.count() as u64) < least {
                return Err(LeftOut::NotObserved);
            }
        }
        if population.consented && consented.is_some_and(|set| !PatientId::new(id).is_ok_and(|id| set.contains(&id))) {
            return Err(LeftOut::NoConsent);
        }
        Ok(index)
    }

    pub(super) fn level(&self, position: usize, attribute: &Attribute, index: Date, report: &mut AttributeReport) -> Option<u32> {
        let rule = self.reading.rules().get(position)?;
        match (attribute.domain(), rule.sources.first()?) {
            (Domain::Levels(_), SourceRule::Gender { map }) => {
                let gender = self.person.patient.gender.as_deref()?;
                match map.get(gender) {
                    Some(level) => {
                        report.source_values += 1;
                        *level
                    }
                    None => {
                        report.unmapped("a value of Patient.gender");
                        None
                    }
                }
            }
            (Domain::Levels(_), SourceRule::Observation { .. }) => match self.picked(position, rule, index, report).value {
                Some(Value::Level(level)) => Some(level),
                _ => None,
            },
            (Domain::Levels(_), _) => self.flag(rule, index, report),
            (Domain::Scale(scale), source) => {
                let value = match source {
                    SourceRule::Age { month, day } => self.age(index, *month, *day),
                    SourceRule::TimeTo { event, censor } => self.time_to(event, censor, index, report),
                    SourceRule::Encounter { window, status } => {
                        let count = self.encounters(window.around(index), status, report);
                        self.observed(window.around(index), report).then_some(count)
                    }
                    _ => self.number(position, rule, index, report),
                };
                to_level(scale, value?, report)
            }
        }
    }

    /// True if the data reach to a window's end, or to the end of a life before it; else it is counted that they do not.
    fn observed(&self, range: Range, report: &mut AttributeReport) -> bool {
        let observed = self.reaches(range);
        report.window_beyond_data += u64::from(!observed);
        observed
    }

    fn reaches(&self, range: Range) -> bool {
        let dead = match self.person.death {
            Death::On(m) => m.span.last <= self.table_day,
            Death::No | Death::Undated => false,
        };
        self.table_day >= range.to || dead
    }

    /// A number picked from readings. A count or a sum of a window that is not over would be too small.
    fn number(&self, position: usize, rule: &AttributeRule, index: Date, report: &mut AttributeReport) -> Option<Decimal> {
        let windows =
            || rule.sources.iter().filter_map(|s| if let SourceRule::Observation { window, .. } = s { Some(window) } else { None });
        let reaches = windows().all(|window| self.reaches(window.around(index)));
        match self.picked(position, rule, index, report).value {
            _ if !reaches && matches!(rule.pick, Pick::Count | Pick::Sum) => report.window_beyond_data += 1,
            Some(Value::Number(n)) => return Some(n),
            _ if !reaches => report.window_beyond_data += 1,
            _ if rule.absent == Absent::Zero => return Some(Decimal::ZERO),
            _ => {}
        }
        None
    }

    fn flag(&self, rule: &AttributeRule, index: Date, report: &mut AttributeReport) -> Option<u32> {
        let (mut hit, mut unobserved) = (false, false);
        for source in &rule.sources {
            match source {
                SourceRule::Death { window } => {
                    let range = window.around(index);
                    // whoever is not known to have died was not observed to the window's end, if the data end before
                    unobserved |= !self.reaches(range);
                    hit |= matches!(self.person.death, Death::On(m) if range.holds(m.span));
                }
                SourceRule::Condition { valueset, window, active_at_index } => {
                    let set = self.reading.valueset_position(valueset);
                    let range = window.around(index);
                    unobserved |= !self.reaches(range);
                    for condition in self.person.conditions.iter().filter(|c| set.is_some_and(|s| c.sets.contains(&s))) {
                        report.source_values += u64::from(condition.counts);
                        match condition.onset {
                            _ if condition.status_unclear => report.unmapped("a Condition.verificationStatus that FHIR R4 does not have"),
                            _ if !condition.counts => report.wrong_status += 1,
                            None => report.undated += 1,
                            Some(onset) => {
                                let over = condition.abatement.is_some_and(|a| a.span.first < index) || condition.over_undated;
                                report.ended_undated += u64::from(*active_at_index && condition.over_undated);
                                hit |= range.holds(onset.span) && !(*active_at_index && over);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        if !hit && unobserved {
            report.window_beyond_data += 1;
            return None;
        }
        if hit { Some(1) } else { (rule.absent == Absent::No).then_some(0) }
    }

    fn age(&self, index: Date, month: i8, day: i8) -> Option<Decimal> {
        let birth = self.person.patient.birth?;
        let year = birth.span.first.year();
        let date = match birth.precision {
            Precision::Day => birth.span.first,
            Precision::Month => Date::new(year, birth.span.first.month(), 15).ok()?,
            Precision::Year => Date::new(year, month, day).ok()?,
        };
        let before = (index.month(), index.day()) < (date.month(), date.day());
        Some(Decimal::from(i32::from(index.year()) - i32::from(year) - i32::from(before)))
    }

    fn encounters(&self, range: Range, status: &[String], report: &mut AttributeReport) -> Decimal {
        let mut count = 0_u64;
        for encounter in &self.person.encounters {
            match encounter.start {
                _ if encounter.retracted || !status.iter().any(|s| s == self.facts.statuses.text(encounter.status)) => {
                    report.wrong_status += u64::from(encounter.start.is_none_or(|start| range.holds(start.span)));
                }
                None => report.undated += 1,
                Some(start) => count += u64::from(range.holds(start.span)),
            }
        }
        Decimal::from(count)
    }

    /// Days from the index to death, or to the earliest censoring; the event's window says how far is looked.
    /// Missing if nothing ends it before the horizon and the data end there.
    fn time_to(&self, event: &str, censor: &[Censor], index: Date, report: &mut AttributeReport) -> Option<Decimal> {
        let (position, _) = self.reading.dictionary().find(event)?;
        let to = match self.reading.rules().get(usize::from(position))?.sources.first()? {
            SourceRule::Death { window } => window.to,
            _ => Offset::Days(0),
        };
        let horizon = to.shift(index);
        let death = match self.person.death {
            Death::On(Moment { span, .. }) if span.first < horizon => Some(span.first),
            _ => None,
        };
        let end = death.unwrap_or_else(|| {
            let contacts = self.person.encounters.iter().filter(|e| e.counts).filter_map(|e| e.start).map(|s| s.span.first);
            let limits = censor.iter().map(|c| match c {
                Censor::TableDate => self.table_day,
                Censor::LastContact => contacts.clone().max().unwrap_or(index).max(index),
            });
            limits.chain([horizon]).min().unwrap_or(horizon).max(index)
        });
        if death.is_none() && (self.table_day < index || (end == horizon && self.table_day < horizon)) {
            report.window_beyond_data += 1;
            return None;
        }
        Some(Decimal::from(index.duration_until(end).as_hours() / 24))
    }

    fn picked(&self, position: usize, rule: &AttributeRule, index: Date, report: &mut AttributeReport) -> Picked {
        let ranges: Vec<Option<Range>> = rule
            .sources
            .iter()
            .map(|s| if let SourceRule::Observation { window, .. } = s { Some(window.around(index)) } else { None })
            .collect();
        let scale = self.reading.dictionary().attributes().get(position).and_then(Attribute::scale);
        let mut taken = Vec::new();
        for (fact, observation) in &self.person.observations {
            for part in observation.parts.iter().filter(|p| p.attribute == position) {
                if !observation.counts {
                    report.wrong_status += 1;
                    continue;
                }
                let Some(when) = observation.when else {
                    report.undated += 1;
                    continue;
                };
                if !ranges.get(part.source).copied().flatten().is_some_and(|r| r.holds(when.span)) {
                    continue;
                }
                if let Some(value) = self.value(part.value, rule, report) {
                    // an error must not pull a mean, a sum or an extreme; alone it is refused where it becomes a level
                    if rule.pick.joins() && is_implausible(scale, value) {
                        report.implausible += 1;
                        continue;
                    }
                    taken.push(Taken { instant: when.instant, day: when.span.first, value, fact: *fact });
                }
            }
        }
        let picked = pick(taken, if rule.pick == Pick::Any { Pick::Latest } else { rule.pick }, index);
        report.ties += u64::from(picked.tie);
        picked
    }

    fn value(&self, value: PartValue, rule: &AttributeRule, report: &mut AttributeReport) -> Option<Value> {
        let taken = match value {
            PartValue::NoValue => {
                report.empty += 1;
                return None;
            }
            PartValue::Unmapped(problem) => {
                report.unmapped(self.facts.problems.text(problem));
                return None;
            }
            PartValue::Unreadable => {
                report.unreadable += 1;
                report.unmapped("a number that cannot be read");
                return None;
            }
            PartValue::Unknown => None,
            PartValue::Level(level) => Some(Value::Level(level)),
            PartValue::Present => Some(Value::Number(Decimal::ONE)),
            PartValue::Number { value, bound, unit_declared } => {
                report.unit_declared += u64::from(unit_declared);
                report.bounds += u64::from(bound);
                (!bound || rule.comparator == Comparator::Keep).then_some(Value::Number(value))
            }
        };
        report.source_values += 1;
        taken
    }
}
