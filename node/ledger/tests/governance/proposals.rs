//! Who may propose what, and how votes are counted.

use super::*;

#[test]
fn a_single_governance_member_decides_at_once() {
    let mut net = Net::new(genesis());
    let proposal = ProposalId(net.accept(Governance, propose(newcomer())));
    let since = next(&net);
    assert_eq!(status(&net, proposal), ProposalStatus::InForce { since });
    let record = net.state.proposal(&proposal).unwrap();
    assert_eq!((record.number, record.proposer, record.votes.len()), (1, id(Governance), 1));
    assert!(net.state.has_role(&id(Stranger), Role::Validator));
    // in the block that carries it nothing has changed yet: its effect says when
    let (block, results) = net.blocks.last().unwrap();
    assert_eq!(block.header.height.next(), since);
    let Some(Effect::Proposed { number: 1, status, .. }) = results[0].effect() else { panic!("{results:?}") };
    assert_eq!(*status, ProposalStatus::Carried { due: since });
}

#[test]
fn votes_in_every_order() {
    // bit i: voter i approves; three of four carry, two against refuse
    for yes in 0..16_u32 {
        for rotation in 0..4 {
            let order: Vec<usize> = (0..4).map(|i| (i + rotation) % 4).filter(|i| *i != 0).collect();
            let mut net = Net::new(wide());
            let id = ProposalId(net.accept(Governance, propose(newcomer())));
            let (mut approve, mut reject) = (1, 0);
            for voter in order {
                let before = status(&net, id);
                if before != ProposalStatus::Open {
                    assert_eq!(net.reject(VOTERS[voter], vote(id, true)), RejectionCode(225));
                    continue;
                }
                let for_it = yes >> voter & 1 == 1;
                net.accept(VOTERS[voter], vote(id, for_it));
                if for_it {
                    approve += 1
                } else {
                    reject += 1
                }
                let Some(Effect::Voted { tally, .. }) = net.blocks.last().unwrap().1[0].effect() else { panic!() };
                assert_eq!((tally.approve, tally.reject, tally.voters), (approve, reject, 4));
                let height = net.state.tip().height;
                let expected = match (approve, reject) {
                    (3, _) => ProposalStatus::InForce { since: height.next() },
                    (_, 2) => ProposalStatus::Refused { height },
                    _ => ProposalStatus::Open,
                };
                assert_eq!(status(&net, id), expected);
            }
            assert_eq!(net.state.member(&countersign_harness::id(Stranger)).is_some(), approve == 3);
        }
    }
}

#[test]
fn all_votes_in_one_block_with_the_proposal() {
    let mut net = Net::new(wide());
    let proposal = ProposalId(net.sign(vec![(Governance, propose(newcomer()))])[0].id());
    let results = net.block(vec![
        (GovernanceB, vote(proposal, true)),
        (Governance, propose(newcomer())),
        (GovernanceB, vote(proposal, true)),
        (GovernanceC, vote(proposal, true)),
        (GovernanceD, vote(proposal, false)),
    ]);
    let codes: Vec<_> = results.iter().map(TransactionResult::rejection).collect();
    assert_eq!(codes, [Some(RejectionCode(224)), None, None, None, Some(RejectionCode(225))]);
    assert!(matches!(status(&net, proposal), ProposalStatus::InForce { .. }));
}

#[test]
fn who_may_propose_and_vote() {
    let mut net = Net::new(wide());
    for who in [Validator, HospitalA, Researcher, Board] {
        let governs = EnvelopeError::Role(Role::Governance);
        refuse(&net, who, propose(newcomer()), &governs);
        refuse(&net, who, vote(ProposalId(TransactionId(digest("none"))), true), &governs);
    }
    reject(&mut net, GovernanceB, vote(ProposalId(TransactionId(digest("none"))), true), 224);
    let proposal = ProposalId(net.accept(Governance, propose(newcomer())));
    reject(&mut net, Governance, vote(proposal, true), 226);
    reject(&mut net, Governance, vote(proposal, false), 226);
    net.accept(GovernanceB, vote(proposal, false));
    reject(&mut net, GovernanceB, vote(proposal, true), 226);
    net.accept(GovernanceC, vote(proposal, false));
    reject(&mut net, GovernanceD, vote(proposal, true), 225);
}

#[test]
fn what_a_proposal_must_say() {
    let mut net = Net::new(wide());
    for reason in ["", "  "] {
        let silent = Proposal { change: newcomer(), in_force: Height(0), reason: reason.into() };
        reject(&mut net, Governance, Payload::Propose(silent), 221);
    }
    let last = next(&net).0 + limits::IN_FORCE_HEIGHTS_MAX;
    reject(&mut net, Governance, propose_at(newcomer(), Height(last + 1)), 220);
    reject(&mut net, Governance, propose_at(newcomer(), Height(u64::MAX)), 220);
    net.accept(Governance, propose_at(newcomer(), Height(last)));
}

#[test]
fn changes_that_are_refused() {
    let mut net = Net::new(genesis());
    let admit = |who, name: &str, roles: &[Role]| Change::Admit(member(who, name, roles));
    let mut broken = member(Stranger, "Newcomer", &[Role::Board]);
    broken.id = MemberId([0; 32]);
    let mut grid = registry();
    grid.grid.clear();
    for (change, code) in [
        (Change::Admit(broken), 200),
        (admit(Stranger, "Newcomer", &[]), 201),
        (admit(Stranger, "Newcomer", &[Role::Board, Role::Board]), 201),
        (admit(Stranger, "Newcomer", &[Role::Board, Role::Hospital]), 201),
        (admit(Stranger, "Hospital A", &[Role::Hospital]), 202),
        (admit(HospitalB, "Hospital A", &[Role::Hospital]), 202),
        (Change::Remove(id(Stranger)), 204),
        (Change::Remove(id(Validator)), 205),
        (admit(Validator, "Validator", &[Role::Board]), 205),
        (Change::Remove(id(Governance)), 206),
        (admit(Governance, "Consortium", &[Role::Validator]), 206),
        (admit(HospitalA, "Hospital A", &[Role::Hospital]), 207),
        (Change::Registry(registry()), 207),
        (Change::Rules(rules()), 207),
        (keys_change("circuit keys", true), 207),
        (Change::Registry(grid), 208),
        (rules_with(0), 209),
        (rules_with(1 << 22), 209),
    ] {
        reject(&mut net, Governance, propose(change), code);
    }
    assert_eq!(net.state.proposals().count(), 0);
    // disclosure floor and development keys, on a network that is not a development one: keys first come from a ceremony
    let mut serious = genesis();
    serious.development = false;
    let serious = State::new(serious).unwrap();
    let code = |change: Change| {
        let transaction = Transaction::sign(&key(Governance), serious.network(), 0, propose(change));
        let proposed = serious.propose(START.plus_ms(1), vec![transaction], &Ceremony).unwrap();
        proposed.outcome.results()[0].rejection().map(|c| c.0)
    };
    assert_eq!(code(rules_with(4)), Some(209));
    assert_eq!(code(rules_with(6)), None);
    assert_eq!(code(keys_change("better", false)), None);
    let development = code(keys_change("better", true));
    assert_eq!(development.ok_or("accepted"), Ok::<u16, _>(210));
}

/// Holds every key, all from a ceremony.
#[derive(Debug)]
struct Ceremony;

impl ProofChecker for Ceremony {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        Some(CircuitKeys { digest: *digest, development: false })
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

#[test]
fn a_network_has_so_many_members() {
    let mut crowded = genesis();
    for i in crowded.members.len()..limits::MEMBERS_MAX {
        let key = ed25519_dalek::SigningKey::from_bytes(&[[i as u8; 31].as_slice(), &[77]].concat().try_into().unwrap());
        let id = MemberId::from(&key.verifying_key());
        crowded.members.push(Member {
            id,
            name: Name::new(format!("Member {i}")).unwrap(),
            roles: vec![Role::Researcher],
            sealing: [9; 32],
        });
    }
    crowded.members.sort_by_key(|m| m.id);
    let mut net = Net::new(crowded);
    reject(&mut net, Governance, propose(newcomer()), 203);
    // one in for one out, and replacing is always possible
    net.accept(Governance, propose(Change::Admit(member(HospitalB, "Hospital Bee", &[Role::Hospital]))));
    net.accept(Governance, propose(Change::Remove(id(HospitalB))));
    net.accept(Governance, propose(newcomer()));
    assert_eq!(net.state.members().count(), limits::MEMBERS_MAX);
}

#[test]
fn pending_proposals_are_bounded() {
    let mut many = wide();
    let extra: Vec<_> = (0..9_u8).map(|i| ed25519_dalek::SigningKey::from_bytes(&[100 + i; 32])).collect();
    for (i, key) in extra.iter().enumerate() {
        let id = MemberId::from(&key.verifying_key());
        many.members.push(Member { id, name: Name::new(format!("Voter {i}")).unwrap(), roles: vec![Role::Governance], sealing: [9; 32] });
    }
    many.members.sort_by_key(|m| m.id);
    let mut net = Net::new(many.clone());
    for _ in 0..limits::PROPOSALS_A_MEMBER_MAX {
        net.accept(Governance, propose(newcomer()));
    }
    reject(&mut net, Governance, propose(newcomer()), 222);
    // of all members together
    let mut state = State::new(many).unwrap();
    let mut time = START;
    let mut codes = Vec::new();
    for key in &extra {
        let sign = |n| Transaction::sign(key, state.network(), n, propose(newcomer()));
        let eight = (0..limits::PROPOSALS_A_MEMBER_MAX as u64).map(sign).collect();
        time = time.plus_ms(1);
        let outcome = state.propose(time, eight, &Script::default()).unwrap().outcome;
        codes.extend(outcome.results().iter().map(|r| r.rejection().map(|c| c.0)));
        state.commit(outcome).unwrap();
    }
    let (within, over) = codes.split_at(limits::PROPOSALS_PENDING_MAX);
    assert!(within.iter().all(Option::is_none));
    assert!(over.len() == 8 && over.iter().all(|c| matches!(c, Some(223))), "{over:?}");
    // room again when time is over
    let outcome = state.propose(time.plus_ms(limits::VOTING_MS), vec![], &Script::default()).unwrap().outcome;
    state.commit(outcome).unwrap();
    assert!(state.proposals().all(|(_, p)| matches!(p.status, ProposalStatus::Expired { .. })));
    let again = Transaction::sign(&extra[0], state.network(), 8, propose(newcomer()));
    let outcome = state.propose(state.tip().time.plus_ms(1), vec![again], &Script::default()).unwrap().outcome;
    assert!(outcome.results()[0].effect().is_some());
}

#[test]
fn voting_ends() {
    let mut net = Net::new(wide());
    let first = ProposalId(net.accept(Governance, propose(newcomer())));
    let closes = net.state.proposal(&first).unwrap().closes;
    // in the last millisecond a vote counts
    let second = ProposalId(net.accept(GovernanceB, propose(rules_with(7))));
    let left = closes.since(net.time);
    let results = net.block_after(left, vec![(GovernanceB, vote(first, true)), (GovernanceC, vote(first, true))]);
    assert!(results.iter().all(|r| r.effect().is_some()));
    assert!(matches!(status(&net, first), ProposalStatus::InForce { .. }));
    // and in the block that is later than the closing time no more
    assert_eq!(status(&net, second), ProposalStatus::Open);
    let results = net.block_after(1_001, vec![(Governance, vote(second, true))]);
    assert_eq!(results[0].rejection(), Some(RejectionCode(227)));
    assert_eq!(status(&net, second), ProposalStatus::Expired { height: net.state.tip().height });
    reject(&mut net, GovernanceC, vote(second, true), 225);
}
#[test]
fn a_pool_keeps_what_may_come_later() {
    let mut net = Net::new(genesis());
    let sign = |sequence| Transaction::sign(&key(Governance), net.state.network(), sequence, propose(newcomer()));
    let admission = |state: &State, sequence| state.admission(&sign(sequence));
    assert_eq!(admission(&net.state, 0), Ok(Admission::Ready));
    assert_eq!(admission(&net.state, 1), Ok(Admission::Future { gap: 1 }));
    let most = limits::FUTURE_SEQUENCES_MAX;
    assert_eq!(admission(&net.state, most), Ok(Admission::Future { gap: most }));
    assert_eq!(admission(&net.state, most + 1), Err(EnvelopeError::Sequence { found: most + 1, next: 0 }));
    let mut forged = sign(5);
    forged.signature.0[1] ^= 1;
    assert_eq!(net.state.admission(&forged), Err(EnvelopeError::Signature));
    assert!(matches!(net.state.check_envelope(&sign(1)), Err(EnvelopeError::Sequence { found: 1, next: 0 })));
    let (used, next) = (sign(0), sign(1));
    net.accept(Governance, propose(newcomer()));
    assert_eq!(net.state.admission(&used), Err(EnvelopeError::Sequence { found: 0, next: 1 }));
    assert_eq!(net.state.admission(&next), Ok(Admission::Ready));
}
#[test]
fn bounds_of_proposals() {
    let net = Net::new(genesis());
    let refused = |change: Change, reason: &str| {
        let payload = Payload::Propose(Proposal { change, in_force: Height(0), reason: reason.into() });
        let transaction = Transaction::sign(&key(Governance), net.state.network(), 0, payload);
        let error = net.state.check_envelope(&transaction).unwrap_err();
        assert!(matches!(error, EnvelopeError::Bounds(DecodeError::Field { .. })), "{error:?}");
        assert!(Transaction::decode(&transaction.encode()).is_err());
    };
    refused(newcomer(), &"x".repeat(limits::TEXT_BYTES_MAX + 1));
    refused(Change::Dictionary(vec![0; limits::DICTIONARY_BYTES_MAX + 1]), "why");
    refused(Change::Admit(member(Stranger, "N", &[Role::Board; 6])), "why");
    let with = |change: &dyn Fn(&mut ScopeRegistry)| {
        let mut registry = registry();
        change(&mut registry);
        Change::Registry(registry)
    };
    refused(with(&|r| r.scopes = vec![String::new(); 65]), "why");
    refused(with(&|r| r.scopes = vec!["x".repeat(65)]), "why");
    refused(with(&|r| r.grid = vec![Day(0); 33]), "why");
}
