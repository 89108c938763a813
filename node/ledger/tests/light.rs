//! A light client and those who would deceive it.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic, and share a harness between binaries")]

mod harness;

use countersign_circuits::hash::Digest32;
use countersign_ledger::{light::*, *};
use harness::*;

/// What the store adds: the certificates an export needs.
fn attestations(net: &Net, headers: &[Header]) -> Vec<Attestation> {
    let last = headers.last().unwrap().height;
    let attest = |(height, validators): (Height, Option<ValidatorSet>)| {
        let header = &headers[height.0 as usize - 1];
        Attestation { certificate: decided_by(header, &net.state.validators_at(height)), validators }
    };
    net.state.attestations_due(last).into_iter().map(attest).collect()
}

fn export(net: &Net, query: QueryId) -> AnswerExport {
    let ids = net.state.answer_depends_on(&query, &id(HospitalA)).unwrap();
    let PairStatus::Answered(record) = &net.state.pair(&query, &id(HospitalA)).unwrap().status else { panic!() };
    let blocks = &net.blocks[..record.height.0 as usize];
    let inclusions = blocks
        .iter()
        .flat_map(|(block, results)| (0..results.len()).map(move |i| (block, results, i)))
        .filter(|(_, results, i)| ids.contains(&results[*i].transaction))
        .map(|(block, results, i)| Inclusion::new(block, results, i).unwrap())
        .collect();
    let headers: Vec<Header> = blocks.iter().map(|(b, _)| b.header.clone()).collect();
    AnswerExport { genesis: net.state.genesis().clone(), attestations: attestations(net, &headers), headers, inclusions }
}

/// A chain with much that has nothing to do with the answer, a re-anchor before the cut, withdrawals of slots beyond it, and stale answers.
fn chain() -> (Net, QueryId) {
    let mut net = Net::new(genesis());
    let study = net.approved();
    net.tables(HospitalB, 2);
    net.tables(HospitalA, 2);
    net.accept(HospitalB, Payload::StudyAccept(StudyAccept { study, k_min: 5 }));
    let other = net.query(study, filtered(0, 2));
    net.accept(Researcher, other);
    let again = net.data(&dictionary(), &[(1, 1)]);
    net.accept(HospitalA, Payload::Anchor(again));
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 6 }));
    let more = net.data(&dictionary(), &[(2, 0)]);
    net.accept(HospitalA, Payload::Anchor(more));
    net.accept(HospitalA, withdraw(&[1, 5_000], WithdrawnBy::Patient));
    let query = net.ask(study);
    for slot in 10..13 {
        let stale = net.answer_now(HospitalA, query);
        net.block(vec![(HospitalA, withdraw(&[slot], WithdrawnBy::Patient)), (HospitalA, stale)]);
    }
    let answer = net.answer_now(HospitalA, query);
    let results = net.block(vec![
        (HospitalB, withdraw(&[1], WithdrawnBy::Patient)),
        (HospitalA, withdraw(&[13], WithdrawnBy::Hospital)),
        (HospitalA, answer),
    ]);
    assert!(results[2].effect().is_some(), "{results:?}");
    net.block(vec![]);
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
    assert_eq!(finding.left.total(), 5);
    assert_eq!(finding.answer.lag.unwrap().slots.hospital, 1);
    assert_eq!((finding.network, finding.answer.k_min), (net.state.network(), 6));
    assert_eq!(finding.query.query, net.state.query(&query).unwrap().query);
}

#[test]
fn nothing_can_be_left_out_or_changed() {
    let (net, query) = chain();
    let good = export(&net, query);
    let block = good.check(&Script::default()).unwrap().block;
    let refused = |what: &str, change: &dyn Fn(&mut AnswerExport)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(bad.check(&Script::default()).is_err(), "{what}");
    };
    for i in 0..good.inclusions.len() {
        refused("a transaction left out", &|e| drop(e.inclusions.remove(i)));
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
        // a header of one's own making has another id: this is what remains to be compared with the network
        let mut other = good.clone();
        other.headers[i].state_digest = digest("x");
        assert_ne!(other.check(&Script::default()).map(|f| f.block), Ok(block));
        let mut other = good.clone();
        other.headers[i].results_root = digest("x");
        assert_ne!(other.check(&Script::default()).map(|f| f.block), Ok(block));
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

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Err(ProofRefused { fault: ProofFault::NotVerified, detail: String::new() })
    }
}

#[test]
fn the_proof_is_verified_and_not_believed() {
    let (net, query) = chain();
    assert!(matches!(export(&net, query).check(&Never), Err(LightError::Result { .. })));
}

#[test]
fn an_open_query_has_nothing_to_export() {
    let (net, query) = chain();
    assert!(net.state.answer_depends_on(&query, &id(HospitalB)).is_none());
}
