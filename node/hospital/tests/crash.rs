//! Killed at every point where anything can happen, and started again: nothing is lost, nothing is doubled.
//!
//! The program under test is [`World::run`]: it works off the journal and talks to a ledger that takes each transaction
//! once. A kill drops it at its n-th suspension, inside database transactions too; the next start opens the file again. The
//! ledger and the entropy live outside and survive.

use crate::common::{NoDictionaries, dictionary, folder, import, patient, person, query_id, registry, reopen, rng, table};
use countersign_circuits::{field::Fr, hash::Digest32, outer::scalar_bytes};
use countersign_hospital::{
    HospitalStore,
    disclosure::RowSet,
    journal::{AnchorStep, AnchorTransaction, AnswerKind, AnswerStep, Committed, Step, UsedUp},
    opening::{OpeningKey, OpeningState, TableKind, TableName},
};
use countersign_messages::{Height, QueryId};
use countersign_prover::commitment::Blinders;
use rand::{Rng, RngCore};
use rand_chacha::ChaCha20Rng;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    future::{Future, poll_fn},
    path::Path,
    task::Poll,
};
use tokio::task::yield_now;

/// What is outside of the hospital's file.
struct World {
    ledger: HashMap<Vec<u8>, Height>,
    /// Transactions the ledger refuses once it has seen them.
    refused: HashSet<Vec<u8>>,
    /// Everything that ever left the hospital, by what it is about.
    sent: BTreeMap<String, BTreeSet<Vec<u8>>>,
    entropy: ChaCha20Rng,
    /// Entropy of all attempts.
    attempts: Vec<[u8; 32]>,
    /// Every n-th message is lost.
    lose_every: usize,
    messages: usize,
    queries: Vec<QueryId>,
    /// The ledger refuses the first answer to the first query (a withdrawal came in between).
    refuse_first: bool,
}

enum Word {
    Unknown,
    Refused,
    Holds(Height),
}

impl World {
    fn new(seed: u64, lose_every: usize, refuse_first: bool) -> Self {
        Self {
            ledger: HashMap::new(),
            refused: HashSet::new(),
            sent: BTreeMap::new(),
            entropy: rng(seed),
            attempts: Vec::new(),
            lose_every,
            messages: 0,
            queries: ["q1", "q2", "q3"].map(|q| query_id(q.as_bytes())).to_vec(),
            refuse_first,
        }
    }

    fn send(&mut self, about: String, bytes: &[u8]) {
        self.messages += 1;
        let first = self.refuse_first && about == format!("{:?}", self.queries[0]) && self.refused.is_empty();
        self.sent.entry(about).or_default().insert(bytes.to_vec());
        if self.lose_every != 0 && self.messages.is_multiple_of(self.lose_every) {
            return;
        }
        if first {
            self.refused.insert(bytes.to_vec());
        }
        if !self.refused.contains(bytes) {
            let height = Height(self.ledger.len() as u64 + 1);
            self.ledger.entry(bytes.to_vec()).or_insert(height);
        }
    }

    fn ask(&self, bytes: &[u8]) -> Word {
        match self.ledger.get(bytes) {
            _ if self.refused.contains(bytes) => Word::Refused,
            Some(height) => Word::Holds(*height),
            None => Word::Unknown,
        }
    }

    /// The whole program: import, anchor, answer, until nothing is left to do.
    async fn run(&mut self, path: &Path, people: u32) {
        let store = reopen(path).await;
        import(&store, (0..people).map(person), &mut self.entropy).await.unwrap();
        for (i, query) in self.queries.clone().into_iter().enumerate() {
            store.query_seen(query, Height(100 + i as u64)).await.unwrap();
        }
        loop {
            yield_now().await;
            match store.next_step().await.unwrap() {
                Step::Anchor(step) => self.anchor(&store, step).await,
                Step::Answer(step) => self.answer(&store, step).await,
                Step::Withdrawal(_) => panic!("nobody withdrew"),
                Step::Idle => break,
            }
        }
        store.close().await;
    }

    async fn anchor(&mut self, store: &HospitalStore, step: AnchorStep) {
        match step {
            AnchorStep::Commit { anchor, openings } => {
                let mut made = Vec::new();
                for key in openings.into_iter().take(2) {
                    let blinders = Blinders((0..4).map(|_| Fr::from(self.entropy.next_u64())).collect());
                    made.push((key, points(&blinders), blinders));
                }
                yield_now().await;
                let committed: Vec<_> =
                    made.iter().map(|(key, points, blinders)| Committed { key: *key, blinders, points, source: None }).collect();
                store.store_commitments(anchor, &committed).await.unwrap();
            }
            AnchorStep::Build { anchor, openings } => {
                let mut transactions = Vec::new();
                for key in openings {
                    let points = store.opening(&key).await.unwrap().points.unwrap();
                    // a signature or a proof is never the same twice
                    let bytes = format!("anchor {key:?} {points:?} {}", self.entropy.next_u64()).into_bytes();
                    transactions.push(AnchorTransaction { bytes, openings: vec![key] });
                }
                yield_now().await;
                store.store_transactions(anchor, &transactions).await.unwrap();
            }
            AnchorStep::Submit { anchor, sequence, bytes } => {
                store.anchor_submitted(anchor, sequence).await.unwrap();
                yield_now().await;
                self.send(format!("anchor {sequence}"), &bytes);
            }
            AnchorStep::Await { anchor, sequence, bytes } => match self.ask(&bytes) {
                Word::Holds(height) => store.anchor_confirmed(anchor, sequence, height).await.unwrap(),
                _ => self.send(format!("anchor {sequence}"), &bytes),
            },
        }
    }

    async fn answer(&mut self, store: &HospitalStore, step: AnswerStep) {
        match step {
            AnswerStep::Attempt { query, .. } if query == self.queries[2] => {
                let bytes = format!("refusal {}", self.entropy.next_u64()).into_bytes();
                store.store_refusal(query, &bytes).await.unwrap();
            }
            AnswerStep::Refuse { query } => {
                // killed too often: the hospital may still say no
                let bytes = format!("refusal {}", self.entropy.next_u64()).into_bytes();
                store.store_refusal(query, &bytes).await.unwrap();
            }
            AnswerStep::Attempt { query, number } => {
                let attempt = store.start_attempt(query, &mut self.entropy).await.unwrap();
                assert_eq!(attempt.number, number);
                self.attempts.push(attempt.entropy.0);
                let register = store.register().await.unwrap();
                let rows: RowSet = register.live().map(|(_, a)| a.row_id).collect();
                yield_now().await;
                let bytes = format!("answer {query:?} {:?}", attempt.entropy.0).into_bytes();
                let judged = store.judge(&table([rows]), 10, &NoDictionaries).await.unwrap();
                yield_now().await;
                let sealed = format!("ciphertext {query:?} {:?}", attempt.entropy.0).into_bytes();
                store.store_answer(&attempt, &bytes, &sealed, &judged).await.unwrap();
            }
            AnswerStep::Submit { query, bytes, .. } => {
                store.answer_submitted(query).await.unwrap();
                yield_now().await;
                self.send(format!("{query:?}"), &bytes);
            }
            AnswerStep::Await { query, bytes, .. } => match self.ask(&bytes) {
                Word::Holds(height) => store.answer_confirmed(query, height).await.unwrap(),
                Word::Refused => store.answer_rejected(query, UsedUp::Yes).await.unwrap(),
                Word::Unknown => self.send(format!("{query:?}"), &bytes),
            },
            AnswerStep::Deliver { query, sealed } => {
                assert!(
                    self.ledger.keys().any(|b| sealed.ends_with(&b[b.len().saturating_sub(40)..])),
                    "a ciphertext left before its answer was accepted"
                );
                self.send(format!("ciphertext {query:?}"), &sealed);
                store.answer_delivered(query).await.unwrap();
            }
            AnswerStep::Done { .. } => panic!("a finished query is not a step"),
        }
    }

    /// What must hold however often it was killed.
    async fn check(&self, path: &Path, people: u32) {
        let store = reopen(path).await;
        let report = store.check().await.unwrap();
        assert_eq!((report.unfinished, report.openings_pending), (0, 0));
        assert_eq!(report.slots, u64::from(people), "a slot was lost or doubled");
        let register = store.register().await.unwrap();
        let slots: HashSet<_> = (0..people).map(|i| register.find(&patient(i)).unwrap().slot).collect();
        assert_eq!(slots.len(), people as usize);
        // one transaction a segment on the ledger, and the stored opening is the one it carries
        let mut anchors = 0;
        for (kind, digest) in [(TableKind::Data, dictionary().digest()), (TableKind::Consent, registry().digest())] {
            for key in store.anchored(TableName { kind, digest }).await.unwrap() {
                assert_eq!(key.segment.version, 0, "anchored twice");
                assert_eq!(self.holding(&store, &key).await, 1);
                anchors += 1;
            }
        }
        assert_eq!(anchors, 2 * register.segments() as usize);
        let on_ledger = |prefix: &str| self.ledger.keys().filter(|b| b.starts_with(prefix.as_bytes())).count();
        assert_eq!(on_ledger("anchor"), anchors, "an anchor was doubled");
        assert_eq!(on_ledger("answer") + on_ledger("refusal"), self.queries.len(), "an answer was lost or doubled");
        // nothing else ever left, but for the answer the ledger refused
        for (about, versions) in &self.sent {
            let refused = versions.iter().filter(|b| self.refused.contains(*b)).count();
            assert_eq!(versions.len() - refused, 1, "{about}: different bytes were submitted");
            assert!(refused == 0 || self.refuse_first);
        }
        for query in &self.queries {
            let AnswerStep::Done { kind, height, .. } = store.next_answer_step(*query).await.unwrap() else { panic!("unfinished") };
            assert!(self.ledger.values().any(|h| *h == height));
            assert!(kind == AnswerKind::Refusal || *query != self.queries[2]);
        }
        assert_eq!(self.attempts.iter().collect::<HashSet<_>>().len(), self.attempts.len(), "entropy was used twice");
        store.close().await;
    }

    async fn holding(&self, store: &HospitalStore, key: &OpeningKey) -> usize {
        let opening = store.opening(key).await.unwrap();
        assert_eq!(opening.state, OpeningState::Anchored);
        assert_eq!(opening.points.as_deref(), Some(&points(&opening.blinders.unwrap())[..]), "blinders do not open the points");
        assert!(opening.codes.is_some() && opening.height.is_some());
        let start = format!("anchor {key:?} {:?}", opening.points.unwrap());
        self.ledger.keys().filter(|b| b.starts_with(start.as_bytes())).count()
    }
}

/// Stands for commitments: a function of the blinders that can be recognised.
fn points(blinders: &Blinders) -> Vec<u8> {
    blinders.0.iter().flat_map(|b| Digest32::of(&scalar_bytes(b)).0).collect()
}

/// Runs a future for a number of polls and then drops it; counts the polls used.
async fn killed_after<F: Future<Output = ()>>(polls: usize, future: F) -> (bool, usize) {
    let mut future = Box::pin(future);
    let mut used = 0;
    let finished = poll_fn(|context| {
        if used == polls {
            return Poll::Ready(false);
        }
        used += 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await;
    (finished, used)
}

async fn survives(kills: &[usize], mut world: World, people: u32) -> usize {
    let folder = folder();
    let path = folder.path().join("hospital.sqlite");
    for polls in kills {
        if killed_after(*polls, world.run(&path, people)).await.0 {
            break;
        }
    }
    let (finished, polls) = killed_after(100_000, world.run(&path, people)).await;
    assert!(finished, "kills {kills:?}: does not come to an end");
    world.check(&path, people).await;
    polls
}

#[tokio::test]
async fn killed_once_at_every_point() {
    let polls = survives(&[], World::new(1, 0, false), 30).await;
    assert!(polls > 60, "only {polls} points to kill at");
    for kill in 0..polls + 20 {
        survives(&[kill], World::new(kill as u64, 0, false), 30).await;
    }
}

#[tokio::test]
async fn killed_at_every_point_with_lost_messages_and_a_refused_answer() {
    let polls = survives(&[], World::new(1, 2, true), 20).await;
    for kill in (0..polls + 20).step_by(2) {
        survives(&[kill], World::new(kill as u64, 2, true), 20).await;
    }
}

#[tokio::test]
async fn killed_again_and_again() {
    for seed in 0..120 {
        let mut dice = rng(1000 + seed);
        let kills: Vec<usize> = (0..dice.gen_range(2..12)).map(|_| dice.gen_range(0..90)).collect();
        survives(&kills, World::new(seed, [0, 2, 3, 5][seed as usize % 4], seed % 3 == 0), 25).await;
    }
}

#[tokio::test]
async fn a_copy_of_the_file_taken_at_every_step_goes_on_from_there() {
    let folder = folder();
    let path = folder.path().join("hospital.sqlite");
    let mut world = World::new(5, 0, false);
    let store = reopen(&path).await;
    import(&store, (0..20).map(person), &mut world.entropy).await.unwrap();
    for query in world.queries.clone() {
        store.query_seen(query, Height(7)).await.unwrap();
    }
    for copy in 0.. {
        let step = store.next_step().await.unwrap();
        let at = folder.path().join(format!("copy-{copy}.sqlite"));
        std::fs::copy(&path, &at).unwrap();
        let restored = HospitalStore::open(&at).await.unwrap();
        assert_eq!(restored.next_step().await.unwrap(), step);
        restored.check().await.unwrap();
        restored.close().await;
        match step {
            Step::Anchor(step) => world.anchor(&store, step).await,
            Step::Answer(step) => world.answer(&store, step).await,
            Step::Withdrawal(_) => panic!("nobody withdrew"),
            Step::Idle => break,
        }
    }
    store.close().await;
    world.check(&path, 20).await;
}
