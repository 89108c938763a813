//! Clinical resources, translated by the mapping into what the dictionary asks for.

use super::{
    collect::Collector,
    element::not_a_number,
    read::Resource,
    resource::{CodeableConcept, Condition, Encounter, Observation, Quantity},
    retraction::Names,
};
use crate::{
    error::ImportError,
    fact::{Body, ConditionFact, EncounterFact, Fact, Kind, ObservationFact, Part, PartValue},
    mapping::number,
    reading::{CodeSet, SourceRule, ValueRule, code_matches},
};

/// A reading that says which one it took the place of (FHIR R4, extension of Observation).
const REPLACES: &str = "http://hl7.org/fhir/StructureDefinition/observation-replaces";
const IN_ERROR: &str = "entered-in-error";

/// A fact, and what it says of itself and of other records.
pub(super) struct Translated {
    pub(super) fact: Fact,
    /// It was entered in error, or takes permission away: it is believed where nothing tells which version is later.
    pub(super) outranks: bool,
    pub(super) in_error: bool,
    pub(super) names: Names,
    /// Ids of readings that do not count any more, as this one took their place.
    pub(super) replaces: Vec<String>,
}

impl Translated {
    /// A fact that says nothing of others.
    pub(super) fn plain(fact: Fact) -> Self {
        Self { fact, outranks: false, in_error: false, names: Names::default(), replaces: Vec::new() }
    }

    fn of(fact: Fact, in_error: bool, names: Names) -> Self {
        Self { fact, outranks: in_error, in_error, names, replaces: Vec::new() }
    }
}

impl Collector<'_> {
    pub(super) fn condition(&mut self, resource: &Resource<'_>) -> Result<Translated, ImportError> {
        let condition: Condition = resource.parse()?;
        let subject = self.subject(resource, condition.subject.as_ref());
        let codes = self.codings(condition.code.as_ref());
        let sets: Vec<usize> =
            self.reading.valuesets().enumerate().filter(|(_, (_, set))| code_matches(&codes, set)).map(|(i, _)| i).collect();
        let status = self.codings(condition.verification_status.as_ref());
        let mapped = || status.iter().map(|(_, code)| self.mapping.status("Condition", code));
        let in_error = mapped().any(|s| s == IN_ERROR);
        let understood = self.understood(Kind::Condition, condition.modifier_extension.is_none());
        let names = Names::of("Condition", &condition.identifier, &codes, in_error);
        let reading = self.reading;
        self.systems.count("Condition.code", condition.code.as_ref(), self.mapping, reading.valuesets().map(|(_, set)| set));
        if sets.is_empty() {
            return Ok(Translated::of(Fact { kind: Kind::Condition, subject, body: Body::Other }, in_error, names));
        }
        let refuted = mapped().any(|s| matches!(s, "refuted" | IN_ERROR | "differential"));
        // a status changes what a record says (FHIR R4: it is a modifier): one that is not understood must not be passed over
        let status_unclear = condition.verification_status.is_some()
            && !refuted
            && !mapped().any(|s| matches!(s, "unconfirmed" | "provisional" | "confirmed"));
        let onset = [
            ("onsetDateTime", condition.onset_date_time.as_deref()),
            ("onsetPeriod.start", condition.onset_period.as_ref().and_then(|p| p.start.as_deref())),
            ("recordedDate", condition.recorded_date.as_deref()),
        ];
        let abatement = [
            ("abatementDateTime", condition.abatement_date_time.as_deref()),
            ("abatementPeriod.end", condition.abatement_period.as_ref().and_then(|p| p.end.as_deref())),
        ];
        let clinical = self.codings(condition.clinical_status.as_ref());
        let ended =
            clinical.iter().any(|(_, code)| matches!(self.mapping.status("Condition", code), "resolved" | "inactive" | "remission"));
        let undated = condition.abatement_boolean == Some(true)
            // it began to be over, or was over at some time
            || condition.abatement_period.is_some()
            || condition.abatement_age.is_some()
            || condition.abatement_range.is_some()
            || condition.abatement_string.is_some();
        let abatement = first_date(resource, &abatement)?;
        let body = ConditionFact {
            counts: understood && !refuted && !status_unclear,
            status_unclear,
            sets,
            recorded: first_date(resource, &[onset[2], onset[0], onset[1]])?,
            onset: first_date(resource, &onset)?,
            over_undated: abatement.is_none() && (ended || undated),
            abatement,
        };
        Ok(Translated::of(Fact { kind: Kind::Condition, subject, body: Body::Condition(Box::new(body)) }, in_error, names))
    }

    pub(super) fn encounter(&mut self, resource: &Resource<'_>) -> Result<Translated, ImportError> {
        let encounter: Encounter = resource.parse()?;
        let subject = self.subject(resource, encounter.subject.as_ref());
        let status = self.mapping.status("Encounter", encounter.status.as_deref().unwrap_or("unknown")).to_owned();
        let in_error = status == IN_ERROR;
        let understood = self.understood(Kind::Encounter, encounter.modifier_extension.is_none());
        let body = EncounterFact {
            counts: understood && matches!(status.as_str(), "arrived" | "triaged" | "in-progress" | "onleave" | "finished"),
            retracted: !understood,
            status: self.statuses.number(&status),
            start: resource.date("period.start", encounter.period.as_ref().and_then(|p| p.start.as_deref()))?,
            end: resource.date("period.end", encounter.period.as_ref().and_then(|p| p.end.as_deref()))?,
        };
        let names = Names::of("Encounter", &encounter.identifier, &[], in_error);
        Ok(Translated::of(Fact { kind: Kind::Encounter, subject, body: Body::Encounter(body) }, in_error, names))
    }

    pub(super) fn observation(&mut self, resource: &Resource<'_>) -> Result<Translated, ImportError> {
        let observation: Observation<'_> = resource.parse()?;
        check_numbers(resource, &observation)?;
        let subject = self.subject(resource, observation.subject.as_ref());
        let codes = self.codings(observation.code.as_ref());
        let status = self.mapping.status("Observation", observation.status.as_deref().unwrap_or("unknown"));
        let in_error = status == IN_ERROR;
        let counts = matches!(status, "final" | "amended" | "corrected");
        let counts = self.understood(Kind::Observation, observation.modifier_extension.is_none()) && counts;
        let names = Names::of("Observation", &observation.identifier, &codes, in_error);
        let replaces = if counts || in_error { replaced(&observation) } else { Vec::new() };
        self.count_systems(&observation);
        let parts = self.parts(&observation, &codes);
        let when = [
            ("effectiveDateTime", observation.effective_date_time.as_deref()),
            ("effectivePeriod.start", observation.effective_period.as_ref().and_then(|p| p.start.as_deref())),
            ("effectiveInstant", observation.effective_instant.as_deref()),
        ];
        let body = if parts.is_empty() {
            Body::Other
        } else {
            Body::Observation(Box::new(ObservationFact { counts, when: first_date(resource, &when)?, parts }))
        };
        let fact = Fact { kind: Kind::Observation, subject, body };
        Ok(Translated { replaces, ..Translated::of(fact, in_error, names) })
    }

    /// False, and counted, for a record with an extension that may change what it says (FHIR R4, extensibility.html#modifierExtension: whoever does
    /// not understand it must not use the record).
    fn understood(&mut self, kind: Kind, plain: bool) -> bool {
        if !plain {
            *self.modified.entry(kind).or_default() += 1;
        }
        plain
    }

    /// Readings of an observation for the sources of the dictionary, from the observation itself and its components.
    fn parts(&mut self, observation: &Observation<'_>, codes: &[(String, String)]) -> Vec<Part> {
        let mut parts = Vec::new();
        let reading = self.reading;
        let whole = ReadingPart {
            codes,
            quantity: observation.value_quantity.as_ref(),
            concept: observation.value_codeable_concept.as_ref(),
            other: observation.other_value.is_some(),
        };
        let components: Vec<_> = observation.component.iter().map(|c| (self.codings(c.code.as_ref()), c)).collect();
        for (attribute, rule) in reading.rules().iter().enumerate() {
            let before = parts.len();
            // which element of the observation each part was read from
            let mut elements = Vec::new();
            for (source, rule) in rule.sources.iter().enumerate() {
                let SourceRule::Observation { codes: wanted, component_of, value, .. } = rule else { continue };
                if code_matches(codes, wanted) {
                    elements.push(None);
                    parts.push(Part { attribute, source, value: self.value(value, &whole) });
                }
                for (element, (codings, component)) in components.iter().enumerate() {
                    let parent = component_of.as_ref().is_none_or(|parents: &Vec<CodeSet>| code_matches(codes, parents));
                    if parent && code_matches(codings, wanted) {
                        let part = ReadingPart {
                            codes: codings,
                            quantity: component.value_quantity.as_ref(),
                            concept: component.value_codeable_concept.as_ref(),
                            other: component.other_value.is_some(),
                        };
                        elements.push(Some(element));
                        parts.push(Part { attribute, source, value: self.value(value, &part) });
                    }
                }
            }
            let own = parts.split_off(before);
            parts.extend(read_once(own, &elements));
        }
        parts
    }

    fn count_systems(&mut self, observation: &Observation<'_>) {
        let reading = self.reading;
        let sources = || reading.rules().iter().flat_map(|r| &r.sources);
        let own = sources().filter_map(|s| if let SourceRule::Observation { codes, .. } = s { Some(codes.as_slice()) } else { None });
        let parents = sources().filter_map(|s| {
            if let SourceRule::Observation { component_of, .. } = s { component_of.as_ref().map(Vec::as_slice) } else { None }
        });
        self.systems.count("Observation.code", observation.code.as_ref(), self.mapping, own.clone().chain(parents));
        for component in &observation.component {
            self.systems.count("Observation.component.code", component.code.as_ref(), self.mapping, own.clone());
        }
    }

    fn value(&mut self, rule: &ValueRule, part: &ReadingPart<'_>) -> PartValue {
        match rule {
            ValueRule::Presence => PartValue::Present,
            ValueRule::Coded(maps) => {
                let codes = self.codings(part.concept);
                if codes.is_empty() && (part.other || part.quantity.is_some()) {
                    return PartValue::Unmapped(self.problems.number("a value of another type than valueCodeableConcept"));
                }
                if codes.is_empty() {
                    return PartValue::NoValue;
                }
                let sets = maps.iter().map(|m| std::slice::from_ref(&m.codes));
                self.systems.count("Observation.value", part.concept, self.mapping, sets);
                match maps.iter().find(|m| code_matches(&codes, std::slice::from_ref(&m.codes))) {
                    Some(map) => map.to.map_or(PartValue::Unknown, PartValue::Level),
                    None => {
                        let (system, code) = codes.first().cloned().unwrap_or_default();
                        PartValue::Unmapped(self.problems.number(&format!("code {system}|{code}")))
                    }
                }
            }
            ValueRule::Quantity(units) => {
                if part.quantity.is_none() && (part.other || part.concept.is_some()) {
                    return PartValue::Unmapped(self.problems.number("a value of another type than valueQuantity"));
                }
                let Some(quantity) = part.quantity else { return PartValue::NoValue };
                let Some(raw) = quantity.value else { return PartValue::NoValue };
                let written = quantity.code.as_deref().or(quantity.unit.as_deref()).filter(|u| !u.is_empty());
                let declared = if written.is_none() { self.mapping.declared_unit(part.codes) } else { None };
                let Some(unit) = written.or(declared).map(|u| self.mapping.unit(u)) else {
                    return PartValue::Unmapped(self.problems.number("no unit"));
                };
                let Some(rule) = units.iter().find(|r| r.unit == unit) else {
                    let text = format!("unit \"{unit}\"");
                    return PartValue::Unmapped(self.problems.number(&text));
                };
                let converted = number(raw.get()).and_then(|v| v.checked_mul(rule.scale)?.checked_add(rule.offset));
                converted.map_or(PartValue::Unreadable, |value| PartValue::Number {
                    value: value.normalize(),
                    bound: quantity.comparator.is_some(),
                    unit_declared: declared.is_some(),
                })
            }
        }
    }
}

/// The first of some elements that is there, as a date; an error names the element it is.
fn first_date(resource: &Resource<'_>, elements: &[(&str, Option<&str>)]) -> Result<Option<crate::calendar::Moment>, ImportError> {
    let there = elements.iter().find_map(|(name, text)| text.map(|text| (*name, text)));
    there.map_or(Ok(None), |(name, text)| resource.date(name, Some(text)))
}

/// Ids of the readings whose place an observation says it took.
fn replaced(observation: &Observation<'_>) -> Vec<String> {
    let named = observation.extension.iter().filter(|e| e.url.as_deref() == Some(REPLACES));
    let references = named.filter_map(|e| e.value_reference.as_ref()?.reference.as_deref());
    let id = |reference: &str| {
        let (before, id) = reference.split("/_history/").next()?.rsplit_once('/')?;
        (before == "Observation" || before.ends_with("/Observation")).then(|| id.to_owned())
    };
    references.filter_map(id).collect()
}

/// Refuses numbers that JSON writes otherwise, and comparators FHIR R4 does not know: a reading would be lost, or a bound taken for a value.
fn check_numbers(resource: &Resource<'_>, observation: &Observation<'_>) -> Result<(), ImportError> {
    let check = |quantity: Option<&Quantity<'_>>, element: &dyn Fn(&str) -> String| {
        let Some(quantity) = quantity else { return Ok(()) };
        if let Some(raw) = quantity.value.map(|raw| raw.get()).filter(|raw| !raw.starts_with(|c: char| c == '-' || c.is_ascii_digit())) {
            return Err(not_a_number(resource.text, raw, resource.place, element("value")));
        }
        match quantity.comparator.as_deref() {
            None | Some("<" | "<=" | ">" | ">=") => Ok(()),
            Some(_) => Err(ImportError::Code { place: resource.place.clone(), element: element("comparator") }),
        }
    };
    check(observation.value_quantity.as_ref(), &|name| format!("Observation.valueQuantity.{name}"))?;
    for (i, component) in observation.component.iter().enumerate() {
        check(component.value_quantity.as_ref(), &|name| format!("Observation.component[{i}].valueQuantity.{name}"))?;
    }
    Ok(())
}

/// An element that several sources of an attribute match (it is coded twice) is read once: by the first source that can.
fn read_once(parts: Vec<Part>, elements: &[Option<usize>]) -> Vec<Part> {
    let unreadable = |part: &Part| matches!(part.value, PartValue::Unmapped(_) | PartValue::Unreadable | PartValue::NoValue);
    let mut kept: Vec<(Option<usize>, Part)> = Vec::new();
    for (part, element) in parts.into_iter().zip(elements) {
        match kept.iter_mut().find(|(of, _)| of == element) {
            Some((_, first)) if unreadable(first) && !unreadable(&part) => *first = part,
            Some(_) => {}
            None => kept.push((*element, part)),
        }
    }
    kept.into_iter().map(|(_, part)| part).collect()
}

/// An observation or one of its components.
struct ReadingPart<'a> {
    codes: &'a [(String, String)],
    quantity: Option<&'a Quantity<'a>>,
    concept: Option<&'a CodeableConcept>,
    /// There is a value of a type that no rule reads.
    other: bool,
}
