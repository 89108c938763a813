//! Collects resources into facts: one version each, translated by the mapping, nothing the dictionary does not ask for.

use super::{
    clinical::Translated,
    deletion::Deletion,
    read::{Resource, Sink},
    resource::{CodeableConcept, Consent, Patient, Reference},
    retraction::{Names, Retractions, Verdict},
    systems::CodeSystems,
    version::{Age, Version},
    whom::People,
    word::consent_word,
};
use crate::{
    error::ImportError,
    fact::{Body, Death, Fact, Facts, Kind, PatientFact, PersonIndex, Texts},
    mapping::Mapping,
    reading::Reading,
};
use countersign_circuits::{hash::Digest32, tag};
use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

/// The version of a resource that counts so far.
struct Kept {
    version: Version,
    fact: usize,
    outranks: bool,
}

/// A record with a business identifier.
struct Named {
    fact: usize,
    version: Version,
    names: Names,
    in_error: bool,
}

/// Everything read so far.
pub(crate) struct Collector<'a> {
    pub(super) reading: &'a Reading,
    pub(super) mapping: &'a Mapping,
    versions: HashMap<[u8; 16], Kept>,
    facts: Vec<Fact>,
    people: People,
    pub(super) problems: Texts,
    pub(super) statuses: Texts,
    pub(super) systems: CodeSystems,
    named: Vec<Named>,
    /// Readings whose place others took: the id, and the fact that says so.
    replaced: Vec<(String, usize)>,
    /// Records with an extension that may change what they say, by type.
    pub(super) modified: BTreeMap<Kind, u64>,
    /// Patients who were deleted at the source: their records belong to nobody, and for a known reason.
    gone: HashSet<PersonIndex>,
    /// Resources of types that nobody reads.
    unread: HashMap<u32, u64>,
    pub(crate) resources: u64,
    pub(crate) repeated: u64,
    pub(crate) deleted: u64,
    notes: Vec<String>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(reading: &'a Reading, mapping: &'a Mapping) -> Self {
        Self {
            reading,
            mapping,
            versions: HashMap::new(),
            facts: Vec::new(),
            people: People::default(),
            problems: Texts::default(),
            statuses: Texts::default(),
            systems: CodeSystems::default(),
            named: Vec::new(),
            replaced: Vec::new(),
            modified: BTreeMap::new(),
            gone: HashSet::new(),
            unread: HashMap::new(),
            resources: 0,
            repeated: 0,
            deleted: 0,
            notes: Vec::new(),
        }
    }

    /// What was found beside the facts, in words.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        let words = "resources have a modifierExtension, which nobody here understands: they do not count";
        notes.extend(self.modified.iter().map(|(kind, count)| format!("{count} {} {words}", kind.name())));
        notes.extend(self.systems.notes());
        let mut unread: Vec<_> = self.unread.iter().collect();
        unread.sort();
        notes.extend(
            unread.into_iter().map(|(kind, count)| format!("{count} resources of type {} are read by no rule", self.statuses.text(*kind))),
        );
        notes
    }

    /// Applies what records say of others, once all are read.
    pub(crate) fn settle(&mut self) -> Result<(), ImportError> {
        self.replace();
        self.retract()
    }

    /// Readings whose place another one took do not count, whatever became of that one.
    fn replace(&mut self) {
        let mut count = 0_u64;
        for (id, by) in std::mem::take(&mut self.replaced) {
            let alive = self.facts.get(by).is_some_and(|f| !matches!(f.body, Body::Gone));
            let old = self.versions.get(&key("Observation", &id)).map(|kept| kept.fact).filter(|old| alive && *old != by);
            if let Some(fact) = old.and_then(|old| self.facts.get_mut(old)).filter(|f| !matches!(f.body, Body::Gone)) {
                fact.body = Body::Gone;
                count += 1;
            }
        }
        if count > 0 {
            self.notes.push(format!("{count} Observation resources do not count: others say that they replaced them"));
        }
    }

    /// Records do not count beside one of the same identifier that is entered in error, unless they certainly correct it.
    fn retract(&mut self) -> Result<(), ImportError> {
        let same = self.people.same(|person| self.has_record(person))?;
        let whose = |fact: &Fact| fact.subject.and_then(|s| same.get(s as usize)).copied();
        let alive = |named: &&Named| self.facts.get(named.fact).is_some_and(|f| !matches!(f.body, Body::Gone));
        let mut errors = Retractions::new();
        for named in self.named.iter().filter(alive).filter(|n| n.in_error) {
            errors.note(&named.names, named.version, self.facts.get(named.fact).and_then(whose).as_ref());
        }
        let mut found: BTreeMap<(Verdict, Kind), u64> = BTreeMap::new();
        let mut retracted = Vec::new();
        for named in self.named.iter().filter(alive).filter(|n| !n.in_error) {
            let Some(fact) = self.facts.get(named.fact) else { continue };
            if let Some(verdict) = errors.verdict(&named.names, named.version, whose(fact).as_ref()) {
                *found.entry((verdict, fact.kind)).or_default() += 1;
                retracted.extend((verdict == Verdict::Retracted).then_some(named.fact));
            }
        }
        for at in retracted {
            let Some(fact) = self.facts.get_mut(at) else { continue };
            match &mut fact.body {
                Body::Observation(o) => o.counts = false,
                Body::Condition(c) => c.counts = false,
                Body::Encounter(e) => (e.counts, e.retracted) = (false, true),
                Body::Gone | Body::Other | Body::Patient(_) | Body::Consent(_) => {}
            }
        }
        for ((verdict, kind), count) in found {
            let words = match verdict {
                Verdict::Retracted => "do not count: a record of the same identifier and code is entered in error",
                Verdict::MadeLater => "count though a record of the same identifier is entered in error: they were made later",
                Verdict::OfAnother => "count though a record of the same identifier is entered in error: that one is of another patient",
            };
            self.notes.push(format!("{count} {} resources {words}", kind.name()));
        }
        if errors.loose > 0 {
            let words = "have an identifier without a system: copies of them under other ids cannot be found by it";
            self.notes.push(format!("{} records entered in error {words}", errors.loose));
        }
        Ok(())
    }

    /// True if a patient's own record stands under this number.
    fn has_record(&self, person: PersonIndex) -> bool {
        let kept = self.versions.get(&key("Patient", self.people.id(person)));
        kept.and_then(|kept| self.facts.get(kept.fact)).is_some_and(|f| f.subject == Some(person) && matches!(f.body, Body::Patient(_)))
    }

    /// What is left of the resources: facts that no longer say how they were written.
    ///
    /// # Errors
    /// [`ImportError::TwoServers`]: it cannot be told whose records some are.
    pub(crate) fn into_facts(self) -> Result<Facts, ImportError> {
        let same = self.people.same(|person| self.has_record(person))?;
        let Self { facts, people, gone, problems, statuses, .. } = self;
        Ok(Facts { list: facts, ids: people.into_ids(), same, gone, problems, statuses })
    }

    pub(super) fn subject(&mut self, resource: &Resource<'_>, reference: Option<&Reference>) -> Option<PersonIndex> {
        let whom = resource.patient(reference.and_then(|r| r.reference.as_deref()))?;
        Some(self.people.number(whom))
    }

    /// Codes of an element, each followed by what the mapping makes of it.
    pub(super) fn codings(&self, concept: Option<&CodeableConcept>) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for coding in concept.map(|c| c.coding.as_slice()).unwrap_or_default() {
            let Some(code) = &coding.code else { continue };
            let system = coding.system.clone().unwrap_or_default();
            let mapped = self.mapping.code(&system, code).cloned();
            out.push((system, code.clone()));
            out.extend(mapped);
        }
        out
    }

    fn patient(&mut self, resource: &Resource<'_>) -> Result<Translated, ImportError> {
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
        let subject = Some(self.people.number(resource.itself()));
        Ok(Translated::plain(Fact { kind: Kind::Patient, subject, body: Body::Patient(Box::new(body)) }))
    }

    /// A Consent among the records: what it says without a policy.
    fn consent(&mut self, resource: &Resource<'_>) -> Result<Translated, ImportError> {
        let consent: Consent<'_> = resource.parse()?;
        let subject = self.subject(resource, consent.patient.as_ref());
        let word = consent_word(resource, &consent)?;
        let fact = Fact { kind: Kind::Consent, subject, body: Body::Consent(word) };
        Ok(Translated { outranks: word.refuses(), ..Translated::plain(fact) })
    }
}

fn key(kind: &str, id: &str) -> [u8; 16] {
    let digest = Digest32::tagged(tag::RESOURCE, [kind.as_bytes(), id.as_bytes()]);
    let mut key = [0; 16];
    key.copy_from_slice(&digest.0[..16]);
    key
}

impl Sink for Collector<'_> {
    fn resource(&mut self, resource: &Resource<'_>) -> Result<(), ImportError> {
        self.resources += 1;
        let read = match resource.kind {
            "Patient" => self.patient(resource)?,
            "Observation" => self.observation(resource)?,
            "Condition" => self.condition(resource)?,
            "Encounter" => self.encounter(resource)?,
            "Consent" => self.consent(resource)?,
            _ => return Ok(()),
        };
        let version = resource.version;
        let next = self.facts.len();
        let kept = Kept { version, fact: next, outranks: read.outranks };
        match self.versions.entry(key(resource.kind, resource.id)) {
            Entry::Vacant(slot) => {
                slot.insert(kept);
            }
            Entry::Occupied(mut slot) => {
                self.repeated += 1;
                let old = slot.get();
                let stays = match version.beside(old.version) {
                    // nothing tells which is later: what is in error or refuses is believed
                    Age::Unclear if old.outranks != read.outranks => old.outranks,
                    _ => version.gives_way_to(old.version),
                };
                if stays {
                    return Ok(());
                }
                let old = std::mem::replace(slot.get_mut(), kept);
                if let Some(fact) = self.facts.get_mut(old.fact) {
                    fact.body = Body::Gone;
                }
            }
        }
        if !read.names.is_empty() && (read.in_error || !matches!(read.fact.body, Body::Other)) {
            self.named.push(Named { fact: next, version, names: read.names, in_error: read.in_error });
        }
        self.replaced.extend(read.replaces.into_iter().map(|id| (id, next)));
        self.facts.push(read.fact);
        Ok(())
    }

    fn unread(&mut self, kind: &str) {
        self.resources += 1;
        let number = self.statuses.number(kind);
        *self.unread.entry(number).or_default() += 1;
    }

    fn delete(&mut self, deletion: &Deletion) {
        let of_patient = deletion.kind == "Patient";
        let Entry::Occupied(slot) = self.versions.entry(key(&deletion.kind, &deletion.id)) else {
            self.gone.extend(self.people.of_id(&deletion.id).iter().filter(|_| of_patient));
            return;
        };
        // made again after it was deleted
        match slot.get().version.beside(deletion.version) {
            Age::Newer => return,
            // a refusal may have been made again
            Age::Unclear if slot.get().outranks && deletion.kind == "Consent" => return,
            Age::Older | Age::Unclear => {}
        }
        if let Some(fact) = self.facts.get_mut(slot.remove().fact) {
            fact.body = Body::Gone;
            self.deleted += 1;
            self.gone.extend(self.people.of_id(&deletion.id).iter().filter(|_| of_patient));
        }
    }
}
