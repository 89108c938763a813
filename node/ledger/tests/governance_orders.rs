//! Governance under random orders: whatever members propose, vote and leave, the chain goes on, at least one validator and one governance
//! member remain, three replicas agree (the harness compares them, and follows the validator sets), and a snapshot goes on like the state.

use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use std::cell::RefCell;

/// Everybody a step can be about: few, so that changes get in each other's way.
const PEOPLE: [Who; 6] = [Governance, GovernanceB, GovernanceC, Validator, ValidatorB, Stranger];
const ROLES: [Role; 3] = [Role::Validator, Role::Board, Role::Governance];

#[derive(Debug, Clone)]
enum Step {
    /// Somebody, with the roles of a bit mask (maybe none, or of a name that may be taken), so many heights ahead.
    Admit {
        by: usize,
        whom: usize,
        roles: u8,
        name: u8,
        ahead: u64,
    },
    Remove {
        by: usize,
        whom: usize,
        ahead: u64,
    },
    KMin {
        by: usize,
        k_min: u32,
        ahead: u64,
    },
    Dictionary {
        by: usize,
        which: bool,
    },
    Vote {
        by: usize,
        proposal: usize,
        approve: bool,
    },
    /// All who can vote, for it.
    Carry {
        proposal: usize,
    },
    Block {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PEOPLE.len();
    prop_oneof![
        2 => (who(), who(), 0..8_u8, 0..8_u8, 0..5_u64).prop_map(|(by, whom, roles, name, ahead)| Step::Admit { by, whom, roles, name, ahead }),
        3 => (who(), who(), 0..5_u64).prop_map(|(by, whom, ahead)| Step::Remove { by, whom, ahead }),
        1 => (who(), 0..12_u32, 0..5_u64).prop_map(|(by, k_min, ahead)| Step::KMin { by, k_min, ahead }),
        1 => (who(), any::<bool>()).prop_map(|(by, which)| Step::Dictionary { by, which }),
        4 => (who(), 0..6_usize, prop::bool::weighted(0.7)).prop_map(|(by, proposal, approve)| Step::Vote { by, proposal, approve }),
        5 => (0..6_usize).prop_map(|proposal| Step::Carry { proposal }),
        5 => prop_oneof![40 => Just(1_u64), 1 => Just(limits::VOTING_MS)].prop_map(|ms| Step::Block { ms }),
    ]
}

fn network() -> Genesis {
    let mut genesis = genesis();
    genesis.members.push(member(GovernanceB, "Governance B", &[Role::Governance]));
    genesis.members.push(member(GovernanceC, "Governance C", &[Role::Governance]));
    genesis.members.push(member(ValidatorB, "Validator B", &[Role::Validator]));
    genesis.members.sort_by_key(|m| m.id);
    genesis
}

struct Scene {
    net: Net,
    pending: Vec<(Who, Payload)>,
}

impl Scene {
    fn propose(&mut self, by: usize, change: Change, ahead: u64) {
        let in_force = Height(self.net.state.tip().height.0 + ahead);
        self.push(by, propose_at(change, in_force));
    }

    /// Transactions of those who are no members now, or do not govern, can stand in no block: the envelope sees to that.
    fn push(&mut self, by: usize, payload: Payload) {
        if self.net.state.member(&id(PEOPLE[by])).is_some_and(|m| payload.role().is_some_and(|role| m.has_role(role))) {
            self.pending.push((PEOPLE[by], payload));
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Admit { by, whom, roles, name, ahead } => {
                let roles: Vec<Role> = ROLES.iter().enumerate().filter(|(i, _)| roles >> i & 1 == 1).map(|(_, r)| *r).collect();
                self.propose(by, Change::Admit(member(PEOPLE[whom], &format!("Member {name}"), &roles)), ahead);
            }
            Step::Remove { by, whom, ahead } => self.propose(by, Change::Remove(id(PEOPLE[whom])), ahead),
            Step::KMin { by, k_min, ahead } => self.propose(by, Change::Rules(Rules { k_min, ..rules() }), ahead),
            Step::Dictionary { by, which } => {
                self.propose(by, Change::Dictionary(if which { dictionary() } else { dictionary_taken() }), 0);
            }
            Step::Vote { by, proposal, approve } => {
                let mut open: Vec<_> = self.net.state.proposals().filter(|(_, p)| p.status.is_pending()).collect();
                open.sort_by_key(|(_, p)| p.number);
                if let Some(proposal) = open.get(proposal).map(|(id, _)| **id) {
                    self.push(by, vote(proposal, approve));
                }
            }
            Step::Carry { proposal } => {
                (0..PEOPLE.len()).for_each(|by| self.step(Step::Vote { by, proposal, approve: true }));
            }
            Step::Block { ms } => self.block(ms),
        }
    }

    fn block(&mut self, ms: u64) {
        let before = self.net.state.clone();
        self.net.block_after(ms, std::mem::take(&mut self.pending));
        let state = &self.net.state;
        let holders = |role| state.members().filter(|m| m.has_role(role)).count();
        assert!(holders(Role::Validator) > 0 && holders(Role::Governance) > 0);
        assert_eq!(state.validators().members().len(), holders(Role::Validator));
        assert_eq!(state.validators_at(state.tip().height), before.validators(), "who decides is known one block before");
        let pending = state.proposals().filter(|(_, p)| p.status.is_pending()).count();
        assert!(pending <= limits::PROPOSALS_PENDING_MAX);
        for (id, old) in before.proposals() {
            let now = state.proposal(id).unwrap();
            assert!(now.votes.starts_with(&old.votes), "votes stand");
            assert!(old.status.is_pending() || now == old, "what is decided stands");
        }
        for (_, proposal) in state.proposals() {
            if let ProposalStatus::Carried { due } = proposal.status {
                assert!(due > state.tip().height.next(), "what was due is made or lapsed");
            }
        }
        let header = &self.net.blocks.last().unwrap().0.header;
        let restored = State::from_snapshot(network(), header, &state.snapshot()).unwrap();
        assert_eq!(restored.digest(), state.digest());
        let next = |state: &State| state.propose(self.net.time.plus_ms(limits::VOTING_MS), vec![], &Script::default()).unwrap();
        assert_eq!(next(&restored).outcome.block(), next(state).outcome.block());
    }
}

#[test]
fn any_order_keeps_the_network_going() {
    let config = ProptestConfig { cases: 192, failure_persistence: None, rng_seed: RngSeed::Fixed(34), ..ProptestConfig::default() };
    let ends = RefCell::new([0; 5]);
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..80), |steps| {
        let mut scene = Scene { net: Net::new(network()), pending: Vec::new() };
        steps.into_iter().for_each(|s| scene.step(s));
        scene.block(1);
        for (_, proposal) in scene.net.state.proposals() {
            let end = match proposal.status {
                ProposalStatus::Open | ProposalStatus::Carried { .. } => continue,
                ProposalStatus::InForce { .. } => 0,
                ProposalStatus::Refused { .. } => 1,
                ProposalStatus::Expired { .. } => 2,
                ProposalStatus::Lapsed { reason: RejectionCode(205 | 206), .. } => 3,
                ProposalStatus::Lapsed { .. } => 4,
            };
            ends.borrow_mut()[end] += 1;
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(ends.borrow().iter().all(|n| *n > 2), "every end is reached: {ends:?}");
}
