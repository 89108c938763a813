//! What measurements of the ledger alone share: members by number, and a checker that takes every proof.

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::canonical_json,
    hash::Digest32,
    segment::point_bytes,
};
use countersign_ledger::{AnswerCheck, AnswerVerdict, ErasureCheck, ProofChecker, ProofRefused, SegmentsCheck, State};
use countersign_messages::{
    Act, BlockTime, BoardStatement, Change, CircuitKeys, Conditions, Genesis, Height, Member, MemberId, Name, Office, Payload, Person,
    PersonKey, Proposal, Role, Rules, SealingKey, SealingParty, Signing, StudyDecision, StudyId, StudySubmit, limits::PERSON_DAYS_MAX,
    study_version,
};
use ed25519_dalek::SigningKey;

/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * 3_600_000;

/// Takes every proof: what is measured is the ledger.
#[derive(Debug)]
pub struct TakesAll(pub Digest32);

impl ProofChecker for TakesAll {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        (*digest == self.0).then_some(CircuitKeys { digest: *digest, development: true })
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Ok(AnswerVerdict::default())
    }
}

/// The signing key of a number.
pub fn key(who: u8) -> SigningKey {
    SigningKey::from_bytes(&[who; 32])
}

/// The member of a number.
pub fn id(who: u8) -> MemberId {
    MemberId::from(&key(who).verifying_key())
}

/// The sealing key the ledger lists for it.
fn sealing(who: u8) -> [u8; 32] {
    [who.max(9); 32]
}

/// A member of one role.
fn member(who: u8, role: Role) -> Member {
    Member { id: id(who), name: Name::new(format!("member {who}")).unwrap(), roles: vec![role], sealing: sealing(who) }
}

/// The hospital.
pub const HOSPITAL: u8 = 201;
/// Who governs, and decides blocks.
pub const GOVERNANCE: u8 = 202;
/// The ethics board.
pub const BOARD: u8 = 203;

/// The genesis of so many researchers, a hospital, a board and who governs; what they ask costs nothing.
pub fn genesis(researchers: u8, circuit_keys: Digest32) -> Genesis {
    let mut members: Vec<Member> = (1..=researchers).map(|who| member(who, Role::Researcher)).collect();
    members.extend([member(HOSPITAL, Role::Hospital), member(BOARD, Role::Board)]);
    members.push(Member { roles: vec![Role::Validator, Role::Governance], ..member(GOVERNANCE, Role::Governance) });
    members.sort_by_key(|m| m.id);
    Genesis {
        name: Name::new("measured").unwrap(),
        development: true,
        time: BlockTime(20_000 * DAY_MS),
        members,
        persons: persons(),
        registry: ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![Day(40_000)] },
        rules: Rules { points_a_day: u64::MAX, ..Rules::standard() },
        circuit_keys,
    }
}

fn person_key(office: Office) -> SigningKey {
    key(210 + office as u8)
}

/// The chair and the secretary of the board.
fn persons() -> Vec<(MemberId, Person)> {
    let person = |office| {
        let key = person_key(office);
        let (until, possession) = (Day(20_000 + PERSON_DAYS_MAX), PersonKey::prove_possession(&key, &id(BOARD)));
        (id(BOARD), Person { key: PersonKey::from(&key.verifying_key()), office, until, name: Digest32::default(), possession })
    };
    let mut persons = vec![person(Office::Chair), person(Office::Secretary)];
    persons.sort_by_key(|(_, person)| person.key);
    persons
}

/// The two signatures that approve a study as its submitter submits it, on the day of the state's last block.
pub fn approvals(state: &State, study: StudyId, submitter: u8, submitted: &StudySubmit) -> [Payload; 2] {
    let version = study_version(&id(submitter), 1, &state.registry().digest(), submitted);
    let act = Act::Approve(Conditions::default());
    let statement = BoardStatement::Study(StudyDecision { study, number: 0, version, act, reason: String::new() });
    let sign = |office| Signing::sign(&person_key(office), &state.network(), &id(BOARD), state.tip().time.day(), statement.clone());
    [Office::Chair, Office::Secretary].map(|office| Payload::Sign(sign(office)))
}

/// The bytes of a dictionary of one attribute of the category `labs`.
pub fn dictionary(attribute: serde_json::Value) -> Vec<u8> {
    let dictionary =
        serde_json::json!({"format": "countersign-dictionary/1", "id": "m", "version": 1, "title": "m", "attribute": [attribute]});
    canonical_json(&dictionary).unwrap()
}

/// The proposal that publishes a dictionary.
pub fn publish(dictionary: Vec<u8>) -> Payload {
    Payload::Propose(Proposal { change: Change::Dictionary(dictionary), in_force: Height(0), reason: "measured".into() })
}

/// A study of a researcher and the board.
pub fn study((title, summary): (String, String), dictionary: &[u8], who: u8, expiry: Day) -> StudySubmit {
    let mut seals = vec![
        SealingKey { party: SealingParty::Team, member: id(who), key: sealing(who) },
        SealingKey { party: SealingParty::Board, member: id(BOARD), key: sealing(BOARD) },
    ];
    seals.sort();
    StudySubmit {
        title,
        summary,
        dictionary: Digest32::of(dictionary),
        purpose: "p.health".into(),
        categories: vec!["c.labs".into()],
        k_min: 10,
        researchers: vec![id(who)],
        sealing: seals,
        expiry,
    }
}

/// Points that are all different, compressed.
#[derive(Debug)]
pub struct Points(G1Projective);

impl Points {
    /// The first is the generator.
    #[expect(clippy::new_without_default, reason = "there is no default of points")]
    pub fn new() -> Self {
        Self(G1Affine::identity().into_group())
    }

    /// The next `rows` points.
    pub fn bytes(&mut self, rows: usize) -> Vec<u8> {
        let next = |_| {
            self.0 += G1Affine::generator();
            self.0
        };
        let list: Vec<G1Projective> = (0..rows).map(next).collect();
        G1Projective::normalize_batch(&list).iter().flat_map(point_bytes).collect()
    }
}

/// Memory of this process.
pub fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or_default() / 1024
}
