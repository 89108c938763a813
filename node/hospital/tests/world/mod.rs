//! A hospital's file, its journal and importer as the product has them, and around them a plain model: the ledger, and who must be where.

mod checks;
pub(crate) mod notes;
pub(crate) mod replacing;

use crate::common::{reopen, rng};
use crate::plain::{Ledger, MAPPING, READING, Research, Sent, plain_points, registry, tables};
use crate::source::{Person, Source, number};
use countersign_circuits::{consent::Day, field::Fr, hash::Digest32, segment::SegmentId};
use countersign_hospital::{
    HospitalStore, HospitalStoreError, intake,
    journal::{AnchorContent, AnchorStep, AnchorTransaction, Begun, Committed, Heard, Import, Step, WithdrawalStep},
    ledger_view::LedgerView,
    opening::{OpeningKey, TableName},
    research_cut::{Renewal, Version},
    slots::SlotIndex,
};
use countersign_ingest::{ImportOptions, PatientId, import};
use countersign_messages::Height;
use countersign_prover::commitment::Blinders;
use rand::{Rng, RngCore, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use sqlx::Connection as _;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};
use tokio::task::yield_now;

/// Studies that are not over.
pub(crate) const RUNNING: usize = 2;
const TODAY: Day = Day(18_000);

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) transactions: HashMap<Vec<u8>, Sent>,
    pub(crate) entropy: ChaCha20Rng,
    /// Of ten messages so many are lost, and so many refused whatever they say.
    pub(crate) lost: u32,
    pub(crate) refused: u32,
    /// Whose slot every slot that was ever given out is.
    pub(crate) holders: HashMap<SlotIndex, u32>,
    /// The import the hospital knows: its last one that was planned.
    pub(crate) known: Source,
    /// Who withdrew by a request of their own.
    pub(crate) held: BTreeSet<u32>,
    /// Who left by a key of their own, as far as the hospital's file can know whose slot it was.
    pub(crate) left: BTreeSet<u32>,
    /// Who was erased.
    pub(crate) erased: BTreeSet<u32>,
    /// Who took the second scope back by a note that the hospital has.
    pub(crate) narrowed: BTreeSet<u32>,
    /// Of these, who has no place again before the next import.
    pub(crate) noted: BTreeSet<u32>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut entropy = rng(seed);
        let (lost, refused) = (entropy.gen_range(0..4), u32::from(entropy.gen_ratio(1, 3)));
        Self {
            ledger: Ledger::default(),
            transactions: HashMap::new(),
            entropy,
            lost,
            refused,
            holders: HashMap::new(),
            known: Source::new(),
            held: BTreeSet::new(),
            left: BTreeSet::new(),
            erased: BTreeSet::new(),
            narrowed: BTreeSet::new(),
            noted: BTreeSet::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if self.entropy.gen_range(0..10) < self.lost || self.ledger.decided.contains_key(bytes) {
            return;
        }
        let sent = self.transactions[bytes].clone();
        let accepted = self.entropy.gen_range(0..10) >= self.refused && self.ledger.execute(&sent);
        self.ledger.decided.insert(bytes.to_vec(), accepted);
    }

    pub(crate) fn sign(&mut self, sent: Sent) -> Vec<u8> {
        let bytes = format!("{} {sent:?}", self.entropy.next_u64()).into_bytes();
        self.transactions.insert(bytes.clone(), sent);
        bytes
    }

    /// Reads files and anchors them: the whole of `anchor`.
    pub(crate) async fn import(&mut self, path: &Path, files: &(PathBuf, PathBuf), source: &Source) {
        let (consents, source) = (self.narrowed_consents(path, files).await, self.narrowed_source(source));
        let usable = consents.usable_on(TODAY);
        let options = ImportOptions { as_of: Some(TODAY), consented: Some(&usable), consents: None, progress: None };
        let read = import(&READING, &MAPPING, &files.0, &options).unwrap();
        let store = reopen(path).await;
        let content = content(read.report.hash());
        loop {
            yield_now().await;
            let people = intake::people(&read.table, Some(&consents), &registry(), &store.holders().await.unwrap());
            let begun = store
                .import(
                    Import { content, people, dictionary: READING.dictionary(), registry: &registry(), ledger: &self.ledger },
                    &mut self.entropy,
                )
                .await;
            match begun {
                Err(HospitalStoreError::AnchorRunning) => {
                    let _refused = self.drive(&store).await;
                }
                Ok(Begun::New { .. } | Begun::Unfinished(_)) => break,
                Err(other) => panic!("{other}"),
            }
        }
        self.known = source.clone();
        self.noted.clear();
        for (patient, assignment) in store.register().await.unwrap().live() {
            self.holders.insert(assignment.slot, number(patient));
        }
        let accepted = self.drive(&store).await;
        store.close().await;
        if !accepted {
            // an anchor was refused: the person is told, and anchors again
            Box::pin(self.import(path, files, &source)).await;
        }
    }

    /// Until nothing is left to do; false if an anchor was refused.
    pub(crate) async fn drive(&mut self, store: &HospitalStore) -> bool {
        loop {
            yield_now().await;
            match store.next_step().await.unwrap() {
                Step::Anchor(step) => {
                    if !self.anchor_step(store, step).await {
                        return false;
                    }
                }
                Step::Withdrawal(step) => self.withdrawal_step(store, step).await,
                Step::Answer(_) | Step::Idle => return true,
            }
        }
    }

    pub(crate) async fn anchor_step(&mut self, store: &HospitalStore, step: AnchorStep) -> bool {
        match step {
            AnchorStep::Commit { anchor, openings } => {
                let some = 1 + self.entropy.next_u64() as usize % openings.len(); // all of them, or some first
                let mut blinders = || Blinders((0..3).map(|_| Fr::from(self.entropy.next_u64())).collect());
                let made: Vec<_> = openings[..some].iter().map(|key| (*key, blinders())).collect();
                let made: Vec<_> = made.into_iter().map(|(key, blinders)| (key, plain_points(&blinders), blinders)).collect();
                let committed: Vec<_> =
                    made.iter().map(|(key, points, blinders)| Committed { key: *key, blinders, points, source: None }).collect();
                store.store_commitments(anchor, &committed).await.unwrap();
            }
            AnchorStep::Build { anchor, openings } if store.replacement(anchor).await.unwrap().is_some() => {
                let sent = self.replacement(store, anchor).await;
                let transaction = AnchorTransaction { bytes: self.sign(Sent::Replace(sent)), openings };
                store.store_transactions(anchor, &[transaction]).await.unwrap();
            }
            AnchorStep::Build { anchor, openings } => {
                let mut transactions = Vec::new();
                for part in openings.chunk_by(|a, b| a.table == b.table) {
                    let mut segments = Vec::new();
                    for key in part {
                        segments.push((*key, store.opening(key).await.unwrap().points.unwrap()));
                    }
                    transactions.push(AnchorTransaction { bytes: self.sign(Sent::Anchor(segments)), openings: part.to_vec() });
                }
                store.store_transactions(anchor, &transactions).await.unwrap();
            }
            AnchorStep::Submit { anchor, sequence, bytes } => {
                store.anchor_submitted(anchor, sequence).await.unwrap();
                yield_now().await;
                self.send(&bytes);
            }
            AnchorStep::Await { anchor, sequence, bytes } => match self.ledger.decided.get(&bytes).copied() {
                Some(true) => store.anchor_confirmed(anchor, sequence, Height(1)).await.unwrap(),
                Some(false) => {
                    store.anchor_rejected(anchor, "refused").await.unwrap();
                    return false;
                }
                None => self.send(&bytes),
            },
        }
        true
    }

    pub(crate) async fn withdrawal_step(&mut self, store: &HospitalStore, step: WithdrawalStep) {
        match step {
            WithdrawalStep::Sign { withdrawal, slots, .. } => {
                let bytes = self.sign(Sent::Withdraw(slots.into_iter().collect()));
                store.store_withdrawal(withdrawal, &bytes).await.unwrap();
            }
            WithdrawalStep::Submit { withdrawal, bytes } => {
                store.withdrawal_submitted(withdrawal).await.unwrap();
                yield_now().await;
                self.send(&bytes);
            }
            WithdrawalStep::Await { withdrawal, bytes } => match self.ledger.decided.get(&bytes).copied() {
                Some(true) => store.withdrawal_confirmed(withdrawal, Height(1)).await.unwrap(),
                Some(false) => {
                    let Sent::Withdraw(slots) = self.transactions[&bytes].clone() else { panic!() };
                    let spanned = tables().map(|t| self.ledger.segments(t)).into_iter().max().unwrap();
                    let left: Vec<_> = slots.into_iter().filter(|s| s.segment() < spanned && !self.ledger.withdrawn.contains(s)).collect();
                    store.withdrawal_refused(withdrawal, &left).await.unwrap();
                }
                None => self.send(&bytes),
            },
        }
    }

    /// Files whose rows cannot be used: what their consents take back of people is taken back, and nothing else happens.
    pub(crate) async fn stopped_import(&mut self, path: &Path, files: &(PathBuf, PathBuf)) {
        let consents = self.narrowed_consents(path, files).await;
        let store = reopen(path).await;
        let stated = intake::stated(&consents, &registry(), &store.holders().await.unwrap());
        store.take_back(&stated, &registry(), &self.ledger).await.unwrap();
        for (patient, grants) in &stated {
            if let Some(person) = self.known.get_mut(&number(patient)) {
                person.bins = [0, 1].map(|scope: usize| grants[scope].map_or(0, |day| registry().bin(day)));
            }
        }
        let _ = self.drive(&store).await;
        store.close().await;
    }

    pub(crate) async fn withdraw(&mut self, path: &Path, person: u32) {
        let store = reopen(path).await;
        let patient = PatientId::new(format!("p{person}")).unwrap();
        if store.register().await.unwrap().find(&patient).is_some() {
            store.withdraw(&[patient], Heard::WORD).await.unwrap();
            self.held.insert(person);
        }
        // refused anchors are anchored again by the next import
        let _ = self.drive(&store).await;
        store.close().await;
    }

    /// The whole of `erase`, for somebody who may never have had a row.
    pub(crate) async fn erase(&mut self, path: &Path, person: u32) {
        let store = reopen(path).await;
        let patient = PatientId::new(format!("p{person}")).unwrap();
        // also those that an import gave which was killed
        for (slot, _) in store.slots_of(&patient).await.unwrap() {
            self.holders.insert(slot, person);
        }
        if store.erase(&patient, Heard::WORD).await.is_err() {
            return store.close().await;
        }
        self.held.remove(&person);
        self.erased.insert(person);
        self.narrowed.remove(&person);
        let _refused = self.drive(&store).await;
        let replaced = self.replace_erased(&store).await;
        for content in store.anchored_contents(&registry().digest()).await.unwrap() {
            while let Begun::New { planned, .. } = store.plan_erasure(&content, &self.ledger).await.unwrap() {
                if self.drive(&store).await || planned.segments == 0 {
                    break;
                }
            }
        }
        let pinned: BTreeSet<OpeningKey> = self.pinned().collect();
        for row in store.erased_rows().await.unwrap() {
            assert!(!row.newest, "the row of somebody who was erased is in the newest version");
            if !pinned.contains(&row.key) {
                store.destroy(&row.key).await.unwrap();
            }
        }
        self.check_erased(&store, &pinned).await;
        let left = store.erased_rows().await.unwrap();
        assert!(left.iter().all(|row| !replaced.contains(&row.key.segment.index)), "a row stays where every version was replaced");
        store.close().await;
    }

    /// People in use keep keys, and some of them leave by it, whatever the hospital does at the time. Nothing of that waits: the ledger has it at once.
    pub(crate) async fn keys(&mut self, path: &Path, dice: &mut ChaCha20Rng) {
        let store = reopen(path).await;
        let spanned = tables().map(|t| self.ledger.segments(t)).into_iter().max().unwrap();
        let live: Vec<(u32, SlotIndex)> = store.register().await.unwrap().live().map(|(p, a)| (number(p), a.slot)).collect();
        for (person, slot) in live {
            let enrolled = slot.segment() < spanned && !self.ledger.withdrawn.contains(&slot) && dice.gen_ratio(1, 2);
            if enrolled {
                self.ledger.keyed.entry(slot).or_insert(person);
            }
        }
        store.close().await;
        let there: Vec<_> = self.ledger.keyed.iter().filter(|(slot, _)| !self.ledger.withdrawn.contains(slot)).collect();
        if let Some((slot, person)) = there.choose(dice).filter(|_| dice.gen_ratio(1, 3)).map(|(slot, person)| (**slot, **person)) {
            self.ledger.leave(&[slot]);
            self.ledger.left_by_key.insert(slot);
            // a slot that a file which was brought back does not know is nobody's to it
            self.left.extend(known(path, &BTreeSet::from([slot])).await.into_iter().filter(|known| *known == person));
        }
    }

    /// The hospital accepts a study: by the research cut, or a new one.
    pub(crate) async fn accept(&mut self, path: &Path, k_min: u32) {
        let store = reopen(path).await;
        let [data, consent] = tables();
        let versions = |of: TableName| -> Vec<SegmentId> {
            let segments = self.ledger.current.iter().filter(|((table, _), _)| *table == of);
            segments.map(|((_, index), (version, _))| SegmentId { index: *index, version: *version }).collect()
        };
        let people: BTreeMap<u32, Vec<u16>> = self.counted().map(|(id, person)| (id, row_bins(person))).collect();
        let register = store.register().await.unwrap();
        let slots = register.live().map(|(patient, a)| (number(patient), a.slot)).filter(|(id, _)| people.contains_key(id)).collect();
        let now = Research {
            data: versions(data),
            consent: versions(consent),
            out: self.ledger.withdrawn.clone(),
            people,
            slots,
            emptied: BTreeSet::new(),
        };
        let pinned = self.ledger.research.as_ref().map(|cut| Version { segments: &cut.data, out: &cut.out });
        let current = Version { segments: &now.data, out: &now.out };
        let key = |table: TableName| move |segment: &SegmentId| OpeningKey { table, segment: *segment };
        let keys: Vec<OpeningKey> = self
            .ledger
            .research
            .iter()
            .flat_map(|cut| cut.data.iter().map(key(data)).chain(cut.consent.iter().map(key(consent))))
            .collect();
        let renewal = match store.can_stay(&keys).await.unwrap() {
            true => store.renewal(data, pinned, current, k_min).await.unwrap(),
            false => store.renewal_of_lost(data, current).await.unwrap(),
        };
        let expected = match &self.ledger.research {
            None => Renewal::First,
            Some(_) if self.must_go(&store, &keys).await => Renewal::Lost { rows: now.people.len() as u64 },
            Some(then) => expected_renewal(&store, then, &now, k_min).await,
        };
        assert_eq!(renewal, expected);
        let cut = match (self.ledger.research.take(), renewal) {
            (Some(then), Renewal::NotYet { .. }) => then,
            _ => now,
        };
        self.ledger.cuts.push(cut.data.iter().map(key(data)).chain(cut.consent.iter().map(key(consent))).collect());
        self.ledger.research = Some(cut);
        store.close().await;
    }

    /// Who is on the ledger by the last import.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (u32, &Person)> {
        self.known
            .iter()
            .filter(|(id, p)| {
                p.row
                    && p.bins.iter().any(|b| *b > 0)
                    && ![&self.held, &self.left, &self.erased, &self.noted].iter().any(|gone| gone.contains(id))
            })
            .map(|(id, p)| (*id, p))
    }
}

pub(crate) fn content(report: Digest32) -> AnchorContent {
    AnchorContent {
        data_table: READING.digest(),
        consent_table: registry().digest(),
        mapping: MAPPING.digest(),
        policy: Digest32::of(b"policy"),
        report,
    }
}

/// What renews a research cut, by people alone.
pub(crate) async fn expected_renewal(store: &HospitalStore, then: &Research, now: &Research, k_min: u32) -> Renewal {
    // a file that was brought back may not have every opening
    for segment in &then.data {
        if store.opening(&OpeningKey { table: tables()[0], segment: *segment }).await.is_err() {
            return Renewal::Lost { rows: now.people.len() as u64 };
        }
    }
    let came = now.people.keys().filter(|id| !then.people.contains_key(id) && !then.emptied.contains(id)).count();
    let went = then.people.keys().filter(|id| !now.people.contains_key(id)).count();
    let other = now.people.iter().filter(|(id, row)| then.people.get(id).is_some_and(|old| old != *row)).count();
    let changed = (other + came.max(went)) as u64;
    let needed = if k_min == 1 { 1 } else { u64::from(k_min).max((then.people.len() as u64).div_ceil(10)) };
    if changed >= needed { Renewal::Due { changed } } else { Renewal::NotYet { changed, needed } }
}

/// Bins of a person's row, by the dictionary alone.
pub(crate) fn row_bins(person: &Person) -> Vec<u16> {
    let level = |name: &str| -> Option<u32> {
        match name {
            "age" => Some(person.age),
            "sex" => Some(1),
            "sbp" => Some(120 - 50),
            "chol" => person.chol.map(|c| c - 50),
            "chest_pain" | "disease" => Some(0),
            "oldpeak" => Some(40),
            other => panic!("{other}"),
        }
    };
    let mut bins = Vec::new();
    for attribute in READING.dictionary().attributes() {
        let own = attribute.bins(level(attribute.name())).unwrap();
        bins.push(own.first);
        bins.extend(own.fine);
    }
    bins
}

/// Whose slots some are, as far as a file knows it.
pub(crate) async fn known(path: &Path, slots: &BTreeSet<SlotIndex>) -> BTreeSet<u32> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut file = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows: Vec<(u32, String)> =
        sqlx::query_as("SELECT slot, patient FROM slot WHERE patient IS NOT NULL").fetch_all(&mut file).await.unwrap();
    file.close().await.unwrap();
    rows.iter().filter(|(slot, _)| slots.contains(&SlotIndex(*slot))).map(|(_, patient)| patient[1..].parse().unwrap()).collect()
}
