//! Every block is decided by a certificate, and the audit looks at each.

use crate::databases::{TestDatabase, certified, on_both, short_chain, stored};
use countersign_circuits::hash::Digest32;
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use countersign_store::{
    AuditFault, Auditor, ChainStore, LocalChain, StoreError, StoredBlock,
    archive::{self, Blobs},
};
use ed25519_dalek::{Signer, SigningKey};
use std::sync::Arc;

on_both!(
    certificates_come_back_and_improve,
    a_certificate_names_its_block,
    missing_and_forged_certificates_are_named_by_the_audit,
    a_chain_that_is_not_decided_does_not_open,
    a_snapshot_with_validators_of_its_own_does_not_open,
);

fn validator(i: u8) -> SigningKey {
    SigningKey::from_bytes(&[100 + i; 32])
}

/// The harness's network with four validators.
fn four_validators() -> Genesis {
    let mut genesis = genesis();
    genesis.members.retain(|m| m.id != id(Validator));
    genesis.members.extend((0..4).map(|i| Member {
        id: MemberId::from(&validator(i).verifying_key()),
        name: Name::new(format!("Validator {i}")).unwrap(),
        roles: vec![Role::Validator],
        sealing: [9; 32],
    }));
    genesis.members.sort_by_key(|m| m.id);
    genesis
}

fn signed(header: &Header, by: &[u8]) -> Certificate {
    let block = header.id();
    let message = vote_message(&header.network, VoteKind::Precommit, header.height, 3, Some(&block));
    let sign = |i: &u8| (MemberId::from(&validator(*i).verifying_key()), Signature(validator(*i).sign(&message.0).to_bytes()));
    let mut signatures: Vec<_> = by.iter().map(sign).collect();
    signatures.sort_by_key(|s| s.0);
    Certificate { height: header.height, round: 3, block, signatures }
}

/// A chain decided by any three of four.
async fn decided(place: &TestDatabase) -> (Net, ChainStore) {
    let (net, _) = short_chain(four_validators());
    let store = ChainStore::create(&place.url(), net.state.genesis()).await.unwrap();
    for (i, (block, results)) in net.blocks.iter().enumerate() {
        let by: Vec<u8> = (0..4).filter(|v| usize::from(*v) != i % 4).collect();
        store.append(block, results, &signed(&block.header, &by)).await.unwrap();
    }
    (net, store)
}

async fn audited(store: &ChainStore) -> Result<u64, StoreError> {
    Ok(Auditor::store(store, &Script::default(), |_| ()).await?.report().signatures)
}

async fn certificates_come_back_and_improve(place: TestDatabase) {
    let (net, store) = decided(&place).await;
    let blocks = net.blocks.len() as u64;
    assert_eq!(audited(&store).await.unwrap(), blocks * 3);
    let header = &net.blocks[2].0.header;
    let (kept, better) = (signed(header, &[0, 1, 3]), signed(header, &[0, 1, 2, 3]));
    assert_eq!(store.certificate(Height(3)).await.unwrap(), Some(kept.clone()));
    assert!(!store.improve_certificate(&signed(header, &[1, 2, 3])).await.unwrap(), "as many are not more");
    assert!(store.improve_certificate(&better).await.unwrap());
    assert!(!store.improve_certificate(&better).await.unwrap());
    assert!(!store.improve_certificate(&kept).await.unwrap(), "fewer do not come back");
    store.close().await;
    let store = ChainStore::read(&place.url()).await.unwrap();
    assert_eq!(store.certificate(Height(3)).await.unwrap(), Some(better.clone()));
    assert_eq!(store.block(Height(3)).await.unwrap().unwrap().certificate, better);
    assert_eq!(store.certificate(Height(99)).await.unwrap(), None);
    assert_eq!(audited(&store).await.unwrap(), blocks * 3 + 1);
}

async fn a_certificate_names_its_block(place: TestDatabase) {
    let (net, _, store) = stored(&place).await;
    let proposed = net.state.propose(net.time.plus_ms(1), vec![], &Script::default()).unwrap();
    let (block, last) = (proposed.outcome.block(), &net.blocks.last().unwrap().0);
    let of_last = store.append(block, &[], &certified(last)).await;
    assert!(matches!(of_last, Err(StoreError::Certificate(CertificateError::OtherBlock(_)))));
    let mut other = certified(block);
    other.block = last.header.id();
    assert!(matches!(store.append(block, &[], &other).await, Err(StoreError::Certificate(_))));
    let mut other = certified(last);
    other.block = block.header.id();
    assert!(matches!(store.improve_certificate(&other).await, Err(StoreError::Certificate(_))));
    assert!(matches!(store.improve_certificate(&certified(block)).await, Err(StoreError::NotFound(_))));
    let mut long = certified(block);
    long.signatures = vec![long.signatures[0]; limits::MEMBERS_MAX + 1];
    assert!(matches!(store.append(block, &[], &long).await, Err(StoreError::Decode(_))));
    assert_eq!(store.last_height().await.unwrap(), last.header.height);
    store.append(block, &[], &certified(block)).await.unwrap();
}

async fn missing_and_forged_certificates_are_named_by_the_audit(place: TestDatabase) {
    let (net, store) = decided(&place).await;
    let header = &net.blocks[4].0.header;
    let good = signed(header, &[0, 1, 2]);
    let mut forged = good.clone();
    forged.signatures[1].1.0[7] ^= 1;
    let mut doubled = good.clone();
    doubled.signatures[1] = doubled.signatures[0];
    let mut outsider = signed(header, &[0, 1, 2, 50]);
    outsider.round = 3;
    let mut other_round = good.clone();
    other_round.round = 4;
    let is = |error: &CertificateError, wanted: &str| error.to_string().contains("block 5") && format!("{error:?}").starts_with(wanted);
    for (certificate, wanted) in [
        (&signed(header, &[0, 1]), "Quorum"),
        (&signed(header, &[]), "Quorum"),
        (&forged, "Signature"),
        (&doubled, "Order"),
        (&outsider, "Outsider"),
        (&other_round, "Signature"),
        (&signed(&net.blocks[3].0.header, &[0, 1, 2]), "OtherBlock"),
    ] {
        place.tamper("certificate", "bytes", "height = 5", |b| *b = certificate.encode()).await;
        let mut checked = Height(0);
        let found = Auditor::store(&store, &Script::default(), |r| checked = r.tip.height).await.unwrap_err();
        assert!(matches!(&found, StoreError::Audit(AuditFault::Certificate(e)) if is(e, wanted)), "{wanted}: {found}");
        assert_eq!(checked, Height(4), "blocks before it are in order");
        let mut file = Vec::new();
        archive::export(&store, Blobs::Leave, &mut file).await.unwrap();
        let found = Auditor::archive(file.as_slice(), &Script::default(), |_| ()).unwrap_err();
        assert!(matches!(&found, StoreError::Audit(AuditFault::Certificate(e)) if is(e, wanted)), "{wanted}: {found}");
    }
    place.tamper("certificate", "bytes", "height = 5", |b| b.truncate(40)).await;
    assert!(matches!(audited(&store).await, Err(StoreError::Damaged { what: "the certificate", height: Height(5), .. })));
    place.tamper("certificate", "bytes", "height = 5", |b| *b = good.encode()).await;
    audited(&store).await.unwrap();
    place.run("DELETE FROM certificate WHERE height = 6").await;
    assert!(matches!(audited(&store).await, Err(StoreError::NoCertificate(Height(6)))));
}

/// Who can write to the database, or sits on the wire to it, cannot make a chain of its own: a node opens only what validators have decided, from a snapshot, too.
async fn a_chain_that_is_not_decided_does_not_open(place: TestDatabase) {
    let (net, store) = decided(&place).await;
    let state = store.load().await.unwrap();
    assert_eq!(state.digest(), net.state.digest());
    let last = net.blocks.last().unwrap().0.header.clone();
    let good = store.certificate(last.height).await.unwrap().unwrap();
    let mut forged = good.clone();
    forged.signatures[1].1.0[7] ^= 1;
    for snapshot in [false, true] {
        if snapshot {
            store.write_snapshot(&state).await.unwrap();
        }
        for certificate in [&forged, &signed(&last, &[0, 1]), &signed(&last, &[0, 1, 50])] {
            place.tamper("certificate", "bytes", &format!("height = {}", last.height), |b| *b = certificate.encode()).await;
            assert!(matches!(store.load().await, Err(StoreError::Certificate(_))), "snapshot {snapshot}");
        }
        place.tamper("certificate", "bytes", &format!("height = {}", last.height), |b| *b = good.encode()).await;
        assert_eq!(store.load().await.unwrap().digest(), net.state.digest());
    }
    store.close().await;
    place.run(&format!("DELETE FROM certificate WHERE height = {}", last.height)).await;
    let opened = LocalChain::open(&place.url(), validator(0), Arc::new(Script::default())).await.map(|_| ()).unwrap_err();
    assert!(matches!(opened, StoreError::NoCertificate(height) if height == last.height), "{opened}");
}

/// A snapshot whose validators nobody decided: its own certificates are good under its own set, and it is not opened.
async fn a_snapshot_with_validators_of_its_own_does_not_open(place: TestDatabase) {
    let mut net = Net::new(wide());
    let proposal = ProposalId(net.accept(Governance, propose(Change::Remove(id(ValidatorD)))));
    for who in [GovernanceB, GovernanceC] {
        net.accept(who, vote(proposal, true));
    }
    net.block(vec![]);
    let store = ChainStore::create(&place.url(), net.state.genesis()).await.unwrap();
    for (block, results) in &net.blocks {
        let set = net.state.validators_at(block.header.height);
        store.append(block, results, &decided_by(&block.header, &set)).await.unwrap();
    }
    store.write_snapshot(&net.state).await.unwrap();
    assert_eq!(store.load().await.unwrap().digest(), net.state.digest());
    // the height at which the set was changed: certified by fewer than the old set's quorum
    let change = net.blocks.iter().position(|(b, _)| b.header.validators != net.blocks[0].0.header.validators).unwrap();
    let header = &net.blocks[change].0.header;
    let few = certificate(header, &[Validator, ValidatorB]);
    place.tamper("certificate", "bytes", &format!("height = {}", header.height), |b| *b = few.encode()).await;
    assert!(matches!(store.load().await, Err(StoreError::Certificate(CertificateError::Quorum { .. }))));
}

/// The audit says which block, which transaction, and which proof.
#[test]
fn an_audit_names_the_transaction() {
    let (net, query) = short_chain(genesis());
    let mut auditor = Auditor::new(genesis(), &REFUSES).unwrap();
    let (last, before) = net.blocks.split_last().unwrap();
    let as_stored = |(block, results): &(Block, Vec<TransactionResult>)| StoredBlock {
        block: block.clone(),
        results: results.clone(),
        certificate: certified(block),
    };
    for block in before {
        auditor.check(&as_stored(block)).unwrap();
    }
    let found = auditor.check(&as_stored(last)).unwrap_err();
    let StoreError::Audit(AuditFault::Verdict { height, index, kind, id, recorded, found }) = &found else { panic!("{found}") };
    assert_eq!((*height, *index, *kind), (last.0.header.height, 1, "answer"));
    assert_eq!((*id, recorded.as_str()), (last.1[1].transaction, "accepted"));
    assert!(found.contains("on purpose"), "{found}");
    assert_eq!(auditor.report().tip.height, before.last().unwrap().0.header.height);
    assert!(net.state.query(&query).is_some());
    // a recorded result that was changed
    let mut changed = as_stored(&net.blocks[0]);
    changed.results[0].verdict = Verdict::Rejected { code: RejectionCode(1), detail: "made up".into() };
    let found = Auditor::new(genesis(), &REFUSES).unwrap().check(&changed).unwrap_err();
    assert!(matches!(found, StoreError::Audit(AuditFault::Verdict { height: Height(1), index: 0, .. })), "{found}");
    assert!(found.to_string().contains("made up"), "{found}");
}

static REFUSES: RefusesAnswers = RefusesAnswers;

/// Accepts every proof but those of answers.
struct RefusesAnswers;

impl ProofChecker for RefusesAnswers {
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
        Err(ProofRefused { fault: ProofFault::NotVerified, detail: "on purpose".into() })
    }
}
