//! An import: people with their rows and consents, compared with what is anchored, and planned in the same step.

use super::{
    anchor::{AnchorContent, AnchorId, abandon_unsent},
    plan::plan_table,
    withdrawal::{self, Heard},
};
use crate::{
    HospitalStore, HospitalStoreError, codes,
    erasure::hold_back_erased,
    hospital_store::{load_register, read_patient, secret, small, store_slots, take_out_of_use},
    ledger_view::LedgerView,
    opening::{TableKind, TableName},
    slots::{SlotIndex, SlotRegister, SlotState},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::Dictionary,
    hash::Digest32,
    segment::{EMPTY, SLOTS, SlotCodes},
    tag,
};
use countersign_ingest::PatientId;
use countersign_messages::Cause;
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use sqlx::SqliteConnection;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
};
use zeroize::{Zeroize, Zeroizing};

/// One imported person. Hidden in `Debug`.
pub struct ImportedPerson {
    /// The hospital's own id.
    pub patient: PatientId,
    /// A level for each attribute of the dictionary (`None`: missing). `None` altogether: the person has no row in this import, and the
    /// consents alone are said, so that an earlier row is not taken for one whose consents are gone.
    pub levels: Option<Vec<Option<u32>>>,
    /// A last valid day for each scope of the registry; `None`: no.
    pub grants: Vec<Option<Day>>,
}

impl fmt::Debug for ImportedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImportedPerson(secret)")
    }
}

impl Drop for ImportedPerson {
    fn drop(&mut self) {
        self.levels.zeroize();
        self.grants.iter_mut().for_each(|g| *g = None);
    }
}

impl ImportedPerson {
    /// People with a row who permitted something get a place in the tables.
    fn counts(&self) -> bool {
        self.levels.is_some() && self.grants.iter().any(Option::is_some)
    }
}

/// What is imported, and what it is compared with.
pub struct Import<'a> {
    /// What it says beside its rows.
    pub content: AnchorContent,
    /// Everybody it names.
    pub people: Vec<ImportedPerson>,
    /// The dictionary of the data table.
    pub dictionary: &'a Dictionary,
    /// The scope registry of the consent table.
    pub registry: &'a ScopeRegistry,
    /// What the ledger holds.
    pub ledger: &'a dyn LedgerView,
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("content", &self.content).field("people", &self.people.len()).finish_non_exhaustive()
    }
}

/// What an import came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It was compared with what is anchored, row by row and grant by grant.
    New {
        /// The anchor.
        anchor: AnchorId,
        /// What is to be done.
        planned: Planned,
    },
    /// Exactly these rows and grants are being anchored: the unfinished anchor goes on.
    Unfinished(AnchorId),
}

/// What an import changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Planned {
    /// People with a row who permitted something and have a place in the tables.
    pub people: u64,
    /// People of them who are new.
    pub new: u64,
    /// People who are left out since they withdrew or were erased, and have signed nothing new.
    pub held: u64,
    /// Slots that are taken out of force, as a scope was lost or shortened.
    pub withdrawn: u64,
    /// Segments to be anchored; none: the ledger holds exactly this.
    pub segments: u64,
}

impl HospitalStore {
    /// Compares an import with what is anchored and plans what differs, as one transaction: gives slots to new people, takes those out of
    /// use whose consents were lost or shortened (they stand in the [withdrawals](super::WithdrawalStep) from then on), and fixes the codes of every
    /// segment that is new, changed, or not what the ledger holds. An unfinished anchor of other rows of which nothing was sent is given up.
    ///
    /// # Errors
    /// An anchor of other rows was sent in part ([`HospitalStoreError::AnchorRunning`]: finish it, then import), a patient occurs twice, or the rows
    /// do not fit dictionary or registry; nothing is kept then.
    pub async fn import(&self, import: Import<'_>, rng: &mut (impl RngCore + CryptoRng)) -> Result<Begun, HospitalStoreError> {
        if import.content.data_table != import.dictionary.digest() || import.content.consent_table != import.registry.digest() {
            return Err(HospitalStoreError::OutOfOrder("the rows were read by another dictionary or scope registry"));
        }
        let mut people: Vec<(usize, &ImportedPerson)> = import.people.iter().enumerate().collect();
        people.sort_by(|a, b| a.1.patient.cmp(&b.1.patient));
        if let Some(pair) = people.windows(2).find(|w| w[0].1.patient == w[1].1.patient) {
            return Err(HospitalStoreError::RepeatedPatient { line: pair[1].0.max(pair[0].0) + 1 });
        }
        let people: Vec<&ImportedPerson> = people.into_iter().map(|(_, person)| person).collect();
        let mut tx = self.pool.begin().await?;
        let content = keyed_digest(&*secret(&mut tx, "import", rng).await?, &import.content, &people);
        let running: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT id, content FROM anchor WHERE stage < 3").fetch_optional(&mut *tx).await?;
        if let Some((id, of)) = running {
            // the same rows go on where they stopped, if the ledger has not changed what they are compared with
            if of == content.0 && !must_heal(&mut tx, import.ledger).await? {
                return Ok(Begun::Unfinished(AnchorId(id)));
            }
            if !abandon_unsent(&mut tx, AnchorId(id)).await? {
                return Err(HospitalStoreError::AnchorRunning);
            }
        }
        let mut register = load_register(&mut tx).await?;
        heal(&mut tx, &mut register, import.ledger).await?;
        let grants = people.iter().map(|p| (&p.patient, p.grants.as_slice())).collect();
        let live = register.live().map(|(patient, a)| (a.slot, patient.clone())).collect();
        let lost = lost_slots(&mut tx, (import.registry, import.ledger), &grants, (live, false)).await?;
        let withdrawn = lost.len();
        if !lost.is_empty() {
            // their patients may have other slots for what is left
            take_out_of_use(&mut tx, lost.keys().copied()).await?;
            lost.values().for_each(|patient| register.release(patient));
            let heard = Heard { cause: Cause::Source, received: Some(import.ledger.today()) };
            withdrawal::enter(&mut tx, &lost.into_keys().collect(), heard).await?;
        }
        let eligible: Vec<&PatientId> = people.iter().filter(|p| p.counts()).map(|p| &p.patient).collect();
        hold_back_erased(&mut tx, &mut register, &eligible).await?;
        let new = register.assign(eligible.iter().copied(), rng)?;
        store_slots(&mut tx, &new).await?;
        let anchor = enter(&mut tx, &import.content, &content, rng).await?;
        let segments = plan_tables(&mut tx, anchor, &import, &people, &register).await?;
        if segments == 0 {
            sqlx::query("UPDATE anchor SET stage = 3 WHERE id = ?").bind(anchor.0).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        let placed = eligible.iter().filter(|p| register.find(p).is_some()).count() as u64;
        let planned =
            Planned { people: placed, new: new.len() as u64, held: eligible.len() as u64 - placed, withdrawn: withdrawn as u64, segments };
        Ok(Begun::New { anchor, planned })
    }

    /// Takes over from the ledger who left and which slots have keys, between imports: before an answer is begun, so that it does not count a person under another slot than the one that left.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn hear(&self, ledger: &dyn LedgerView) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        if must_heal(&mut tx, ledger).await? {
            let mut register = load_register(&mut tx).await?;
            heal(&mut tx, &mut register, ledger).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes out of use the slots of those of `stated` whose consents of now no longer bear out what is anchored, and nothing else: for an import whose rows
    /// cannot be used, so that nobody who took a consent back has to wait until they can. Who is not in `stated` stays as before. They stand in the
    /// [withdrawals](super::WithdrawalStep) from then on; an anchor that was planned with their rows and not sent is given up. Returns how many.
    ///
    /// # Errors
    /// The file is damaged, or the ledger no longer has the registry of an anchored table.
    #[boxed]
    pub async fn take_back(
        &self,
        stated: &[(PatientId, Vec<Option<Day>>)],
        registry: &ScopeRegistry,
        ledger: &dyn LedgerView,
    ) -> Result<u64, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        // first, as in an import: whoever withdrew by a request that a restored file does not know is held back, and not only narrowed
        let mut register = load_register(&mut tx).await?;
        heal(&mut tx, &mut register, ledger).await?;
        let grants: HashMap<&PatientId, &[Option<Day>]> = stated.iter().map(|(patient, grants)| (patient, grants.as_slice())).collect();
        let live: Vec<(SlotIndex, PatientId)> =
            register.live().filter(|(patient, _)| grants.contains_key(patient)).map(|(patient, a)| (a.slot, patient.clone())).collect();
        // who permits nothing has no slot in use, wherever it stands by now
        let nothing = |(_, patient): &&(SlotIndex, PatientId)| grants.get(patient).is_some_and(|grants| grants.iter().all(Option::is_none));
        let unused: Vec<(SlotIndex, PatientId)> = live.iter().filter(nothing).cloned().collect();
        let mut lost = lost_slots(&mut tx, (registry, ledger), &grants, (live, true)).await?;
        let count = lost.len() as u64;
        lost.extend(unused);
        if !lost.is_empty() {
            take_out_of_use(&mut tx, lost.keys().copied()).await?;
            let heard = Heard { cause: Cause::Source, received: Some(ledger.today()) };
            withdrawal::enter_told(&mut tx, lost.into_keys().collect(), heard).await?;
        }
        tx.commit().await?;
        Ok(count)
    }
}

/// People whose rows are hashed together.
const PEOPLE_A_DIGEST: usize = 1_024;

/// Digest of every row and grant under a key of this file: tells the same import from another, and nobody else anything.
fn keyed_digest(key: &[u8; 32], content: &AnchorContent, people: &[&ImportedPerson]) -> Digest32 {
    let rows = |some: &[&ImportedPerson]| Digest32::tagged(tag::IMPORT, [&key[..], &rows_bytes(some)]);
    let rows: Vec<Digest32> = people.par_chunks(PEOPLE_A_DIGEST).map(rows).collect();
    let AnchorContent { data_table, consent_table, mapping, policy, report: _ } = content;
    let what = [data_table, consent_table, mapping, policy].into_iter().chain(&rows).map(|digest| &digest.0[..]);
    Digest32::tagged(tag::IMPORT, std::iter::once(&key[..]).chain(what))
}

/// No two lists of people give the same bytes.
fn rows_bytes(people: &[&ImportedPerson]) -> Zeroizing<Vec<u8>> {
    let size = |p: &&ImportedPerson| 25 + p.patient.expose().len() + 8 * (p.levels.as_ref().map_or(0, Vec::len) + p.grants.len());
    // room for all of them at once: a buffer that grows leaves copies behind
    let mut rows: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(people.iter().map(size).sum()));
    for person in people {
        rows.extend((person.patient.expose().len() as u64).to_le_bytes());
        rows.extend(person.patient.expose().as_bytes());
        rows.push(u8::from(person.levels.is_some()));
        let levels = person.levels.as_deref().unwrap_or_default();
        rows.extend((levels.len() as u64).to_le_bytes());
        // a level is 32 bits wide and a day too: one more tells absence from every value
        rows.extend(levels.iter().flat_map(|l| l.map_or(u64::MAX, u64::from).to_le_bytes()));
        rows.extend((person.grants.len() as u64).to_le_bytes());
        rows.extend(person.grants.iter().flat_map(|g| g.map_or(i64::MIN, |d| i64::from(d.0)).to_le_bytes()));
    }
    rows
}

pub(super) async fn enter(
    c: &mut SqliteConnection,
    content: &AnchorContent,
    digest: &Digest32,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<AnchorId, HospitalStoreError> {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    let inserted = sqlx::query(
        "INSERT INTO anchor (content, data_table, consent_table, stage, mapping, policy, report, report_salt) VALUES (?, ?, ?, 1, ?, ?, ?, ?)",
    )
    .bind(&digest.0[..])
    .bind(&content.data_table.0[..])
    .bind(&content.consent_table.0[..])
    .bind(&content.mapping.0[..])
    .bind(&content.policy.0[..])
    .bind(&content.report.0[..])
    .bind(&salt[..])
    .execute(c)
    .await?;
    Ok(AnchorId(inserted.last_insert_rowid()))
}

/// True if the ledger knows something of slots and people that this file has not taken over: what was planned before must be compared again.
async fn must_heal(c: &mut SqliteConnection, ledger: &dyn LedgerView) -> Result<bool, HospitalStoreError> {
    let (withdrawn, keyed) = (ledger.withdrawn(), ledger.keyed());
    if withdrawn.is_empty() && keyed.is_empty() {
        return Ok(false);
    }
    // before every answer: without names
    let slots: Vec<(u32, u8)> = sqlx::query_as("SELECT slot, state FROM slot").fetch_all(&mut *c).await?;
    let in_use: HashMap<u32, bool> = slots.into_iter().map(|(slot, state)| (slot, state == 0)).collect();
    let settled = settled(c).await?;
    Ok(withdrawn.into_iter().any(|slot| in_use.get(&slot.0) == Some(&true))
        || ledger.left_by_key().into_iter().any(|slot| !settled.contains(&slot.0))
        || keyed.into_iter().any(|slot| !in_use.contains_key(&slot.0)))
}

/// Slots that patients' keys took out and whose people are held back.
async fn settled(c: &mut SqliteConnection) -> Result<HashSet<u32>, HospitalStoreError> {
    let slots: Vec<i64> = sqlx::query_scalar("SELECT slot FROM left_by_key").fetch_all(c).await?;
    slots.into_iter().map(|slot| small(slot, "a slot")).collect()
}

/// Takes over from the ledger which slots are out of force and which have keys: a file restored from a backup does not know it, and a slot that is dead there must not be in use here, nor be given to
/// somebody whom then nobody would count, or whom another person's key would take out. Whose patient withdrew is held back until a new document.
async fn heal(c: &mut SqliteConnection, register: &mut SlotRegister, ledger: &dyn LedgerView) -> Result<(), HospitalStoreError> {
    let out = ledger.withdrawn();
    let holders: HashMap<u32, PatientId> = match out.is_empty() {
        true => HashMap::new(),
        false => register.live().map(|(patient, a)| (a.slot.0, patient.clone())).collect(),
    };
    let mut unknown = Vec::new();
    for slot in out {
        if let Some(patient) = holders.get(&slot.0) {
            hold_back(c, register, patient, slot).await?;
        } else if !register.is_used(slot) {
            never_give_out(c, register, slot).await?;
            unknown.push(slot);
        }
    }
    // a slot that this file does not know stands for whoever has its key, who will hear that it has left
    let foreign: BTreeSet<SlotIndex> = ledger.keyed().into_iter().filter(|slot| !register.is_used(*slot)).collect();
    for slot in &foreign {
        never_give_out(c, register, *slot).await?;
    }
    let heard = |cause| Heard { cause, received: Some(ledger.today()) };
    withdrawal::enter(c, &foreign, heard(Cause::Source)).await?;
    let elsewhere = hold_back_leavers(c, register, (ledger, &unknown)).await?;
    if elsewhere.is_empty() { Ok(()) } else { withdrawal::enter_told(c, elsewhere, heard(Cause::Word)).await }
}

/// Holds back whom a key took out, or the person's word under a slot that this file did not know and for which a key stands that it does; whatever slot this file has for the person by now: the import may have
/// given another one in the same moment. Returns such slots.
async fn hold_back_leavers(
    c: &mut SqliteConnection,
    register: &mut SlotRegister,
    (ledger, unknown): (&dyn LedgerView, &[SlotIndex]),
) -> Result<BTreeSet<SlotIndex>, HospitalStoreError> {
    let settled = settled(c).await?;
    let mut elsewhere = BTreeSet::new();
    let by_word = unknown.iter().filter(|slot| ledger.left_by_word(**slot)).copied();
    for slot in ledger.left_by_key().into_iter().chain(by_word).filter(|slot| !settled.contains(&slot.0)) {
        let heard = sqlx::query("INSERT INTO left_by_key (slot, heard) VALUES (?, ?)").bind(slot.0).bind(ledger.today().0);
        heard.execute(&mut *c).await?;
        let whose: Option<Option<String>> =
            sqlx::query_scalar("SELECT patient FROM slot WHERE slot = ?").bind(slot.0).fetch_optional(&mut *c).await?;
        let whose = match (whose, ledger.key(slot)) {
            // a slot that this file does not know, with the key of somebody it does know: the person had it when a copy of before was brought back
            (None | Some(None), Some(key)) => {
                sqlx::query_scalar("SELECT patient FROM patient_key WHERE key = ?").bind(&key.0[..]).fetch_optional(&mut *c).await?
            }
            (whose, _) => whose.flatten(),
        };
        let Some(patient) = whose.map(read_patient).transpose()? else { continue };
        match register.find(&patient) {
            Some(place) => {
                hold_back(c, register, &patient, place.slot).await?;
                elsewhere.insert(place.slot);
            }
            None => {
                sqlx::query("INSERT OR IGNORE INTO withdrawn (patient) VALUES (?)").bind(patient.expose()).execute(&mut *c).await?;
                register.insert_withdrawn(patient);
            }
        }
    }
    Ok(elsewhere)
}

async fn hold_back(
    c: &mut SqliteConnection,
    register: &mut SlotRegister,
    patient: &PatientId,
    slot: SlotIndex,
) -> Result<(), HospitalStoreError> {
    sqlx::query("UPDATE slot SET state = 1 WHERE slot = ?").bind(slot.0).execute(&mut *c).await?;
    sqlx::query("INSERT OR IGNORE INTO withdrawn (patient) VALUES (?)").bind(patient.expose()).execute(&mut *c).await?;
    register.withdraw(patient)?;
    Ok(())
}

async fn never_give_out(c: &mut SqliteConnection, register: &mut SlotRegister, slot: SlotIndex) -> Result<(), HospitalStoreError> {
    sqlx::query("INSERT INTO slot (slot, patient, row_id, state) VALUES (?, NULL, NULL, 2)").bind(slot.0).execute(c).await?;
    register.insert(None, slot, None, SlotState::Erased);
    Ok(())
}

/// Those of the live slots some anchored consent of which the grants of now no longer bear out: in any version that this hospital could still
/// answer from, under any registry. Studies pin those versions for as long as they run, and only a withdrawal ends that. With `planned` also in one that was
/// planned and not sent: it must not be.
async fn lost_slots(
    c: &mut SqliteConnection,
    (present, ledger): (&ScopeRegistry, &dyn LedgerView),
    grants: &HashMap<&PatientId, &[Option<Day>]>,
    (live, planned): (Vec<(SlotIndex, PatientId)>, bool),
) -> Result<BTreeMap<SlotIndex, PatientId>, HospitalStoreError> {
    let anchored: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(
        "SELECT table_id, segment, version FROM opening WHERE kind = 1 AND state < 4 AND
         (state >= 2 OR ? OR anchor IN (SELECT anchor FROM anchor_transaction WHERE state > 0)) ORDER BY table_id, segment, version",
    )
    .bind(planned)
    .fetch_all(&mut *c)
    .await?;
    let mut by_segment: HashMap<i64, Vec<&(SlotIndex, PatientId)>> = HashMap::new();
    live.iter().for_each(|holder| by_segment.entry(i64::from(holder.0.segment())).or_default().push(holder));
    let mut lost = BTreeSet::new();
    for (table, segment, version) in anchored {
        let digest = Digest32(table.as_slice().try_into().map_err(|_| HospitalStoreError::Damaged("a table's digest"))?);
        let registry = ledger.registry(&digest).ok_or(HospitalStoreError::Unknown("scope registry of an anchored table"))?;
        // where a scope of that registry stands in the present one; one that is gone is borne out by nothing
        let places: Vec<Option<usize>> = registry.scopes.iter().map(|scope| present.scopes.iter().position(|s| s == scope)).collect();
        let bytes: Vec<u8> =
            sqlx::query_scalar("SELECT codes FROM opening WHERE kind = 1 AND table_id = ? AND segment = ? AND version = ?")
                .bind(&table)
                .bind(segment)
                .bind(version)
                .fetch_one(&mut *c)
                .await?;
        let bytes = Zeroizing::new(bytes);
        let old = codes::from_bytes(&bytes)?;
        for (slot, patient) in by_segment.get(&segment).into_iter().flatten() {
            let now = grants.get(patient).copied().unwrap_or_default();
            if scopes_lost(&old, *slot, &registry, &places, now) {
                lost.insert(*slot);
            }
        }
    }
    Ok(live.into_iter().filter(|(slot, _)| lost.contains(slot)).collect())
}

/// True if a scope that was granted is granted no more, or ends in an earlier bin of the grid it was anchored by.
fn scopes_lost(old: &SlotCodes, slot: SlotIndex, registry: &ScopeRegistry, places: &[Option<usize>], now: &[Option<Day>]) -> bool {
    old.blocks.iter().zip(places).any(|(block, place)| {
        let was = block.get(slot.offset() as usize).copied().unwrap_or(EMPTY);
        let is = place.and_then(|i| now.get(i).copied().flatten()).map_or(0, |day| registry.bin(day));
        was != EMPTY && is < was
    })
}

/// Plans both tables; the number of segments planned.
async fn plan_tables(
    c: &mut SqliteConnection,
    anchor: AnchorId,
    import: &Import<'_>,
    people: &[&ImportedPerson],
    register: &SlotRegister,
) -> Result<u64, HospitalStoreError> {
    let data = TableName { kind: TableKind::Data, digest: import.content.data_table };
    let consent = TableName { kind: TableKind::Consent, digest: import.content.consent_table };
    // both tables span the same segments, none of the ledger's is left as it is
    let segments = register.segments().max(import.ledger.segments(data)).max(import.ledger.segments(consent));
    let slots = segments as usize * SLOTS;
    let blocks = import.dictionary.attributes().iter().map(|a| a.blocks().len()).sum();
    let mut rows = codes::empty(blocks, slots);
    let mut grants = codes::empty(import.registry.scopes.len(), slots);
    for person in people.iter().filter(|p| p.counts()) {
        let (Some(levels), Some(assignment)) = (&person.levels, register.find(&person.patient)) else { continue };
        codes::place_levels(&mut rows, import.dictionary, assignment.slot, levels)?;
        codes::place_grants(&mut grants, import.registry, assignment.slot, &person.grants)?;
    }
    let mut planned = 0;
    for (table, codes, provenance) in [(data, &rows, import.content.mapping), (consent, &grants, import.content.policy)] {
        planned += plan_table(c, anchor, (table, provenance), codes, import.ledger).await?;
    }
    Ok(planned)
}
