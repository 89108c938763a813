//! People: merged records, the population, and each person's row.

use super::{
    pick::{Picked, Taken, Value, pick},
    to_level,
};
use crate::{
    calendar::{Moment, Offset, Precision, Range},
    error::ImportError,
    fhir::{
        collect::Collector,
        fact::{Body, ConditionFact, Death, EncounterFact, ObservationFact, PartValue, PatientFact, PersonIndex},
    },
    reading::{Absent, AttributeRule, Censor, Comparator, Index, Pick, Reading, SourceRule},
    report::{AttributeReport, LeftOut, incomplete},
    table::{PatientId, ResearchTable, TableRow},
};
use countersign_circuits::dictionary::{Attribute, Domain, Scale};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Longest chain of merged records followed.
const MERGES_MAX: usize = 64;

/// Everything about one person.
struct Person<'a> {
    patient: &'a PatientFact,
    observations: Vec<(usize, &'a ObservationFact)>,
    conditions: Vec<&'a ConditionFact>,
    encounters: Vec<&'a EncounterFact>,
}

/// What a fold found.
#[derive(Default)]
pub(crate) struct Cohort {
    pub(crate) table: ResearchTable,
    pub(crate) attributes: Vec<AttributeReport>,
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
    pub(crate) people: u64,
    pub(crate) merged: u64,
    pub(crate) without_patient: u64,
}

/// Folds facts into rows.
pub(crate) fn fold(
    reading: &Reading,
    collector: &Collector<'_>,
    table_day: Date,
    consented: Option<&BTreeSet<PatientId>>,
) -> Result<Cohort, ImportError> {
    let mut cohort = Cohort::default();
    let roots = roots(collector, &mut cohort)?;
    let people = gather(collector, &roots, &mut cohort);
    let attributes = reading.dictionary().attributes();
    cohort.attributes = attributes.iter().map(|a| AttributeReport { name: a.name().into(), ..Default::default() }).collect();
    let mut used = vec![BTreeSet::new(); attributes.len()];
    for (id, person) in people {
        cohort.people += 1;
        let scope = Scope { reading, collector, person: &person, table_day };
        let index = match scope.index(id, consented) {
            Ok(index) => index,
            Err(why) => {
                *cohort.left_out.entry(why).or_default() += 1;
                continue;
            }
        };
        let mut levels = Vec::with_capacity(attributes.len());
        for (position, attribute) in attributes.iter().enumerate() {
            let Some(report) = cohort.attributes.get_mut(position) else { continue };
            levels.push(scope.level(position, attribute, index, report));
        }
        if incomplete(attributes, &levels, &mut cohort.attributes) {
            *cohort.left_out.entry(LeftOut::Incomplete).or_default() += 1;
            continue;
        }
        for ((report, level), used) in cohort.attributes.iter_mut().zip(&levels).zip(&mut used) {
            report.row(*level, used);
        }
        let patient = PatientId::new(id).expect("resource ids were checked when they were read");
        cohort.table.rows.push(TableRow { patient, levels });
    }
    for (position, ((report, attribute), used)) in cohort.attributes.iter_mut().zip(attributes).zip(&used).enumerate() {
        report.finish(attribute, used);
        let coded = |s: &SourceRule| matches!(s, SourceRule::Condition { .. });
        let of_codes = reading.rules().get(position).is_some_and(|rule| rule.sources.iter().any(coded));
        report.all_no = of_codes && report.known > 0 && used.iter().eq([&0]);
    }
    Ok(cohort)
}

/// For each person index, the surviving record's.
fn roots(collector: &Collector<'_>, cohort: &mut Cohort) -> Result<Vec<PersonIndex>, ImportError> {
    let mut next: Vec<Option<PersonIndex>> = vec![None; collector.people.len()];
    for fact in &collector.facts {
        if let (Some(subject), Body::Patient(patient)) = (fact.subject, &fact.body)
            && let (Some(to), Some(slot)) = (patient.replaced_by, next.get_mut(subject as usize))
        {
            *slot = Some(to);
            cohort.merged += 1;
        }
    }
    // a survivor may be the only one to say so; where the old record names another, that is its own word
    for fact in &collector.facts {
        let (Some(survivor), Body::Patient(patient)) = (fact.subject, &fact.body) else { continue };
        for old in patient.replaces.iter().filter(|old| **old != survivor) {
            if let Some(slot) = next.get_mut(*old as usize).filter(|slot| slot.is_none()) {
                *slot = Some(survivor);
                cohort.merged += 1;
            }
        }
    }
    let follow = |start: usize| {
        let mut at = start as PersonIndex;
        for _ in 0..MERGES_MAX {
            match next.get(at as usize).copied().flatten() {
                Some(to) => at = to,
                None => return Ok(at),
            }
        }
        Err(ImportError::MergeCircle)
    };
    (0..next.len()).map(follow).collect()
}

/// People in order of their identifiers, with their facts.
fn gather<'a>(collector: &'a Collector<'_>, roots: &[PersonIndex], cohort: &mut Cohort) -> BTreeMap<&'a str, Person<'a>> {
    let mut slots: Vec<Option<Person<'a>>> = collector.people.iter().map(|_| None).collect();
    for fact in &collector.facts {
        if let (Some(subject), Body::Patient(patient)) = (fact.subject, &fact.body)
            && roots.get(subject as usize) == Some(&subject)
        {
            if patient.active {
                let person = Person { patient, observations: Vec::new(), conditions: Vec::new(), encounters: Vec::new() };
                slots[subject as usize] = Some(person);
            } else {
                cohort.people += 1;
                *cohort.left_out.entry(LeftOut::Inactive).or_default() += 1;
            }
        }
    }
    for (position, fact) in collector.facts.iter().enumerate() {
        if matches!(fact.body, Body::Gone | Body::Patient(_)) {
            continue;
        }
        let root = fact.subject.and_then(|s| roots.get(s as usize));
        let Some(person) = root.and_then(|r| slots.get_mut(*r as usize)).and_then(Option::as_mut) else {
            cohort.without_patient += 1;
            continue;
        };
        match &fact.body {
            Body::Observation(o) => person.observations.push((position, o)),
            Body::Condition(c) => person.conditions.push(c),
            Body::Encounter(e) => person.encounters.push(e),
            Body::Gone | Body::Other | Body::Patient(_) => {}
        }
    }
    collector.people.iter().zip(slots).filter_map(|(id, slot)| Some((id.as_str(), slot?))).collect()
}

fn is_implausible(scale: Option<&Scale>, value: Value) -> bool {
    let (Some((lo, hi)), Value::Number(number)) = (scale.and_then(|s| s.plausible), value) else { return false };
    number < lo || number > hi
}

/// One person seen with one dictionary.
struct Scope<'a> {
    reading: &'a Reading,
    collector: &'a Collector<'a>,
    person: &'a Person<'a>,
    table_day: Date,
}

impl Scope<'_> {
    /// The index date, or why there is no row.
    fn index(&self, id: &str, consented: Option<&BTreeSet<PatientId>>) -> Result<Date, LeftOut> {
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

    fn level(&self, position: usize, attribute: &Attribute, index: Date, report: &mut AttributeReport) -> Option<u32> {
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
                    SourceRule::TimeTo { event, censor } => self.time_to(event, censor, index),
                    SourceRule::Encounter { window, status } => Some(self.encounters(window.around(index), status)),
                    _ => match self.picked(position, rule, index, report).value {
                        Some(Value::Number(n)) => Some(n),
                        _ if rule.absent == Absent::Zero => Some(Decimal::ZERO),
                        _ => None,
                    },
                };
                to_level(scale, value?, report)
            }
        }
    }

    fn flag(&self, rule: &AttributeRule, index: Date, report: &mut AttributeReport) -> Option<u32> {
        let (mut hit, mut unobserved) = (false, false);
        for source in &rule.sources {
            match source {
                SourceRule::Death { window } => {
                    let range = window.around(index);
                    // whoever is not known to have died was not observed to the window's end, if the data end before
                    unobserved |= self.table_day < range.to;
                    hit |= matches!(self.person.patient.death, Death::On(m) if range.holds(m.span));
                }
                SourceRule::Condition { valueset, window, active_at_index } => {
                    let set = self.reading.valueset_position(valueset);
                    let range = window.around(index);
                    for condition in self.person.conditions.iter().filter(|c| set.is_some_and(|s| c.sets.contains(&s))) {
                        match condition.onset {
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

    fn encounters(&self, range: Range, status: &[String]) -> Decimal {
        let fits = |e: &&&EncounterFact| {
            status.iter().any(|s| s == self.collector.statuses.text(e.status)) && e.start.is_some_and(|s| range.holds(s.span))
        };
        Decimal::from(self.person.encounters.iter().filter(fits).count() as u64)
    }

    /// Days from the index to death, or to the earliest censoring; the event's window says how far is looked.
    fn time_to(&self, event: &str, censor: &[Censor], index: Date) -> Option<Decimal> {
        let (position, _) = self.reading.dictionary().find(event)?;
        let to = match self.reading.rules().get(usize::from(position))?.sources.first()? {
            SourceRule::Death { window } => window.to,
            _ => Offset::Days(0),
        };
        let horizon = to.shift(index);
        let death = match self.person.patient.death {
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
                report.unmapped(self.collector.problems.text(problem));
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
