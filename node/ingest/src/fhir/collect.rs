//! Collects resources into facts: one version each, translated by the mapping, nothing the dictionary does not ask for.

use super::{
    fact::{Body, ConditionFact, Death, EncounterFact, Fact, ObservationFact, Part, PartValue, PatientFact, PersonIndex},
    read::{Deletion, Resource, Sink},
    resource::{CodeableConcept, Condition, Encounter, Observation, Patient, Quantity, Reference},
    version::{Age, Version},
};
use crate::{
    error::ImportError,
    mapping::{Mapping, number},
    reading::{CodeSet, Reading, SourceRule, ValueRule, code_matches},
};
use countersign_circuits::hash::Digest32;
use std::collections::{HashMap, hash_map::Entry};

/// Most different problem texts and statuses kept apart; further ones share the last.
const TEXTS_MAX: usize = 1000;
/// Longest text of a problem shown, in characters.
const TEXT_CHARS_MAX: usize = 80;
/// Most codings of one element.
const CODINGS_MAX: usize = 1000;

/// Different texts by number.
#[derive(Default)]
pub(crate) struct Texts {
    list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        let shown: String = text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let shown = if self.list.len() < TEXTS_MAX || self.index.contains_key(&shown) { shown } else { "others".to_owned() };
        if let Some(i) = self.index.get(&shown) {
            return *i;
        }
        let i = u32::try_from(self.list.len()).expect("at most a thousand texts");
        self.list.push(shown.clone());
        self.index.insert(shown, i);
        i
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", String::as_str)
    }
}

struct Kept {
    version: Version,
    fact: usize,
}

/// Everything read so far.
pub(crate) struct Collector<'a> {
    reading: &'a Reading,
    mapping: &'a Mapping,
    versions: HashMap<[u8; 16], Kept>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) people: Vec<String>,
    people_index: HashMap<String, PersonIndex>,
    pub(crate) problems: Texts,
    pub(crate) statuses: Texts,
    systems: Texts,
    /// Records by code system, and those of them that a value set matches.
    conditions: HashMap<u32, (u64, u64)>,
    /// Resources of types that nobody reads.
    unread: HashMap<u32, u64>,
    pub(crate) resources: u64,
    pub(crate) repeated: u64,
    pub(crate) deleted: u64,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(reading: &'a Reading, mapping: &'a Mapping) -> Self {
        Self {
            reading,
            mapping,
            versions: HashMap::new(),
            facts: Vec::new(),
            people: Vec::new(),
            people_index: HashMap::new(),
            problems: Texts::default(),
            statuses: Texts::default(),
            systems: Texts::default(),
            conditions: HashMap::new(),
            unread: HashMap::new(),
            resources: 0,
            repeated: 0,
            deleted: 0,
        }
    }

    fn count_systems(&mut self, codes: &[(String, String)], matched: bool) {
        if let Some((system, _)) = codes.first() {
            let number = self.systems.number(if system.is_empty() { "no system" } else { system });
            let counted = self.conditions.entry(number).or_default();
            counted.0 += 1;
            counted.1 += u64::from(matched);
        }
    }

    /// Code systems of conditions none of whose codes stands in a value set, and types nobody reads.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut unmatched: Vec<_> = self.conditions.iter().filter(|(_, (_, matched))| *matched == 0).collect();
        unmatched.sort();
        for (system, (records, _)) in unmatched {
            notes.push(format!(
                "conditions: {records} records of code system {}, and none of their codes is in a value set",
                self.systems.text(*system)
            ));
        }
        let mut unread: Vec<_> = self.unread.iter().collect();
        unread.sort();
        notes.extend(
            unread.into_iter().map(|(kind, count)| format!("{count} resources of type {} are read by no rule", self.statuses.text(*kind))),
        );
        notes
    }

    fn person(&mut self, id: &str) -> PersonIndex {
        if let Some(i) = self.people_index.get(id) {
            return *i;
        }
        let i = PersonIndex::try_from(self.people.len()).expect("fewer than 2^32 people fit into memory");
        self.people.push(id.to_owned());
        self.people_index.insert(id.to_owned(), i);
        i
    }

    fn subject(&mut self, resource: &Resource<'_>, reference: Option<&Reference>) -> Option<PersonIndex> {
        let id = resource.patient(reference.and_then(|r| r.reference.as_deref()))?;
        Some(self.person(id))
    }

    /// Codes of an element, each followed by what the mapping makes of it.
    fn codings(&self, concept: Option<&CodeableConcept>) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for coding in concept.map(|c| c.coding.as_slice()).unwrap_or_default().iter().take(CODINGS_MAX) {
            let Some(code) = &coding.code else { continue };
            let system = coding.system.clone().unwrap_or_default();
            let mapped = self.mapping.code(&system, code).cloned();
            out.push((system, code.clone()));
            out.extend(mapped);
        }
        out
    }

    fn patient(&mut self, resource: &Resource<'_>) -> Result<Fact, ImportError> {
        let patient: Patient = resource.parse()?;
        let merged = patient.link.iter().find(|l| l.kind.as_deref() == Some("replaced-by"));
        let replaced_by = merged.and_then(|l| self.subject(resource, l.other.as_ref()));
        let others = patient.link.iter().filter(|l| l.kind.as_deref() == Some("replaces"));
        let replaces = others.filter_map(|l| self.subject(resource, l.other.as_ref())).collect();
        let death = match (resource.date("deceasedDateTime", patient.deceased_date_time.as_deref())?, patient.deceased_boolean) {
            (Some(moment), _) => Death::On(moment),
            (None, Some(true)) => Death::Undated,
            (None, _) => Death::No,
        };
        let body = PatientFact {
            // a patient that was merged into nobody we know is still not a person of its own
            active: patient.active.unwrap_or(true) && (merged.is_none() || replaced_by.is_some()),
            gender: patient.gender,
            birth: resource.date("birthDate", patient.birth_date.as_deref())?,
            death,
            replaced_by,
            replaces,
        };
        Ok(Fact { subject: Some(self.person(resource.id)), body: Body::Patient(Box::new(body)) })
    }

    fn condition(&mut self, resource: &Resource<'_>) -> Result<Fact, ImportError> {
        let condition: Condition = resource.parse()?;
        let subject = self.subject(resource, condition.subject.as_ref());
        let codes = self.codings(condition.code.as_ref());
        let sets: Vec<usize> =
            self.reading.valuesets().enumerate().filter(|(_, (_, set))| code_matches(&codes, set)).map(|(i, _)| i).collect();
        self.count_systems(&codes, !sets.is_empty());
        if sets.is_empty() {
            return Ok(Fact { subject, body: Body::Other });
        }
        let status = self.codings(condition.verification_status.as_ref());
        let refuted = |s: &str| matches!(self.mapping.status("Condition", s), "refuted" | "entered-in-error" | "differential");
        let onset = condition.onset_date_time.as_deref().or(condition.onset_period.as_ref().and_then(|p| p.start.as_deref()));
        let abatement = condition.abatement_date_time.as_deref().or(condition.abatement_period.as_ref().and_then(|p| p.end.as_deref()));
        let clinical = self.codings(condition.clinical_status.as_ref());
        let ended =
            clinical.iter().any(|(_, code)| matches!(self.mapping.status("Condition", code), "resolved" | "inactive" | "remission"));
        let undated = condition.abatement_boolean == Some(true)
            // it began to be over, or was over at some time
            || condition.abatement_period.is_some()
            || condition.abatement_age.is_some()
            || condition.abatement_range.is_some()
            || condition.abatement_string.is_some();
        let body = ConditionFact {
            counts: !status.iter().any(|(_, code)| refuted(code)),
            sets,
            onset: resource.date("onset", onset.or(condition.recorded_date.as_deref()))?,
            abatement: resource.date("abatement", abatement)?,
            over_undated: abatement.is_none() && (ended || undated),
        };
        Ok(Fact { subject, body: Body::Condition(Box::new(body)) })
    }

    fn encounter(&mut self, resource: &Resource<'_>) -> Result<Fact, ImportError> {
        let encounter: Encounter = resource.parse()?;
        let subject = self.subject(resource, encounter.subject.as_ref());
        let status = self.mapping.status("Encounter", encounter.status.as_deref().unwrap_or_default()).to_owned();
        let body = EncounterFact {
            counts: !matches!(status.as_str(), "entered-in-error" | "cancelled" | "planned" | "unknown"),
            status: self.statuses.number(&status),
            start: resource.date("period.start", encounter.period.and_then(|p| p.start).as_deref())?,
        };
        Ok(Fact { subject, body: Body::Encounter(body) })
    }

    fn observation(&mut self, resource: &Resource<'_>) -> Result<Fact, ImportError> {
        let observation: Observation<'_> = resource.parse()?;
        let subject = self.subject(resource, observation.subject.as_ref());
        let codes = self.codings(observation.code.as_ref());
        let mut parts = Vec::new();
        let reading = self.reading;
        let whole = ReadingPart {
            codes: &codes,
            quantity: observation.value_quantity.as_ref(),
            concept: observation.value_codeable_concept.as_ref(),
        };
        let components: Vec<_> = observation.component.iter().map(|c| (self.codings(c.code.as_ref()), c)).collect();
        for (attribute, rule) in reading.rules().iter().enumerate() {
            let before = parts.len();
            // which element of the observation each part was read from
            let mut elements = Vec::new();
            for (source, rule) in rule.sources.iter().enumerate() {
                let SourceRule::Observation { codes: wanted, component_of, value, .. } = rule else { continue };
                if code_matches(&codes, wanted) {
                    elements.push(None);
                    parts.push(Part { attribute, source, value: self.value(value, &whole) });
                }
                for (element, (codings, component)) in components.iter().enumerate() {
                    let parent = component_of.as_ref().is_none_or(|parents: &Vec<CodeSet>| code_matches(&codes, parents));
                    if parent && code_matches(codings, wanted) {
                        let part = ReadingPart {
                            codes: codings,
                            quantity: component.value_quantity.as_ref(),
                            concept: component.value_codeable_concept.as_ref(),
                        };
                        elements.push(Some(element));
                        parts.push(Part { attribute, source, value: self.value(value, &part) });
                    }
                }
            }
            let own = parts.split_off(before);
            parts.extend(read_once(own, &elements));
        }
        if parts.is_empty() {
            return Ok(Fact { subject, body: Body::Other });
        }
        let status = self.mapping.status("Observation", observation.status.as_deref().unwrap_or("unknown"));
        let counts = matches!(status, "final" | "amended" | "corrected");
        let period = observation.effective_period.and_then(|p| p.start);
        let when = observation.effective_date_time.or(period).or(observation.effective_instant);
        let when = resource.date("effective", when.as_deref())?;
        Ok(Fact { subject, body: Body::Observation(Box::new(ObservationFact { counts, when, parts })) })
    }

    fn value(&mut self, rule: &ValueRule, part: &ReadingPart<'_>) -> PartValue {
        match rule {
            ValueRule::Presence => PartValue::Present,
            ValueRule::Coded(maps) => {
                let codes = self.codings(part.concept);
                if codes.is_empty() {
                    return PartValue::NoValue;
                }
                match maps.iter().find(|m| code_matches(&codes, std::slice::from_ref(&m.codes))) {
                    Some(map) => map.to.map_or(PartValue::Unknown, PartValue::Level),
                    None => {
                        let (system, code) = codes.first().cloned().unwrap_or_default();
                        PartValue::Unmapped(self.problems.number(&format!("code {system}|{code}")))
                    }
                }
            }
            ValueRule::Quantity(units) => {
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
}

fn key(kind: &str, id: &str) -> [u8; 16] {
    let digest = Digest32::tagged("countersign/resource", [kind.as_bytes(), id.as_bytes()]);
    let mut key = [0; 16];
    key.copy_from_slice(&digest.0[..16]);
    key
}

impl Sink for Collector<'_> {
    fn resource(&mut self, resource: &Resource<'_>) -> Result<(), ImportError> {
        self.resources += 1;
        let fact = match resource.kind {
            "Patient" => self.patient(resource)?,
            "Observation" => self.observation(resource)?,
            "Condition" => self.condition(resource)?,
            "Encounter" => self.encounter(resource)?,
            _ => return Ok(()),
        };
        let version = resource.version;
        let next = self.facts.len();
        match self.versions.entry(key(resource.kind, resource.id)) {
            Entry::Vacant(slot) => {
                slot.insert(Kept { version, fact: next });
            }
            Entry::Occupied(mut slot) => {
                self.repeated += 1;
                if version.gives_way_to(slot.get().version) {
                    return Ok(());
                }
                let old = std::mem::replace(slot.get_mut(), Kept { version, fact: next });
                if let Some(fact) = self.facts.get_mut(old.fact) {
                    fact.body = Body::Gone;
                }
            }
        }
        self.facts.push(fact);
        Ok(())
    }

    fn unread(&mut self, kind: &str) {
        self.resources += 1;
        let number = self.statuses.number(kind);
        *self.unread.entry(number).or_default() += 1;
    }

    fn delete(&mut self, deletion: &Deletion) {
        let Entry::Occupied(slot) = self.versions.entry(key(&deletion.kind, &deletion.id)) else { return };
        // made again after it was deleted
        if slot.get().version.beside(deletion.version) == Age::Newer {
            return;
        }
        if let Some(fact) = self.facts.get_mut(slot.remove().fact) {
            fact.body = Body::Gone;
            self.deleted += 1;
        }
    }
}
