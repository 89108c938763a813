//! People: merged records, the population, and each person's row.

use super::{
    Cohort,
    scope::Scope,
    window::{self, Seen},
};
use crate::{
    error::ImportError,
    fact::{
        Body, ConditionFact, ConsentWord, Death, EncounterFact, Facts, Kind, ObservationFact, PatientFact, PersonIndex, last_word_refuses,
    },
    import::ImportOptions,
    reading::{AttributeRule, Reading, SourceRule},
    report::{AttributeReport, LeftOut, incomplete},
    table::{PatientId, TableRow},
};
use countersign_circuits::dictionary::{Attribute, AttributeKind};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Longest chain of merged records followed.
const MERGES_MAX: usize = 64;

/// Everything about one person.
pub(super) struct Person<'a> {
    pub(super) patient: &'a PatientFact,
    pub(super) observations: Vec<(usize, &'a ObservationFact)>,
    pub(super) conditions: Vec<&'a ConditionFact>,
    pub(super) encounters: Vec<&'a EncounterFact>,
    /// As the row may know of it.
    pub(super) death: Death,
}

/// Folds facts into rows.
pub(super) fn fold_facts(reading: &Reading, facts: &Facts, table_day: Date, options: &ImportOptions<'_>) -> Result<Cohort, ImportError> {
    let mut cohort = Cohort::default();
    let roots = roots(facts, &mut cohort)?;
    let people = gather(facts, &roots, &mut cohort, options.consents.is_some());
    consents(facts, &roots, options, &mut cohort);
    let attributes = reading.dictionary().attributes();
    cohort.attributes = attributes.iter().map(|a| AttributeReport { name: a.name().into(), ..Default::default() }).collect();
    let mut used = vec![BTreeSet::new(); attributes.len()];
    for (id, mut person) in people {
        cohort.people += 1;
        let windows = options.consents.and_then(|consents| consents.table.windows(&PatientId::new(id).ok()?));
        let shift = options.consents.is_some_and(|consents| consents.table.shifts_by_encounters());
        let mut table_day = table_day;
        if let Some(windows) = windows {
            let Seen { outside, until } = window::apply(&mut person, windows, shift, table_day);
            cohort.outside_windows += outside;
            table_day = until;
        }
        let scope = Scope { reading, facts, person: &person, table_day };
        let permitted = |index| if windows.is_some_and(<[_]>::is_empty) { Err(LeftOut::NoWindow) } else { Ok(index) };
        let index = match scope.index(id, options.consented).and_then(permitted) {
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
        let patient = PatientId::new(id).expect("identifiers were checked when they were read");
        cohort.table.rows.push(TableRow { patient, levels });
    }
    for (position, ((report, attribute), used)) in cohort.attributes.iter_mut().zip(attributes).zip(&used).enumerate() {
        report.finish(attribute, used);
        let only_zero = report.known > 0 && used.iter().eq([&0]);
        let Some(rule) = reading.rules().get(position).filter(|_| only_zero) else { continue };
        nothing_found(rule, attribute, report);
    }
    Ok(cohort)
}

/// Notes that nobody has what an attribute asks for: "no" or 0 for everybody.
fn nothing_found(rule: &AttributeRule, attribute: &Attribute, report: &mut AttributeReport) {
    match attribute.kind() {
        AttributeKind::Flag if rule.sources.iter().any(|s| matches!(s, SourceRule::Condition { .. })) => report.all_no = true,
        AttributeKind::Flag => report.nobody_died = true,
        AttributeKind::Count => report.all_zero = true,
        AttributeKind::Category | AttributeKind::Number => {}
    }
}

/// For each person index, the surviving record's.
fn roots(facts: &Facts, cohort: &mut Cohort) -> Result<Vec<PersonIndex>, ImportError> {
    let mut next: Vec<Option<PersonIndex>> = vec![None; facts.ids.len()];
    for fact in &facts.list {
        if let (Some(subject), Body::Patient(patient)) = (fact.subject, &fact.body)
            && let (Some(to), Some(slot)) = (patient.replaced_by, next.get_mut(subject as usize))
        {
            *slot = Some(to);
            cohort.merged += 1;
        }
    }
    // a survivor may be the only one to say so; where the old record names another, that is its own word
    for fact in &facts.list {
        let (Some(survivor), Body::Patient(patient)) = (fact.subject, &fact.body) else { continue };
        for old in patient.replaces.iter().filter(|old| **old != survivor) {
            if let Some(slot) = next.get_mut(*old as usize).filter(|slot| slot.is_none()) {
                *slot = Some(survivor);
                cohort.merged += 1;
            }
        }
    }
    // references of one server and of none are to one person
    let home = |at: PersonIndex| facts.same.get(at as usize).copied().unwrap_or(at);
    let follow = |start: usize| {
        let mut at = home(start as PersonIndex);
        for _ in 0..MERGES_MAX {
            match next.get(at as usize).copied().flatten() {
                Some(to) => at = home(to),
                None => return Ok(at),
            }
        }
        Err(ImportError::MergeCircle)
    };
    (0..next.len()).map(follow).collect()
}

/// People in order of their identifiers, with their facts.
fn gather<'a>(facts: &'a Facts, roots: &[PersonIndex], cohort: &mut Cohort, keep_known: bool) -> BTreeMap<&'a str, Person<'a>> {
    let mut slots: Vec<Option<Person<'a>>> = (0..facts.ids.len()).map(|_| None).collect();
    let mut inactive = BTreeSet::new();
    for fact in &facts.list {
        if let (Some(subject), Body::Patient(patient)) = (fact.subject, &fact.body)
            && roots.get(subject as usize) == Some(&subject)
        {
            if patient.active {
                let death = patient.death;
                let person = Person { patient, observations: Vec::new(), conditions: Vec::new(), encounters: Vec::new(), death };
                slots[subject as usize] = Some(person);
            } else {
                inactive.insert(subject);
                cohort.people += 1;
                *cohort.left_out.entry(LeftOut::Inactive).or_default() += 1;
            }
        }
    }
    for (position, fact) in facts.list.iter().enumerate() {
        if matches!(fact.body, Body::Gone | Body::Patient(_) | Body::Consent(_)) {
            continue;
        }
        let root = fact.subject.and_then(|s| roots.get(s as usize));
        let counted = cohort.strays.entry(fact.kind.name()).or_default();
        counted.1 += 1;
        let Some(person) = root.and_then(|r| slots.get_mut(*r as usize)).and_then(Option::as_mut) else {
            cohort.without_patient += 1;
            counted.0 += u64::from(!root.is_some_and(|r| inactive.contains(r) || facts.gone.contains(r)));
            continue;
        };
        match &fact.body {
            Body::Observation(o) => person.observations.push((position, o)),
            Body::Condition(c) => person.conditions.push(c),
            Body::Encounter(e) => person.encounters.push(e),
            Body::Gone | Body::Other | Body::Patient(_) | Body::Consent(_) => {}
        }
    }
    let id = |index: usize| facts.id(index as PersonIndex);
    let there = slots.iter().enumerate().filter(|(_, slot)| slot.is_some()).map(|(index, _)| index);
    if keep_known {
        cohort.known = there.chain(inactive.iter().map(|i| *i as usize)).filter_map(|i| PatientId::new(id(i)).ok()).collect();
    }
    slots.into_iter().enumerate().filter_map(|(index, slot)| Some((id(index), slot?))).collect()
}

/// What the Consents among the records say against the consents that are given.
fn consents(facts: &Facts, roots: &[PersonIndex], options: &ImportOptions<'_>, cohort: &mut Cohort) {
    let mut words: BTreeMap<PersonIndex, Vec<ConsentWord>> = BTreeMap::new();
    for fact in facts.list.iter().filter(|f| f.kind == Kind::Consent) {
        let Body::Consent(word) = &fact.body else { continue };
        cohort.consents.documents += 1;
        match fact.subject.and_then(|s| roots.get(s as usize)) {
            Some(root) => words.entry(*root).or_default().push(*word),
            None => cohort.consents.contradicted += u64::from(word.refuses()),
        }
    }
    let permits = |id: &PatientId| match (options.consented, options.consents) {
        (Some(usable), _) => usable.contains(id),
        (None, Some(consents)) => consents.table.scopes(id).next().is_some(),
        (None, None) => false,
    };
    let refused = words.iter().filter(|(_, words)| last_word_refuses(words)).filter_map(|(root, _)| PatientId::new(facts.id(*root)).ok());
    cohort.consents.contradicted += refused.filter(permits).count() as u64;
}
