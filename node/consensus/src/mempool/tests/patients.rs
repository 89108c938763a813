//! Withdrawals by patients' keys: first, bounded for each hospital, and gone when the slot has left.

use super::super::*;
use countersign_harness::{Net, Who, enrol, genesis, id, leave, withdraw};
use countersign_messages::{Cause, Wire};

const NOW: Duration = Duration::ZERO;

/// Two hospitals, each with keys for some slots.
fn net() -> Net {
    let mut net = Net::new(genesis());
    net.open();
    net.tables(Who::HospitalB, 1);
    let network = net.state.network();
    net.accept(Who::HospitalA, enrol(network, Who::HospitalA, &[(0, 0), (1, 1), (2, 2)]));
    net.accept(Who::HospitalB, enrol(network, Who::HospitalB, &[(0, 10), (1, 11)]));
    net
}

#[test]
fn patients_go_first_in_turn_between_hospitals() {
    let net = net();
    let (network, mut pool) = (net.state.network(), Mempool::default());
    let member = net.sign(vec![(Who::HospitalA, withdraw(&[9], Cause::Word))]).remove(0);
    assert_eq!(pool.insert(&net.state, member.clone(), NOW), Ok(Inserted::Ready));
    let mut patients: Vec<Transaction> = [0, 1, 2].map(|i| leave(network, i, Who::HospitalA, u32::from(i))).into();
    patients.push(leave(network, 10, Who::HospitalB, 0));
    for left in patients.iter().rev() {
        assert_eq!(pool.insert(&net.state, left.clone(), NOW), Ok(Inserted::Ready));
        assert_eq!(pool.insert(&net.state, left.clone(), NOW), Ok(Inserted::Known));
    }
    assert_eq!((pool.len(), pool.is_empty()), (5, false));
    let candidates = pool.candidates(&net.state, usize::MAX, 6);
    // half of six places: one of each hospital, and one more; then the member
    let hospital = |t: &Transaction| patients::hospital(t);
    let of: Vec<Option<MemberId>> = candidates.iter().map(hospital).collect();
    assert_eq!(of.iter().filter(|h| h.is_some()).count(), 3);
    assert_ne!(of[0], of[1]);
    let at_a: Vec<_> = candidates.iter().filter(|t| hospital(t) == Some(id(Who::HospitalA))).collect();
    assert_eq!(at_a, [&patients[2], &patients[1]], "as they came");
    assert_eq!((&candidates[3..], of[3]), (&[member][..], None));
    let small = pool.candidates(&net.state, leave(network, 0, Who::HospitalA, 0).encode().len(), 6);
    assert_eq!(small.len(), 1, "bytes are counted");
}

#[test]
fn what_cannot_stand_in_a_block_is_not_held() {
    let mut net = net();
    let (network, mut pool) = (net.state.network(), Mempool::default());
    let refused = |pool: &mut Mempool, transaction: Transaction| pool.insert(&net.state, transaction, NOW).unwrap_err();
    let no_slot = SubmitError::Envelope(EnvelopeError::NoSlot);
    assert_eq!(refused(&mut pool, leave(network, 1, Who::HospitalA, 0)), no_slot, "another slot's key");
    assert_eq!(refused(&mut pool, leave(network, 1, Who::HospitalB, 1)), no_slot, "another hospital's");
    assert_eq!(refused(&mut pool, leave(network, 40, Who::HospitalA, 1)), no_slot, "nobody's");
    assert_eq!(no_slot.fault(), Fault::Nobody, "this node may be behind");
    let mut later = leave(network, 1, Who::HospitalA, 1);
    later.sequence = 1;
    assert!(matches!(refused(&mut pool, later), SubmitError::Ahead { .. }));
    let mut forged = leave(network, 1, Who::HospitalA, 1);
    forged.signature.0[0] ^= 1;
    assert_eq!(refused(&mut pool, forged), SubmitError::Envelope(EnvelopeError::Signature));
    assert!(pool.is_empty());

    // the hospital is faster, or another node's block: what waits is dropped
    let (first, second) = (leave(network, 0, Who::HospitalA, 0), leave(network, 1, Who::HospitalA, 1));
    for left in [&first, &second] {
        assert_eq!(pool.insert(&net.state, left.clone(), NOW), Ok(Inserted::Ready));
    }
    net.accept(Who::HospitalA, withdraw(&[0], Cause::Word));
    pool.committed(&net.state);
    assert_eq!(pool.iter().collect::<Vec<_>>(), [&second]);
    assert!(net.block_of(pool.candidates(&net.state, usize::MAX, 10))[0].effect().is_some());
    pool.committed(&net.state);
    assert!(pool.is_empty());
    assert_eq!(pool.insert(&net.state, second, NOW), Err(no_slot));
}

#[test]
fn a_hospital_has_a_share_of_places_and_time() {
    let net = net();
    let (network, mut pool) = (net.state.network(), Mempool::default());
    let mut patients = Patients::default();
    let other = id(Who::HospitalB);
    for i in 0..PATIENTS_OF_A_HOSPITAL_MAX + 3 {
        let mut transaction = leave(network, 1, Who::HospitalA, 1);
        transaction.signer.0[..8].copy_from_slice(&(i as u64).to_le_bytes());
        assert_eq!(patients.put(id(Who::HospitalA), transaction, 100, NOW), i < PATIENTS_OF_A_HOSPITAL_MAX);
    }
    assert!(patients.put(other, leave(network, 10, Who::HospitalB, 0), 100, NOW), "and nobody else's");
    assert_eq!(patients.len(), PATIENTS_OF_A_HOSPITAL_MAX + 1);
    assert_eq!(patients.candidates(2, usize::MAX).0.len(), 2);
    assert!(patients.candidates(2, usize::MAX).0.iter().any(|t| patients::hospital(t) == Some(other)));

    assert_eq!(pool.insert(&net.state, leave(network, 1, Who::HospitalA, 1), NOW), Ok(Inserted::Ready));
    assert!(pool.expire(HELD_MAX).is_empty());
    assert_eq!(pool.expire(HELD_MAX + Duration::from_secs(1)).len(), 1);
    assert!(pool.is_empty() && pool.bytes() == 0);
    let most = PATIENTS_OF_A_HOSPITAL_MAX * (WITHDRAWAL_BY_KEY_BYTES + OVERHEAD_BYTES);
    assert_eq!(leave(network, 1, Who::HospitalA, 1).encode().len(), WITHDRAWAL_BY_KEY_BYTES, "as counted in the bounds");
    assert!(Limits::default().bytes_max() > MEMBERS_MAX * most);
}
