//! A small network for unit tests: members with keys of one byte, fillers of a chosen size, and a chain that executes them.

use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    hash::Digest32,
    segment::SegmentId,
};
use countersign_ledger::{AnswerCheck, AnswerVerdict, ErasureCheck, ProofChecker, ProofFault, ProofRefused, SegmentsCheck, State};
use countersign_messages::{
    Anchor, AnchoredTable, BlockTime, Change, CircuitKeys, Genesis, Height, Member, MemberId, Name, Payload, Proposal, Role, Rules,
    Transaction,
};
use ed25519_dalek::SigningKey;

pub(crate) fn key(who: u8) -> SigningKey {
    SigningKey::from_bytes(&[who; 32])
}

pub(crate) fn member(who: u8) -> MemberId {
    MemberId::from(&key(who).verifying_key())
}

pub(crate) fn genesis(members: u8) -> Genesis {
    let roles = vec![Role::Hospital, Role::Validator, Role::Governance];
    let one =
        |who: u8| Member { id: member(who), name: Name::new(format!("Member {who}")).unwrap(), roles: roles.clone(), sealing: [9; 32] };
    let mut members: Vec<Member> = (1..=members).map(one).collect();
    // a network needs one; it sends nothing
    members.push(Member { id: member(200), name: Name::new("Consortium").unwrap(), roles: vec![Role::Governance], sealing: [9; 32] });
    members.sort_by_key(|m| m.id);
    Genesis {
        name: Name::new("mempool").unwrap(),
        development: true,
        time: BlockTime(1_700_000_000_000),
        members,
        persons: Vec::new(),
        registry: ScopeRegistry { scopes: vec!["p.health".into()], grid: vec![Day(20_500)] },
        rules: Rules::standard(),
        circuit_keys: Digest32::of(b"keys"),
    }
}

/// A payload of so many bytes that the ledger rejects (it gives no reason), so that nothing but the sequence number and the day's account change.
pub(crate) fn filler(mark: u8, bytes: usize) -> Payload {
    Payload::Propose(Proposal { change: Change::Dictionary(vec![mark; bytes]), in_force: Height(0), reason: String::new() })
}

/// A large payload: an anchor of segments that nobody will accept.
pub(crate) fn anchor(bytes: usize) -> Payload {
    let segment = |index| (SegmentId { index, version: 0 }, vec![0; 64 << 10]);
    let segments = (0..u32::try_from(bytes >> 16).unwrap()).map(segment).collect();
    Payload::Anchor(Anchor {
        table: AnchoredTable::Consent { registry: Digest32::of(b"registry"), policy: Digest32::of(b"policy") },
        segments,
        proof: vec![],
    })
}

/// Refuses every proof.
pub(crate) struct Refuses;

impl ProofChecker for Refuses {
    fn keys(&self, _: &Digest32) -> Option<CircuitKeys> {
        Some(CircuitKeys { digest: Digest32::of(b"keys"), development: true })
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Err(ProofRefused { fault: ProofFault::NotVerified, detail: String::new() })
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Err(ProofRefused { fault: ProofFault::NotVerified, detail: String::new() })
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Err(ProofRefused { fault: ProofFault::NotVerified, detail: String::new() })
    }
}

pub(crate) struct Chain {
    pub(crate) state: State,
}

impl Chain {
    pub(crate) fn new(genesis: Genesis) -> Self {
        Self { state: State::new(genesis).unwrap() }
    }

    /// A block of exactly these.
    pub(crate) fn block(&mut self, transactions: Vec<Transaction>) {
        let proposed = self.state.propose(self.state.tip().time.plus_ms(1), transactions, &Refuses).unwrap();
        assert!(proposed.refused.is_empty() && proposed.deferred.is_empty(), "{:?}", proposed.refused);
        self.state.commit(proposed.outcome).unwrap();
    }
}
