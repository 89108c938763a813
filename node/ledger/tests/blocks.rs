//! Blocks: envelopes, headers, replay, encodings, snapshots, the cache.

use countersign_circuits::{hash::Digest32, segment::TableContext};
use countersign_harness::{self as harness, *};
use countersign_ledger::*;
use countersign_messages::*;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::Ordering},
};

/// A chain with every kind of transaction, some rejected.
fn lively() -> (Net, QueryId) {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    for act in [Act::Suspend, Act::Lift, Act::Suspend, Act::Lift] {
        net.decide(Board, study, act);
    }
    net.accept(HospitalA, withdraw(&[3, 2_050], Cause::Word));
    let bad = net.bad_answer(query);
    let early = net.answer(HospitalA, query, Height(net.state.tip().height.0 - 1));
    let answer = net.answer_now(HospitalA, query);
    let results = net.block(vec![(HospitalA, bad), (HospitalA, early), (HospitalA, answer), (HospitalB, refusal(query, 30))]);
    assert_eq!(results.iter().filter(|r| r.effect().is_some()).count(), 2, "{results:?}");
    (net, query)
}

#[test]
fn envelopes_stand_in_no_block() {
    let net = Net::new(wide());
    let network = net.state.network();
    let payload = || propose(Change::Dictionary(dictionary()));
    let good = Transaction::sign(&key(Governance), network, 0, payload());
    let other_network = Transaction::sign(&key(Governance), NetworkId(digest("other")), 0, payload());
    let stranger = Transaction::sign(&key(Stranger), network, 0, payload());
    let gap = Transaction::sign(&key(Governance), network, 1, payload());
    let mut forged = good.clone();
    forged.signature.0[5] ^= 1;
    let mut moved = good.clone();
    moved.payload = propose(Change::Dictionary(vec![]));
    let mut stolen = good.clone();
    stolen.signer = id(GovernanceB);
    let mut usurped = good.clone();
    usurped.signer = id(Board);
    let mut long = good.clone();
    long.payload = propose(Change::Dictionary(vec![0; limits::DICTIONARY_BYTES_MAX + 1]));
    for (transaction, expected) in [
        (other_network, "Network"),
        (stranger, "Signer"),
        (gap, "Sequence"),
        (forged, "Signature"),
        (moved, "Signature"),
        (stolen, "Signature"),
        (usurped, "Role"),
        (long, "Bounds"),
    ] {
        let error = net.state.check_envelope(&transaction).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        let proposed = net.state.propose(START.plus_ms(1), vec![transaction.clone(), good.clone()], &net.second_checker).unwrap();
        assert_eq!(proposed.refused.len(), 1);
        assert_eq!(proposed.outcome.block().transactions, std::slice::from_ref(&good));
        // a proposer who puts it in all the same makes an invalid block
        let mut block = proposed.outcome.block().clone();
        block.transactions = vec![transaction];
        block.header.transactions_root = merkle::root(&[merkle::leaf(&block.transactions[0].id().0.0)]);
        assert!(net.state.validate(&block, &net.second_checker).is_err());
    }
    // a replay: in the same block and in a later one
    let mut proposed = net.state.propose(START.plus_ms(1), vec![good.clone(), good.clone()], &net.second_checker).unwrap();
    assert!(matches!(proposed.refused.pop(), Some((_, EnvelopeError::Sequence { found: 0, next: 1 }))));
    let later = proposed.outcome.state().propose(START.plus_ms(2), vec![good], &net.second_checker).unwrap();
    assert!(later.outcome.block().transactions.is_empty());
}

#[test]
fn a_block_has_room_for_so_many() {
    let net = Net::new(genesis());
    let many = net.sign((0..=limits::BLOCK_TRANSACTIONS_MAX).map(|_| (Governance, propose(Change::Dictionary(vec![])))).collect());
    let proposed = net.state.propose(START.plus_ms(1), many, &net.second_checker).unwrap();
    assert_eq!((proposed.outcome.results().len(), proposed.deferred.len()), (limits::BLOCK_TRANSACTIONS_MAX, 1));
}

#[test]
fn a_block_has_room_for_so_many_proofs() {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    let room = limits::BLOCK_PROOFS_MAX;
    let mut many: Vec<_> = (0..=room).map(|_| (HospitalA, net.bad_answer(query))).collect();
    // what stands behind a deferred transaction of its signer waits with it; others go on
    many.push((HospitalA, refusal(query, 1)));
    many.push((Governance, propose(Change::Dictionary(vec![]))));
    let many = net.sign(many);
    let proposed = net.state.propose(net.time.plus_ms(1), many.clone(), &net.second_checker).unwrap();
    assert_eq!((proposed.refused.len(), proposed.deferred.as_slice()), (0, &many[room..room + 2]));
    let mut block = proposed.outcome.block().clone();
    assert_eq!(block.transactions.len(), room + 1);
    assert!(net.state.validate(&block, &net.second_checker).is_ok());

    // one more: as others send it, and as a proposer makes it
    block.transactions.insert(room, many[room].clone());
    let error = net.state.validate(&block, &net.second_checker).unwrap_err();
    assert!(error == BlockError::Transactions(block.header.height) && error.is_tampered());
    let leaves: Vec<_> = block.transactions.iter().map(|t| merkle::leaf(&t.id().0.0)).collect();
    block.header.transactions_root = merkle::root(&leaves);
    let error = net.state.validate(&block, &net.second_checker).unwrap_err();
    assert!(error == BlockError::Proofs(room + 1) && !error.is_tampered());
}

#[test]
fn every_commitment_of_a_header_is_compared() {
    let (net, _) = lively();
    let (block, results) = net.blocks.last().unwrap();
    let before = &net.past[&Height(block.header.height.0 - 1)];
    assert!(before.validate(block, &net.second_checker).is_ok());
    type Change = fn(&mut Block);
    let changes: Vec<(&str, Change)> = vec![
        ("another network", |b| b.header.network = NetworkId(digest("x"))),
        ("does not follow", |b| b.header.height = b.header.height.next()),
        ("name the block before", |b| b.header.previous = BlockId(digest("x"))),
        ("not later", |b| b.header.time = START),
        ("year 9999", |b| b.header.time = BlockTime(u64::MAX)),
        ("transactions root", |b| b.header.transactions_root = digest("x")),
        ("transactions root", |b| drop(b.transactions.pop())),
        ("transactions root", |b| b.transactions.swap(0, 3)),
        ("results root", |b| b.header.results_root = digest("x")),
        ("state digest", |b| b.header.state_digest = digest("x")),
        ("validator set", |b| b.header.validators = digest("x")),
    ];
    for (words, change) in changes {
        let mut bad = block.clone();
        change(&mut bad);
        let error = before.validate(&bad, &net.second_checker).unwrap_err().to_string();
        assert!(error.contains(words), "{error} should say {words}");
        assert!(before.apply_recorded(&bad, results).is_err());
    }
    // records that tell another story than the header
    let mut swapped = results.clone();
    swapped[0] = TransactionResult { transaction: swapped[0].transaction, verdict: swapped[3].verdict.clone() };
    assert!(before.apply_recorded(block, &swapped).is_err());
    assert!(before.apply_recorded(block, &results[..3]).is_err());
    assert!(before.apply_recorded(block, results).is_ok());
}

#[test]
fn an_outcome_is_committed_on_its_own_state_only() {
    let (net, _) = lively();
    let one = net.state.propose(net.time.plus_ms(1), vec![], &net.second_checker).unwrap().outcome;
    let two = net.state.propose(net.time.plus_ms(2), vec![], &net.second_checker).unwrap().outcome;
    let mut state = net.state.clone();
    state.commit(one).unwrap();
    assert!(state.commit(two).is_err());
}

#[test]
fn proposing_validating_and_deciding_verify_once() {
    let (net, _) = lively();
    let script = net.checker.inner();
    // two anchors, and a failed and a good answer; a stale one is refused before
    assert_eq!((script.segments.load(Ordering::Relaxed), script.answers.load(Ordering::Relaxed)), (2, 2));
    let mut state = State::new(genesis()).unwrap();
    for (block, _) in &net.blocks {
        let outcome = state.validate(block, net.checker.as_ref()).unwrap();
        state.commit(outcome).unwrap();
    }
    assert_eq!((script.segments.load(Ordering::Relaxed), script.answers.load(Ordering::Relaxed)), (2, 2));
    // a bounded cache forgets, and says the same again
    let small = CachingChecker::with_capacity(Script::default(), 1);
    for _ in 0..2 {
        let mut state = State::new(genesis()).unwrap();
        for (block, _) in &net.blocks {
            let outcome = state.validate(block, &small).unwrap();
            state.commit(outcome).unwrap();
        }
        assert_eq!(state.digest(), net.state.digest());
    }
    assert!(small.inner().answers.load(Ordering::Relaxed) > 2);
}

/// Contents that another process verified.
#[derive(Default)]
struct Remembered(Mutex<BTreeSet<Digest32>>);

impl Verified for Remembered {
    fn knows(&self, content: &Digest32) -> bool {
        self.0.lock().unwrap().contains(content)
    }

    fn learn(&self, content: &Digest32) {
        self.0.lock().unwrap().insert(*content);
    }
}

#[test]
fn what_an_earlier_process_verified_of_segments_is_not_verified_again_and_only_what_was_accepted() {
    let (net, _) = lively();
    let remembered = Arc::new(Remembered::default());
    let run = |checker: &CachingChecker<Script>| {
        let mut state = State::new(genesis()).unwrap();
        for (block, _) in &net.blocks {
            let outcome = state.validate(block, checker).unwrap();
            state.commit(outcome).unwrap();
        }
        assert_eq!(state.digest(), net.state.digest());
        (checker.inner().segments.load(Ordering::Relaxed), checker.inner().answers.load(Ordering::Relaxed))
    };
    let verified = || CachingChecker::new(Script::default()).beside(remembered.clone());
    assert_eq!(run(&verified()), (2, 2));
    assert_eq!(remembered.0.lock().unwrap().len(), 2, "two anchors");
    // answers are: they cost little, and whoever reads one verifies it
    assert_eq!(run(&verified()), (0, 2));
    // something that was never accepted helps nobody
    *remembered.0.lock().unwrap() = [Digest32::of(b"another proof")].into();
    assert_eq!(run(&verified()), (2, 2));
    // what is refused is not learnt
    let learnt = Arc::new(Remembered::default());
    let checker = CachingChecker::new(Script::default()).beside(learnt.clone());
    let (layout, context) = (registry().layout(), TableContext { network: digest("n"), hospital: digest("h"), table: digest("t") });
    let check = |proof| SegmentsCheck {
        transaction: TransactionId(digest("t")),
        keys: keys_digest(),
        context,
        layout: &layout,
        segments: &[],
        digests: &[],
        proof,
    };
    assert!(checker.check_segments(&check(b"bad")).is_err() && learnt.0.lock().unwrap().is_empty());
    assert!(checker.check_segments(&check(b"good")).is_ok());
    assert_eq!(*learnt.0.lock().unwrap(), [check(b"good").content()].into());
}

#[test]
fn what_an_answer_must_be_bound_to() {
    let (net, query) = lively();
    let seen = net.checker.inner().seen.lock().unwrap();
    let context = seen.last().unwrap();
    let record = net.state.query(&query).unwrap();
    let cut = net.state.cut(&record.query.study, &id(HospitalA)).unwrap();
    assert_eq!(context.network, net.state.network().0);
    assert_eq!((context.query, context.cut, context.hospital), (query.0.0, cut.id.0, id(HospitalA).digest()));
    assert_eq!((context.dictionary, context.mapping), (Digest32::of(&dictionary()), digest("mapping")));
    assert_eq!((context.registry, context.study), (registry().digest(), record.query.study.0.0));
    assert_eq!((context.query_height, context.answer_height), (record.height.0, net.state.tip().height.0 - 1));
    assert_eq!(context.day, START.day());
}

#[test]
fn a_prover_is_told_what_the_ledger_will_check() {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    net.accept(HospitalA, withdraw(&[3], Cause::Word));
    let answer = net.answer_now(HospitalA, query);
    let task = net.state.answer_task(&query, &id(HospitalA)).unwrap();
    assert_eq!((task.data.len(), task.consent.len(), task.context.k_min), (2, 2, 5));
    assert_eq!((task.active[0].count(), task.active[1].count()), (2_047, 2_048));
    let Payload::Answer(payload) = &answer else { panic!() };
    assert!(Script::default().check_answer(&task.check(TransactionId(digest("any")), &payload.proof)).is_ok());
    let context = task.context.clone();
    assert_eq!(net.state.answer_task(&query, &id(HospitalB)).unwrap_err(), Rejection::NotAsked);
    net.accept(HospitalA, answer);
    assert_eq!(net.checker.inner().seen.lock().unwrap().last(), Some(&context));
    assert_eq!(net.state.answer_task(&query, &id(HospitalA)).unwrap_err(), Rejection::Answered);
}

#[test]
fn snapshots_come_back_whole_or_not_at_all() {
    let (net, _) = lively();
    let header = &net.blocks.last().unwrap().0.header;
    let bytes = net.state.snapshot();
    let restored = State::from_snapshot(genesis(), header, &bytes).unwrap();
    assert_eq!((restored.digest(), restored.tip()), (net.state.digest(), net.state.tip()));
    // the restored state goes on like the other one, and still knows every commitment
    let reused = net.blocks.iter().flat_map(|(b, _)| &b.transactions).find(|t| matches!(t.payload, Payload::Anchor(_))).unwrap();
    let Payload::Anchor(mut anchor) = reused.payload.clone() else { panic!() };
    anchor.segments.iter_mut().for_each(|(id, _)| id.version = 1);
    let next = vec![(HospitalA, Payload::Anchor(anchor)), (HospitalB, withdraw(&[0], Cause::Word))];
    let next = net.sign(next);
    let run = |state: &State| state.propose(net.time.plus_ms(5), next.clone(), &net.second_checker).unwrap().outcome;
    assert_eq!(run(&restored).block(), run(&net.state).block());
    assert_eq!(run(&restored).results()[0].rejection(), Some(RejectionCode(125)));
    for at in (0..bytes.len()).step_by(bytes.len() / 200 + 1) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(State::from_snapshot(genesis(), header, &bad).is_err(), "byte {at}");
    }
    assert!(State::from_snapshot(genesis(), header, &bytes[..bytes.len() - 1]).is_err());
    assert!(State::from_snapshot(genesis(), header, &[bytes.as_slice(), &[0]].concat()).is_err());
    let earlier = &net.blocks[net.blocks.len() - 2].0.header;
    assert!(State::from_snapshot(genesis(), earlier, &bytes).is_err());
}

/// Flips, cuts and extends encodings: decoding never panics, and whatever decodes encodes to the same bytes.
fn mutate<T: Wire + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    assert_eq!(T::decode(bytes).unwrap().encode(), bytes);
    for at in (0..bytes.len()).step_by(bytes.len() / 2_000 + 1) {
        for flip in [1, 0x80, 0xff] {
            let mut bad = bytes.to_vec();
            bad[at] ^= flip;
            if let Ok(value) = T::decode(&bad) {
                assert_eq!(value.encode(), bad, "byte {at}");
            }
        }
        assert!(T::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(T::decode(&[bytes, &[0]].concat()).is_err(), "trailing byte");
}

#[test]
fn mutated_encodings_decode_to_themselves_or_not_at_all() {
    let (net, _) = lively();
    mutate::<Genesis>(&genesis().encode());
    for (block, _) in &net.blocks {
        mutate::<Header>(&block.header.encode());
        mutate::<Block>(&block.encode());
        block.transactions.iter().for_each(|t| mutate::<Transaction>(&t.encode()));
    }
}

#[test]
fn mutated_transactions_lose_their_signature() {
    let net = Net::new(genesis());
    let bytes = Transaction::sign(&key(HospitalA), net.state.network(), 0, withdraw(&[1, 2, 3], Cause::Word)).encode();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << bit;
            let accepted = Transaction::decode(&bad).is_ok_and(|t| net.state.check_envelope(&t).is_ok());
            assert!(!accepted, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn too_many_bytes_are_not_read() {
    let long = vec![0; limits::TRANSACTION_BYTES_MAX + 1];
    assert!(matches!(Transaction::decode(&long), Err(DecodeError::TooLong { .. })));
    // a length that announces more than there is costs nothing
    let (net, _) = lively();
    let mut bytes = net.blocks[0].0.transactions[0].encode();
    bytes[73..77].fill(0xff);
    assert!(Transaction::decode(&bytes).is_err());
}

#[test]
fn genesis_rules() {
    let with = |change: &dyn Fn(&mut Genesis)| {
        let mut genesis = genesis();
        change(&mut genesis);
        genesis.check()
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|g| g.members.clear()), Err(GenesisError::Members));
    assert_eq!(with(&|g| g.members.reverse()), Err(GenesisError::Members));
    assert_eq!(with(&|g| g.members[1].name = g.members[0].name.clone()), Err(GenesisError::Members));
    assert!(matches!(with(&|g| g.members[0].id = MemberId([0; 32])), Err(GenesisError::Member(..))));
    assert!(matches!(with(&|g| g.members[0].roles.clear()), Err(GenesisError::Member(..))));
    assert!(matches!(with(&|g| g.members[0].roles = vec![Role::Board; 2]), Err(GenesisError::Member(..))));
    let no_validator = |g: &mut Genesis| g.members.retain(|m| !m.roles.contains(&Role::Validator));
    assert_eq!(with(&no_validator), Err(GenesisError::NoValidator));
    let no_governance = |g: &mut Genesis| g.members.retain(|m| !m.roles.contains(&Role::Governance));
    assert_eq!(with(&no_governance), Err(GenesisError::NoGovernance));
    assert_eq!(with(&|g| g.rules.k_min = 0), Err(GenesisError::KMin { found: 0, least: 1 }));
    assert_eq!(with(&|g| g.rules.k_min = 1), Ok(()));
    let serious = |k_min| with(&move |g| (g.development, g.rules.k_min) = (false, k_min));
    assert_eq!(serious(4), Err(GenesisError::KMin { found: 4, least: 5 }));
    assert_eq!(serious(5), Ok(()));
    assert_eq!(with(&|g| g.time = BlockTime(u64::MAX)), Err(GenesisError::Time));
    assert!(matches!(with(&|g| g.registry.grid.clear()), Err(GenesisError::Registry(_))));
    // every field is part of the network's identity
    let renamed = |change: &dyn Fn(&mut Genesis)| {
        let mut genesis = genesis();
        change(&mut genesis);
        assert_ne!(genesis.network(), harness::genesis().network());
    };
    renamed(&|g| g.name = Name::new("other").unwrap());
    renamed(&|g| g.development = false);
    renamed(&|g| g.rules.k_min += 1);
    renamed(&|g| g.circuit_keys = digest("other"));
    assert!(Name::new(" a").is_err() && Name::new("").is_err() && Name::new("a\n").is_err());
}

#[test]
fn development_keys_need_a_development_network() {
    let mut serious = genesis();
    serious.development = false;
    let state = State::new(serious).unwrap();
    let error = state.propose(START.plus_ms(1), vec![], &Script::default()).unwrap_err();
    assert_eq!(error, BlockError::Keys(KeysError::Development(keys_digest())));
    let mut other = genesis();
    other.circuit_keys = digest("not held");
    let error = State::new(other).unwrap().propose(START.plus_ms(1), vec![], &Script::default()).unwrap_err();
    assert_eq!(error, BlockError::Keys(KeysError::Missing(digest("not held"))));
    assert!(error.to_string().contains(&digest("not held").to_string()), "the operator must see which");
}

/// What waits for a second signature follows the same clock in a state that was read back.
#[test]
fn what_waits_for_a_signature_is_forgotten_after_a_restart_too() {
    let mut net = Net::new(genesis());
    let end = BoardStatement::End { person: person(Board, Office::Assessor).key };
    let first = net.signing(Board, Office::Chair, end);
    net.accept(Board, first);
    let header = &net.blocks.last().unwrap().0.header;
    let restored = State::from_snapshot(net.state.genesis().clone(), header, &net.state.snapshot()).unwrap();
    for (days, waiting) in [(limits::SIGNATURE_DAYS, 1), (limits::SIGNATURE_DAYS + 1, 0)] {
        let later = net.time.plus_ms(days as u64 * DAY_MS);
        let after = |state: &State| state.propose(later, vec![], net.checker.as_ref()).unwrap().outcome;
        let (kept, read) = (after(&net.state), after(&restored));
        assert_eq!(kept.state().waiting_statements(&id(Board)).count(), waiting);
        assert_eq!(kept.state().digest(), read.state().digest());
    }
}
