//! Who takes part, and the chain they start from: a dictionary, an approved study, two hospitals with anchored tables that have accepted it.

use super::harness::{self, Net, Points, Who, key as member_key};
use countersign_consensus::malachite::signing::Keys;
use countersign_ledger::{
    Block, Certificate, Genesis, Height, Member, MemberId, Name, Payload, Role, Signature, State, StudyAccept, StudyId, VoteKind,
    vote_message,
};
use ed25519_dalek::{Signer, SigningKey};
use std::sync::{Arc, OnceLock};

/// Validators of a simulated network: f = 1.
pub(super) const VALIDATORS: usize = 4;

/// Members that send transactions.
pub(super) const SENDERS: [Who; 6] = [Who::Governance, Who::HospitalA, Who::HospitalB, Who::Researcher, Who::OtherResearcher, Who::Board];

pub(super) fn validator_key(index: usize) -> SigningKey {
    SigningKey::from_bytes(&[100 + u8::try_from(index).unwrap(); 32])
}

/// What all seeds start from; made once a process.
#[derive(Debug)]
pub(super) struct Prefix {
    pub(super) genesis: State,
    pub(super) state: State,
    pub(super) blocks: Vec<(Arc<Block>, Certificate)>,
    pub(super) study: StudyId,
    pub(super) points: Points,
    /// Validators by index, and their keys.
    pub(super) keys: Vec<Keys>,
}

fn genesis() -> Genesis {
    let mut genesis = harness::genesis();
    genesis.members.retain(|m| !m.roles.contains(&Role::Validator));
    for index in 0..VALIDATORS {
        let id = MemberId::from(&validator_key(index).verifying_key());
        genesis.members.push(Member { id, name: Name::new(format!("Validator {index}")).unwrap(), roles: vec![Role::Validator] });
    }
    genesis.members.sort_by_key(|m| m.id);
    genesis
}

/// A certificate signed by all validators.
pub(super) fn certify(block: &Block) -> Certificate {
    let (height, id) = (block.header.height, block.header.id());
    let message = vote_message(&block.header.network, VoteKind::Precommit, height, 0, Some(&id));
    let sign = |index| {
        let key = validator_key(index);
        (MemberId::from(&key.verifying_key()), Signature(key.sign(&message.0).to_bytes()))
    };
    let mut signatures: Vec<_> = (0..VALIDATORS).map(sign).collect();
    signatures.sort_by_key(|s| s.0);
    Certificate { height, round: 0, block: id, signatures }
}

pub(super) fn prefix() -> &'static Prefix {
    static PREFIX: OnceLock<Prefix> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let mut net = Net::new(genesis());
        let study = net.open();
        net.tables(Who::HospitalB, 1);
        net.accept(Who::HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5 }));
        let blocks = net.blocks.iter().map(|(block, _)| (Arc::new(block.clone()), certify(block))).collect();
        let network = net.state.network();
        Prefix {
            genesis: net.past.remove(&Height(0)).unwrap(),
            keys: (0..VALIDATORS).map(|index| Keys::new(network, validator_key(index))).collect(),
            state: net.state,
            blocks,
            study,
            points: net.points,
        }
    })
}

/// A fresh toolbox of the ledger's test harness, to make payloads with.
pub(super) fn toolbox() -> Net {
    let mut net = Net::new(genesis());
    net.points = prefix().points.clone();
    net.past.clear();
    net
}

pub(super) fn sign(who: Who, sequence: u64, payload: Payload) -> countersign_ledger::Transaction {
    countersign_ledger::Transaction::sign(&member_key(who), prefix().state.network(), sequence, payload)
}
