//! A small network under test: keys, a dictionary, commitments, and a checker that follows a script.
//!
//! Every block goes through three replicas: one proposes, one validates, one replays the records. They must agree each time.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test fixture: it fails by panicking, and its names say what it holds"
)]

mod anchoring;
mod certificates;
mod erasing;
mod payloads;
mod persons;

pub use certificates::{certificate, decided_by};
pub use payloads::{enrol, leave, patient, propose, propose_at, refusal, vote, withdraw};
pub use persons::{approval, decision_on, person, person_key, persons, sign_statement, with_boards};

use ark_ec::{AffineRepr, CurveGroup};
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::{Dictionary, canonical_json},
    field::G1Affine,
    hash::Digest32,
    segment::{Segment, SegmentId, point_bytes},
    statement::{Clause, Literal, Measures, Statement},
};
use countersign_ledger::*;
use countersign_messages::*;
use ed25519_dalek::SigningKey;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

pub const START: BlockTime = BlockTime(20_000 * 86_400_000 + 43_200_000);
pub const HOUR_MS: u64 = 3_600_000;
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// The people of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Governance = 1,
    Validator = 2,
    HospitalA = 3,
    HospitalB = 4,
    Researcher = 5,
    OtherResearcher = 6,
    Board = 7,
    GovernanceB = 11,
    GovernanceC = 12,
    GovernanceD = 13,
    ValidatorB = 14,
    ValidatorC = 15,
    ValidatorD = 16,
    /// Not a member.
    Stranger = 9,
}

pub use Who::*;

pub const EVERYBODY: [Who; 14] = [
    Governance,
    Validator,
    HospitalA,
    HospitalB,
    Researcher,
    OtherResearcher,
    Board,
    Stranger,
    GovernanceB,
    GovernanceC,
    GovernanceD,
    ValidatorB,
    ValidatorC,
    ValidatorD,
];

pub fn key(who: Who) -> SigningKey {
    SigningKey::from_bytes(&[who as u8; 32])
}

pub fn id(who: Who) -> MemberId {
    static IDS: LazyLock<BTreeMap<Who, MemberId>> =
        LazyLock::new(|| EVERYBODY.map(|who| (who, MemberId::from(&key(who).verifying_key()))).into_iter().collect());
    IDS[&who]
}

pub fn digest(text: &str) -> Digest32 {
    Digest32::of(text.as_bytes())
}

pub fn keys_digest() -> Digest32 {
    digest("circuit keys")
}

/// Held by [`Script`], and not in force at first.
pub fn other_keys_digest() -> Digest32 {
    digest("other circuit keys")
}

pub fn registry() -> ScopeRegistry {
    let scopes = ["p.health", "p.methods", "c.demographics", "c.labs", "c.conditions", "c.a", "c.b", "c.c", "c.d", "c.e"];
    ScopeRegistry { scopes: scopes.map(String::from).to_vec(), grid: vec![Day(20_500), Day(21_000)] }
}

pub fn rules() -> Rules {
    Rules { k_min: 5, ..Rules::standard() }
}

pub fn member(who: Who, name: &str, roles: &[Role]) -> Member {
    Member { id: id(who), name: Name::new(name).unwrap(), roles: roles.to_vec(), sealing: sealing_of(who) }
}

pub fn genesis() -> Genesis {
    let mut members = vec![
        member(Governance, "Consortium", &[Role::Governance]),
        member(Validator, "Validator", &[Role::Validator]),
        member(HospitalA, "Hospital A", &[Role::Hospital]),
        member(HospitalB, "Hospital B", &[Role::Hospital]),
        member(Researcher, "Dr Adeyemi", &[Role::Researcher]),
        member(OtherResearcher, "Dr Brandt", &[Role::Researcher]),
        member(Board, "Ethics board", &[Role::Board]),
    ];
    members.sort_by_key(|m| m.id);
    Genesis {
        name: Name::new("test").unwrap(),
        development: true,
        time: START,
        members,
        persons: persons(&[Board]),
        registry: registry(),
        rules: rules(),
        circuit_keys: keys_digest(),
    }
}

/// Those who hold the governance role in [`wide`].
pub const VOTERS: [Who; 4] = [Governance, GovernanceB, GovernanceC, GovernanceD];

/// Four governance members and four validators.
pub fn wide() -> Genesis {
    let mut genesis = genesis();
    for (who, name, role) in [
        (GovernanceB, "Governance B", Role::Governance),
        (GovernanceC, "Governance C", Role::Governance),
        (GovernanceD, "Governance D", Role::Governance),
        (ValidatorB, "Validator B", Role::Validator),
        (ValidatorC, "Validator C", Role::Validator),
        (ValidatorD, "Validator D", Role::Validator),
    ] {
        genesis.members.push(member(who, name, &[role]));
    }
    genesis.members.sort_by_key(|m| m.id);
    genesis
}

fn dictionary_bytes(version: u32, title: &str, extra: Option<serde_json::Value>) -> Vec<u8> {
    let mut attributes = vec![
        json!({"name": "sex", "category": "demographics", "kind": "category", "levels": ["female", "male"]}),
        json!({"name": "age", "category": "demographics", "kind": "number", "range": ["0", "19"], "cuts": ["10"]}),
        json!({"name": "smoker", "category": "lifestyle", "kind": "flag"}),
    ];
    attributes.extend(extra);
    let value = json!({"format": "countersign-dictionary/1", "id": "test", "version": version, "title": title, "attribute": attributes});
    canonical_json(&value).unwrap()
}

/// One-block attributes only: few rows.
pub fn dictionary() -> Vec<u8> {
    dictionary_bytes(1, "Test", None)
}

/// The same id and version, other bytes.
pub fn dictionary_taken() -> Vec<u8> {
    dictionary_bytes(1, "Other", None)
}

/// With a two-block attribute: a tied pair of rows.
pub fn dictionary_tied() -> Vec<u8> {
    let glucose = json!({"name": "glucose", "category": "labs", "kind": "number", "range": ["0", "299"], "cuts": ["100", "200"]});
    dictionary_bytes(2, "Test", Some(glucose))
}

pub fn rows_of(dictionary: &[u8]) -> usize {
    Dictionary::from_canonical(dictionary).unwrap().layout().rows()
}

/// Distinct points: multiples of the generator.
#[derive(Debug, Clone)]
pub struct Points(ark_bn254::G1Projective);

impl Default for Points {
    fn default() -> Self {
        Self::new()
    }
}

impl Points {
    pub fn new() -> Self {
        Self(G1Affine::generator().into_group())
    }

    pub fn bytes(&mut self, rows: usize) -> Vec<u8> {
        let points: Vec<_> = (0..rows)
            .map(|_| {
                self.0 += G1Affine::generator();
                self.0
            })
            .collect();
        ark_bn254::G1Projective::normalize_batch(&points).iter().flat_map(point_bytes).collect()
    }
}

/// A digest of what an answer must be bound to; the scripted checker compares it.
fn binding(query: &Digest32, cut: &Digest32, height: u64, day: Day, (segments, active): (&[Segment], &[SlotBitmap])) -> Digest32 {
    let bits: Vec<u8> = active.iter().flat_map(SlotBitmap::bytes).collect();
    let digests: Vec<u8> = segments.iter().flat_map(|segment| segment.digest().0).collect();
    Digest32::tagged("test-answer", [query.0.as_slice(), &cut.0, &height.to_le_bytes(), &day.0.to_le_bytes(), &digests, &bits])
}

/// Accepts what is scripted: proofs that start with `good`, and answers bound to the instance; counts calls.
#[derive(Debug, Default)]
pub struct Script {
    pub segments: AtomicUsize,
    pub answers: AtomicUsize,
    pub seen: Mutex<Vec<AnswerContext>>,
}

impl ProofChecker for Script {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        let held = [keys_digest(), other_keys_digest()].contains(digest);
        held.then_some(CircuitKeys { digest: *digest, development: true })
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        self.segments.fetch_add(1, Ordering::Relaxed);
        assert_eq!(instance.segments.len(), instance.digests.len());
        if instance.proof.starts_with(b"good") { Ok(()) } else { Err(refused()) }
    }

    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        if instance.proof.starts_with(b"good") { Ok(()) } else { Err(refused()) }
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        self.answers.fetch_add(1, Ordering::Relaxed);
        assert_eq!(instance.data.len(), instance.active.len());
        let c = instance.context;
        self.seen.lock().unwrap().push(c.clone());
        let bound = binding(&c.query, &c.cut, c.answer_height, c.day, (instance.data, instance.active));
        if instance.answer == bound.0 {
            Ok(AnswerVerdict {
                cells_digest: bound.0,
                counts: GateCounts { released: instance.wiring.cells().len() as u32, ..GateCounts::default() },
            })
        } else {
            Err(refused())
        }
    }
}

fn refused() -> ProofRefused {
    ProofRefused { fault: ProofFault::NotVerified, detail: "scripted".into() }
}

/// Counts patients by sex.
pub fn statement() -> Statement {
    filtered(0, 1)
}

/// Counts rows with an attribute in one bin.
pub fn filtered(attribute: u16, bin: u16) -> Statement {
    Statement {
        filter: vec![Clause { any_of: vec![Literal { attribute, bins: vec![bin] }] }],
        groups: vec![],
        measures: Measures::Descriptive { count_rows: true, of: vec![] },
    }
}

/// The sealing key the ledger lists for a member: none of the bytes is special, and none of the keys of small order.
pub fn sealing_of(who: Who) -> [u8; 32] {
    [9 + who as u8; 32]
}

pub fn sealing_key(party: SealingParty, who: Who) -> SealingKey {
    SealingKey { party, member: id(who), key: sealing_of(who) }
}

pub fn sealing_keys() -> Vec<SealingKey> {
    vec![sealing_key(SealingParty::Team, Researcher), sealing_key(SealingParty::Board, Board)]
}

pub fn study(dictionary: &[u8]) -> StudySubmit {
    StudySubmit {
        title: "Heart".into(),
        summary: "We count patients.".into(),
        dictionary: Digest32::of(dictionary),
        purpose: "p.health".into(),
        categories: vec!["c.demographics".into()],
        k_min: 5,
        researchers: vec![id(Researcher)],
        sealing: sealing_keys(),
        expiry: Day(START.day().0 + 30),
    }
}

/// Three replicas and their clock.
#[derive(Debug)]
pub struct Net {
    pub state: State,
    pub second: State,
    pub replayed: State,
    pub checker: Arc<CachingChecker<Script>>,
    pub second_checker: Script,
    pub time: BlockTime,
    pub points: Points,
    pub blocks: Vec<(Block, Vec<TransactionResult>)>,
    pub past: BTreeMap<Height, State>,
    pub follower: light::ChainFollower,
}

impl Net {
    pub fn new(genesis: Genesis) -> Self {
        let follower = light::ChainFollower::new(&genesis);
        let state = State::new(genesis).unwrap();
        Self {
            follower,
            second: state.clone(),
            replayed: state.clone(),
            past: BTreeMap::from([(Height(0), state.clone())]),
            state,
            checker: Arc::new(CachingChecker::new(Script::default())),
            second_checker: Script::default(),
            time: START,
            points: Points::new(),
            blocks: Vec::new(),
        }
    }

    pub fn sign(&self, what: Vec<(Who, Payload)>) -> Vec<Transaction> {
        let mut sequences = BTreeMap::new();
        let mut sign = |(who, payload)| {
            let sequence = sequences.entry(who).or_insert_with(|| self.state.next_sequence(&id(who)));
            *sequence += 1;
            Transaction::sign(&key(who), self.state.network(), *sequence - 1, payload)
        };
        what.into_iter().map(&mut sign).collect()
    }

    /// One block, a second later.
    pub fn block(&mut self, what: Vec<(Who, Payload)>) -> Vec<TransactionResult> {
        self.block_after(1_000, what)
    }

    pub fn block_after(&mut self, ms: u64, what: Vec<(Who, Payload)>) -> Vec<TransactionResult> {
        let transactions = self.sign(what);
        self.block_of_after(ms, transactions)
    }

    /// One block of these transactions, a second later.
    pub fn block_of(&mut self, transactions: Vec<Transaction>) -> Vec<TransactionResult> {
        self.block_of_after(1_000, transactions)
    }

    fn block_of_after(&mut self, ms: u64, transactions: Vec<Transaction>) -> Vec<TransactionResult> {
        self.time = self.time.plus_ms(ms);
        let before = self.state.digest();
        let proposed = self.state.propose(self.time, transactions, self.checker.as_ref()).unwrap();
        assert!(proposed.refused.is_empty() && proposed.deferred.is_empty(), "{:?}", proposed.refused);
        assert_eq!(self.state.digest(), before, "proposing changes nothing");
        let block = proposed.outcome.block().clone();
        let block = Block::decode(&block.encode()).unwrap();
        let results = proposed.outcome.results().to_vec();
        let validated = self.second.validate(&block, &self.second_checker).unwrap();
        assert_eq!(validated.results(), results);
        let recorded = self.replayed.apply_recorded(&block, &results).unwrap();
        self.state.commit(proposed.outcome).unwrap();
        self.second.commit(validated).unwrap();
        self.replayed.commit(recorded).unwrap();
        assert_eq!(self.state.digest(), block.header.state_digest);
        assert_eq!(self.second.digest(), self.state.digest());
        assert_eq!(self.replayed.tip(), self.state.tip());
        let deciding = self.past[&Height(block.header.height.0 - 1)].validators();
        // a test may bring validators of its own; it certifies by itself then
        let known = deciding.members().iter().all(|m| EVERYBODY.iter().any(|who| id(*who) == *m));
        let certificate = known.then(|| decided_by(&block.header, &deciding));
        self.follower.push(&block.header, certificate.as_ref(), Some(&self.state.validators())).unwrap();
        assert_eq!(self.follower.tip(), self.state.tip());
        self.past.insert(self.state.tip().height, self.state.clone());
        self.blocks.push((block, results.clone()));
        results
    }

    /// One transaction that must be accepted.
    pub fn accept(&mut self, who: Who, payload: Payload) -> TransactionId {
        let results = self.block(vec![(who, payload)]);
        assert!(results[0].effect().is_some(), "{:?}", results[0].verdict);
        results[0].transaction
    }

    /// One transaction that must be rejected.
    pub fn reject(&mut self, who: Who, payload: Payload) -> RejectionCode {
        let results = self.block(vec![(who, payload)]);
        results[0].rejection().unwrap_or_else(|| panic!("accepted: {:?}", results[0].verdict))
    }

    /// Proposes a change and has as many vote for it as it takes; one block each.
    pub fn carry(&mut self, change: Change, in_force: Height) -> ProposalId {
        let proposal = ProposalId(self.accept(Governance, propose_at(change, in_force)));
        for who in &VOTERS[1..] {
            if self.state.proposal(&proposal).unwrap().status == ProposalStatus::Open {
                self.accept(*who, vote(proposal, true));
            }
        }
        proposal
    }

    /// Publishes a dictionary by proposal.
    pub fn publish(&mut self, dictionary: Vec<u8>) {
        self.carry(Change::Dictionary(dictionary.clone()), Height(0));
        assert!(self.state.dictionary(&Digest32::of(&dictionary)).is_some());
    }

    /// Dictionary and an approved study.
    pub fn approved(&mut self) -> StudyId {
        self.publish(dictionary());
        let study = StudyId(self.accept(Researcher, Payload::StudySubmit(study(&dictionary()))));
        self.decide(Board, study, approval());
        study
    }

    /// An approved study that hospital A, with two segments, has accepted.
    pub fn open(&mut self) -> StudyId {
        let study = self.approved();
        self.tables(HospitalA, 2);
        self.accept(HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
        study
    }

    pub fn query(&self, study: StudyId, statement: Statement) -> Payload {
        Payload::Query(Query { study, statement, question: "how many?".into(), deadline: self.time.plus_ms(2 * HOUR_MS) })
    }

    pub fn ask(&mut self, study: StudyId) -> QueryId {
        let query = self.query(study, statement());
        QueryId(self.accept(Researcher, query))
    }

    /// Asks how many have another bin.
    pub fn ask_other(&mut self, study: StudyId, bin: u16) -> QueryId {
        let query = self.query(study, filtered(0, bin));
        QueryId(self.accept(Researcher, query))
    }

    /// What an honest hospital sends after looking at the state of a height.
    pub fn answer(&self, who: Who, query: QueryId, height: Height) -> Payload {
        let state = &self.past[&height];
        let proof = state.query(&query).and_then(|q| state.cut(&q.query.study, &id(who))).map(|cut| {
            let active: Vec<_> = cut.data.iter().map(|s| state.active_bitmap(id(who), s.index, height)).collect();
            let table = TableKey { hospital: cut.hospital, table: state.study(&cut.study).unwrap().submitted.dictionary };
            let segment = |id: &SegmentId| state.segment(&SegmentKey { table, id: *id }).unwrap().segment().clone();
            let data: Vec<Segment> = state.cut_versions(cut, height).data.iter().map(segment).collect();
            binding(&query.0.0, &cut.id.0, height.0, state.tip().time.day(), (&data, &active)).0.to_vec()
        });
        Payload::Answer(Answer { query, height, proof: proof.unwrap_or_else(|| b"no cut".to_vec()), sealed: digest("sealed") })
    }

    pub fn answer_now(&self, who: Who, query: QueryId) -> Payload {
        self.answer(who, query, self.state.tip().height)
    }

    pub fn bad_answer(&self, query: QueryId) -> Payload {
        Payload::Answer(Answer { query, height: self.state.tip().height, proof: b"bad".to_vec(), sealed: digest("sealed") })
    }
}

/// Runs one transaction that must be rejected with a code, and checks that it changed nothing but the signer's sequence and account: only answers whose proof fails (179) are
/// counted elsewhere.
pub fn reject(net: &mut Net, who: Who, payload: Payload, code: u16) {
    let before = net.state.sections();
    assert_eq!(net.reject(who, payload), RejectionCode(code), "{:?}", net.blocks.last().unwrap().1[0].verdict);
    let changed: Vec<&str> = before.iter().zip(net.state.sections()).filter(|(a, b)| *a != b).map(|(a, _)| a.0).collect();
    let expected = if code == 179 { vec!["sequences", "accounts", "pairs"] } else { vec!["sequences", "accounts"] };
    assert_eq!(changed, expected, "L{code}");
}

/// A transaction that may stand in no block.
pub fn refuse(net: &Net, who: Who, payload: Payload, expected: &EnvelopeError) {
    let transaction = net.sign(vec![(who, payload)]).remove(0);
    assert_eq!(&net.state.check_envelope(&transaction).unwrap_err(), expected);
    let proposed = net.state.propose(net.time.plus_ms(1), vec![transaction.clone()], net.checker.as_ref()).unwrap();
    assert_eq!(proposed.refused, [(transaction, expected.clone())]);
    assert!(proposed.outcome.results().is_empty());
}
