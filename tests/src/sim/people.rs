//! Who takes part, and the chain they start from: a dictionary, an approved study, two hospitals with anchored tables that have accepted it.

use super::harness::{self, Net, Points, Who};
use countersign_consensus::malachite::signing::Keys;
use countersign_ledger::State;
use countersign_messages::{Block, Certificate, Change, Genesis, Height, Payload, ProposalId, Role, StudyAccept, StudyId, Transaction};
use std::sync::{Arc, OnceLock};

/// Validators of a simulated network: f = 1.
pub(super) const VALIDATORS: usize = 4;

/// Members that send transactions.
pub(super) const SENDERS: [Who; 8] = [
    Who::HospitalA,
    Who::HospitalB,
    Who::Researcher,
    Who::OtherResearcher,
    Who::Board,
    Who::Governance,
    Who::GovernanceB,
    Who::GovernanceC,
];

/// The validators, by index.
pub(super) const VALIDATING: [Who; VALIDATORS] = [Who::Validator, Who::ValidatorB, Who::ValidatorC, Who::ValidatorD];

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

/// The ledger's test network with four validators and three who govern, so that a change needs votes.
fn genesis() -> Genesis {
    let mut genesis = harness::genesis();
    let more = [
        (Who::ValidatorB, "Validator B", Role::Validator),
        (Who::ValidatorC, "Validator C", Role::Validator),
        (Who::ValidatorD, "Validator D", Role::Validator),
    ];
    genesis.members.extend(more.map(|(who, name, role)| harness::member(who, name, &[role])));
    genesis.members.sort_by_key(|m| m.id);
    genesis
}

pub(super) fn prefix() -> &'static Prefix {
    static PREFIX: OnceLock<Prefix> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let mut net = Net::new(genesis());
        let study = net.open();
        net.tables(Who::HospitalB, 1);
        net.accept(Who::HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
        let admit = |who, name| harness::propose(Change::Admit(harness::member(who, name, &[Role::Governance])));
        net.accept(Who::Governance, admit(Who::GovernanceB, "Consortium B"));
        let third = ProposalId(net.accept(Who::Governance, admit(Who::GovernanceC, "Consortium C")));
        net.accept(Who::GovernanceB, harness::vote(third, true));
        assert!(net.state.member(&harness::id(Who::GovernanceC)).is_some());
        let set = net.state.validators();
        let decided = |block: &Block| (Arc::new(block.clone()), harness::decided_by(&block.header, &set));
        let blocks = net.blocks.iter().map(|(block, _)| decided(block)).collect();
        let network = net.state.network();
        Prefix {
            genesis: net.past.remove(&Height(0)).unwrap(),
            keys: VALIDATING.map(|who| Keys::new(network, harness::key(who))).into(),
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

pub(super) fn sign(who: Who, sequence: u64, payload: Payload) -> Transaction {
    Transaction::sign(&harness::key(who), prefix().state.network(), sequence, payload)
}
