//! FHIR R4 Consent: reading documents, and joining and subtracting their rules.

use super::{
    ConsentPolicy, ConsentReport, ConsentTable, Consents, DayRange, last_day,
    person::{ALWAYS, Interval, Joined, Permit, Rules, Withdrawal, join, restricted, scopes, windows},
    policy::Deceased,
};
use crate::{
    calendar::day_number,
    csv_file::tables_beside,
    error::{FilePosition, ImportError},
    fhir::{
        Age, Consent, ConsentProvision, Deletion, FolderFacts, LINES, Names, Patient, PatientRef, Period, Reference, Resource, Retractions,
        Sink, Verdict, Version, read_bundles, read_folder,
    },
    table::PatientId,
};
use countersign_circuits::consent::{Day, ScopeRegistry};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

/// All categories but the separate ones.
const EVERY_CATEGORY: &str = "c.*";
/// Categories that are never implied by others.
const SEPARATE: [&str; 5] = ["c.genetics", "c.mental", "c.hiv", "c.substance_use", "c.reproductive"];
/// Longest chain of merged patients followed.
const MERGES_MAX: usize = 64;

/// What one document says.
pub(super) enum Document {
    /// Nothing, for a reason.
    Nothing(&'static str),
    /// Nothing, though it may be meant to permit less than an earlier one does: a permit that was not signed later needs a person.
    Lesser(&'static str, Option<i32>),
    /// It refuses something we do not understand: the patient counts for nothing.
    Review(&'static str),
    /// It takes permission away: a refusal without exceptions, or a document whose status says that it holds no more.
    Withdrawal(&'static str, Withdrawal),
    Rules {
        permits: BTreeMap<String, Vec<Permit>>,
        denies: Rules,
        ignored: Vec<&'static str>,
        /// Signed by somebody else, as the policy allows.
        proxy: bool,
    },
}

impl Document {
    /// True if leaving it out could leave a patient counted who refused.
    fn takes(&self) -> bool {
        match self {
            Self::Nothing(_) => false,
            Self::Lesser(..) | Self::Review(_) | Self::Withdrawal(..) => true,
            Self::Rules { denies, .. } => !denies.is_empty(),
        }
    }
}

struct Entry {
    version: Version,
    patient: Option<String>,
    document: Document,
    names: Names,
    in_error: bool,
}

struct Reader<'a> {
    policy: &'a ConsentPolicy,
    today: Day,
    documents: BTreeMap<String, Entry>,
    merged: HashMap<String, String>,
    /// The server each patient's id is of, where that is said.
    servers: HashMap<String, String>,
    /// Patients that were read, and whether the last version of one says that the person has died.
    deceased: HashMap<String, (Version, bool)>,
    read: u64,
}

impl Sink for Reader<'_> {
    fn resource(&mut self, resource: &Resource<'_>) -> Result<(), ImportError> {
        match resource.kind {
            "Patient" => self.patient(resource),
            "Consent" => self.consent(resource),
            _ => Ok(()),
        }
    }

    fn unread(&mut self, _: &str) {}

    fn delete(&mut self, deletion: &Deletion) {
        if deletion.kind != "Consent" {
            return;
        }
        let Some(entry) = self.documents.get_mut(&deletion.id) else { return };
        match entry.version.beside(deletion.version) {
            // made again after it was deleted
            Age::Newer => {}
            // a refusal may have been made again: a person must look
            Age::Unclear if entry.document.takes() => entry.document = Document::Review("deleted-or-made-again"),
            Age::Older | Age::Unclear => drop(self.documents.remove(&deletion.id)),
        }
    }
}

fn has_deny(provision: &ConsentProvision) -> bool {
    provision.provision.iter().any(|p| p.kind.as_deref() != Some("permit") || has_deny(p))
}

/// True if a document refuses: something in it, or everything and no exception.
fn refuses(root: &ConsentProvision) -> bool {
    has_deny(root) || (root.provision.is_empty() && root.kind.as_deref() != Some("permit"))
}

impl Reader<'_> {
    /// The id of a patient, whom no other server's patient may share.
    fn whom(&mut self, whom: Option<PatientRef<'_>>) -> Result<Option<String>, ImportError> {
        let Some(PatientRef { base, id }) = whom else { return Ok(None) };
        if let Some(base) = base
            && self.servers.insert(id.to_owned(), base.to_owned()).is_some_and(|other| other != base)
        {
            return Err(ImportError::TwoServers);
        }
        Ok(Some(id.to_owned()))
    }

    fn patient(&mut self, resource: &Resource<'_>) -> Result<(), ImportError> {
        let patient: Patient = resource.parse()?;
        self.whom(Some(resource.itself()))?;
        let undated = patient.no_deceased_date_time.is_some();
        let died = patient.deceased_date_time.is_some() || undated || patient.deceased_boolean == Some(true);
        let (version, last) = self.deceased.entry(resource.id.to_owned()).or_insert((resource.version, died));
        match resource.version.beside(*version) {
            Age::Older => {}
            Age::Newer => (*version, *last) = (resource.version, died),
            Age::Unclear => *last |= died,
        }
        let other = |of: &Option<Reference>| of.as_ref().and_then(|o| o.reference.clone());
        let link = patient.link.iter().find(|l| l.kind.as_deref() == Some("replaced-by")).and_then(|l| other(&l.other));
        if let Some(to) = self.whom(resource.patient(link.as_deref()))? {
            self.merged.insert(resource.id.to_owned(), to);
        }
        // a survivor may be the only one to say so, and what its old record withdrew it has withdrawn
        for link in patient.link.iter().filter(|l| l.kind.as_deref() == Some("replaces")) {
            if let Some(old) = self.whom(resource.patient(other(&link.other).as_deref()))? {
                self.merged.insert(old, resource.id.to_owned());
            }
        }
        Ok(())
    }

    fn consent(&mut self, resource: &Resource<'_>) -> Result<(), ImportError> {
        self.read += 1;
        let consent: Consent<'_> = resource.parse()?;
        let patient = self.whom(resource.patient(consent.patient.as_ref().and_then(|p| p.reference.as_deref())))?;
        let document = self.document(resource, &consent, patient.as_deref())?;
        if patient.is_none() && document.takes() {
            let problem = "a consent that takes permission away names no patient by a reference that can be followed: whose is it?".into();
            return Err(ImportError::Package { place: resource.place.clone(), problem });
        }
        let version = resource.version;
        let in_error = consent.status.as_deref() == Some("entered-in-error");
        let names = Names::of("Consent", &consent.identifier, &[], in_error);
        let mut entry = Entry { version, patient, document, names, in_error };
        if let Some(old) = self.documents.get(resource.id) {
            match version.beside(old.version) {
                Age::Older => return Ok(()),
                // a refusal beside a permit, and nothing tells which was said last: a person must look
                Age::Unclear if old.document.takes() && !entry.document.takes() => entry.document = Document::Review("version-unclear"),
                // a permit beside one that was never given
                Age::Unclear if old.in_error && !entry.document.takes() => return Ok(()),
                Age::Unclear if !in_error && version.gives_way_to(old.version) && !entry.document.takes() => return Ok(()),
                Age::Newer | Age::Unclear => {}
            }
        }
        self.documents.insert(resource.id.to_owned(), entry);
        Ok(())
    }

    /// What was permitted under an identifier that another document has, which was entered in error, was never permitted; unless it was certainly
    /// made later. A refusal stays what it is.
    fn retract(&mut self) -> Result<(), ImportError> {
        let mut errors = Retractions::new();
        for entry in self.documents.values().filter(|e| e.in_error) {
            let whose = entry.patient.as_deref().map(|id| self.root(id)).transpose()?.map(str::to_owned);
            errors.note(&entry.names, entry.version, whose.as_ref());
        }
        let mut retracted = Vec::new();
        for (id, entry) in self.documents.iter().filter(|(_, e)| !e.in_error && !e.document.takes()) {
            let whose = entry.patient.as_deref().map(|id| self.root(id)).transpose()?.map(str::to_owned);
            if errors.verdict(&entry.names, entry.version, whose.as_ref()) == Some(Verdict::Retracted) {
                retracted.push(id.clone());
            }
        }
        for id in retracted {
            if let Some(entry) = self.documents.get_mut(&id) {
                entry.document = Document::Nothing("entered-in-error-by-identifier");
            }
        }
        Ok(())
    }

    fn document(&self, resource: &Resource<'_>, consent: &Consent<'_>, patient: Option<&str>) -> Result<Document, ImportError> {
        use Document::Nothing;
        let mut status = None;
        let ended = match consent.status.as_deref() {
            Some("active") => None,
            Some("inactive") => Some("inactive"),
            Some("rejected") => Some("rejected"),
            // it never said anything
            Some("entered-in-error") => return Ok(Nothing("entered-in-error")),
            // not yet in force
            Some("draft" | "proposed") => return Ok(Nothing("not-active")),
            _ => {
                status = Some("status-unclear");
                None
            }
        };
        let required = &self.policy.scope_required;
        let scope = consent.scope.as_ref().map(|s| s.coding.as_slice()).unwrap_or_default();
        if !scope.iter().any(|c| c.system.as_deref() == Some(required.system.as_str()) && c.code.as_deref() == Some(required.code.as_str()))
        {
            // what it is about must be said; if it is not, a refusal may be one of research
            let refusal = scope.is_empty() && (ended.is_some() || consent.provision.as_ref().is_some_and(refuses));
            return Ok(if refusal { Document::Review("scope-missing") } else { Nothing("not-research") });
        }
        // from here on it is about research: if it cannot be read in full and refuses anything, a person must look
        let refuse = |why: &'static str| match &consent.provision {
            Some(root) if refuses(root) => Document::Review(why),
            _ => Document::Nothing(why),
        };
        if consent.modifier_extension.is_some() {
            return Ok(Document::Review("modifier-extension"));
        }
        let dated = resource.date("dateTime", consent.date_time.as_deref())?.map(|m| day_number(m.span.first));
        // of this policy and not read in full: it may be what an earlier one was replaced by
        let lesser = |why: &'static str| match refuse(why) {
            Nothing(why) => Document::Lesser(why, dated),
            other => other,
        };
        if let Some(status) = ended {
            // under whatever policy: it takes what was permitted before it, and an older document that a newer one replaced takes nothing from that
            let last_word = dated.or(resource.updated.map(|m| day_number(m.span.first)));
            return Ok(Document::Withdrawal(status, Withdrawal { days: ALWAYS, signed: last_word }));
        }
        if let Some(why) = status {
            return Ok(lesser(why));
        }
        if !consent.policy.iter().any(|p| p.uri.as_ref().is_some_and(|u| self.policy.policy_uri.contains(u))) {
            return Ok(refuse("policy-unknown"));
        }
        if dated.is_some_and(|day| day > self.today.0) {
            return Ok(if self.permits_a_whole(consent) { refuse("dated-in-the-future") } else { lesser("dated-in-the-future") });
        }
        let by_patient = |r: &Reference| resource.patient(r.reference.as_deref()).map(|whom| whom.id) == patient;
        let proxy = !consent.performer.iter().all(by_patient);
        if proxy && !self.policy.guardian {
            return Ok(lesser("by-proxy"));
        }
        let Some(root) = &consent.provision else { return Ok(Nothing("no-provision")) };
        match root.kind.as_deref() {
            Some("deny") => {}
            Some("permit") => return Ok(lesser("base-permit")),
            _ => return Ok(lesser("base-rule-unclear")),
        }
        if root.is_narrowed() || !root.code.is_empty() {
            return Ok(lesser("root-narrowed"));
        }
        let start = Interval { first: dated.unwrap_or(i32::MIN), ..ALWAYS };
        let base = if root.period.is_some() { interval(resource, "provision", root.period.as_ref())? } else { start };
        if root.provision.is_empty() {
            return Ok(Document::Withdrawal("refuses-everything", Withdrawal { days: base, signed: dated }));
        }
        self.rules(resource, root, (base, dated), proxy)
    }

    fn rules(
        &self,
        resource: &Resource<'_>,
        root: &ConsentProvision,
        (base, signed): (Interval, Option<i32>),
        proxy: bool,
    ) -> Result<Document, ImportError> {
        let (mut permits, mut denies, mut ignored) = (BTreeMap::<String, Vec<Permit>>::new(), Rules::new(), Vec::new());
        for (at, rule) in root.provision.iter().enumerate() {
            let permit = match rule.kind.as_deref() {
                Some("permit") => true,
                Some("deny") => false,
                _ => return Ok(Document::Review("rule-without-type")),
            };
            if !rule.provision.is_empty() {
                return Ok(Document::Review("nested-too-deeply"));
            }
            if let Some(why) = self.refused_rule(rule).filter(|_| permit) {
                let all_permit = root.provision.iter().all(|rule| rule.kind.as_deref() == Some("permit"));
                return Ok(if all_permit { Document::Lesser(why, signed) } else { Document::Review(why) });
            }
            if rule.is_narrowed() || rule.code.iter().all(|c| c.coding.is_empty()) {
                if !permit {
                    return Ok(Document::Review("narrowed-deny"));
                }
                ignored.push("narrowed-permit");
                // what it takes away it takes all the same, whatever it is narrowed to
                let restrictions = self.codes(rule).filter(|code| self.policy.restricts(code));
                restrictions.for_each(|code| permits.entry(code.to_owned()).or_default().push(Permit { days: base, signed }));
                continue;
            }
            let days = interval(resource, &format!("provision.provision[{at}]"), rule.period.as_ref())?;
            for coding in rule.code.iter().flat_map(|c| &c.coding) {
                match (permit, self.policy.code(coding.system.as_deref(), coding.code.as_deref())) {
                    (true, Some(code)) => permits.entry(code.to_owned()).or_default().push(Permit { days: days.meet(base), signed }),
                    (true, None) => ignored.push("unknown-code"),
                    (false, Some(code)) if self.policy.restricts(code) => return Ok(Document::Review("deny-of-a-restriction")),
                    // a deny holds for its own period, however long the permits around it were meant to last
                    (false, Some(code)) => denies.entry(code.to_owned()).or_default().push(days),
                    (false, None) => return Ok(Document::Review("deny-with-unknown-code")),
                }
            }
        }
        Ok(Document::Rules { permits, denies, ignored, proxy })
    }

    /// For each id that was merged away, the one that survived.
    fn survivors(&self) -> Result<BTreeMap<PatientId, PatientId>, ImportError> {
        let id = |id: &str| PatientId::new(id).expect("ids were checked when they were read");
        self.merged.keys().map(|old| Ok((id(old), id(self.root(old)?)))).collect()
    }

    /// True if the rules of a document that permit and are understood are a whole package: one of the future that is less may be meant to take an earlier one's place, and is not nothing until then.
    fn permits_a_whole(&self, consent: &Consent<'_>) -> bool {
        let rules = consent.provision.iter().flat_map(|root| &root.provision);
        let permits = rules.filter(|rule| rule.kind.as_deref() == Some("permit") && !rule.is_narrowed());
        self.policy.is_complete(&permits.flat_map(|rule| self.codes(rule)).map(|code| (code.to_owned(), ())).collect())
    }

    /// The codes of a rule that the policy knows.
    fn codes<'r>(&'r self, rule: &'r ConsentProvision) -> impl Iterator<Item = &'r str> {
        rule.code.iter().flat_map(|c| &c.coding).filter_map(|c| self.policy.code(c.system.as_deref(), c.code.as_deref()))
    }

    /// Why a document with a rule that permits permits nothing at all, if so: also if the rule is narrowed, as what it says of itself may be a restriction.
    fn refused_rule(&self, rule: &ConsentProvision) -> Option<&'static str> {
        let bare = self.policy.strict && (rule.code.is_empty() || rule.code.iter().any(|c| c.coding.is_empty()));
        let codings = rule.code.iter().flat_map(|c| &c.coding);
        let refused = codings.filter_map(|c| self.policy.refuses(c.system.as_deref(), c.code.as_deref())).next();
        refused.or(bare.then_some("unknown-code-of-the-policy"))
    }

    /// Who has died, by surviving record, of all whose Patient was read.
    fn deaths(&self) -> Result<HashMap<&str, bool>, ImportError> {
        let mut found: HashMap<&str, bool> = HashMap::new();
        for (id, (_, died)) in &self.deceased {
            *found.entry(self.root(id)?).or_default() |= died;
        }
        Ok(found)
    }

    /// The surviving record of a patient.
    fn root<'i>(&'i self, id: &'i str) -> Result<&'i str, ImportError> {
        let mut at = id;
        for _ in 0..MERGES_MAX {
            match self.merged.get(at) {
                Some(to) => at = to,
                None => return Ok(at),
            }
        }
        Err(ImportError::MergeCircle)
    }
}

/// The days of a rule, which stands at an element.
fn interval(resource: &Resource<'_>, element: &str, period: Option<&Period>) -> Result<Interval, ImportError> {
    let start = resource.date(&format!("{element}.period.start"), period.and_then(|p| p.start.as_deref()))?;
    let end = resource.date(&format!("{element}.period.end"), period.and_then(|p| p.end.as_deref()))?;
    Ok(Interval { first: start.map_or(i32::MIN, |m| day_number(m.span.first)), last: end.map_or(i32::MAX, |m| day_number(m.span.last)) })
}

pub(super) fn read(path: &Path, policy: &ConsentPolicy, today: Day, registry: &ScopeRegistry) -> Result<Consents, ImportError> {
    let mut reader = Reader {
        policy,
        today,
        documents: BTreeMap::new(),
        merged: HashMap::new(),
        servers: HashMap::new(),
        deceased: HashMap::new(),
        read: 0,
    };
    let bundles = if path.is_dir() {
        crate::files::list(path, &LINES, "").is_err()
    } else {
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
    };
    let facts = if bundles { read_bundles(path, &mut reader, &|_| {})? } else { read_folder(path, &mut reader, &|_| {})? };
    refuse_partial(path, &facts)?;
    reader.retract()?;
    let mut report = ConsentReport { documents_read: reader.read, beside: tables_beside(path)?, ..ConsentReport::default() };
    let mut people: BTreeMap<&str, Joined> = BTreeMap::new();
    for entry in reader.documents.values() {
        let Some(patient) = &entry.patient else {
            *report.refused.entry("no-patient".into()).or_default() += 1;
            continue;
        };
        let person = people.entry(reader.root(patient)?).or_default();
        join(person, &entry.document, policy, &mut report);
    }
    let mut table = ConsentTable {
        windows: policy.window.is_some().then(BTreeMap::new),
        encounter_shift: policy.encounter_shift,
        ..ConsentTable::new()
    };
    let ends_at_death = (policy.deceased == Deceased::EndAtDeath).then(|| reader.deaths()).transpose()?;
    let mut unknown = 0;
    let named: BTreeSet<_> = people.keys().filter_map(|id| PatientId::new(*id).ok()).collect();
    for (id, person) in &people {
        if person.needs_review() {
            report.patients_for_review += 1;
            continue;
        }
        let died = ends_at_death.as_ref().map(|died| died.get(id).copied());
        unknown += u64::from(died == Some(None) && !person.permits.is_empty());
        if died == Some(Some(true)) {
            *report.refused.entry("ended-with-death".into()).or_default() += 1;
            table.withdrawn.insert(PatientId::new(*id).expect("ids were checked when they were read"));
            continue;
        }
        grant(&mut table, (id, person), (policy, today, registry), &mut report);
        if let (Some(all), Some(days)) = (&mut table.windows, windows(person, policy)) {
            let days = days.into_iter().map(|d| DayRange { first: Day(d.first), last: Day(d.last) }).collect();
            all.insert(PatientId::new(*id).expect("ids were checked when they were read"), days);
        }
    }
    if unknown > 0 {
        let problem = format!(
            "this policy ends consents with death, and {unknown} people who permit something have no Patient beside their consents that could say so: give a folder with both"
        );
        return Err(ImportError::Package { place: FilePosition::new(path, 0), problem });
    }
    let merged = reader.survivors()?;
    Ok(Consents { table, report, named, merged, documents: Some(path.to_owned()) })
}

/// Enters what a person permits today, or that nothing is left of it.
fn grant(
    table: &mut ConsentTable,
    (id, person): (&str, &Joined),
    (policy, today, registry): (&ConsentPolicy, Day, &ScopeRegistry),
    report: &mut ConsentReport,
) {
    let (scopes, restricted) = (scopes(person, policy, today), restricted(person, policy));
    let patient = PatientId::new(id).expect("ids were checked when they were read");
    // without a column for what is taken away it could not be kept
    let kept = restricted.iter().all(|scope| registry.find(scope).is_ok());
    if !kept {
        *report.refused.entry("restriction-not-kept".into()).or_default() += 1;
    }
    let nothing = scopes.keys().all(|scope| restricted.contains(scope));
    let taken = !(person.withdrawals.is_empty() && person.denies.is_empty() && restricted.is_empty());
    if !kept || (nothing && taken) {
        table.withdrawn.insert(patient);
        return;
    }
    for (scope, until) in expanded(scopes, registry).into_iter().filter(|(scope, _)| !restricted.contains(scope)) {
        if registry.find(scope).is_ok() {
            table.grant(patient.clone(), scope, Day(until.min(last_day(registry).0)));
        } else {
            *report.permits_ignored.entry(format!("scope {scope} is not in the registry")).or_default() += 1;
        }
    }
}

/// Scopes by name: `c.*` stands for all categories of the registry that are not separate, each for as long as the longest entry says.
fn expanded<'a>(scopes: BTreeMap<&'a str, i32>, registry: &'a ScopeRegistry) -> BTreeMap<&'a str, i32> {
    let mut found: BTreeMap<&str, i32> = BTreeMap::new();
    for (scope, until) in scopes {
        let every = registry.scopes.iter().map(String::as_str).filter(|name| name.starts_with("c.") && !SEPARATE.contains(name));
        let names: Vec<&str> = if scope == EVERY_CATEGORY { every.collect() } else { vec![scope] };
        for name in names {
            let day = found.entry(name).or_insert(until);
            *day = until.max(*day);
        }
    }
    found
}

/// Refuses an export of consents that does not hold all of them: the one that is missing may be a withdrawal. Nobody can acknowledge that.
fn refuse_partial(path: &Path, facts: &FolderFacts) -> Result<(), ImportError> {
    let unnamed = (facts.not_in_manifest > 0).then(|| format!("{} files are not named by the manifest", facts.not_in_manifest));
    let problems: Vec<&str> = facts.not_whole.iter().map(|(_, what)| what.as_str()).chain(unnamed.as_deref()).collect();
    if problems.is_empty() {
        return Ok(());
    }
    let problem = format!("these consents are not whole, and one that is missing may be a withdrawal: {}", problems.join("; "));
    Err(ImportError::Package { place: FilePosition::new(path, 0), problem })
}
