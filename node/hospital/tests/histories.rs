//! Random histories of a hospital: imports of files (values changed, exchanged, people added, removed, replaced, consents given, narrowed,
//! withdrawn, states come back), cuts, withdrawals, keys of patients and departures by them, erasures, backups brought back, messages lost, transactions refused, and kills at any step. After each
//! import the ledger's rows and grants, opened by the hospital's own openings, are those of the last import, and no answer counts a person without a
//! present grant. Studies take the research cut: it is renewed when, by the model's own count of people, enough have changed, and never before, and it opens to
//! the rows of its day for ever. The ledger is a plain model; the importer, the file and the journal are the product's.

use crate::common::{folder, reopen, rng};
use crate::plain::{Ledger, MAPPING, READING, Research, Sent, plain_points, registry, tables};
use crate::source::{Person, Source, change, number, somebody, write};
use countersign_circuits::{
    consent::Day,
    field::Fr,
    hash::Digest32,
    segment::{EMPTY, SegmentId},
};
use countersign_hospital::{
    HospitalStore, HospitalStoreError, intake,
    journal::{AnchorContent, AnchorStep, AnchorTransaction, Begun, Committed, Heard, Import, Step, WithdrawalStep},
    ledger_view::LedgerView,
    opening::{OpeningKey, TableKind, TableName},
    research_cut::{Renewal, Version},
    slots::SlotIndex,
};
use countersign_ingest::{ConsentSource, ImportOptions, PatientId, import, read_consents};
use countersign_messages::Height;
use countersign_prover::commitment::Blinders;
use rand::{Rng, RngCore, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use sqlx::Connection as _;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::{Future, poll_fn},
    path::{Path, PathBuf},
    task::Poll,
};
use tokio::task::yield_now;

/// Histories, each of some imports.
const SEEDS: u64 = 2_000;
/// Studies that are not over.
const RUNNING: usize = 2;
const TODAY: Day = Day(18_000);

struct World {
    ledger: Ledger,
    transactions: HashMap<Vec<u8>, Sent>,
    entropy: ChaCha20Rng,
    /// Of ten messages so many are lost, and so many refused whatever they say.
    lost: u32,
    refused: u32,
    /// Whose slot every slot that was ever given out is.
    holders: HashMap<SlotIndex, u32>,
    /// The import the hospital knows: its last one that was planned.
    known: Source,
    /// Who withdrew by a request of their own.
    held: BTreeSet<u32>,
    /// Who left by a key of their own, as far as the hospital's file can know whose slot it was.
    left: BTreeSet<u32>,
    /// Who was erased.
    erased: BTreeSet<u32>,
}

impl World {
    fn new(seed: u64) -> Self {
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
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.entropy.gen_range(0..10) < self.lost || self.ledger.decided.contains_key(bytes) {
            return;
        }
        let sent = self.transactions[bytes].clone();
        let accepted = self.entropy.gen_range(0..10) >= self.refused && self.ledger.execute(&sent);
        self.ledger.decided.insert(bytes.to_vec(), accepted);
    }

    fn sign(&mut self, sent: Sent) -> Vec<u8> {
        let bytes = format!("{} {sent:?}", self.entropy.next_u64()).into_bytes();
        self.transactions.insert(bytes.clone(), sent);
        bytes
    }

    /// Reads files and anchors them: the whole of `anchor`.
    async fn import(&mut self, path: &Path, files: &(PathBuf, PathBuf), source: &Source) {
        let consents = read_consents(ConsentSource::Csv(&files.1), &registry()).unwrap().table;
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
        for (patient, assignment) in store.register().await.unwrap().live() {
            self.holders.insert(assignment.slot, number(patient));
        }
        let accepted = self.drive(&store).await;
        store.close().await;
        if !accepted {
            // an anchor was refused: the person is told, and anchors again
            Box::pin(self.import(path, files, source)).await;
        }
    }

    /// Until nothing is left to do; false if an anchor was refused.
    async fn drive(&mut self, store: &HospitalStore) -> bool {
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

    async fn anchor_step(&mut self, store: &HospitalStore, step: AnchorStep) -> bool {
        match step {
            AnchorStep::Commit { anchor, openings } => {
                let some = 1 + self.entropy.next_u64() as usize % openings.len(); // all of them, or some first
                let mut blinders = || Blinders((0..3).map(|_| Fr::from(self.entropy.next_u64())).collect());
                let made: Vec<_> = openings[..some].iter().map(|key| (*key, blinders())).collect();
                let made: Vec<_> = made.into_iter().map(|(key, blinders)| (key, plain_points(&blinders), blinders)).collect();
                let committed: Vec<_> = made.iter().map(|(key, points, blinders)| Committed { key: *key, blinders, points }).collect();
                store.store_commitments(anchor, &committed).await.unwrap();
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

    async fn withdrawal_step(&mut self, store: &HospitalStore, step: WithdrawalStep) {
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
    async fn stopped_import(&mut self, path: &Path, files: &(PathBuf, PathBuf)) {
        let consents = read_consents(ConsentSource::Csv(&files.1), &registry()).unwrap().table;
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

    async fn withdraw(&mut self, path: &Path, person: u32) {
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
    async fn erase(&mut self, path: &Path, person: u32) {
        let store = reopen(path).await;
        let patient = PatientId::new(format!("p{person}")).unwrap();
        if store.erase(&patient, Heard::WORD).await.is_err() {
            return store.close().await;
        }
        self.held.remove(&person);
        self.erased.insert(person);
        let _refused = self.drive(&store).await;
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
        store.close().await;
    }

    /// By the model's own slots: no opening that can be read holds a row of somebody who was erased, but what cuts pin.
    async fn check_erased(&self, store: &HospitalStore, pinned: &BTreeSet<OpeningKey>) {
        let slots: Vec<SlotIndex> = self.holders.iter().filter(|(_, who)| self.erased.contains(who)).map(|(slot, _)| *slot).collect();
        for ((table, segment), (newest, _)) in &self.ledger.current {
            for version in 0..=*newest {
                let key = OpeningKey { table: *table, segment: SegmentId { index: *segment, version } };
                let Some(codes) = store.opening(&key).await.ok().and_then(|opening| opening.codes) else { continue };
                let mut here = slots.iter().filter(|slot| slot.segment() == *segment);
                let held = here.any(|slot| codes.blocks.iter().any(|block| block[slot.offset() as usize] != EMPTY));
                assert!(!held || pinned.contains(&key), "a row of somebody who was erased can be opened");
            }
        }
    }

    /// What the studies that are not over pin: the last ones.
    fn pinned(&self) -> impl Iterator<Item = OpeningKey> {
        self.ledger.cuts.iter().rev().take(RUNNING).flatten().copied()
    }

    /// By the model alone: an opening of these is gone, or holds a row of somebody who was erased.
    async fn must_go(&self, store: &HospitalStore, keys: &[OpeningKey]) -> bool {
        for key in keys {
            let Some(codes) = store.opening(key).await.ok().and_then(|opening| opening.codes) else { return true };
            let of = |(slot, who): &(&SlotIndex, &u32)| slot.segment() == key.segment.index && self.erased.contains(who);
            if self.holders.iter().filter(of).any(|(slot, _)| codes.blocks.iter().any(|block| block[slot.offset() as usize] != EMPTY)) {
                return true;
            }
        }
        false
    }

    /// People in use keep keys, and some of them leave by it, whatever the hospital does at the time. Nothing of that waits: the ledger has it at once.
    async fn keys(&mut self, path: &Path, dice: &mut ChaCha20Rng) {
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
            self.ledger.withdrawn.insert(slot);
            self.ledger.left_by_key.insert(slot);
            self.left.insert(person);
        }
    }

    /// Before an answer is begun, the ledger is heard and withdrawals are finished; and then nobody without a present grant is counted, nor anybody who left.
    async fn answer(&mut self, path: &Path) {
        let store = reopen(path).await;
        store.hear(&self.ledger).await.unwrap();
        let _ = self.drive(&store).await;
        for (ago, cut) in self.ledger.cuts.iter().rev().enumerate() {
            self.check_cut(&store, cut, ago < RUNNING).await;
        }
        self.check_research(&store).await;
        store.close().await;
    }

    /// A study's cut counts nobody whose grants of today are less than those it pinned.
    async fn check_cut(&self, store: &HospitalStore, cut: &[OpeningKey], running: bool) {
        for key in cut.iter().filter(|key| key.table.kind == TableKind::Consent) {
            // an opening that is lost with the file answers nothing
            let Ok(opening) = store.opening(key).await else { continue };
            assert!(opening.codes.is_some() || !running, "what a running study needs was destroyed");
            let Some(codes) = opening.codes else { continue };
            for offset in 0..codes.blocks[0].len() {
                let slot = SlotIndex(key.segment.index * 2048 + offset as u32);
                if codes.blocks[0][offset] == EMPTY || self.ledger.withdrawn.contains(&slot) {
                    continue;
                }
                let person = self.holders[&slot];
                assert!(!self.held.contains(&person), "somebody who withdrew is counted");
                assert!(!self.left.contains(&person), "somebody who left by a key is counted");
                assert!(!self.erased.contains(&person), "somebody who was erased is counted");
                let present = self.known.get(&person).map_or([0, 0], |p| p.bins);
                for (block, now) in codes.blocks.iter().zip(present) {
                    assert!(block[offset] <= now, "person {person} is counted by a consent that is gone");
                }
            }
        }
    }

    /// The hospital accepts a study: by the research cut, or a new one.
    async fn accept(&mut self, path: &Path, k_min: u32) {
        let store = reopen(path).await;
        let [data, consent] = tables();
        let versions = |of: TableName| -> Vec<SegmentId> {
            let segments = self.ledger.current.iter().filter(|((table, _), _)| *table == of);
            segments.map(|((_, index), (version, _))| SegmentId { index: *index, version: *version }).collect()
        };
        let people: BTreeMap<u32, Vec<u16>> = self.counted().map(|(id, person)| (id, row_bins(person))).collect();
        let now = Research { data: versions(data), consent: versions(consent), out: self.ledger.withdrawn.clone(), people };
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
    fn counted(&self) -> impl Iterator<Item = (u32, &Person)> {
        self.known
            .iter()
            .filter(|(id, p)| {
                p.row && p.bins.iter().any(|b| *b > 0) && ![&self.held, &self.left, &self.erased].iter().any(|gone| gone.contains(id))
            })
            .map(|(id, p)| (*id, p))
    }

    /// The research cut opens to the rows of its day.
    async fn check_research(&self, store: &HospitalStore) {
        let Some(cut) = &self.ledger.research else { return };
        let mut found = BTreeMap::new();
        for segment in &cut.data {
            let Ok(opening) = store.opening(&OpeningKey { table: tables()[0], segment: *segment }).await else { return };
            // it goes when somebody in it is erased
            let Some(codes) = opening.codes else {
                assert!(!self.erased.is_empty());
                return;
            };
            for offset in 0..2048 {
                let slot = SlotIndex(segment.index * 2048 + offset as u32);
                if codes.blocks[0][offset] != EMPTY && !cut.out.contains(&slot) {
                    found.insert(self.holders[&slot], codes.blocks.iter().map(|b| b[offset]).collect::<Vec<_>>());
                }
            }
        }
        assert_eq!(found, cut.people, "the research cut holds other rows than on its day");
    }

    /// The ledger, opened by the hospital's openings, is the last import.
    async fn check(&self, path: &Path) {
        let store = reopen(path).await;
        let report = store.check().await.unwrap();
        assert_eq!((report.unfinished, report.openings_pending), (0, 0));
        let register = store.register().await.unwrap();
        let slots: HashMap<u32, SlotIndex> = register.live().map(|(p, a)| (number(p), a.slot)).collect();
        for (person, slot) in &slots {
            assert!(
                self.ledger.keyed.get(slot).is_none_or(|holder| holder == person),
                "p{person} is in a slot for which another person's key stands"
            );
        }
        let expected: BTreeMap<SlotIndex, (u32, &Person)> = self.counted().map(|(id, p)| (slots[&id], (id, p))).collect();
        let [data, consent] = tables();
        assert_eq!(self.ledger.segments(data), self.ledger.segments(consent));
        let mut seen = 0;
        for segment in 0..self.ledger.segments(data) {
            let open = async |table: TableName| {
                let (version, points) = self.ledger.current(table, segment).unwrap();
                let id = SegmentId { index: segment, version };
                let opening = store.opening(&OpeningKey { table, segment: id }).await.unwrap();
                assert_eq!(opening.points.as_ref(), Some(&points), "the ledger holds other commitments than the hospital can open");
                assert_eq!(plain_points(&opening.blinders.unwrap()), points);
                opening.codes.unwrap()
            };
            let (rows, grants) = (open(data).await, open(consent).await);
            for offset in 0..2048 {
                let slot = SlotIndex(segment * 2048 + offset as u32);
                let bins = |codes: &countersign_circuits::segment::SlotCodes| codes.blocks.iter().map(|b| b[offset]).collect::<Vec<_>>();
                let Some((id, person)) = expected.get(&slot) else {
                    let empty = bins(&rows).iter().chain(&bins(&grants)).all(|b| *b == EMPTY);
                    assert!(empty || self.ledger.withdrawn.contains(&slot), "somebody is on the ledger who is not in the import");
                    continue;
                };
                seen += 1;
                assert!(!self.ledger.withdrawn.contains(&slot), "p{id} is in a slot that is out of force");
                assert_eq!(bins(&grants), person.bins, "grants of p{id}");
                assert_eq!(bins(&rows), row_bins(person), "row of p{id}");
            }
        }
        assert_eq!(seen, expected.len(), "somebody of the import is not on the ledger");
        store.close().await;
    }
}

fn content(report: Digest32) -> AnchorContent {
    AnchorContent {
        data_table: READING.digest(),
        consent_table: registry().digest(),
        mapping: MAPPING.digest(),
        policy: Digest32::of(b"policy"),
        report,
    }
}

/// What renews a research cut, by people alone.
async fn expected_renewal(store: &HospitalStore, then: &Research, now: &Research, k_min: u32) -> Renewal {
    // a file that was brought back may not have every opening
    for segment in &then.data {
        if store.opening(&OpeningKey { table: tables()[0], segment: *segment }).await.is_err() {
            return Renewal::Lost { rows: now.people.len() as u64 };
        }
    }
    let came = now.people.keys().filter(|id| !then.people.contains_key(id)).count();
    let went = then.people.keys().filter(|id| !now.people.contains_key(id)).count();
    let other = now.people.iter().filter(|(id, row)| then.people.get(id).is_some_and(|old| old != *row)).count();
    let changed = (other + came.max(went)) as u64;
    let needed = if k_min == 1 { 1 } else { u64::from(k_min).max((then.people.len() as u64).div_ceil(10)) };
    if changed >= needed { Renewal::Due { changed } } else { Renewal::NotYet { changed, needed } }
}

/// Bins of a person's row, by the dictionary alone.
fn row_bins(person: &Person) -> Vec<u16> {
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
async fn known(path: &Path, slots: &BTreeSet<SlotIndex>) -> BTreeSet<u32> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut file = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows: Vec<(u32, String)> =
        sqlx::query_as("SELECT slot, patient FROM slot WHERE patient IS NOT NULL").fetch_all(&mut file).await.unwrap();
    file.close().await.unwrap();
    rows.iter().filter(|(slot, _)| slots.contains(&SlotIndex(*slot))).map(|(_, patient)| patient[1..].parse().unwrap()).collect()
}

/// Runs a future for a number of polls and then drops it.
async fn killed_after<F: Future<Output = ()>>(polls: usize, future: F) -> bool {
    let mut future = Box::pin(future);
    let mut used = 0;
    poll_fn(|context| {
        if used == polls {
            return Poll::Ready(false);
        }
        used += 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await
}

async fn history(seed: u64) {
    let folder = folder();
    let path = folder.path().join("hospital.sqlite");
    let mut dice = rng(0x0051_7e5e_ed00 + seed);
    let mut world = World::new(seed);
    let mut source: Source = (0..dice.gen_range(1..9)).map(|id| (id, somebody(&mut dice))).collect();
    let k_min = dice.gen_range(1..4);
    let keys = dice.gen_ratio(1, 2);
    let (mut past, mut next, mut backup) = (Vec::new(), 100, None::<(PathBuf, BTreeSet<u32>)>);
    for step in 0..dice.gen_range(3..8) {
        past.push(source.clone());
        (0..dice.gen_range(0..3)).for_each(|_| change(&mut source, &past, &mut next, &mut dice));
        // the importer refuses a file without rows
        if !source.values().any(|p| p.row && p.bins.iter().any(|b| *b > 0) && p.chol.is_some()) {
            source.insert(next, Person { age: 50, chol: Some(200), bins: [3, 3], row: true });
            next += 1;
        }
        let files = write(folder.path(), &source);
        for _ in 0..dice.gen_range(0..3) {
            let polls = dice.gen_range(1..160);
            killed_after(polls, world.import(&path, &files, &source)).await;
            if keys && dice.gen_ratio(1, 2) {
                world.keys(&path, &mut dice).await;
            }
            if dice.gen_ratio(1, 3) {
                world.answer(&path).await;
            }
            if dice.gen_ratio(1, 4) {
                // other files than those of the run that was killed
                change(&mut source, &past, &mut next, &mut dice);
                source.entry(99).or_insert(Person { age: 50, chol: Some(200), bins: [3, 3], row: true });
                write(folder.path(), &source);
            }
        }
        if dice.gen_ratio(1, 4) {
            killed_after(dice.gen_range(1..80), world.stopped_import(&path, &files)).await;
            world.answer(&path).await;
        }
        world.import(&path, &files, &source).await;
        world.check(&path).await;
        if keys {
            world.keys(&path, &mut dice).await;
        }
        world.answer(&path).await;
        if dice.gen_ratio(1, 2) {
            world.accept(&path, k_min).await;
        }
        if dice.gen_ratio(1, 5) {
            let person = *world.known.keys().collect::<Vec<_>>().choose(&mut dice).unwrap();
            let person = *person;
            let done = killed_after(dice.gen_range(1..60), world.withdraw(&path, person)).await;
            let store = reopen(&path).await;
            let held: BTreeSet<u32> = store.held_back().await.unwrap().iter().map(number).collect();
            assert!(!done || world.held.is_subset(&held), "a withdrawal was forgotten");
            world.held = held;
            store.close().await;
            world.answer(&path).await;
        }
        if dice.gen_ratio(1, 6) {
            let person = *world.known.keys().collect::<Vec<_>>().choose(&mut dice).unwrap();
            let person = *person;
            killed_after(dice.gen_range(1..80), world.erase(&path, person)).await;
            if dice.gen_ratio(1, 2) {
                // an import in between does what is left
                world.import(&path, &files, &source).await;
            }
            world.erase(&path, person).await;
            world.answer(&path).await;
            world.import(&path, &files, &source).await;
            world.check(&path).await;
        }
        if dice.gen_ratio(1, 8) {
            let at = folder.path().join(format!("backup-{step}.sqlite"));
            std::fs::copy(&path, &at).unwrap();
            backup = Some((at, world.erased.clone()));
        } else if let Some((at, erased)) = backup.take_if(|_| dice.gen_ratio(1, 3)) {
            std::fs::copy(&at, &path).unwrap();
            // who was erased since is erased again by hand; here nobody does
            world.erased = erased;
            let store = reopen(&path).await;
            // whose slot is out of force on the ledger is held back; who was held back by a request the copy does not know is found by that too
            world.held = store.held_back().await.unwrap().iter().map(number).collect();
            let register = store.register().await.unwrap();
            world
                .held
                .extend(register.live().filter(|(_, a)| world.ledger.withdrawn.contains(&a.slot)).map(|(patient, _)| number(patient)));
            // of whom a key took out the file finds those whose slots it knows
            store.close().await;
            world.left = known(&path, &world.ledger.left_by_key).await;
        }
    }
}

#[test]
fn the_ledger_is_the_last_import_and_nobody_without_a_grant_is_counted() {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for seed in (thread..SEEDS).step_by(threads as usize) {
                    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(history(seed))));
                    assert!(run.is_ok(), "seed {seed}");
                }
            });
        }
    });
}
