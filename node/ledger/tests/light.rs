//! A light client and those who would deceive it.

use countersign_circuits::hash::Digest32;
use countersign_harness::*;
use countersign_ledger::{light::*, *};
use countersign_messages::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the store makes.
pub(super) fn export(net: &Net, query: QueryId) -> AnswerExport {
    let ids = net.state.answer_depends_on(&query, &id(HospitalA)).unwrap();
    let PairStatus::Answered(record) = &net.state.pair(&query, &id(HospitalA)).unwrap().status else { panic!() };
    let blocks = &net.blocks[..record.height.0 as usize];
    let inclusions: Vec<Inclusion> = blocks
        .iter()
        .flat_map(|(block, results)| (0..results.len()).map(move |i| (block, results, i)))
        .filter(|(_, results, i)| ids.contains(&results[*i].transaction))
        .map(|(block, results, i)| Inclusion::new(block, results, i).unwrap())
        .collect();
    let heights = inclusions.iter().map(|i| i.height).collect();
    let named: Vec<Height> = inclusions.iter().filter_map(Inclusion::named_height).collect();
    let (mut headers, mut attestations) = (Vec::new(), Vec::new());
    for (height, validators) in net.state.answer_heights(&query, &id(HospitalA), &heights, &named) {
        let header = &blocks[height.0 as usize - 1].0.header;
        headers.push(header.clone());
        attestations.push(Attestation { certificate: decided_by(header, &net.state.validators_at(height)), validators });
    }
    AnswerExport { genesis: net.state.genesis().clone(), attestations, headers, inclusions }
}

/// Every header up to the answer with the fewest certificates: another export of the same, as long as the chain.
fn in_full(net: &Net, query: QueryId) -> AnswerExport {
    let mut full = export(net, query);
    let last = full.headers.last().unwrap().height;
    full.headers = net.blocks[..last.0 as usize].iter().map(|(b, _)| b.header.clone()).collect();
    full.attestations.retain(|a| a.validators.is_some() || a.certificate.height == last);
    full
}

/// A chain with much that has nothing to do with the answer, a re-anchor before the cut, withdrawals of slots beyond it, and stale answers;
/// with two changes of validators, one of rules, circuit keys and scopes, and proposals that were not carried, one of them made after the
/// answer in its block.
fn chain() -> (Net, QueryId) {
    let mut net = Net::new(wide());
    let study = net.approved();
    net.carry(Change::Admit(member(Stranger, "Newcomer", &[Role::Validator])), Height(0));
    net.tables(HospitalB, 2);
    let refused = ProposalId(net.accept(GovernanceB, propose(Change::Remove(id(HospitalA)))));
    net.accept(GovernanceC, vote(refused, false));
    net.accept(GovernanceD, vote(refused, false));
    net.tables(HospitalA, 2);
    net.accept(HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }));
    let other = net.query(study, filtered(0, 2));
    net.accept(Researcher, other);
    let again = net.data(&dictionary(), &[(1, 1)]);
    net.accept(HospitalA, Payload::Anchor(again));
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 6, renew: None }));
    net.carry(Change::Rules(Rules { k_min: 7, ..rules() }), Height(0));
    net.carry(Change::CircuitKeys(CircuitKeys { digest: other_keys_digest(), development: true }), Height(0));
    let mut scopes = registry();
    scopes.scopes.push("c.genomics".into());
    net.carry(Change::Registry(scopes), Height(0));
    net.carry(Change::Remove(id(ValidatorD)), Height(0));
    let more = net.data(&dictionary(), &[(2, 0)]);
    net.accept(HospitalA, Payload::Anchor(more));
    net.accept(HospitalA, withdraw(&[1, 5_000], Cause::Word));
    let query = net.ask(study);
    for slot in 10..13 {
        let stale = net.answer_now(HospitalA, query);
        net.block(vec![(HospitalA, withdraw(&[slot], Cause::Word)), (HospitalA, stale)]);
    }
    let keys = enrol(net.state.network(), HospitalA, &[(20, 1), (21, 2)]);
    net.accept(HospitalA, keys);
    let left = leave(net.state.network(), 1, HospitalA, 20);
    assert!(net.block_of(vec![left])[0].effect().is_some());
    let answer = net.answer_now(HospitalA, query);
    let results = net.block(vec![
        (HospitalB, withdraw(&[1], Cause::Word)),
        (HospitalA, answer),
        (HospitalA, withdraw(&[13], Cause::Source)),
        (GovernanceB, propose(Change::Remove(id(HospitalB)))),
        (Board, Payload::EndPerson(PersonKey([0; 32]))),
    ]);
    assert!(results[1].effect().is_some(), "{results:?}");
    net.carry(Change::Remove(id(HospitalA)), Height(0));
    (net, query)
}

#[test]
fn an_exported_answer_is_checked_without_the_chain() {
    let (net, query) = chain();
    let export = export(&net, query);
    let export = AnswerExport::decode(&export.encode()).unwrap();
    let finding = export.check(&Script::default()).unwrap();
    let PairStatus::Answered(record) = &net.state.pair(&query, &id(HospitalA)).unwrap().status else { panic!() };
    assert_eq!(&finding.answer, record.as_ref());
    assert_eq!(finding.left, Leavers { key: 1, word: 5, source: 0 });
    assert_eq!((finding.network, finding.answer.k_min), (net.state.network(), 7));
    assert_eq!(finding.query.query, net.state.query(&query).unwrap().query);
}

#[test]
fn nothing_can_be_left_out_or_changed() {
    let (net, query) = chain();
    let good = export(&net, query);
    let refused = |what: &str, change: &dyn Fn(&mut AnswerExport)| {
        let mut bad = good.clone();
        change(&mut bad);
        let alone = bad.check(&Script::default());
        assert!(alone.is_err(), "{what}");
        let both = AnswerExport::check_all(&[bad, good.clone()], &Script::default());
        assert_eq!(both[0], alone, "{what}");
        assert!(both[1].is_ok(), "{what}: it is no other's fault");
    };
    let answer = good.inclusions.iter().rposition(|i| matches!(i.transaction.payload, Payload::Answer(_))).unwrap();
    for i in 0..good.inclusions.len() {
        if i <= answer {
            refused("a transaction left out", &|e| drop(e.inclusions.remove(i)));
        }
        refused("a transaction twice", &|e| e.inclusions.insert(i, e.inclusions[i].clone()));
        refused("a signature", &|e| e.inclusions[i].transaction.signature.0[3] ^= 1);
        refused("a sequence", &|e| e.inclusions[i].transaction.sequence += 1);
        refused("another height", &|e| e.inclusions[i].height = e.inclusions[i].height.next());
        refused("a result", &|e| e.inclusions[i].result.verdict = Verdict::Rejected { code: RejectionCode(999), detail: String::new() });
        refused("a path", &|e| e.inclusions[i].path.index += 1);
        refused("a path and its result", &|e| {
            e.inclusions[i].path.index += 1;
            e.inclusions[i].result_path.index += 1;
        });
    }
    for i in 0..good.headers.len() {
        refused("a header left out", &|e| {
            e.headers.remove(i);
        });
        refused("a state of one's own", &|e| e.headers[i].state_digest = digest("x"));
        refused("results of one's own", &|e| e.headers[i].results_root = digest("x"));
        refused("validators of one's own", &|e| e.headers[i].validators = digest("x"));
        refused("a time", &|e| e.headers[i].time = START);
    }
    refused("a genesis", &|e| e.genesis.rules.k_min = 1);
    refused("a header more", &|e| e.headers.push(net.blocks.last().unwrap().0.header.clone()));
    refused("no headers", &|e| e.headers.clear());
    refused("no transactions", &|e| e.inclusions.clear());
}

/// A checker that says no: the answer's proof is really asked for.
#[derive(Debug)]
struct Never;

impl ProofChecker for Never {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        Script::default().keys(digest)
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Err(ProofRefused { fault: ProofFault::NotVerified, detail: String::new() })
    }
}

#[test]
fn the_proof_is_verified_and_not_believed() {
    let (net, query) = chain();
    assert!(matches!(export(&net, query).check(&Never), Err(LightError::Result { .. })));
}

/// Verifies together, and counts how many: alone, nothing verifies.
#[derive(Debug, Default)]
struct Together(AtomicUsize);

impl ProofChecker for Together {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        Script::default().keys(digest)
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Ok(())
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Never.check_answer(instance)
    }

    fn check_answers(&self, instances: &[&AnswerCheck<'_>]) -> Vec<Result<AnswerVerdict, ProofRefused>> {
        self.0.fetch_add(instances.len(), Ordering::Relaxed);
        instances.iter().map(|instance| Script::default().check_answer(instance)).collect()
    }
}

#[test]
fn answers_of_many_exports_are_verified_together() {
    let (net, query) = chain();
    let good = export(&net, query);
    let exports = vec![good.clone(); TOGETHER_MAX + 3];
    let checker = Together::default();
    let found = AnswerExport::check_all(&exports, &checker);
    assert_eq!(found, vec![good.check(&Script::default()); exports.len()]);
    // what is known of the first ones serves the others, which are the same
    assert_eq!(checker.0.into_inner(), TOGETHER_MAX);
    assert!(AnswerExport::check_all(&[good.clone(), good], &Never).iter().all(Result::is_err), "and not believed");
    assert_eq!(AnswerExport::check_all(&[], &Never), []);
}

#[test]
fn an_open_query_has_nothing_to_export() {
    let (net, query) = chain();
    assert!(net.state.answer_depends_on(&query, &id(HospitalB)).is_none());
}

/// The validators of the genesis of [`chain`].
const FIRST: [Who; 4] = [Validator, ValidatorB, ValidatorC, ValidatorD];

/// Rewrites the headers from a height on after a change, as a forger would who can compute everything but cannot sign for others.
fn rewritten(export: &AnswerExport, from: usize, change: impl Fn(&mut Header)) -> AnswerExport {
    let mut forged = export.clone();
    change(&mut forged.headers[from]);
    for i in from + 1..forged.headers.len() {
        forged.headers[i].previous = forged.headers[i - 1].id();
    }
    forged
}

#[test]
fn headers_are_those_the_validators_decided() {
    let (net, query) = chain();
    let good = in_full(&net, query);
    let (first, second) = (&good.attestations[0], &good.attestations[1]);
    assert_eq!(good.attestations.len(), 3);
    let first_at = first.certificate.height.0 as usize - 1;
    let check = |change: &dyn Fn(&mut AnswerExport)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.check(&Script::default()).map(|_| ()).unwrap_err()
    };
    let (at_first, at_second) = (first.certificate.height, second.certificate.height);
    let last = good.headers.last().unwrap();
    // missing
    let error = check(&|e| drop(e.attestations.remove(0)));
    assert_eq!(error, LightError::Headers(FollowError::CertificateMissing(at_first)));
    assert_eq!(check(&|e| drop(e.attestations.remove(1))), LightError::Headers(FollowError::CertificateMissing(at_second)));
    assert_eq!(check(&|e| drop(e.attestations.pop())), LightError::NotCertified(last.height));
    assert_eq!(check(&|e| e.attestations[0].validators = None), LightError::Headers(FollowError::SetMissing(at_first)));
    // swapped, or another set than the header names
    let error = check(&|e| e.attestations[0].validators = second.validators.clone());
    assert_eq!(error, LightError::Headers(FollowError::SetOther(at_first)));
    assert!(matches!(check(&|e| e.attestations.swap(0, 1)), LightError::Headers(_)));
    assert_eq!(check(&|e| e.attestations.push(first.clone())), LightError::Attestation(at_first));
    // by the set that was in office before: the last header is decided by the third set
    let header = good.headers.last().unwrap();
    let by = |signers: &[Who]| certificate(header, signers);
    let signed_by = |signers: &[Who]| check(&|e| e.attestations[2].certificate = by(signers));
    let outsider = |error| matches!(error, LightError::Headers(FollowError::Certificate(CertificateError::Outsider { .. })));
    assert!(outsider(signed_by(&FIRST)));
    assert!(outsider(signed_by(&[Validator, ValidatorB, HospitalA])));
    let quorum = |error| matches!(error, LightError::Headers(FollowError::Certificate(CertificateError::Quorum { .. })));
    assert!(quorum(signed_by(&[Validator, ValidatorB])) && quorum(signed_by(&[])));
    let mut enough = good.clone();
    enough.attestations[2].certificate = by(&[Validator, ValidatorC, Stranger]);
    assert!(enough.check(&Script::default()).is_ok(), "any quorum of the set of that height");
    // of another header
    let other = certificate(&good.headers[0], &FIRST);
    let of_other = |error| matches!(error, LightError::Headers(FollowError::Certificate(CertificateError::OtherBlock(_))));
    assert!(of_other(check(&|e| e.attestations[2].certificate = Certificate { height: header.height, ..other.clone() })));
    // a chain of one's own, certified as far as former validators and outsiders can
    let forger = ValidatorSet::new([id(HospitalA)]);
    let mut forged = rewritten(&good, first_at, |h| h.validators = forger.digest());
    forged.attestations[0] = Attestation { certificate: certificate(&forged.headers[first_at], &[HospitalA]), validators: Some(forger) };
    let error = forged.check(&Script::default()).unwrap_err();
    assert!(quorum(error.clone()), "{error:?}");
    // more certificates than are needed do no harm, if they are good
    let mut more = good.clone();
    more.attestations.insert(0, Attestation { certificate: certificate(&good.headers[0], &FIRST), validators: None });
    assert!(more.check(&Script::default()).is_ok());
    more.attestations[0].certificate.signatures[0].1.0[3] ^= 1;
    assert!(more.check(&Script::default()).is_err());
}

/// Even with the signatures of all validators, who would have to conspire for it, the votes must give what headers and record say.
#[test]
fn governance_cannot_be_left_out() {
    let (net, query) = chain();
    let good = in_full(&net, query);
    let governs: Vec<usize> = good
        .inclusions
        .iter()
        .enumerate()
        .filter(|(_, i)| matches!(i.transaction.payload, Payload::Propose(_) | Payload::Vote(_)))
        .map(|(index, _)| index)
        .collect();
    // six changes carried by three, a proposal refused by two, and one in the answer's own block, after it
    assert_eq!(governs.len(), 6 * 3 + 3 + 1);
    let last = good.inclusions.len() - 1;
    assert_eq!(governs.last(), Some(&last));
    for index in governs {
        let mut bad = good.clone();
        bad.inclusions.remove(index);
        let error = bad.check(&Script::default()).err();
        // what was proposed after the answer is not part of it
        assert_eq!(error.is_some(), index != last, "{index}");
    }
    // the change of validators alone is left out: the headers tell
    let is_admission = |i: &Inclusion| matches!(&i.transaction.payload, Payload::Propose(p) if matches!(p.change, Change::Admit(_)));
    let at = good.inclusions.iter().position(is_admission).unwrap();
    let mut bad = good.clone();
    bad.inclusions.drain(at..at + 3);
    assert_eq!(bad.check(&Script::default()).unwrap_err(), LightError::Validators(good.attestations[0].certificate.height));
}

/// An answer of a study that took an earlier study's cut needs what made that cut, and nothing of it can be left out.
#[test]
fn an_answer_over_a_shared_research_cut_is_checked_without_the_chain() {
    let mut net = Net::new(genesis());
    let first = net.open();
    let more = net.data(&dictionary(), &[(0, 1)]);
    net.accept(HospitalA, Payload::Anchor(more));
    let second = StudyId(net.accept(Researcher, Payload::StudySubmit(StudySubmit { title: "second".into(), ..study(&dictionary()) })));
    net.decide(Board, second, approval());
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study: second, k_min: 5, renew: None }));
    let query = net.ask(second);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    let good = export(&net, query);
    let finding = good.check(&Script::default()).unwrap();
    assert_eq!(finding.answer.cut, net.state.cut(&second, &id(HospitalA)).unwrap().id);
    let of_first = |i: &Inclusion| match &i.transaction.payload {
        Payload::StudySubmit(s) => s.title != "second",
        Payload::Sign(signing) => signing.statement.study() == Some(&first),
        Payload::StudyAccept(a) => a.study == first,
        _ => false,
    };
    let needed: Vec<usize> = good.inclusions.iter().enumerate().filter(|(_, i)| of_first(i)).map(|(at, _)| at).collect();
    assert_eq!(needed.len(), 4);
    for at in needed {
        let mut bad = good.clone();
        bad.inclusions.remove(at);
        assert!(bad.check(&Script::default()).is_err(), "without transaction {at}");
    }
}

/// An export is as long as what happened, however many blocks lie between, and every header in it is needed.
#[test]
fn an_export_holds_the_headers_that_matter_and_no_others() {
    let (net, query) = chain();
    let short = export(&net, query);
    let full = in_full(&net, query);
    assert_eq!(short.check(&Script::default()).unwrap(), full.check(&Script::default()).unwrap());
    assert!(short.headers.len() < full.headers.len(), "{} of {}", short.headers.len(), full.headers.len());
    assert_eq!(short.attestations.len(), short.headers.len());
    for at in 0..short.headers.len() {
        let mut bad = short.clone();
        let gone = bad.headers.remove(at);
        bad.attestations.remove(at);
        bad.inclusions.retain(|i| i.height != gone.height);
        assert!(bad.check(&Script::default()).is_err(), "without header {}", gone.height);
    }
    // what lies before a gap or after it is decided, or it is nothing
    for at in 0..short.headers.len() {
        let gap = |i: usize| short.headers.get(i + 1).is_none_or(|next| next.height != short.headers[i].height.next());
        let mut bad = short.clone();
        bad.attestations.remove(at);
        let follows = if at == 0 { short.headers[0].height == Height(1) } else { !gap(at - 1) };
        let linked = follows && !gap(at) && short.attestations[at].validators.is_none();
        assert_eq!(bad.check(&Script::default()).is_ok(), linked, "certificate of header {}", short.headers[at].height);
    }
    // a header of a block that never was, by one who is no validator
    let mut forged = short.clone();
    forged.headers[3].results_root = digest("x");
    forged.attestations[3].certificate = certificate(&forged.headers[3], &[HospitalA, HospitalB, Board]);
    assert!(forged.check(&Script::default()).is_err());
}

#[test]
fn a_follower_skips_only_from_what_is_decided() {
    let (net, _) = chain();
    let genesis = net.state.genesis();
    let headers: Vec<&Header> = net.blocks.iter().map(|(b, _)| &b.header).collect();
    let by_first = |header: &Header| certificate(header, &FIRST);
    let mut follower = ChainFollower::new(genesis);
    let gap = |found: u64, last: u64| FollowError::Gap { found: Height(found), last: Height(last) };
    assert_eq!(follower.skip(headers[0], &by_first(headers[0]), None).unwrap_err(), gap(1, 0));
    follower.skip(headers[2], &by_first(headers[2]), None).unwrap();
    assert_eq!((follower.tip().height, follower.certified()), (Height(3), Height(3)));
    assert_eq!(follower.skip(headers[1], &by_first(headers[1]), None).unwrap_err(), gap(2, 3));
    assert_eq!(follower.skip(headers[2], &by_first(headers[2]), None).unwrap_err(), gap(3, 3));
    // the next one is pushed without a certificate: nothing is decided about it until one follows
    follower.push(headers[3], None, None).unwrap();
    assert_eq!(follower.skip(headers[5], &by_first(headers[5]), None).unwrap_err(), gap(6, 4));
    let short = certificate(headers[4], &FIRST[..2]);
    assert!(matches!(
        follower.push(headers[4], Some(&short), None).unwrap_err(),
        FollowError::Certificate(CertificateError::Quorum { .. })
    ));
}

#[test]
fn keys_that_are_not_held_are_named() {
    #[derive(Debug)]
    struct Lacking(Script, Digest32);
    impl ProofChecker for Lacking {
        fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
            self.0.keys(digest).filter(|k| k.digest != self.1)
        }
        fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
            self.0.check_segments(instance)
        }

        fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
            self.0.check_erasure(instance)
        }
        fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
            self.0.check_answer(instance)
        }
    }
    let (net, query) = chain();
    let export = export(&net, query);
    for digest in [keys_digest(), other_keys_digest()] {
        let lacking = Lacking(Script::default(), digest);
        assert_eq!(export.check(&lacking).unwrap_err(), LightError::Keys(KeysError::Missing(digest)));
    }
}

#[test]
fn a_follower_names_the_first_thing_that_is_wrong() {
    let (net, _) = chain();
    let genesis = net.state.genesis();
    let headers: Vec<&Header> = net.blocks.iter().map(|(b, _)| &b.header).collect();
    let mut follower = ChainFollower::new(genesis);
    let (first, second) = (headers[0], headers[1]);
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = second.clone();
        change(&mut header);
        header
    };
    follower.push(first, None, None).unwrap();
    assert_eq!((follower.tip().height, follower.certified()), (Height(1), Height(0)));
    let before = follower.tip();
    let mut fails = |header: &Header, certificate: Option<&Certificate>, next: Option<&ValidatorSet>| {
        let error = follower.push(header, certificate, next).unwrap_err();
        assert_eq!((follower.tip(), follower.certified()), (before, Height(0)), "nothing is taken");
        error
    };
    assert_eq!(fails(&with(&|h| h.network = NetworkId(digest("x"))), None, None), FollowError::Network(Height(2)));
    assert_eq!(fails(first, None, None), FollowError::Height { found: Height(1), last: Height(1) });
    assert_eq!(fails(headers[2], None, None), FollowError::Height { found: Height(3), last: Height(1) });
    assert_eq!(fails(&with(&|h| h.previous = BlockId(digest("x"))), None, None), FollowError::Previous(Height(2)));
    assert_eq!(fails(&with(&|h| h.time = first.time), None, None), FollowError::Time(Height(2)));
    assert_eq!(fails(&with(&|h| h.time = BlockTime(u64::MAX)), None, None), FollowError::Time(Height(2)));
    let short = certificate(second, &FIRST[..2]);
    assert!(matches!(fails(second, Some(&short), None), FollowError::Certificate(CertificateError::Quorum { .. })));
    let other = ValidatorSet::new([id(HospitalA)]);
    assert_eq!(fails(second, None, Some(&other)), FollowError::SetOther(Height(2)));
    let renamed = with(&|h| h.validators = other.digest());
    assert_eq!(fails(&renamed, None, Some(&other)), FollowError::CertificateMissing(Height(2)));
    assert_eq!(fails(&renamed, Some(&certificate(&renamed, &FIRST)), None), FollowError::SetMissing(Height(2)));
    follower.push(second, Some(&certificate(second, &FIRST[1..])), Some(&genesis.validators())).unwrap();
    assert_eq!(follower.certified(), Height(2));
    assert_eq!(follower.validators(), &genesis.validators());
}
