//! Changes that come into force, and what they do to what is under way.

use super::*;

#[test]
fn a_change_is_in_force_exactly_at_its_height() {
    let mut net = Net::new(genesis());
    let at = Height(4);
    let proposal = ProposalId(net.accept(Governance, propose_at(rules_with(9), at)));
    let mut submitted = study(&dictionary());
    submitted.k_min = 8;
    net.publish(dictionary());
    // block 3 runs under the old rules, block 4 under the new
    assert_eq!(net.state.rules().k_min, 5);
    assert_eq!(next(&net), Height(3));
    net.accept(Researcher, Payload::StudySubmit(submitted.clone()));
    assert_eq!(next(&net), at);
    assert_eq!(net.state.rules().k_min, 9);
    reject(&mut net, Researcher, Payload::StudySubmit(submitted), 141);
    assert_eq!(status(&net, proposal), ProposalStatus::InForce { since: at });
}

#[test]
fn a_change_carried_late_is_in_force_in_the_next_block() {
    let mut net = Net::new(wide());
    let proposal = ProposalId(net.accept(Governance, propose_at(rules_with(9), Height(2))));
    net.block(vec![]);
    net.block(vec![]);
    net.accept(GovernanceB, vote(proposal, true));
    assert_eq!(net.state.rules().k_min, 5);
    net.accept(GovernanceC, vote(proposal, true));
    assert_eq!(net.state.rules().k_min, 9);
    assert_eq!(status(&net, proposal), ProposalStatus::InForce { since: next(&net) });
}

#[test]
fn changes_due_together_are_made_in_the_order_of_their_numbers() {
    let mut net = Net::new(genesis());
    let at = Height(5);
    let first = ProposalId(net.accept(Governance, propose_at(rules_with(9), at)));
    let second = ProposalId(net.accept(Governance, propose_at(rules_with(8), at)));
    let third = ProposalId(net.accept(Governance, propose_at(rules_with(8), at)));
    net.block(vec![]);
    assert_eq!(next(&net), at);
    assert_eq!(net.state.rules().k_min, 8);
    assert_eq!([status(&net, first), status(&net, second)], [ProposalStatus::InForce { since: at }; 2]);
    assert_eq!(status(&net, third), ProposalStatus::Lapsed { height: at, reason: RejectionCode(207) });
}

/// What was fine when proposed and does not fit when due lapses, with the reason; the chain goes on.
#[test]
fn changes_that_lapse() {
    let two_of = |role, who: [(Who, &str); 2]| {
        let mut genesis = genesis();
        genesis.members.retain(|m| !m.roles.contains(&role));
        genesis.members.extend(who.map(|(w, name)| member(w, name, &[role])));
        genesis.members.sort_by_key(|m| m.id);
        genesis
    };
    let lapse = |genesis: Genesis, voters: &[Who], changes: [Change; 2], code: u16| {
        let mut net = Net::new(genesis);
        let due = Height(9);
        let ids = changes.map(|change| ProposalId(net.accept(voters[0], propose_at(change, due))));
        for proposal in ids {
            for who in &voters[1..] {
                net.accept(*who, vote(proposal, true));
            }
        }
        while next(&net) < due {
            net.block(vec![]);
        }
        assert_eq!(status(&net, ids[0]), ProposalStatus::InForce { since: due });
        assert_eq!(status(&net, ids[1]), ProposalStatus::Lapsed { height: due, reason: RejectionCode(code) });
        net.block(vec![]);
        assert!(!net.state.validators().members().is_empty());
    };
    let one = [Governance];
    let validators = two_of(Role::Validator, [(Validator, "Validator"), (ValidatorB, "Validator B")]);
    lapse(validators, &one, [Change::Remove(id(Validator)), Change::Remove(id(ValidatorB))], 205);
    let both = [Governance, GovernanceB];
    let governance = two_of(Role::Governance, [(Governance, "Consortium"), (GovernanceB, "Governance B")]);
    lapse(governance, &both, [Change::Remove(id(Governance)), Change::Remove(id(GovernanceB))], 206);
    let hospital = Change::Admit(member(HospitalB, "Newcomer", &[Role::Hospital]));
    lapse(genesis(), &one, [newcomer(), hospital], 202);
    lapse(genesis(), &one, [Change::Dictionary(dictionary()), Change::Dictionary(dictionary())], 111);
    lapse(genesis(), &one, [Change::Dictionary(dictionary()), Change::Dictionary(dictionary_taken())], 112);
    lapse(genesis(), &one, [Change::Remove(id(HospitalB)), Change::Remove(id(HospitalB))], 204);
    lapse(genesis(), &one, [keys_change("other circuit keys", true), keys_change("other circuit keys", true)], 207);
}

#[test]
fn voters_are_those_of_now() {
    // B and C approve; A leaves: two of three are not more than two thirds, three of three are
    let mut net = Net::new(wide());
    let proposal = ProposalId(net.accept(GovernanceB, propose(newcomer())));
    net.accept(GovernanceC, vote(proposal, true));
    let remove = |net: &mut Net, who: Who, voters: [Who; 2], by: Who| {
        let removal = ProposalId(net.accept(by, propose(Change::Remove(id(who)))));
        for who in voters {
            net.accept(who, vote(removal, true));
        }
        net.state.tip().height
    };
    remove(&mut net, Governance, [GovernanceC, GovernanceD], GovernanceB);
    assert_eq!(status(&net, proposal), ProposalStatus::Open);
    assert_eq!(net.state.tally(net.state.proposal(&proposal).unwrap()), Tally { approve: 2, reject: 0, voters: 3 });
    // D leaves too: two of two. Carried by a change at the next height, it is in force one block later
    let height = remove(&mut net, GovernanceD, [GovernanceC, GovernanceD], GovernanceB);
    assert_eq!(status(&net, proposal), ProposalStatus::Carried { due: height.next().next() });
    assert!(net.state.member(&id(Stranger)).is_none());
    net.block(vec![]);
    assert_eq!(status(&net, proposal), ProposalStatus::InForce { since: height.next().next() });
    assert!(net.state.member(&id(Stranger)).is_some());
}

#[test]
fn a_vote_of_somebody_who_left_does_not_count() {
    let mut net = Net::new(wide());
    let proposal = ProposalId(net.accept(Governance, propose(newcomer())));
    let demote = Change::Admit(member(Governance, "Consortium", &[Role::Board]));
    let removal = ProposalId(net.accept(GovernanceB, propose(demote)));
    net.accept(GovernanceC, vote(removal, true));
    net.accept(GovernanceD, vote(removal, true));
    assert_eq!(net.state.tally(net.state.proposal(&proposal).unwrap()), Tally { approve: 0, reject: 0, voters: 3 });
    refuse(&net, Governance, propose(newcomer()), &EnvelopeError::Role(Role::Governance));
    // one against of three, and it cannot be carried any more
    net.accept(GovernanceB, vote(proposal, false));
    assert!(matches!(status(&net, proposal), ProposalStatus::Refused { .. }));
}

#[test]
fn validators_change_one_block_after_the_header_says_so() {
    let mut net = Net::new(wide());
    let old = net.state.validators();
    let due = Height(6);
    let proposal = ProposalId(net.accept(Governance, propose_at(newcomer(), due)));
    net.accept(GovernanceB, vote(proposal, true));
    net.accept(GovernanceC, vote(proposal, true));
    net.block(vec![]);
    net.block(vec![]);
    // the state is that of height 5: the next block, 6, is decided by the new set
    assert_eq!(next(&net), due);
    let new = net.state.validators();
    assert!(new.contains(&id(Stranger)) && new.members().len() == 5);
    let named: Vec<Digest32> = net.blocks.iter().map(|(b, _)| b.header.validators).collect();
    assert_eq!(named, [old.digest(), old.digest(), old.digest(), old.digest(), new.digest()]);
    assert_eq!((net.state.validators_at(Height(5)), net.state.validators_at(due)), (old.clone(), new.clone()));
    assert_eq!(net.state.validators_at(Height(1)), old);
    net.block(vec![]);
    // removed again
    let removal = ProposalId(net.accept(Governance, propose(Change::Remove(id(Stranger)))));
    net.accept(GovernanceB, vote(removal, true));
    net.accept(GovernanceC, vote(removal, true));
    assert_eq!(net.state.validators(), old);
    assert_eq!(net.blocks.last().unwrap().0.header.validators, old.digest());
}

#[test]
fn a_member_removed_between_sending_and_inclusion() {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    net.tables(HospitalA, 1);
    let waiting = net.sign(vec![(HospitalA, withdraw(&[1], Cause::Word))]).remove(0);
    assert_eq!(net.state.admission(&waiting), Ok(Admission::Ready));
    // in the block of the removal it is a member still
    let removal = (Governance, propose(Change::Remove(id(HospitalA))));
    let results = net.block(vec![removal, (HospitalA, withdraw(&[2], Cause::Word))]);
    assert!(results[1].effect().is_some());
    assert_eq!(net.state.admission(&waiting), Err(EnvelopeError::Signer(id(HospitalA))));
    let later = net.sign(vec![(HospitalA, withdraw(&[3], Cause::Word))]).remove(0);
    let proposed = net.state.propose(net.time.plus_ms(1), vec![later.clone()], &net.second_checker).unwrap();
    assert_eq!(proposed.refused, [(later, EnvelopeError::Signer(id(HospitalA)))]);
    // its tables stay, and if it comes back its numbers go on
    assert_eq!(net.state.tables().count(), 2);
    assert_eq!(net.state.next_sequence(&id(HospitalA)), 3);
    net.accept(Governance, propose(Change::Admit(member(HospitalA, "Hospital A again", &[Role::Hospital]))));
    net.accept(HospitalA, withdraw(&[3], Cause::Word));
}

#[test]
fn a_removed_hospital_is_asked_and_awaited_no_more() {
    let mut net = Net::new(genesis());
    let study = net.open();
    net.tables(HospitalB, 1);
    net.accept(HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    let again = net.query(study, statement());
    assert_eq!(net.reject(Researcher, again.clone()), RejectionCode(165), "hospital B is awaited");
    net.accept(Governance, propose(Change::Remove(id(HospitalB))));
    assert!(net.state.pair(&query, &id(HospitalB)).unwrap().is_open());
    assert_eq!(net.state.cuts(&study).count(), 2, "its cut stays for audits");
    assert_eq!(net.reject(Researcher, again), RejectionCode(165), "whoever is left has answered");
    let other = net.query(study, filtered(0, 2));
    let other = QueryId(net.accept(Researcher, other));
    assert_eq!(net.state.query(&other).unwrap().hospitals, [id(HospitalA)]);
    net.accept(Governance, propose(Change::Admit(member(HospitalA, "Hospital A", &[Role::Board]))));
    let none_left = net.query(study, filtered(0, 0));
    reject(&mut net, Researcher, none_left, 161);
    let answer = net.answer_now(HospitalA, other);
    refuse(&net, HospitalA, answer, &EnvelopeError::Role(Role::Hospital));
}

#[test]
fn studies_keep_the_registry_they_were_submitted_under() {
    let mut net = Net::new(genesis());
    let old_study = net.approved();
    let (data, old_consent) = (net.data(&dictionary(), &[(0, 0)]), net.consent(&[(0, 0)]));
    net.accept(HospitalA, Payload::Anchor(data));
    let new = other_registry();
    let consent_of = |net: &mut Net, registry: &ScopeRegistry, version| {
        let table = AnchoredTable::Consent { registry: registry.digest(), policy: digest("policy") };
        Payload::Anchor(net.anchor(table, registry.layout().rows(), &[(0, version)]))
    };
    let early = consent_of(&mut net, &new, 0);
    reject(&mut net, HospitalA, early.clone(), 114);
    net.accept(Governance, propose(Change::Registry(new.clone())));
    assert_eq!((net.state.registry(), net.state.registry_digest()), (&new, new.digest()));
    assert_eq!(net.state.registry_of(&registry().digest()), Some(&registry()));
    // both layouts can be anchored: open studies need the old one, new studies the new one
    net.accept(HospitalA, early);
    reject(&mut net, HospitalA, Payload::StudyAccept(StudyAccept { study: old_study, k_min: 5, renew: None }), 150);
    net.accept(HospitalA, Payload::Anchor(old_consent));
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study: old_study, k_min: 5, renew: None }));
    let mut submitted = study(&dictionary());
    submitted.categories.push("c.genomics".into());
    let new_study = StudyId(net.accept(Researcher, Payload::StudySubmit(submitted)));
    net.decide(Board, new_study, approval());
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study: new_study, k_min: 5, renew: None }));
    for (study, registry) in [(old_study, registry()), (new_study, new)] {
        let query = net.ask(study);
        assert_eq!(net.state.study(&study).unwrap().registry, registry.digest());
        let task = net.state.answer_task(&query, &id(HospitalA)).unwrap();
        assert_eq!(task.context.registry, registry.digest());
        assert_eq!(task.consent[0].points().len(), registry.layout().rows());
        let answer = net.answer_now(HospitalA, query);
        net.accept(HospitalA, answer);
    }
}

#[test]
fn answers_made_before_the_rules_changed_are_made_anew() {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    let old = net.answer_now(HospitalA, query);
    net.accept(Governance, propose(rules_with(12)));
    let fresh = net.answer_now(HospitalA, query);
    assert_eq!(net.state.answer_task(&query, &id(HospitalA)).unwrap().context.k_min, 12);
    // no strike for a proof that was good when it was made
    reject(&mut net, HospitalA, old, 182);
    assert_eq!(net.state.pair(&query, &id(HospitalA)).unwrap().invalid, 0);
    net.accept(HospitalA, fresh);
    let PairStatus::Answered(record) = &net.state.pair(&query, &id(HospitalA)).unwrap().status else { panic!() };
    assert_eq!(record.k_min, 12);
}

#[test]
fn circuit_keys_change_for_those_who_hold_them() {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    assert_eq!(net.state.circuit_keys(), keys_digest());
    net.accept(Governance, propose(Change::CircuitKeys(CircuitKeys { digest: other_keys_digest(), development: true })));
    assert_eq!(net.state.circuit_keys(), other_keys_digest());
    let task = net.state.answer_task(&query, &id(HospitalA)).unwrap();
    assert_eq!(task.keys, other_keys_digest());
    // the same answer under other keys is another check
    let check = task.check(TransactionId(digest("x")), b"proof");
    let mut under_old = task.check(TransactionId(digest("x")), b"proof");
    under_old.keys = keys_digest();
    assert_ne!(check.content(), under_old.content());
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    // a node without the new keys says which it lacks, and can still follow what was verified
    let lacking = OldKeys(Script::default());
    let missing = BlockError::Keys(KeysError::Missing(other_keys_digest()));
    assert_eq!(net.state.propose(net.time.plus_ms(1), vec![], &lacking).unwrap_err(), missing);
    let (block, results) = net.blocks.last().unwrap();
    let before = &net.past[&Height(block.header.height.0 - 1)];
    assert_eq!(before.validate(block, &lacking).unwrap_err(), missing);
    assert!(before.apply_recorded(block, results).is_ok());
    // up to the change the old keys do
    let mut state = State::new(genesis()).unwrap();
    let verified = net.blocks.iter().take_while(|(block, _)| {
        let outcome = state.validate(block, &lacking);
        outcome.is_ok_and(|o| state.commit(o).is_ok())
    });
    assert_eq!(verified.count(), net.blocks.len() - 1);
}

/// Holds the keys of the genesis only.
#[derive(Debug)]
struct OldKeys(Script);

impl ProofChecker for OldKeys {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        self.0.keys(digest).filter(|k| k.digest == keys_digest())
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        assert_eq!(instance.keys, keys_digest());
        self.0.check_segments(instance)
    }

    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        self.0.check_erasure(instance)
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        assert_eq!(instance.keys, keys_digest());
        self.0.check_answer(instance)
    }
}
#[test]
fn snapshots_carry_open_proposals() {
    let mut net = Net::new(wide());
    let open = ProposalId(net.accept(Governance, propose(newcomer())));
    net.accept(GovernanceB, vote(open, true));
    let waiting = ProposalId(net.accept(GovernanceC, propose_at(rules_with(9), Height(8))));
    net.accept(Governance, vote(waiting, true));
    net.accept(GovernanceB, vote(waiting, true));
    assert!(matches!(status(&net, waiting), ProposalStatus::Carried { due: Height(8) }));
    let header = &net.blocks.last().unwrap().0.header;
    let mut restored = State::from_snapshot(wide(), header, &net.state.snapshot()).unwrap();
    assert_eq!((restored.digest(), restored.tip()), (net.state.digest(), net.state.tip()));
    net.accept(GovernanceC, vote(open, true));
    net.block(vec![]);
    net.block_after(limits::VOTING_MS, vec![]);
    for (block, _) in &net.blocks[header_index(&restored)..] {
        let outcome = restored.validate(block, &net.second_checker).unwrap();
        restored.commit(outcome).unwrap();
    }
    assert_eq!(restored.rules().k_min, 9);
    assert_eq!((restored.digest(), restored.validators()), (net.state.digest(), net.state.validators()));
    let header = &net.blocks.last().unwrap().0.header;
    let restored = State::from_snapshot(wide(), header, &net.state.snapshot()).unwrap();
    assert_eq!(restored.validators_at(Height(1)), State::new(wide()).unwrap().validators());
}

fn header_index(state: &State) -> usize {
    state.tip().height.0 as usize
}
